"""What is remembered of packed layers: never wrong, however files change, and gone without a word if it is damaged."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from orchard.formats import LayerKind
from orchard.oci import Digest
from orchard.project import CompressionName, Packed, Recipe, Workspace
from orchard.project.context import Context
from orchard.project.layercache import DIRECTORY, KEPT, Known, LayerCache
from orchard.project.layering import Claim, Encoding, ModelKitFormat, Plan
from orchard.project.packing import read_ignore

KITFILE = "manifestVersion: 1.0.0\npackage:\n  name: x\ncode:\n  - path: src\ndocs:\n  - path: README.md\n"
OLD = 1_500_000_000


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "Kitfile").write_text(KITFILE)
    for name in ("README.md", "src/a", "src/b"):
        (root / name).write_text(name)
    return root


class Watch:
    """Counts the bytes that were read of files; an hour has passed since the files were written."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "home"
        self.read = 0

    def pack(
        self, root: Path, hours: float = 1, compression: CompressionName = "none", *, cache: bool = True
    ) -> Packed:
        self.read = 0
        with Workspace(self.home, environ={}, now=lambda: time.time_ns() + int(hours * 3600e9)) as workspace:
            return workspace.pack(root, recipe=Recipe(compression=compression, cache=cache), observer=self)

    def started(self, label: str, total: int) -> None: ...

    def advanced(self, label: str, count: int) -> None:  # noqa: ARG002 -- the Observer protocol
        self.read += count

    def finished(self, label: str, *, skipped: bool = False) -> None: ...

    @property
    def kept(self) -> list[Path]:
        return sorted((self.home / DIRECTORY).iterdir()) if (self.home / DIRECTORY).exists() else []


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_pack_again_then_no_file_is_read_and_the_version_is_the_same(
    watch: Watch, project: Path, compression: CompressionName
) -> None:
    first = watch.pack(project, compression=compression)
    assert watch.read > 0
    again = watch.pack(project, compression=compression)
    assert (watch.read, again.descriptor) == (0, first.descriptor)
    assert [packed.layer for packed in again.layers] == [packed.layer for packed in first.layers]
    assert [packed.files for packed in again.layers] == [packed.files for packed in first.layers]
    assert not any(packed.new for packed in again.layers)


def test_pack_after_one_file_has_changed_then_only_its_layer_is_read(watch: Watch, project: Path) -> None:
    watch.pack(project)
    (project / "README.md").write_text("changed")
    watch.pack(project)
    assert watch.read == 512 + 512 + 1024


def _rewrite(root: Path) -> None:
    """Write other bytes of the same length, and put the time back."""
    status = (root / "src" / "a").stat()
    (root / "src" / "a").write_text("SRC/A")
    os.utime(root / "src" / "a", ns=(status.st_atime_ns, status.st_mtime_ns))


