"""Archives that are broken, cut off, or go on after their end; and what others may do that looks like it."""

import io
import os
from pathlib import Path

import pytest

from orchard.archive import ChunkReader, Extractor, Limits, compress, decompress
from orchard.errors import IntegrityError, InvalidError, LimitExceededError
from orchard.oci import CHUNK, Descriptor, Verifying
from support.archive_attacks import refuse
from support.archive_tars import END, FIRST, GNU, block, directory, extended, gnu_long, member, pax, record, tar

SOUND = member("a", b"content") + directory("d") + member("d/b", bytes(700))


@pytest.mark.parametrize("length", [0, 1, 511, 512, 600, 1023, 1024, 1700, 2300, len(SOUND), len(SOUND) + 511])
def test_truncated_tar_when_extracted_is_refused(arena: Path, length: int) -> None:
    refuse(arena, io.BytesIO((SOUND + END)[:length]), InvalidError, "layer 1: ends ")


def test_truncated_tar_when_it_has_one_zero_block_is_refused(arena: Path) -> None:
    for tail in (bytes(512), bytes(1023), bytes(512) + member("evil")):
        refuse(arena, io.BytesIO(SOUND + tail), InvalidError, "one zero block instead of the two")
        for path in ("a", "d/b"):
            (arena / path).unlink()
        (arena / "d").rmdir()


@pytest.mark.parametrize("tail", [b"x", member("evil"), bytes(9000) + b"x"], ids=["byte", "member", "late"])
def test_trailing_data_when_after_the_end_is_refused(arena: Path, tail: bytes) -> None:
    refuse(arena, io.BytesIO(SOUND + END + tail), InvalidError, "layer 1: bytes follow the end of the tar")


def test_trailing_zeros_when_gnu_tar_fills_its_record_are_accepted(arena: Path) -> None:
    assert Extractor(arena).extract_tar(io.BytesIO((SOUND + END).ljust(10_240, b"\0"))) == ["a", "d/b"]


def test_trailing_zeros_when_they_have_no_end_are_refused(arena: Path) -> None:
    body = ChunkReader(bytes(CHUNK) for _ in range(10**6))

    with pytest.raises(LimitExceededError, match="more than 1000000 bytes"):
        Extractor(arena, Limits(total=10**6)).extract_tar(body)


def test_concatenated_gzip_members_when_extracted_are_refused(arena: Path) -> None:
    first = b"".join(compress([SOUND + END], "gzip"))
    second = b"".join(compress([member("evil") + END], "gzip"))

    with pytest.raises(InvalidError, match="bytes follow the compressed data"):
        Extractor(arena).extract_tar(decompress(io.BytesIO(first + second), "gzip"))


def test_wrong_digest_when_the_tar_is_sound_is_still_met(arena: Path) -> None:
    wrong = Descriptor.of(SOUND + END + bytes(512), "application/x-tar")

    with pytest.raises(IntegrityError, match="ends after"):
        Extractor(arena).extract_tar(Verifying(io.BytesIO(SOUND + END), wrong))


def test_setuid_and_writable_modes_when_extracted_are_cut(arena: Path) -> None:
    body = tar(member("setuid", mode=0o6755), member("all", mode=0o777), member("none", mode=0), directory("d", 0o7777))
    old = os.umask(0)
    try:
        Extractor(arena).extract_tar(body)
    finally:
        os.umask(old)

    modes = {path.name: path.stat().st_mode & 0o7777 for path in arena.iterdir()}
    assert modes == {"setuid": 0o755, "all": 0o755, "none": 0o000, "d": 0o755}


BROKEN = {
    "checksum": (block("x")[:148] + b"0000000\0" + block("x")[156:], "its checksum is wrong"),
    "text": (b"not a tar, but long enough to be looked at".ljust(512, b"."), r"'\.+' is no number of a tar header"),
    "octal": (block("x", size=b"0000000009\0\0"), "is no number of a tar header"),
    "python's octal": (block("x", size=b"0o7\0\0\0\0\0\0\0\0\0"), "is no number of a tar header"),
    "underscores": (block("x", size=b"1_0\0\0\0\0\0\0\0\0\0"), "is no number of a tar header"),
    "negative": (block("x", size=b"\xff" * 12), "is no number of a tar header"),
    "base 256 too large": (block("x", size=b"\x80\0\0\0\x80" + bytes(7)), "is no number of a tar header"),
    "digits after the end": (block("x", size=b"0000001\x003\0\0\0"), "is no number of a tar header"),
    "directory with content": (block("d", kind=b"5", size=512) + bytes(512), "a directory with content"),
    "record without length": (extended(b"path=x\n") + block("x"), "a record of an extended header is broken"),
    "record of length 0": (extended(b"0 path=x\n") + block("x"), "a record of an extended header is broken"),
    "record too long": (extended(b"99 path=x\n") + block("x"), "a record of an extended header is broken"),
    "record too short": (extended(b"5 path=x\n") + block("x"), "a record of an extended header is broken"),
    "record without a key": (extended(b"5 =x\n") + block("x"), "a record of an extended header is broken"),
    "record without a value": (extended(b"7 path\n") + block("x"), "a record of an extended header is broken"),
    "record with a sign": (extended(b"+9 path=x\n") + block("x"), "a record of an extended header is broken"),
    "record of only a number": (extended(b"12345") + block("x"), "a record of an extended header is broken"),
    "size of words": (pax({"size": "many"}) + block("x"), "a size must be a number, not 'many'"),
    "size negative": (pax({"size": "-1"}) + block("x"), "a size must be a number, not '-1'"),
    "size too large": (pax({"size": str(2**63)}) + block("x"), "a size must be a number"),
    "size endless": (pax({"size": "1" * 10_000}) + block("x"), "a size must be a number"),
    "named twice": (gnu_long(b"a") + pax({"path": "b"}) + block("x"), "'path' is said twice for one member: 'b'"),
    "renamed globally": (pax({"path": "b"}, b"g") + block("x"), "a global header sets path"),
    "resized globally": (pax({"size": "1"}, b"g") + block("x"), "a global header sets size"),
    "header at the end": (pax({"comment": "b"}), "ends after an extended header"),
    "header cut off": (block("h", kind=b"x", size=3000) + b"9 path=x\n", "ends within an extended header"),
}


@pytest.mark.parametrize(("start", "match"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_tar_when_extracted_is_refused(arena: Path, start: bytes, match: str) -> None:
    refuse(arena, tar(start), InvalidError, f"layer 1.*{match}")
    assert not any(arena.iterdir())


def test_extended_header_when_cut_off_in_its_padding_is_refused(arena: Path) -> None:
    body = io.BytesIO(block("h", kind=b"x", size=10) + record("a", "bcd")[:10] + bytes(100))
    refuse(arena, body, InvalidError, "ends within a block")


def test_name_when_the_header_is_gnu_ignores_what_stands_in_the_place_of_a_prefix(arena: Path) -> None:
    body = tar(block("x", magic=GNU, prefix=b"12345670"), block("y", magic=FIRST, prefix=b"../.."))
    assert Extractor(arena).extract_tar(body) == ["x", "y"]


def test_content_when_it_looks_like_a_header_is_content(arena: Path) -> None:
    inner = member("../victim", b"evil") + END

    Extractor(arena).extract_tar(tar(member("inner.tar", inner)))

    assert (arena / "inner.tar").read_bytes() == inner
