"""Archives that are too much, or of a kind that we do not unpack."""

import io
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.archive import DEFAULTS, ChunkReader, Extractor, Limits, compress, decompress, members
from orchard.errors import LimitExceededError, UnsafeArchiveError
from orchard.oci import CHUNK
from support.archive_attacks import refuse
from support.archive_tars import END, GNU, block, member, pax, tar


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("c" * 256, "a part of .* is longer than 255 bytes"),
        ("d/" + "é" * 128, "a part of .* is longer than 255 bytes"),
        ("/".join("d" * 65), "is deeper than 64 levels"),
        ("/".join(["n" * 100] * 41), "a name of 4140 bytes, at most 4096 are accepted"),
        ("n" * 400_000, "a name of 400000 bytes, at most 4096 are accepted"),
    ],
    ids=["component", "component in bytes", "depth", "name", "400 KB"],
)
def test_long_name_when_it_passes_a_limit_is_refused(arena: Path, name: str, match: str) -> None:
    refuse(arena, tar(pax({"path": name}), member("x", b"evil")), LimitExceededError, match)


@pytest.mark.parametrize("name", ["c" * 255, "/".join("d" * 64)], ids=["component", "depth"])
def test_long_name_when_it_reaches_a_limit_is_accepted(arena: Path, name: str) -> None:
    assert Extractor(arena).extract_tar(tar(pax({"path": name}), member("x", b"fine"))) == [name]


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_extended_header_when_giant_is_refused_before_it_is_read(arena: Path, kind: bytes) -> None:
    body = io.BytesIO(block("h", kind=kind, size=(1 << 20) + 1) + bytes(5 << 20))
    refuse(arena, body, LimitExceededError, "an extended header of 1048577 bytes, at most 1048576 are accepted")
    assert body.tell() <= CHUNK


def test_extended_header_when_there_is_no_end_of_them_is_refused(arena: Path) -> None:
    body = tar(*[pax({"comment": "x"})] * 9, member("x"))
    refuse(arena, body, LimitExceededError, "more than 8 extended headers for one member")


SPECIAL = {
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a fifo",
    b"S": "a sparse file",
    b"7": "of the unknown type '7'",
    b"D": "of the unknown type 'D'",
    b"M": "of the unknown type 'M'",
    b"\x1b": r"of the unknown type '\\x1b'",
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_member_when_extracted_is_refused(arena: Path, kind: bytes) -> None:
    refuse(arena, tar(block("dev", kind=kind)), UnsafeArchiveError, f"layer 1: 'dev' is {SPECIAL[kind]}; only files")


def test_sparse_file_when_it_declares_4_gib_in_a_few_blocks_is_refused(arena: Path) -> None:
    gnu = block("huge", kind=b"S", magic=GNU)
    in_pax = pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(4 << 30)})
    refuse(arena, tar(gnu), UnsafeArchiveError, "'huge' is a sparse file")
    refuse(arena, tar(in_pax, member("huge")), UnsafeArchiveError, "a sparse file; pack it again")


def test_zstd_bomb_when_extracted_is_stopped_at_once(arena: Path) -> None:
    pieces = [block("zeros", size=1 << 30), *[bytes(CHUNK)] * ((1 << 30) // CHUNK), END]
    bomb = b"".join(compress(pieces, "zstd"))
    assert len(bomb) < 64 << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(LimitExceededError, match="layer 1: unpacks to more than 200 times its size"):
        Extractor(arena).extract_tar(decompress(io.BytesIO(bomb), "zstd", what="layer 1"))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 50 << 10  # KiB
    (written,) = arena.rglob("*")
    assert written.stat().st_size < 1 << 28


def test_gzip_bomb_when_extracted_is_stopped(arena: Path) -> None:
    limits = Limits(ratio_after=4 << 20)
    bomb = b"".join(compress([block("zeros", size=32 << 20), *[bytes(CHUNK)] * 128, END], "gzip"))

    with pytest.raises(LimitExceededError, match="times its size"):
        Extractor(arena, limits).extract_tar(decompress(io.BytesIO(bomb), "gzip", limits))

    assert (arena / "zeros").stat().st_size <= 200 * len(bomb)


def test_nested_bomb_when_extracted_stays_packed(arena: Path) -> None:
    bomb = b"".join(compress([bytes(32 << 20)], "zstd"))

    Extractor(arena).extract_tar(tar(member("bomb.tar.zst", bomb)))

    assert (arena / "bomb.tar.zst").read_bytes() == bomb


def test_size_when_it_passes_the_total_is_refused_before_a_file_is_made(arena: Path) -> None:
    body = tar(block("huge", size=b"\x80" + (5 << 40).to_bytes(11, "big")))
    refuse(arena, body, LimitExceededError, "'huge': with its 5497558138880 bytes more than")
    assert not any(arena.iterdir())


def test_size_when_layers_pass_the_total_together_is_refused(arena: Path) -> None:
    extractor = Extractor(arena, Limits(total=10_000))
    extractor.extract_tar(tar(member("a", bytes(5000))))
    extractor.extract_raw(io.BytesIO(bytes(4000)), "b")

    with pytest.raises(LimitExceededError, match="layer 3: 'c' passes the limit of 10000 bytes in all"):
        extractor.extract_tar(tar(member("c", bytes(1001))), what="layer 3")
    with pytest.raises(LimitExceededError, match="'d' passes the limit"):
        extractor.extract_raw(io.BytesIO(bytes(1001)), "d")


def empty_members(count: int, made: list[int]) -> Iterator[bytes]:
    for number in range(count):
        made.append(number)
        yield block(f"{number:07}")


def test_million_empty_members_when_extracted_are_stopped_at_the_cap(arena: Path) -> None:
    made: list[int] = []

    with pytest.raises(LimitExceededError, match="layer 1: more than 300 "):
        Extractor(arena, Limits(members=300)).extract_tar(ChunkReader(empty_members(10**6, made)), what="layer 1")

    assert len(made) == 301
    assert len(list(arena.iterdir())) == 300


def test_million_empty_members_when_only_listed_are_stopped_at_the_cap() -> None:
    made: list[int] = []

    with pytest.raises(LimitExceededError, match="more than 5000 members"):
        sum(1 for _ in members(ChunkReader(empty_members(10**6, made)), Limits(members=5000)))

    assert len(made) == 5001
    assert DEFAULTS.members == 100_000


def test_implied_directories_when_there_are_too_many_are_stopped_at_the_cap(arena: Path) -> None:
    body = tar(*(member(f"{number}/a/b/c/d/e/f/g/h", b"") for number in range(100)))

    with pytest.raises(LimitExceededError, match="more than 300 files and directories"):
        Extractor(arena, Limits(members=300)).extract_tar(body)


def test_raw_layer_when_a_body_is_longer_than_the_limit_is_refused(arena: Path) -> None:
    with pytest.raises(LimitExceededError, match="the limit of 600000 bytes"):
        Extractor(arena, Limits(total=600_000)).extract_raw(io.BytesIO(bytes(600_001)), "w.bin")
