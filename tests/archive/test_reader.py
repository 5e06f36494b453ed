import io
import tarfile

import pytest

from orchard.archive import Member, members, write_tar
from orchard.errors import InvalidError, UsageError
from orchard.oci import chunks
from support.archive_tars import END, Trickle, block, directory, gnu_long, member, pax, tar
from support.archive_trees import TREES, layer_entries

BOTH = member("a", b"first") + directory("d") + member("d/b", b"second" * 200)


def listed(body: io.BytesIO) -> list[tuple[str, bytes]]:
    return [(found.name, b"".join(chunks(found.content))) for found in members(body)]


def test_members_when_listed_say_what_the_headers_say() -> None:
    found = [
        (each.name, each.size, each.mode, each.is_directory, each.offset)
        for each in members(tar(member("a", b"first", mode=0o4755), directory("d/"), member("d/b", b"x")))
    ]

    assert found == [("a", 5, 0o4755, False, 512), ("d", 0, 0o755, True, 1536), ("d/b", 1, 0o644, False, 2048)]


def test_members_when_content_is_read_give_it() -> None:
    assert listed(tar(BOTH)) == [("a", b"first"), ("d", b""), ("d/b", b"second" * 200)]


def test_members_when_content_is_left_unread_pass_over_it() -> None:
    found = []
    for each in members(tar(BOTH)):
        found.append(each.name)
        assert each.content.read(2) == {"a": b"fi", "d": b"", "d/b": b"se"}[each.name]

    assert found == ["a", "d", "d/b"]


def test_members_when_the_offset_is_used_find_the_content() -> None:
    raw = (BOTH + END)[:]

    for each in members(io.BytesIO(raw)):
        assert raw[each.offset : each.offset + each.size] == each.content.read_whole()


@pytest.mark.parametrize("most", [1, 7, 512, 513])
def test_members_when_the_body_trickles_are_the_same(most: int) -> None:
    found = [(each.name, each.content.read_whole()) for each in members(Trickle(BOTH + END, most))]

    assert found == listed(tar(BOTH))


def test_content_when_the_next_member_was_asked_for_is_no_longer_readable() -> None:
    found = members(tar(BOTH))
    first = next(found)
    next(found)

    with pytest.raises(UsageError, match="the archive: 'a' must be read before the next member"):
        first.content.read_whole()


def test_content_when_asked_for_nothing_gives_nothing() -> None:
    first = next(members(tar(BOTH)))

    assert first.content.read(0) == b""
    assert first.content.read(100) == b"first"
    assert first.content.read(100) == b""


@pytest.mark.parametrize("way", ["read", "read_whole", "pieces", "finish"])
def test_content_when_the_archive_ends_within_it_refuses(way: str) -> None:
    body = io.BytesIO(block("long", size=1000) + bytes(10))
    (found,) = [next(members(body, what="layer 1"))]
    ways = {
        "read": lambda: list(chunks(found.content)),
        "read_whole": found.content.read_whole,
        "pieces": lambda: list(found.content.pieces()),
        "finish": found.content.finish,
    }

    with pytest.raises(InvalidError, match="layer 1: ends within 'long'"):
        ways[way]()


def test_member_when_compared_ignores_its_content() -> None:
    (one,), (two,) = members(tar(member("a"))), members(tar(member("a")))

    assert one == two
    assert repr(one) == "Member(name='a', size=0, mode=420, is_directory=False, offset=512)"
    assert isinstance(one, Member)


def test_names_when_extended_headers_give_them_are_used() -> None:
    body = tar(
        pax({"path": "from/pax", "mtime": "1.5", "SCHILY.xattr.user.x": b"\0\xff"}),
        member("short", b"1"),
        gnu_long(b"from/gnu"),
        member("short", b"2"),
        pax({"comment": "a commit"}, b"g"),
        pax({"path": ""}),
        member("own", b"3"),
    )

    assert listed(body) == [("from/pax", b"1"), ("from/gnu", b"2"), ("own", b"3")]


def test_size_when_a_pax_header_gives_it_is_used() -> None:
    assert listed(tar(pax({"size": "3"}), block("a", size=0), b"abc".ljust(512, b"\0"))) == [("a", b"abc")]


@pytest.mark.parametrize(
    "size",
    [b"\x80" + bytes(10) + b"\x03", b"00000000003\0", b"          3\0", b"3\0\0\0\0\0\0\0\0\0\0\0", b"000000000003"],
    ids=["base 256", "zeros", "spaces", "short", "no end"],
)
def test_size_when_written_in_any_known_way_is_understood(size: bytes) -> None:
    assert listed(tar(block("a", size=size), b"abc".ljust(512, b"\0"))) == [("a", b"abc")]


def test_directory_when_the_first_tar_wrote_it_is_known_by_its_slash() -> None:
    found = list(members(tar(block("d/", kind=b"\0"), block("f", kind=b"\0"))))

    assert [(each.name, each.is_directory) for each in found] == [("d", True), ("f", False)]


def test_leading_dot_when_gnu_tar_wrote_it_is_dropped() -> None:
    found = [each.name for each in members(tar(directory("./"), member("./a"), directory("./d/"), member("./d/b")))]

    assert found == ["", "a", "d", "d/b"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_when_tarfile_wrote_them_are_the_same(form: int) -> None:
    names = ["a", "d" * 90 + "/" + "n" * 60, "café"] + (["l" * 120] if form != tarfile.USTAR_FORMAT else [])
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form, encoding="utf-8") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            info.mtime = 1_700_000_000
            archive.addfile(info, io.BytesIO(name.encode()))
    file.seek(0)

    assert [name for name, _ in listed(file)] == names


@pytest.mark.parametrize("name", sorted(TREES.keys() - {"many_files"}))
def test_members_when_we_wrote_them_are_our_entries(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("tree")
    TREES[name].build(root)
    entries = layer_entries(root, TREES[name].layer)
    if name == "odd_names":
        entries = [entry for entry in entries if "\\" not in entry.name]

    found = list(members(io.BytesIO(b"".join(write_tar(entries)))))

    assert [(each.name, each.mode, each.size, each.is_directory) for each in found] == [
        (entry.name, entry.mode, entry.size, entry.is_directory) for entry in entries
    ]
