"""The library as scripts use it: typed, from any thread, without a change to the process."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock
from typing import NamedTuple

import pytest

import orchard
from orchard.errors import (
    ConflictError,
    InvalidDocumentError,
    InvalidReferenceError,
    NotFoundError,
    OrchardError,
    RemoteError,
    StorageError,
    UsageError,
)
from orchard.oci import Digest
from orchard.remote import Options, Retry
from orchard.store import Layout
from support.cli import HubProgram, Program
from support.projects import LAYERS, contents, make_blob_project, make_project, write_files

THREADS = 8
IMPATIENT = Options(retry=Retry(attempts=1))


class Place(NamedTuple):
    """Where a call is made."""

    project: Path
    home: Path


class Watcher:
    """Counts what an observer is told."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.ended: list[str] = []
        self._lock = Lock()

    def started(self, label: str, total: int) -> None:
        with self._lock:
            self.totals[label] = total

    def advanced(self, label: str, count: int) -> None:
        with self._lock:
            self.counts[label] = self.counts.get(label, 0) + count

    def finished(self, label: str, *, skipped: bool = False) -> None:
        with self._lock:
            self.ended.append(f"{label} (skipped)" if skipped else label)


def test_pack_push_pull_inspect_and_unpack_give_what_they_promise(
    hub: HubProgram, project: Path, tmp_path: Path
) -> None:
    reference = f"{hub.host}/sdk/tiny:v1"
    version = orchard.pack(project, tag=reference, home=tmp_path / "a")
    assert isinstance(version, orchard.Version)
    assert (version.reference, version.kitfile.package.name) == (reference, "tiny")
    assert [(layer.kind.value, layer.path) for layer in version.layers] == LAYERS
    assert version.size == sum(layer.descriptor.size for layer in version.layers)
    assert Digest.of(version.manifest.raw) == version.digest

    assert orchard.push(reference, home=tmp_path / "a") == version.digest
    assert orchard.push(reference, f"{hub.host}/sdk/tiny:v2,v3", home=tmp_path / "a") == version.digest
    assert orchard.pull(f"{hub.host}/sdk/tiny:v3", home=tmp_path / "b") == version.digest
    seen = orchard.inspect(reference, remote=True, home=tmp_path / "c")
    assert (seen.digest, seen.size, seen.layers) == (version.digest, version.size, version.layers)
    assert seen.kitfile.package == version.kitfile.package

    unpacked = orchard.unpack(reference, tmp_path / "there", home=tmp_path / "c", filters=["model", "docs"])
    assert isinstance(unpacked, orchard.Unpacked)
    assert sorted(unpacked.files) == ["README.md", "model/config.json", "model/weights.bin"]
    assert unpacked.directory == tmp_path / "there"
    assert unpacked.version.digest == version.digest
    assert not (tmp_path / "c").exists()


def test_inspect_looks_where_it_is_told(hub: HubProgram, project: Path, tmp_path: Path) -> None:
    reference = f"{hub.host}/sdk/where:v1"
    version = orchard.pack(project, tag=reference, home=tmp_path)
    assert orchard.inspect(reference, home=tmp_path).digest == version.digest
    with pytest.raises(NotFoundError, match="sdk/where:v1"):
        orchard.inspect(reference, remote=True, home=tmp_path)
    orchard.push(reference, home=tmp_path)
    assert orchard.inspect(reference, home=tmp_path / "other").digest == version.digest
    with pytest.raises(NotFoundError, match="not in the local store"):
        orchard.inspect(reference, remote=False, home=tmp_path / "other")


def test_existing_says_what_happens_to_files_that_are_there(project: Path, tmp_path: Path) -> None:
    orchard.pack(project, tag="tiny:v1", home=tmp_path / "home")
    there = write_files(tmp_path / "there", {"README.md": "mine"})
    with pytest.raises(ConflictError, match=r"README\.md"):
        orchard.unpack("tiny:v1", there, home=tmp_path / "home")
    orchard.unpack("tiny:v1", there, existing="keep", home=tmp_path / "home")
    assert (there / "README.md").read_text() == "mine"
    orchard.unpack("tiny:v1", there, existing="overwrite", home=tmp_path / "home")
    assert contents(there) == contents(project)


def test_observer_is_told_of_every_byte(hub: HubProgram, tmp_path: Path) -> None:
    packing, pushing, again, unpacking = Watcher(), Watcher(), Watcher(), Watcher()
    reference = f"{hub.host}/sdk/watched:v1"
    home = tmp_path / "home"
    orchard.pack(make_project(tmp_path / "p", seed=5), tag=reference, home=home, observer=packing)
    orchard.push(reference, home=home, observer=pushing)
    orchard.push(reference, home=home, observer=again)
    orchard.unpack(reference, tmp_path / "there", home=home, observer=unpacking)
    for watcher in (packing, pushing, unpacking):
        assert watcher.counts == {label: total for label, total in watcher.totals.items() if total}
        assert sorted(watcher.ended) == sorted(watcher.totals)
    assert len(packing.totals) == len(unpacking.totals) == len(LAYERS)
    assert all(label.endswith("(skipped)") for label in again.ended)


