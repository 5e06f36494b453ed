"""What holds for every tree, every tar and every accident."""

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.archive import (
    Compression,
    Extractor,
    Limits,
    compress,
    decompress,
    folded,
    is_portable,
    members,
    write_tar,
)
from orchard.errors import OrchardError
from orchard.oci import chunks
from support.archive_tars import END, Trickle, directory, fingerprint, gnu_long, member, pax
from support.archive_trees import Node, Tree, layer_entries

FEW = settings(max_examples=40, deadline=None)


components = (
    st.text(st.sampled_from("abXY .-_é模🌳\u0301\n'=" + "q" * 3), min_size=1, max_size=40)
    .filter(lambda part: part not in {".", ".."} and is_portable(part) and len(part.encode()) <= 255)
    .map(lambda part: part if not part.startswith("\u0301") else "x" + part)
)
paths = st.lists(components, min_size=1, max_size=6).map("/".join)
short_paths = st.text(st.sampled_from("abXY-_' \n"), min_size=1, max_size=100).map(lambda name: name.strip(" ") + "x")
contents = st.one_of(st.binary(max_size=3), st.integers(0, 1600).map(lambda size: bytes([size % 251]) * size))
file_modes = st.sampled_from([0o644, 0o755, 0o600, 0o640, 0o711])
nodes = st.one_of(st.builds(Node, file_modes, contents), st.builds(Node, st.sampled_from([0o755, 0o700])))


def fits(tree: dict[str, Node]) -> bool:
    """Tell whether every path has a name of its own and no file is another one's parent."""
    places: dict[str, str] = {}
    for path in tree:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            place = "/".join(parts[:end])
            if places.setdefault(folded(place), place) != place or (end < len(parts) and place in tree):
                return False
    return True


trees = st.dictionaries(paths, nodes, max_size=8).filter(fits)


@contextmanager
def two_directories() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        yield Path(first), Path(second)


@FEW
@given(trees, st.integers(1, 5000))
def test_extract_after_write_gives_the_same_tree(tree: dict[str, Node], most: int) -> None:
    old = os.umask(0)
    try:
        with two_directories() as (source, target):
            Tree(tree, ".", "", 0).build(source)

            Extractor(target).extract_tar(Trickle(b"".join(write_tar(layer_entries(source, "."))), most))

            assert fingerprint(target) == fingerprint(source)
    finally:
        os.umask(old)


@FEW
@given(trees)
def test_tarfile_after_write_finds_the_same_tree(tree: dict[str, Node]) -> None:
    with tempfile.TemporaryDirectory() as root:
        Tree(tree, ".", "", 0).build(Path(root))
        entries = layer_entries(Path(root), ".")
        with tarfile.open(fileobj=io.BytesIO(b"".join(write_tar(entries))), encoding="utf-8") as archive:
            found = [(info.name, info.mode, _content(archive, info)) for info in archive]

    assert found == [
        (entry.name, entry.mode, tree[entry.name].content if entry.name in tree else None) for entry in entries
    ]


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes | None:
    file = archive.extractfile(info)
    return None if file is None else file.read()


@FEW
@given(st.lists(st.tuples(paths, contents), max_size=6), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_members_after_tarfile_are_the_same(files: list[tuple[str, bytes]], form: int) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form, encoding="utf-8") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    stream.seek(0)

    assert [(found.name, found.content.read_whole()) for found in members(stream)] == files


@FEW
@given(st.lists(st.tuples(short_paths, contents), max_size=6))
def test_members_after_tarfile_in_ustar_are_the_same(files: list[tuple[str, bytes]]) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    stream.seek(0)

    assert [(found.name, b"".join(chunks(found.content))) for found in members(stream)] == files


SOUND = (
    directory("d")
    + member("d/a", b"content")
    + pax({"path": "d/" + "é" * 80, "size": "3"})
    + member("d/e", b"abc")
    + gnu_long(b"d/" + b"g" * 120)
    + member("d/g", bytes(600))
    + END
)
changes = st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6)
SMALL = Limits(members=50, total=1 << 20, header=10_000)


def corrupted(data: bytes, accidents: list[tuple[int, int]], cut: int) -> bytes:
    result = bytearray(data)
    for place, value in accidents:
        result[place % len(data)] = value
    return bytes(result[: max(0, len(data) - cut)])


def sealed(data: bytes) -> bytes:
    """Make the checksum of every block that is one header wide right again, so that corruption gets further."""
    blocks = [bytearray(data[at : at + 512]) for at in range(0, len(data), 512)]
    for block in blocks:
        if block[257:262] == b"ustar":
            total = sum(block) - sum(block[148:156]) + 8 * 32
            block[148:156] = b"%06o\0 " % total
    return b"".join(blocks)


@given(accidents=changes, cut=st.sampled_from([0, 0, 0, 1, 512, 1024, 1500]), seal=st.booleans())
def test_extract_when_a_tar_is_corrupted_refuses_or_stays_inside(
    accidents: list[tuple[int, int]], cut: int, *, seal: bool
) -> None:
    data = corrupted(SOUND, accidents, cut)
    with tempfile.TemporaryDirectory() as root:
        target = Path(root) / "target"
        target.mkdir()
        complaint = ""
        try:
            files = Extractor(target, SMALL).extract_tar(io.BytesIO(sealed(data) if seal else data))
        except OrchardError as error:
            complaint = str(error)
        else:
            assert {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()} == set(files)
        assert complaint.isprintable()
        assert [path.name for path in Path(root).iterdir()] == ["target"]


@given(st.lists(st.binary(min_size=100, max_size=600), max_size=5).map(b"".join))
def test_members_when_the_bytes_are_random_refuse(data: bytes) -> None:
    with pytest.raises(OrchardError):
        list(members(io.BytesIO(data), SMALL))


@given(changes, st.sampled_from([0, 0, 1, 100]), st.sampled_from(["gzip", "zstd"]))
def test_decompress_when_corrupted_gives_bytes_or_refuses(
    accidents: list[tuple[int, int]], cut: int, kind: Compression
) -> None:
    packed = b"".join(compress([SOUND], kind))
    unpacked = None
    with suppress(OrchardError):
        unpacked = b"".join(chunks(decompress(io.BytesIO(corrupted(packed, accidents, cut)), kind, SMALL)))

    assert unpacked is None or kind == "zstd" or unpacked == SOUND
