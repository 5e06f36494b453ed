"""A body gives the same bytes from any offset on, and reads no file that lies before it."""

import os
from pathlib import Path

import pytest

from orchard.archive import Body, Entry, FileStamp, write_tar
from orchard.errors import ConflictError
from orchard.oci import CHUNK


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    sizes = {"a": 0, "b": 1, "c": 512, "d": CHUNK + 5, "e" * 120: 700, "z": 0}
    found = [Entry(name="dir", mode=0o755, is_directory=True)]
    for name, size in sizes.items():
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        found.append(Entry(name=name, mode=0o644, size=size, source=path, stamp=FileStamp.of(path.stat())))
    return found


def read(body: Body) -> bytes:
    with body:
        return b"".join(body)


def test_body_from_any_offset_is_the_rest_of_the_whole(entries: list[Entry]) -> None:
    whole = b"".join(write_tar(entries))
    edges = {edge + step for edge in range(0, len(whole), 512) for step in (-1, 0, 1)}
    for offset in sorted(edge for edge in edges | {len(whole), len(whole) + 1} if edge >= 0)[::7]:
        assert read(Body.tar(entries, offset)) == whole[offset:], offset


def test_body_from_an_offset_opens_no_file_before_it(entries: list[Entry]) -> None:
    whole = b"".join(write_tar(entries))
    for entry in entries[1:5]:
        assert isinstance(entry.source, Path)
        entry.source.unlink()
    assert read(Body.tar(entries, len(whole) - 1024)) == bytes(1024)


@pytest.mark.parametrize("offset", [0, 1, CHUNK, CHUNK + 4, CHUNK + 5])
def test_raw_body_from_an_offset_is_the_rest_of_the_file(entries: list[Entry], offset: int) -> None:
    big = entries[4]
    assert isinstance(big.source, Path)
    assert read(Body.raw(big, offset)) == big.source.read_bytes()[offset:]


def test_body_read_again_after_a_file_has_changed_then_it_is_refused(entries: list[Entry]) -> None:
    big = entries[4]
    assert isinstance(big.source, Path)
    big.source.write_bytes(bytes(big.size))
    os.utime(big.source, ns=(0, 0))
    with pytest.raises(ConflictError, match="'d' changed while it was being packed"):
        read(Body.raw(big, CHUNK))
