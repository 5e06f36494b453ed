import errno
import io
import os
from pathlib import Path

import pytest

from orchard.archive import ChunkReader, Extractor
from orchard.errors import InvalidError, StorageError
from orchard.oci import CHUNK, chunks, read_ahead
from support.archive_tars import END, Trickle, directory, member, tar

BIG = os.urandom(3 * CHUNK + 77)
LAYER = directory("model") + member("model/w.bin", BIG, mode=0o600) + member("model/c.json", b"{}") + member("empty")


@pytest.fixture
def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_extract_tar_when_sound_writes_every_file(tmp_path: Path) -> None:
    files = Extractor(tmp_path).extract_tar(tar(LAYER))

    assert files == ["model/w.bin", "model/c.json", "empty"]
    assert [(tmp_path / name).read_bytes() for name in files] == [BIG, b"{}", b""]


@pytest.mark.parametrize("most", [1000, 60_000, CHUNK - 1])
def test_extract_tar_when_the_body_trickles_writes_the_same(tmp_path: Path, most: int) -> None:
    Extractor(tmp_path).extract_tar(Trickle(LAYER + END, most))

    assert (tmp_path / "model/w.bin").read_bytes() == BIG


def test_extract_tar_when_read_ahead_writes_the_same(tmp_path: Path) -> None:
    with read_ahead(chunks(tar(LAYER))) as ahead:
        files = Extractor(tmp_path).extract_tar(ChunkReader(ahead))

    assert len(files) == 3
    assert (tmp_path / "model/w.bin").read_bytes() == BIG


def test_extract_tar_when_directories_are_missing_makes_them(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        Extractor(tmp_path).extract_tar(tar(member("a/b/c/d.txt", b"deep"), member("a/e.txt", b"up"), member("f")))
    finally:
        os.umask(old)

    assert (tmp_path / "a/b/c/d.txt").read_bytes() == b"deep"
    assert (tmp_path / "a/b").stat().st_mode & 0o7777 == 0o755


def test_extract_tar_when_members_jump_between_directories_finds_them(tmp_path: Path) -> None:
    names = ["a/b/1", "c/2", "a/b/3", "a/4", "5", "a/b/c/6", "c/d/7"]

    assert Extractor(tmp_path).extract_tar(tar(*(member(name, name.encode()) for name in names))) == names
    assert [(tmp_path / name).read_text() for name in names] == names


def test_extract_tar_when_the_umask_is_strict_honours_it(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        Extractor(tmp_path).extract_tar(tar(directory("d"), member("d/x", mode=0o755)))
    finally:
        os.umask(old)

    assert (tmp_path / "d").stat().st_mode & 0o7777 == 0o700
    assert (tmp_path / "d/x").stat().st_mode & 0o7777 == 0o700


def test_extract_tar_when_a_directory_denies_its_owner_still_fills_it(tmp_path: Path) -> None:
    Extractor(tmp_path).extract_tar(tar(directory("d", mode=0o500), member("d/x", b"1", mode=0o400)))

    assert (tmp_path / "d").stat().st_mode & 0o700 == 0o700
    assert (tmp_path / "d/x").stat().st_mode & 0o777 == 0o400


def test_extract_tar_when_a_prefix_is_given_puts_all_below_it(tmp_path: Path) -> None:
    body = tar(directory("./", mode=0o700), member("./w.bin", b"w"), directory("sub"), member("sub/x"))

    assert Extractor(tmp_path).extract_tar(body, prefix="models/old") == ["models/old/w.bin", "models/old/sub/x"]
    assert (tmp_path / "models/old").stat().st_mode & 0o7777 == 0o700


def test_extract_tar_when_the_root_has_an_entry_passes_over_it(tmp_path: Path) -> None:
    assert Extractor(tmp_path).extract_tar(tar(directory("./"), member("./a"))) == ["a"]


def test_extract_tar_when_empty_gives_nothing(tmp_path: Path) -> None:
    assert Extractor(tmp_path).extract_tar(tar()) == []


def test_extract_tar_when_several_layers_share_directories_merges_them(tmp_path: Path) -> None:
    extractor = Extractor(tmp_path)

    extractor.extract_tar(tar(directory("src"), member("src/a.py", b"1")))
    extractor.extract_tar(tar(directory("src"), member("src/b.py", b"2")))

    assert sorted(path.name for path in (tmp_path / "src").iterdir()) == ["a.py", "b.py"]


def test_extract_tar_when_finished_or_refused_leaves_no_file_open(tmp_path: Path, open_files: int) -> None:
    extractor = Extractor(tmp_path)
    extractor.extract_tar(tar(member("a/b/c", b"1")))
    with pytest.raises(InvalidError, match="ends within 'd/e'"):
        extractor.extract_tar(io.BytesIO(member("d/e", BIG)[:-CHUNK]))

    assert len(list(Path("/dev/fd").iterdir())) == open_files


@pytest.mark.parametrize("content", [b"", b"{}", BIG], ids=["empty", "small", "big"])
def test_extract_raw_when_sound_writes_the_file(tmp_path: Path, content: bytes) -> None:
    old = os.umask(0o022)
    try:
        Extractor(tmp_path).extract_raw(Trickle(content, 10_000), "model/w.bin", mode=0o4775)
    finally:
        os.umask(old)

    assert (tmp_path / "model/w.bin").read_bytes() == content
    assert (tmp_path / "model/w.bin").stat().st_mode & 0o7777 == 0o755


def test_extract_tar_when_the_destination_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot unpack into .*gone: No such file"):
        Extractor(tmp_path / "gone").extract_tar(tar())


class Failing:
    """A body during whose reading something happens to the files that are being written."""

    def __init__(self, parts: list[bytes], number: int) -> None:
        self._parts = parts
        self._number = number

    def read(self, size: int, /) -> bytes:
        assert size
        if not self._parts:
            raise OSError(self._number, os.strerror(self._number))
        return self._parts.pop(0)


def test_extract_tar_when_the_body_fails_passes_its_error_on(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        Extractor(tmp_path).extract_tar(Failing([member("x", BIG)[:CHUNK]], errno.EIO))


@pytest.mark.parametrize(
    ("call", "number", "match"),
    [
        ("pwrite", errno.ENOSPC, "disk full: cannot write 'd/x'; free some space"),
        ("pwrite", errno.EIO, "cannot write 'd/x': Input/output error"),
        ("close", errno.EDQUOT, "disk full: cannot write 'd/x'"),
        ("mkdir", errno.ENOSPC, "disk full: cannot write 'd'"),
        ("open", errno.EMFILE, "cannot write 'd': Too many open files"),
        ("create", errno.EROFS, "cannot write 'd/x': Read-only file system"),
    ],
)
def test_extract_tar_when_the_disk_fails_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, match: str
) -> None:
    name = "open" if call == "create" else call
    real = getattr(os, name)

    def fail(*args: object, **options: object) -> object:
        create = name == "open" and bool(int(str(args[1])) & os.O_CREAT)
        if args[0] == tmp_path or create != (call == "create"):
            return real(*args, **options)
        if call == "close":
            real(*args)
        monkeypatch.setattr(os, name, real)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(StorageError, match=match):
        Extractor(tmp_path).extract_tar(tar(member("d/x", b"content")))