def _replace(root: Path) -> None:
    status = (root / "src" / "a").stat()
    (root / "src" / "new").write_text("SRC/A")
    os.utime(root / "src" / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (root / "src" / "new").replace(root / "src" / "a")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "src" / "a").write_text("SRC/A"),
    "content, time put back": _rewrite,
    "replaced, time put back": _replace,
    "mode": lambda root: (root / "src" / "a").chmod(0o700),
    "mode of the directory": lambda root: (root / "src").chmod(0o700),
    "name": lambda root: (root / "src" / "a").rename(root / "src" / "c"),
    "added": lambda root: (root / "src" / "c").write_text(""),
    "removed": lambda root: (root / "src" / "a").unlink(),
    "ignored": lambda root: (root / ".kitignore").write_text("src/a\n"),
    "swapped": lambda root: [
        (root / "src" / one).rename(root / "src" / other) for one, other in (("a", "t"), ("b", "a"), ("t", "b"))
    ],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_pack_after_any_change_then_it_is_what_a_fresh_pack_gives(
    watch: Watch, project: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    before = watch.pack(project)
    change(project)
    fresh = Watch(tmp_path / "fresh").pack(project)
    assert watch.pack(project).descriptor == fresh.descriptor != before.descriptor


@pytest.mark.parametrize(("hours", "kept"), [(1, 2), (1.9 / 3600, 0), (-1, 0)], ids=["old", "young", "future"])
def test_pack_files_that_may_change_within_the_same_tick_then_they_are_not_remembered(
    watch: Watch, project: Path, hours: float, kept: int
) -> None:
    watch.pack(project, hours)
    assert len(watch.kept) == kept


def test_pack_after_a_blob_has_gone_then_it_is_made_again(watch: Watch, project: Path) -> None:
    first = watch.pack(project)
    blob = first.layers[0].layer.descriptor.digest
    (watch.home / "layout" / "blobs" / "sha256" / blob.hex).unlink()
    again = watch.pack(project)
    assert (again.descriptor, again.layers[0].new, watch.read > 0) == (first.descriptor, True, True)


DAMAGES: dict[str, bytes] = {
    "empty": b"",
    "cut": b'{"version":1,"finger',
    "not json": b"\xff\xfe",
    "another": b'{"version":1,"fingerprint":"x","digest":"sha256:1","diff_id":"","size":1}',
    "large": b" " * 10_000,
    "list": b"[]",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_pack_with_a_damaged_cache_then_it_is_as_without(watch: Watch, project: Path, damage: bytes) -> None:
    first = watch.pack(project)
    for path in watch.kept:
        path.write_bytes(damage)
    assert (watch.pack(project).descriptor, watch.read > 0) == (first.descriptor, True)
    assert (watch.pack(project).descriptor, watch.read) == (first.descriptor, 0)


def test_pack_with_a_broken_digest_in_the_cache_then_it_is_as_without(watch: Watch, project: Path) -> None:
    first = watch.pack(project)
    for path in watch.kept:
        path.write_text(path.read_text().replace("sha256:", "sha256:zz"))
    assert watch.pack(project).descriptor == first.descriptor


OBSTACLES: dict[str, Callable[[Path], object]] = {
    "directory": lambda path: path.mkdir(),
    "link": lambda path: path.symlink_to("/dev/zero"),
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("put", OBSTACLES.values(), ids=OBSTACLES)
def test_pack_where_something_else_stands_in_the_cache_then_it_is_as_without(
    watch: Watch, project: Path, put: Callable[[Path], object]
) -> None:
    first = watch.pack(project)
    for path in watch.kept:
        path.unlink()
        put(path)
    assert watch.pack(project).descriptor == first.descriptor


def test_pack_without_cache_then_every_file_is_read_and_nothing_is_kept(watch: Watch, project: Path) -> None:
    watch.pack(project, cache=False)
    assert not watch.kept
    watch.pack(project)
    watch.pack(project, cache=False)
    assert watch.read > 0


def test_cache_keeps_a_bounded_number_of_files_and_those_that_were_used_last(watch: Watch, project: Path) -> None:
    watch.pack(project)
    used = watch.kept
    for number in range(KEPT):
        (used[0].parent / f"{number:064}").write_bytes(b"x")
        os.utime(used[0].parent / f"{number:064}", (OLD, OLD))
    (project / "README.md").write_text("changed")
    watch.pack(project)
    assert len(watch.kept) <= KEPT
    assert set(used) <= set(watch.kept)


def test_cache_from_many_threads_then_what_is_read_is_whole(watch: Watch, project: Path) -> None:
    claim = Claim(LayerKind.CODE, "", "src")
    entries = Context(project, ignored=read_ignore(project)).entries("src")
    (plan,) = ModelKitFormat().plans([(claim, entries)], Encoding())
    known = Known(Digest.of(b"a"), Digest.of(b"b"), 7)
    found: list[Known | None] = []

    def work() -> None:
        cache = LayerCache(watch.home, lambda: time.time_ns() + 3600 * 10**9)
        for _ in range(50):
            cache.put(plan, known)
            found.append(cache.get(plan))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [known] * 200


def test_cache_tells_encodings_of_the_same_files_apart(watch: Watch, project: Path) -> None:
    cache = LayerCache(watch.home, lambda: time.time_ns() + 3600 * 10**9)
    entries = Context(project, ignored=read_ignore(project)).entries("README.md")
    plans: list[Plan] = []
    for compression in ("none", "gzip", "gzip-fastest", "zstd"):
        claim = Claim(LayerKind.DOCS, "", "README.md")
        plans += ModelKitFormat().plans([(claim, entries)], Encoding(compression=compression))
    for number, plan in enumerate(plans):
        cache.put(plan, Known(Digest.of(b"%d" % number), Digest.of(b""), number))
    assert [known.size for plan in plans if (known := cache.get(plan))] == [0, 1, 2, 3]
