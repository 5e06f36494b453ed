"""A full disk: one clear error, and the store as it was."""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchard.errors import StorageError
from orchard.store import Layout
from support.stores import TEXT, Pattern, Recorder, get, put, put_manifest

MIB = 1 << 20
NAME = "example.com/team/model"


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("MISSING PEER: mount may not be used here; a disk of 8 MiB was not tried")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def state(layout: Layout) -> dict[str, bytes]:
    files = (path for path in layout.path.rglob("*") if path.is_file())
    return {str(path.relative_to(layout.path)): path.read_bytes() for path in files}


@pytest.mark.parametrize("limit", [MIB // 2, 2 * MIB + 5])
def test_ingest_when_files_cannot_grow_then_disk_full_and_nothing_changed(tmp_path: Path, limit: int) -> None:
    layout = Layout(tmp_path / "store")
    put_manifest(layout.repository(NAME), b"layer")
    before = state(layout)

    with no_file_larger_than(limit), pytest.raises(StorageError, match=r"disk full: .*; free some space"):
        layout.ingest(Pattern(4 * MIB).pieces(), TEXT)

    assert state(layout) == before


def test_push_when_files_cannot_grow_then_disk_full_and_a_retry_succeeds(tmp_path: Path) -> None:
    repository = Layout(tmp_path / "store").repository(NAME)
    large = Pattern(4 * MIB)
    content = large.describe()

    with no_file_larger_than(2 * MIB), pytest.raises(StorageError, match="disk full"):
        repository.push(content, large)

    assert not repository.exists(content)
    repository.push(content, large)
    assert get(repository, content) == b"".join(large.pieces())


def test_tag_when_the_index_cannot_grow_then_disk_full_and_it_stays(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "store")
    repository = layout.repository(NAME)
    document = put_manifest(repository, b"layer")
    before = state(layout)

    with no_file_larger_than(100), pytest.raises(StorageError, match=r"disk full: .*index\.json"):
        repository.tag(document, "v1")

    assert state(layout) == before
    repository.tag(document, "v1")
    assert [entry.tag for entry in layout.entries()] == ["v1"]


def test_ingest_when_the_disk_is_full_then_nothing_changed_and_it_goes_on_after_a_sweep(small_disk: Path) -> None:
    layout = Layout(small_disk / "store")
    repository = layout.repository(NAME)
    put_manifest(repository, b"layer")
    layout.ingest(Pattern(4 * MIB).pieces(), TEXT)
    before = state(layout)

    with pytest.raises(StorageError, match=r"disk full: .*No space left"):
        layout.ingest(Pattern(6 * MIB, seed=b"other").pieces(), TEXT)

    assert state(layout) == before
    assert list(layout.verify()) == []
    assert layout.sweep().bytes == 4 * MIB
    layout.ingest(Pattern(6 * MIB, seed=b"other").pieces(), TEXT)


def test_push_when_the_disk_fills_up_meanwhile_then_nothing_is_left(small_disk: Path) -> None:
    layout = Layout(small_disk / "store")
    repository = layout.repository(NAME)
    large = Pattern(5 * MIB)
    content = large.describe()

    def fill(chunk: bytes) -> bytes:
        if not (small_disk / "others").exists():
            (small_disk / "others").write_bytes(bytes(6 * MIB))
        return chunk

    with pytest.raises(StorageError, match=r"disk full: .*No space left"):
        repository.push(content, Recorder(large, change=fill))

    assert not repository.exists(content)
    assert list((layout.path / "ingest").iterdir()) == []


def test_push_when_there_is_no_room_then_what_came_before_is_kept_for_later(small_disk: Path) -> None:
    layout = Layout(small_disk / "store")
    repository = layout.repository(NAME)
    large = Pattern(5 * MIB)
    content = large.describe()
    with pytest.raises(Exception, match="the connection broke"):
        repository.push(content, Recorder(large, breaks_after=3 * MIB))
    (small_disk / "others").write_bytes(bytes(4 * MIB))

    with pytest.raises(StorageError, match=r"disk full: .* bytes are needed"):
        repository.push(content, large)

    (small_disk / "others").unlink()
    source = Recorder(large)
    repository.push(content, source)
    assert source.opened == [(content.digest, 3 * MIB)]


def test_store_on_a_read_only_disk_can_be_read_and_says_why_it_cannot_be_written(small_disk: Path) -> None:
    layout = Layout(small_disk / "store")
    repository = layout.repository(NAME)
    document = put_manifest(repository, b"layer")
    repository.tag(document, "v1")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    assert get(repository, repository.resolve("v1"))
    assert list(layout.verify()) == []
    assert repository.exists(document)
    with pytest.raises(StorageError, match="Read-only file system"):
        put(repository, b"more")
