"""What hostile archives try, and that each of them is refused with everything outside the destination unchanged."""

import io
import os
import resource
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.archive import DEFAULTS, ChunkReader, Extractor, Limits, compress, decompress, members
from orchard.errors import IntegrityError, InvalidError, LimitExceededError, UnsafeArchiveError
from orchard.oci import CHUNK, Descriptor, Verifying
from support.archive_tars import (
    END,
    FIRST,
    GNU,
    block,
    directory,
    extended,
    fingerprint,
    gnu_long,
    member,
    pax,
    record,
    tar,
)

VICTIM = b"the victim's own words"


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to unpack into, with a victim beside it that must not change."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "victim").write_bytes(VICTIM)
    (tmp_path / "victim").write_bytes(VICTIM)
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(tmp_path)
    before = fingerprint(tmp_path, without=inside)
    yield inside
    assert fingerprint(tmp_path, without=inside) == before


def refuse(arena: Path, body: io.BytesIO, error: type[InvalidError], match: str) -> None:
    with pytest.raises(error, match=match):
        Extractor(arena).extract_tar(body, what="layer 1")


NAMES = {
    "parent": b"../victim",
    "parent deep down": b"a/b/../../../victim",
    "parent at the end": b"a/..",
    "only parent": b"..",
    "absolute": b"/tmp/orchard-attack",
    "absolute twice": b"//tmp/orchard-attack",
    "drive": b"C:/victim",
    "drive without a slash": b"c:victim",
    "backslash": b"..\\victim",
    "share": b"\\\\host\\share\\x",
    "dot": b".",
    "dots": b"./.",
    "dot in between": b"a/./b",
    "nothing in between": b"a//b",
    "slash": b"/",
    "slash after a file": b"a/",
    "nothing": b"",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_unsafe_name_when_in_the_header_is_refused(arena: Path, name: bytes) -> None:
    refuse(arena, tar(member(name, b"evil")), UnsafeArchiveError, "layer 1: the name .* is not a plain relative path")
    assert not any(arena.iterdir())


@pytest.mark.parametrize("kind", sorted(NAMES.keys() - {"nothing"}))
def test_unsafe_name_when_in_an_extended_header_is_refused(arena: Path, kind: str) -> None:
    for extension in (pax({"path": NAMES[kind]}), gnu_long(NAMES[kind])):
        refuse(arena, tar(extension, member("x", b"evil")), UnsafeArchiveError, "is not a plain relative path")


@pytest.mark.parametrize("kind", sorted(NAMES.keys() - {"nothing", "dot"}))
def test_unsafe_name_when_in_the_prefix_is_refused(arena: Path, kind: str) -> None:
    refuse(arena, tar(block("x", prefix=NAMES[kind])), UnsafeArchiveError, "is not a plain relative path")


@pytest.mark.parametrize("kind", sorted(NAMES.keys() - {"dot", "slash after a file"}))
def test_unsafe_name_when_of_a_directory_is_refused(arena: Path, kind: str) -> None:
    name = NAMES[kind]
    refuse(arena, tar(directory(name)), UnsafeArchiveError, "is not a plain relative path")


def test_unsafe_name_when_it_has_a_nul_is_refused(arena: Path) -> None:
    for body in (tar(pax({"path": b"a\0b"}), member("x")), tar(gnu_long(b"a\0b"), member("x"))):
        refuse(arena, body, UnsafeArchiveError, r"'a\\x00b' is not a plain relative path")


def test_unsafe_name_when_it_is_not_utf_8_is_refused(arena: Path) -> None:
    refuse(arena, tar(member(b"caf\xe9", b"x")), UnsafeArchiveError, r"the name 'caf\\\\xe9' is not UTF-8")


def test_unsafe_name_when_a_message_repeats_it_is_escaped_and_cut(arena: Path) -> None:
    with pytest.raises(UnsafeArchiveError) as caught:
        Extractor(arena).extract_tar(tar(pax({"path": "/\x1b[2J\n\u202e" + "x" * 3000}), member("x")))

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("path", ["../victim", "/etc/x", "a/../../victim", "", "a\\b", "bad\udce9"])
def test_unsafe_path_when_of_a_raw_layer_is_refused(arena: Path, path: str) -> None:
    with pytest.raises(UnsafeArchiveError, match="layer 2: the name"):
        Extractor(arena).extract_raw(io.BytesIO(b"evil"), path, what="layer 2")


def test_unsafe_path_when_a_prefix_is_refused(arena: Path) -> None:
    with pytest.raises(UnsafeArchiveError, match="is not a plain relative path"):
        Extractor(arena).extract_tar(tar(member("victim", b"evil")), prefix="..")


def link(name: str, target: str, kind: bytes = b"2") -> bytes:
    return block(name, kind=kind, link=target.encode())


def test_symlink_when_a_member_would_be_written_through_it_is_refused(arena: Path) -> None:
    body = tar(link("d", str(arena.parent / "outside")), member("d/victim", b"evil"))
    refuse(arena, body, UnsafeArchiveError, "layer 1: 'd' is a symbolic link")


def test_symlink_when_a_chain_leads_out_is_refused(arena: Path) -> None:
    refuse(
        arena, tar(link("a", "b"), link("b", ".."), member("a/victim", b"evil")), UnsafeArchiveError, "symbolic link"
    )


def test_symlink_when_planted_before_as_a_directory_is_not_followed(arena: Path) -> None:
    (arena / "d").symlink_to(arena.parent / "outside")
    refuse(arena, tar(member("d/victim", b"evil")), UnsafeArchiveError, "no directory, but a file or a link: 'd'")
    refuse(arena, tar(directory("d"), member("d/new", b"")), UnsafeArchiveError, "no directory, but a file or a link")


@pytest.mark.parametrize("target", ["../outside/victim", "../outside/new", "loop"])
def test_symlink_when_planted_before_as_a_file_is_not_followed(arena: Path, target: str) -> None:
    (arena / "loop").symlink_to(target)
    refuse(arena, tar(member("loop", b"evil")), UnsafeArchiveError, "something is there already: 'loop'")


def test_file_when_there_before_is_not_overwritten(arena: Path) -> None:
    (arena / "Kitfile").write_bytes(b"mine")
    refuse(arena, tar(member("Kitfile", b"evil")), UnsafeArchiveError, "something is there already: 'Kitfile'")
    assert (arena / "Kitfile").read_bytes() == b"mine"


def test_hardlink_when_relative_to_the_working_directory_is_refused(arena: Path) -> None:
    assert (Path.cwd() / "victim").exists()
    refuse(arena, tar(link("x", "victim", b"1"), member("x", b"evil")), UnsafeArchiveError, "'x' is a hard link")


def test_hardlink_when_to_the_outside_is_refused(arena: Path) -> None:
    target = str(arena.parent / "outside" / "victim")
    refuse(arena, tar(link("x", target, b"1")), UnsafeArchiveError, "'x' is a hard link")


def test_link_when_gnu_tar_wrote_its_long_target_is_refused(arena: Path) -> None:
    body = tar(extended(b"../" * 80 + b"\0", b"K"), link("x", "../" * 33))
    refuse(arena, body, UnsafeArchiveError, "'x' is a symbolic link")


def test_hardlink_when_to_an_earlier_member_is_refused(arena: Path) -> None:
    refuse(arena, tar(member("a", b"1"), link("b", "a", b"1")), UnsafeArchiveError, "'b' is a hard link")


def long_path_archive() -> io.BytesIO:
    """Make the archive of CVE-2025-4517: links that a resolved path longer than PATH_MAX hides from `realpath`."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        way = ""
        for step in "abcdefghijklmnop":
            archive.addfile(_info(f"{way}{'d' * 247}", tarfile.DIRTYPE))
            archive.addfile(_info(f"{way}{step}", tarfile.SYMTYPE, "d" * 247))
            way += "d" * 247 + "/"
        short = "/".join("abcdefghijklmnop")
        archive.addfile(_info(f"{short}/{'l' * 254}", tarfile.SYMTYPE, "../" * 16))
        archive.addfile(_info("escape", tarfile.SYMTYPE, f"{short}/{'l' * 254}/../outside"))
        archive.addfile(_info("flag", tarfile.LNKTYPE, "escape/victim"))
        flag = tarfile.TarInfo("flag")
        flag.size = 4
        archive.addfile(flag, io.BytesIO(b"evil"))
    file.seek(0)
    return file


def _info(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    info.mode = 0o755
    return info


def test_long_path_archive_when_extracted_is_refused_at_its_first_link(arena: Path) -> None:
    refuse(arena, long_path_archive(), UnsafeArchiveError, "'a' is a symbolic link")


def test_long_path_when_links_were_planted_before_is_not_resolved(arena: Path) -> None:
    (arena / "escape").symlink_to(arena.parent / "outside")
    deep = "/".join(["d" * 247] * 16)
    body = tar(pax({"path": deep}), directory("deep"), member("escape/victim", b"evil"))
    refuse(arena, body, UnsafeArchiveError, "no directory, but a file or a link: 'escape'")


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
    started = time.process_time()

    with pytest.raises(LimitExceededError, match="layer 1: unpacks to more than 200 times its size"):
        Extractor(arena).extract_tar(decompress(io.BytesIO(bomb), "zstd", what="layer 1"))

    assert time.process_time() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 50 << 10  # KiB
    assert [path.name for path in arena.rglob("*")] == ["zeros"]


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


COLLISIONS = {
    "case": ("model/A.bin", "model/a.bin"),
    "case of a directory": ("Model/a", "model/b"),
    "normal form": ("caf\u00e9", "cafe\u0301"),
    "both": ("CAF\u00c9", "cafe\u0301"),
    "sharp s": ("stra\u00dfe", "STRASSE"),
}


@pytest.mark.parametrize(("first", "second"), COLLISIONS.values(), ids=COLLISIONS.keys())
def test_collision_when_names_differ_by_case_or_form_only_is_refused(arena: Path, first: str, second: str) -> None:
    body = tar(member(first, b"good"), member(second, b"evil"))
    refuse(arena, body, UnsafeArchiveError, "are one name on some systems")


def test_collision_when_across_layers_is_refused(arena: Path) -> None:
    extractor = Extractor(arena)
    extractor.extract_tar(tar(member("README.md", b"good")))

    with pytest.raises(UnsafeArchiveError, match=r"layer 2: 'readme.md' and 'README.md' are one name"):
        extractor.extract_raw(io.BytesIO(b"evil"), "readme.md", what="layer 2")


WINDOWS = ["CON", "con.txt", "aux", "NUL.tar.gz", "COM1", "lpt9.x", "com\u00b2", "prn .x", "name.", "name ", "..."]


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_name_when_portable_is_refused(arena: Path, name: str) -> None:
    refuse(arena, tar(member(name, b"evil")), UnsafeArchiveError, "means something else on Windows")
    refuse(arena, tar(member(f"{name}/x", b"evil")), UnsafeArchiveError, "means something else on Windows")


@pytest.mark.parametrize("name", ["console", "auxiliary.py", "com", "com10", "nul_x", ".gitignore", "a.b", "com0x"])
def test_windows_name_when_it_only_looks_like_one_is_accepted(arena: Path, name: str) -> None:
    assert Extractor(arena).extract_tar(tar(member(name, b"fine"))) == [name]


def test_odd_names_when_portability_is_waived_are_accepted(arena: Path) -> None:
    names = ["aux", "A", "a", "caf\u00e9", "cafe\u0301", "dot."]

    files = Extractor(arena, portable=False).extract_tar(tar(*(member(name, name.encode()) for name in names)))

    assert files == names
    assert sorted(path.name for path in arena.iterdir()) == sorted(names)


@pytest.mark.parametrize("portable", [True, False])
def test_duplicate_when_it_would_override_is_refused(arena: Path, *, portable: bool) -> None:
    with pytest.raises(UnsafeArchiveError, match="'a' stands twice"):
        Extractor(arena, portable=portable).extract_tar(tar(member("a", b"good"), member("a", b"evil")))

    assert (arena / "a").read_bytes() == b"good"


@pytest.mark.parametrize(
    "parts",
    [
        (member("a", b"good"), directory("a")),
        (directory("a"), member("a", b"evil")),
        (member("a/b", b"good"), member("a", b"evil")),
        (member("a", b"good"), member("a/b", b"evil")),
    ],
    ids=["file then directory", "directory then file", "implied then file", "file then below it"],
)
def test_duplicate_when_of_another_type_is_refused(arena: Path, parts: tuple[bytes, bytes]) -> None:
    refuse(arena, tar(*parts), UnsafeArchiveError, "'a' stands twice")


def test_duplicate_when_a_directory_repeats_is_accepted(arena: Path) -> None:
    extractor = Extractor(arena)

    first = extractor.extract_tar(tar(directory("d"), member("d/a", b"1"), directory("d"), member("d/b", b"2")))
    second = extractor.extract_tar(tar(directory("d"), member("d/c", b"3")))

    assert (first, second) == (["d/a", "d/b"], ["d/c"])


def test_second_layer_when_it_repeats_a_file_is_refused(arena: Path) -> None:
    extractor = Extractor(arena)
    extractor.extract_tar(tar(member("model/w.bin", b"good")))

    with pytest.raises(UnsafeArchiveError, match=r"layer 2: 'model/w.bin' stands twice"):
        extractor.extract_tar(tar(member("w.bin", b"evil")), prefix="model", what="layer 2")


def test_second_layer_when_a_link_has_appeared_does_not_write_through_it(arena: Path) -> None:
    extractor = Extractor(arena)
    extractor.extract_tar(tar(directory("d")))
    (arena / "d").rmdir()
    (arena / "d").symlink_to(arena.parent / "outside")

    with pytest.raises(UnsafeArchiveError, match="no directory, but a file or a link: 'd'"):
        extractor.extract_tar(tar(member("d/victim", b"evil")))


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
    assert modes == {"setuid": 0o755, "all": 0o755, "none": 0o600, "d": 0o755}


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


def test_raw_layer_when_a_body_is_longer_than_the_limit_is_refused(arena: Path) -> None:
    with pytest.raises(LimitExceededError, match="the limit of 600000 bytes"):
        Extractor(arena, Limits(total=600_000)).extract_raw(io.BytesIO(bytes(600_001)), "w.bin")
