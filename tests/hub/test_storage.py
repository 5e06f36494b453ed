"""Files of blobs and uploads, and the lock on their directory (security notes 5.6)."""

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.errors import ConflictError, IntegrityError, InvalidDigestError, NotFoundError, StorageError
from orchard.hub.storage.appending import BLOCK, HEAD, GrowingFile
from orchard.hub.storage.directory import claim
from orchard.hub.storage.filesystem import Filesystem
from orchard.oci import Digest
from support.hubinside import quick_directory

SESSION = "0123456789abcdef" * 2
DATA = b"0123456789"


@pytest.fixture
def files(tmp_path: Path) -> Filesystem:
    return Filesystem(tmp_path)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let every write fail that makes a file larger, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_published_upload_is_a_blob_and_no_upload_any_more(files: Filesystem, tmp_path: Path) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([DATA])
    staged.publish(Digest.of(DATA))
    staged.close()
    path = files.path(Digest.of(DATA))
    assert path.read_bytes() == DATA
    assert path.relative_to(tmp_path).parts[:2] == ("blobs", "sha256")
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(files.sessions())
    with pytest.raises(NotFoundError, match="is unknown"):
        files.resume(SESSION)


@settings(max_examples=40, deadline=None)
@given(
    requests=st.lists(st.lists(st.binary(max_size=400_000), max_size=70), min_size=1, max_size=4),
    forgetful=st.booleans(),
    algorithm=st.sampled_from(["sha256", "sha512"]),
)
def test_pieces_of_any_size_in_any_number_of_requests_join_to_the_blob(
    requests: list[list[bytes]], algorithm: str, *, forgetful: bool
) -> None:
    with quick_directory() as directory:
        files = Filesystem(directory)
        files.create(SESSION, "sha256").close()
        for pieces in requests:
            files = Filesystem(directory) if forgetful else files
            staged = files.resume(SESSION)
            staged.append(pieces)
            staged.close()
        whole = b"".join(b"".join(pieces) for pieces in requests)
        staged = files.resume(SESSION)
        assert staged.size == len(whole)
        staged.publish(Digest.of(whole, algorithm))
        staged.close()
        assert files.path(Digest.of(whole, algorithm)).read_bytes() == whole


def test_many_small_pieces_are_written_in_order(files: Filesystem) -> None:
    pieces = [bytes([number % 256]) * (number % 7) for number in range(3000)]
    staged = files.create(SESSION, "sha256")
    staged.append(pieces)
    staged.publish(Digest.of(b"".join(pieces)))
    staged.close()


def test_wrong_bytes_are_not_published(files: Filesystem) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([b"other"])
    with pytest.raises(IntegrityError, match="the 5 bytes received are sha256:"):
        staged.publish(Digest.of(DATA))
    staged.close()
    assert not files.path(Digest.of(DATA)).exists()


@pytest.mark.parametrize("size", [0, 3, 10])
def test_rewound_upload_goes_on_from_there(files: Filesystem, size: int) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([DATA])
    staged.rewind(size)
    assert staged.size == size
    staged.append([DATA[size:]])
    staged.publish(Digest.of(DATA))
    staged.close()


def test_full_disk_takes_all_of_a_batch_or_nothing(files: Filesystem) -> None:
    staged = files.create(SESSION, "sha256")
    staged.append([DATA])
    with file_size_limit(1_500_000), pytest.raises(StorageError, match=r"disk full: upload .* free some space"):
        staged.append([b"x" * 1_200_000, b"y" * 1_200_000])
    assert staged.size == len(DATA)
    staged.append([b"more"])
    staged.publish(Digest.of(DATA + b"more"))
    staged.close()


@pytest.mark.parametrize("end", ["publish", "close"])
def test_disk_that_is_full_at_the_end_is_told_and_the_upload_can_go_on(files: Filesystem, end: str) -> None:
    data = b"x" * 60_000 + b"y" * 60_000
    staged = files.create(SESSION, "sha256")
    staged.append([data])
    with file_size_limit(100_000), pytest.raises(StorageError, match="disk full"):
        staged.publish(Digest.of(data)) if end == "publish" else staged.close()
    if end == "close":
        staged = files.resume(SESSION)
        assert data[: staged.size].startswith(b"x" * 60_000)
        staged.append([data[staged.size :]])
    staged.publish(Digest.of(data))
    staged.close()
    assert files.path(Digest.of(data)).read_bytes() == data


# Past the page cache ----------------------------------------------------------------------------------------------