def test_threads_pack_into_one_home_at_the_same_time(tmp_path: Path) -> None:
    projects = [make_project(tmp_path / f"p{number}", name=f"p{number}", seed=number) for number in range(THREADS)]
    expected = [orchard.pack(project, home=tmp_path / "one-by-one").digest for project in projects]
    home = tmp_path / "home"
    barrier = Barrier(THREADS)

    def work(number: int) -> object:
        barrier.wait()
        digest = orchard.pack(projects[number], tag=f"p{number}:v1", home=home).digest
        orchard.unpack(f"p{number}:v1", tmp_path / f"there{number}", home=home)
        return digest

    before = Path.cwd()
    with ThreadPoolExecutor(THREADS) as pool:
        digests = list(pool.map(work, range(THREADS)))
    assert digests == expected
    assert Path.cwd() == before
    layout = Layout(home / "layout")
    assert list(layout.verify()) == []
    assert {entry.repository for entry in layout.entries()} == {f"localhost/p{number}" for number in range(THREADS)}
    for number, project in enumerate(projects):
        assert contents(tmp_path / f"there{number}") == contents(project)


def test_threads_push_and_pull_at_the_same_time(hub: HubProgram, tmp_path: Path) -> None:
    project = make_blob_project(tmp_path / "p", 2_000_000, 10)
    names = [f"{hub.host}/sdk/threads{number}:v1" for number in range(4)]

    def work(name: str) -> object:
        digest = orchard.pack(project, tag=name, home=tmp_path / "home").digest
        assert orchard.push(name, home=tmp_path / "home") == digest
        return orchard.pull(name, home=tmp_path / "other")

    with ThreadPoolExecutor(len(names)) as pool:
        assert len(set(pool.map(work, names))) == 1
    assert list(Layout(tmp_path / "other/layout").verify()) == []


def test_relative_paths_and_environment_are_read_where_the_caller_stands(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "home"))
    before = dict(os.environ)
    orchard.pack(os.path.relpath(project), tag="tiny:v1")
    unpacked = orchard.unpack("tiny:v1", "there", filters=["docs"])
    assert unpacked.directory == tmp_path / "there"
    assert (Path.cwd(), dict(os.environ)) == (tmp_path, before)


@pytest.mark.parametrize(
    ("call", "kind", "match"),
    [
        (lambda at: orchard.pack(at.project / "none", home=at.home), NotFoundError, "none"),
        (lambda at: orchard.pack(at.project, tag="x@sha256:" + "0" * 64, home=at.home), UsageError, "digest"),
        (lambda at: orchard.pack(at.project, tag="x:-", home=at.home), InvalidReferenceError, "'-'"),
        (
            lambda at: orchard.pack(at.project, file=at.project / "README.md", home=at.home),
            InvalidDocumentError,
            r"README\.md",
        ),
        (lambda at: orchard.push("none:v1", home=at.home), UsageError, "a registry is needed"),
        (lambda at: orchard.push("localhost:1/none:v1", home=at.home), NotFoundError, "none:v1"),
        (lambda at: orchard.pull("localhost:1/x:v1", home=at.home, options=IMPATIENT), RemoteError, "localhost:1"),
        (lambda at: orchard.inspect("none:v1", home=at.home), NotFoundError, "none:v1"),
        (lambda at: orchard.unpack("none:v1", at.project / "x", home=at.home), NotFoundError, "none:v1"),
        (lambda at: orchard.pack(at.project, home=at.project / "README.md"), StorageError, r"README\.md"),
    ],
)
def test_failure_is_an_error_of_ours_that_names_the_thing(
    project: Path, tmp_path: Path, call: Callable[[Place], object], kind: type[OrchardError], match: str
) -> None:
    with pytest.raises(kind, match=match):
        call(Place(project, tmp_path))
    assert not (project / "x").exists()


def test_everything_public_is_typed_and_documented() -> None:
    for name in orchard.__all__:
        thing = getattr(orchard, name)
        assert thing.__doc__, name
        if inspect.isfunction(thing):
            annotations = thing.__annotations__
            assert set(annotations) == {*inspect.signature(thing).parameters, "return"}, name
    assert (Path(orchard.__file__).parent / "py.typed").is_file()


def test_type_checker_accepts_a_script_and_finds_its_mistake(tmp_path: Path) -> None:
    good = "import orchard\n\nversion = orchard.pack('x', compression='zstd')\nsize: int = version.size\n"
    write_files(tmp_path, {"good.py": good, "bad.py": good.replace("zstd", "lzma")})
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "good.py", "bad.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 1, done.stdout
    assert errors[0].startswith("bad.py:3:")


def test_function_works_in_a_process_without_home(project: Path, tmp_path: Path) -> None:
    script = f"import orchard; print(orchard.pack({str(project)!r}, home={str(tmp_path / 'h')!r}).digest)"
    environ = {
        name: value for name, value in Program(tmp_path).variables.items() if name not in {"HOME", "ORCHARD_HOME"}
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("sha256:")
