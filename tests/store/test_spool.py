"""Writing past the page cache, and without."""

import os
from pathlib import Path

import pytest

from orchard.errors import StorageError
from orchard.oci import BLOCK
from orchard.store.disk import replace_file
from orchard.store.spool import DIRECT, Spool

DATA = os.urandom(2 * BLOCK + 1234)


@pytest.mark.parametrize("direct", [0, DIRECT], ids=["through the page cache", "past it"])
@pytest.mark.parametrize("start", [0, 1, BLOCK], ids=["at the start", "unaligned, which O_DIRECT refuses", "later on"])
def test_spool_writes_every_byte_at_its_place(tmp_path: Path, direct: int, start: int) -> None:
    path = tmp_path / "spool"
    path.write_bytes(b"." * start)
    spool = Spool(path, direct=direct)

    spool.write(DATA[:1000])
    spool.write(DATA[1000:])

    assert spool.size == start + len(DATA)
    spool.publish(tmp_path / "deep" / "target")
    assert (tmp_path / "deep" / "target").read_bytes() == b"." * start + DATA
    assert not path.exists()


def test_spool_when_kept_then_the_next_goes_on(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool")
    first.write(DATA)
    first.keep()

    second = Spool(tmp_path / "spool")
    second.cut(BLOCK)
    second.write(b"!")
    second.publish(tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == DATA[:BLOCK] + b"!"


@pytest.mark.parametrize("size", [0, 700, 1000, BLOCK, BLOCK + 700], ids=str)
def test_spool_when_cut_then_what_was_before_stays(tmp_path: Path, size: int) -> None:
    spool = Spool(tmp_path / "spool")
    spool.write(DATA[: BLOCK + 1000])

    spool.cut(size)
    spool.write(b"!" * BLOCK)
    spool.publish(tmp_path / "target")

    assert (tmp_path / "target").read_bytes() == DATA[:size] + b"!" * BLOCK


def test_spool_when_it_cannot_be_published_then_it_can_be_discarded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.write(b"x")
    (tmp_path / "target").mkdir()

    with pytest.raises(StorageError, match=r"target: Is a directory"):
        spool.publish(tmp_path / "target")

    spool.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_spool_knows_whether_it_has_its_name_still(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool = Spool(path)
    assert spool.is_at(path)

    path.rename(tmp_path / "elsewhere")
    assert not spool.is_at(path)
    path.write_bytes(b"another")
    assert not spool.is_at(path)

    spool.discard()


def test_spool_when_the_disk_fails_then_said(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"x")
    spool = Spool(tmp_path / "spool")

    with pytest.raises(StorageError, match="Invalid argument"):
        spool.cut(-1)
    with pytest.raises(StorageError, match="Invalid argument"):
        spool.read(1, -1)

    spool.discard()


def test_replace_file_when_it_fails_then_the_old_content_stays(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()

    with pytest.raises(StorageError, match="target: Is a directory"):
        replace_file(tmp_path / "target", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["target"]