STUBBORN = Path("/proc/self/oom_score_adj")  # a file that no O_DIRECT can open and that refuses what is written to it


@pytest.mark.parametrize("sizes", [[BLOCK], [1, BLOCK], [BLOCK - 1, 2, BLOCK], [3 * BLOCK + 5], [4096] * 300])
@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("head", [0, BLOCK, HEAD])
def test_file_grows_by_what_is_appended(tmp_path: Path, sizes: list[int], head: int, *, flushed: bool) -> None:
    file = GrowingFile.open(tmp_path / "file", new=True, head=head)
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    for piece in pieces:
        file.append(piece)
        if flushed:
            file.flush()
    assert file.size == sum(sizes)
    file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 3 * BLOCK), st.floats(0, 1), st.booleans()), max_size=6))
def test_file_is_cut_anywhere_and_goes_on(steps: list[tuple[int, float, bool]]) -> None:
    expected = b""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file"
        GrowingFile.open(path, new=True).close()
        for number, (size, keep, reopen) in enumerate(steps):
            file = GrowingFile.open(path, new=False, head=0)
            piece = bytes([number + 1]) * size
            file.append(piece)
            expected += piece
            if not reopen:
                left = round(len(expected) * keep)
                file.rewind(left)
                expected = expected[:left]
            assert file.size == len(expected)
            file.flush()
            file.close()
        assert path.read_bytes() == expected


def test_file_system_that_cannot_go_past_the_cache_goes_through_it() -> None:
    file = GrowingFile.open(STUBBORN, new=False)
    file.close()


def test_disk_that_cannot_go_past_the_cache_after_all_goes_through_it(tmp_path: Path) -> None:
    handle = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    file = GrowingFile(handle, os.open(STUBBORN, os.O_WRONLY), head=0)
    file.append(b"x" * 2 * BLOCK)
    file.sync()
    file.close()
    assert (tmp_path / "file").read_bytes() == b"x" * 2 * BLOCK


def test_disk_that_fails_past_the_cache_fails(tmp_path: Path) -> None:
    handle = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    file = GrowingFile(handle, os.open("/dev/full", os.O_WRONLY), head=0)
    with pytest.raises(OSError, match="No space left"):
        file.append(b"x" * BLOCK)
    file.rewind(0)
    file.close()


def test_file_that_cannot_be_opened_twice_is_not_left_open(tmp_path: Path) -> None:
    GrowingFile.open(tmp_path / "file", new=True).close()
    free = os.open(tmp_path / "file", os.O_RDONLY)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            GrowingFile.open(tmp_path / "file", new=False)
        os.close(os.open(tmp_path / "file", os.O_RDONLY))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("session", ["", "..", "../../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n"])
def test_session_that_is_no_id_is_unknown(files: Filesystem, session: str) -> None:
    with pytest.raises(NotFoundError, match="no such upload"):
        files.resume(session)
    with pytest.raises(NotFoundError, match="no such upload"):
        files.discard(session)


def test_session_cannot_be_created_twice(files: Filesystem) -> None:
    files.create(SESSION, "sha256").close()
    with pytest.raises(StorageError, match="File exists"):
        files.create(SESSION, "sha256")


def test_session_of_an_unknown_algorithm_is_not_created(files: Filesystem) -> None:
    with pytest.raises(InvalidDigestError, match="md5"):
        files.create(SESSION, "md5")
    assert not list(files.sessions())


def test_discarding_forgets_the_bytes_and_can_be_repeated(files: Filesystem) -> None:
    files.create(SESSION, "sha256").close()
    files.discard(SESSION)
    files.discard(SESSION)
    assert not list(files.sessions())


def test_hashes_of_many_unfinished_uploads_are_forgotten_and_done_again(files: Filesystem) -> None:
    first = files.create(SESSION, "sha256")
    first.append([DATA])
    first.close()
    for number in range(4100):
        files.create(f"{number:032x}", "sha256").close()
    staged = files.resume(SESSION)
    staged.publish(Digest.of(DATA))
    staged.close()


# The data directory -----------------------------------------------------------------------------------------------


def test_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with claim(tmp_path / "some" / "where"):
        assert (tmp_path / "some" / "where").stat().st_mode & 0o777 == 0o700


def test_directory_belongs_to_one_hub_at_a_time(tmp_path: Path) -> None:
    with claim(tmp_path), pytest.raises(ConflictError, match="another hub is running on"), claim(tmp_path):
        pass
    with claim(tmp_path):
        pass


def test_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"data directory .* cannot be used: File exists"), claim(tmp_path / "file"):
        pass
