"""Archives that try to write outside of their place, or over what is there: all refused, all outside unchanged."""

import io
import tarfile
from pathlib import Path

import pytest

from orchard.archive import Extractor
from orchard.errors import UnsafeArchiveError
from support.archive_attacks import refuse
from support.archive_tars import block, directory, extended, gnu_long, member, pax, tar

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


# The second is said of what leaves the place on another system only.
REFUSED = "layer 1: the name .* (is not a plain relative path|means something else on Windows)"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_unsafe_name_when_in_the_header_is_refused(arena: Path, name: bytes) -> None:
    refuse(arena, tar(member(name, b"evil")), UnsafeArchiveError, REFUSED)
    assert not any(arena.iterdir())


@pytest.mark.parametrize("kind", sorted(NAMES.keys() - {"nothing"}))
def test_unsafe_name_when_in_an_extended_header_is_refused(arena: Path, kind: str) -> None:
    for extension in (pax({"path": NAMES[kind]}), gnu_long(NAMES[kind])):
        refuse(arena, tar(extension, member("x", b"evil")), UnsafeArchiveError, REFUSED)


@pytest.mark.parametrize("kind", sorted(NAMES.keys() - {"nothing", "dot"}))
def test_unsafe_name_when_in_the_prefix_is_refused(arena: Path, kind: str) -> None:
    refuse(arena, tar(block("x", prefix=NAMES[kind])), UnsafeArchiveError, REFUSED)


@pytest.mark.parametrize("kind", sorted(NAMES.keys() - {"dot", "slash after a file"}))
def test_unsafe_name_when_of_a_directory_is_refused(arena: Path, kind: str) -> None:
    name = NAMES[kind]
    refuse(arena, tar(directory(name)), UnsafeArchiveError, REFUSED)


def test_unsafe_name_when_it_has_a_nul_is_refused(arena: Path) -> None:
    for body in (tar(pax({"path": b"a\0b"}), member("x")), tar(gnu_long(b"a\0b"), member("x"))):
        refuse(arena, body, UnsafeArchiveError, r"'a\\x00b' is not a plain relative path")


def test_unsafe_name_when_it_is_not_utf_8_is_refused(arena: Path) -> None:
    refuse(arena, tar(member(b"\xe9cole", b"x")), UnsafeArchiveError, r"the name '\\\\xe9cole' is not UTF-8")


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


COLLISIONS = {
    "case": ("model/A.bin", "model/a.bin"),
    "case of a directory": ("Model/a", "model/b"),
    "normal form": ("café", "cafe\u0301"),
    "both": ("CAFÉ", "cafe\u0301"),
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
    names = ["aux", "A", "a", "café", "cafe\u0301", "dot."]

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
