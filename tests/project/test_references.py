"""Kits whose model, or whose datasets, are in other kits."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchard.errors import InvalidDocumentError, LimitExceededError, NotFoundError, StorageError, UnsafeArchiveError
from orchard.formats import (
    CONFIG_TYPE,
    Kitfile,
    Layer,
    LayerKind,
    Lock,
    Model,
    build_config,
    build_manifest,
    parse_filters,
)
from orchard.oci import Descriptor, Digest, Reference
from orchard.project import Portion, Terms, Version, Workspace, read_version, unpacking
from orchard.project.references import model_portions, parents_of, resolved_kitfile
from orchard.store import Bytes, MemoryStore, Store
from support.projects import contents, write_files

BASE = """\
manifestVersion: 1.0.0
model:
  name: base
  path: model
  license: MIT
  parts:
    - {name: tok, path: tok.json}
code:
  - path: base.py
"""
CHILD = "manifestVersion: 1.0.0\npackage:\n  name: child\nmodel:\n  name: mine\n  path: {0}\ncode:\n  - path: src\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "home", environ={})
    files = {"Kitfile": BASE, "model/w.bin": "weights", "tok.json": "{}", "base.py": "base"}
    made.pack(write_files(tmp_path / "base", files), tag="base:v1")
    return made


def pack(
    workspace: Workspace, directory: Path, kitfile: str, tag: str, files: Mapping[str, str] | None = None
) -> Digest:
    files = {"src/a.py": "a"} if files is None else files
    return workspace.pack(write_files(directory, {"Kitfile": kitfile, **files}), tag=tag).descriptor.digest


def unpack(workspace: Workspace, text: str, directory: Path, *filters: str) -> set[str]:
    workspace.unpack(Reference.parse(text), directory, filters=parse_filters(filters), terms=Terms())
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def test_unpack_a_kit_with_a_parent_then_the_model_of_the_parent_is_there_too(
    workspace: Workspace, tmp_path: Path
) -> None:
    pack(workspace, tmp_path / "child", CHILD.format("base:v1"), "child:v1")
    files = unpack(workspace, "child:v1", tmp_path / "out")
    assert files - {"Kitfile.lock"} == {"Kitfile", "src/a.py", "model/w.bin", "tok.json"}
    assert (tmp_path / "out/Kitfile").read_text() == CHILD.format("base:v1")


FILTERS = [
    pytest.param(("model",), {"model/w.bin", "tok.json"}, id="model"),
    pytest.param(("code",), {"src/a.py"}, id="code-only"),
    pytest.param(("model:tok",), {"tok.json"}, id="a-part-of-the-parent"),
    pytest.param(("model:mine",), {"model/w.bin", "tok.json"}, id="by-the-name-in-the-child"),
    pytest.param(("model,code",), {"model/w.bin", "tok.json", "src/a.py"}, id="both"),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_unpack_with_filters_then_they_choose_in_the_parent_as_well(
    workspace: Workspace, tmp_path: Path, filters: tuple[str, ...], expected: set[str]
) -> None:
    pack(workspace, tmp_path / "child", CHILD.format("base:v1"), "child:v1")
    assert unpack(workspace, "child:v1", tmp_path / "out", *filters) == expected


def test_unpack_a_chain_then_parts_come_from_every_kit_on_the_way(workspace: Workspace, tmp_path: Path) -> None:
    model = "model:\n  path: base:v1\n  parts:\n    - path: lora.bin\n"
    middle = f"manifestVersion: 1.0.0\n{model}datasets:\n  - path: data.csv\n"
    pack(workspace, tmp_path / "middle", middle, "middle:v1", {"lora.bin": "lora", "data.csv": "1"})
    pack(workspace, tmp_path / "child", CHILD.format("middle:v1"), "child:v1")
    files = unpack(workspace, "child:v1", tmp_path / "out")
    assert files - {"Kitfile.lock"} == {"Kitfile", "src/a.py", "model/w.bin", "tok.json", "lora.bin"}


def test_pack_a_catch_all_layer_then_files_of_the_parents_model_stay_out_and_no_others(
    workspace: Workspace, tmp_path: Path
) -> None:
    kitfile = CHILD.format("base:v1").replace("src", ".")
    files = {"model/w.bin": "weights", "tok.json": "{}", "base.py": "mine", "model-card.md": "x"}
    pack(workspace, tmp_path / "child", kitfile, "child:v1", files)
    assert unpack(workspace, "child:v1", tmp_path / "out", "code") == {"base.py", "model-card.md"}


def test_pack_when_a_file_has_the_name_of_a_reference_then_it_is_the_model(
    workspace: Workspace, tmp_path: Path
) -> None:
    files = {"base:v1": "a file", "src/a.py": "a"}
    pack(workspace, tmp_path / "child", CHILD.format("base:v1"), "child:v1", files)
    unpack(workspace, "child:v1", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "child")


def test_pack_when_the_parent_is_nowhere_then_it_is_named(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="Failed to resolve referenced modelkit gone:v1: gone:v1: not in the local"):
        pack(workspace, tmp_path / "child", CHILD.format("gone:v1"), "child:v1")


def test_pack_when_it_refers_to_itself_then_the_circle_is_shown(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InvalidDocumentError, match=r"Found cycle in modelkit references: \[x:v1=>x:v1\]"):
        pack(workspace, tmp_path / "child", CHILD.format("x:v1"), "x:v1")


def test_pack_a_path_that_the_parents_model_has_then_both_are_named(workspace: Workspace, tmp_path: Path) -> None:
    kitfile = CHILD.format("base:v1").replace("src", "tok.json")
    with pytest.raises(InvalidDocumentError, match=r"tok\.json.*base:v1"):
        pack(workspace, tmp_path / "child", kitfile, "child:v1", {"tok.json": "mine"})


def test_resolved_kitfile_then_nothing_of_the_model_is_lost(workspace: Workspace, tmp_path: Path) -> None:
    pack(workspace, tmp_path / "child", CHILD.format("base:v1"), "child:v1")
    version, _ = workspace.find(Reference.parse("child:v1"))
    model = resolved_kitfile(version, workspace.find, name="child:v1").model
    assert model is not None
    assert (model.name, model.path, model.license, len(model.parts)) == ("mine", "model", "MIT", 1)


class Shelf:
    """Kits that were never packed, and what finds them."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.known: dict[str, Version] = {}

    def add(self, name: str, path: str, *layers: tuple[str, bytes], lock: Lock | None = None) -> Version:
        kitfile = Kitfile(manifest_version="1.0.0", model=Model(path=path))
        made = [self._layer(path, raw) for path, raw in layers]
        annotations = {"ml.orchard.kitfile.lock": lock.to_annotation()} if lock else None
        config = build_config(kitfile, made)
        manifest = build_manifest(self._put(config, CONFIG_TYPE), made, annotations=annotations)
        self.store.push(manifest.describe(), Bytes(manifest.raw))
        self.known[name] = read_version(self.store, manifest.describe())
        return self.known[name]

    def find(self, reference: Reference) -> tuple[Version, Store]:
        for name, version in self.known.items():
            if Reference.parse(name) == reference or version.digest == reference.digest:
                return version, self.store
        raise NotFoundError(f"{reference} is nowhere")

    def _layer(self, path: str, raw: bytes) -> Layer:
        media_type = "application/vnd.kitops.modelkit.model.v1.raw"
        return Layer(kind=LayerKind.MODEL, path=path, descriptor=self._put(raw, media_type))

    def _put(self, raw: bytes, media_type: str) -> Descriptor:
        descriptor = Descriptor.of(raw, media_type)
        self.store.push(descriptor, Bytes(raw))
        return descriptor


def test_parents_when_they_go_round_then_the_circle_is_shown() -> None:
    shelf = Shelf()
    start = shelf.add("a:v1", "b:v1")
    shelf.add("b:v1", "c:latest")
    shelf.add("c:latest", "a:v1")
    with pytest.raises(InvalidDocumentError, match=r"\[a:v1=>b:v1=>c:latest=>a:v1\]"):
        parents_of(start, shelf.find, name="a:v1")


def test_parents_when_whatever_is_asked_for_is_the_kit_itself_then_the_circle_is_shown() -> None:
    shelf = Shelf()
    text = f"reg.io/x@sha256:{'a' * 64}"
    start = shelf.add("a:v1", text)
    with pytest.raises(InvalidDocumentError, match=r"Found cycle in modelkit references: \[reg\.io/x@sha256:a+=>reg"):
        parents_of(start, lambda _reference: (start, shelf.store), name="a:v1")


def test_parents_when_the_lock_pins_another_version_than_is_found_then_it_is_refused() -> None:
    shelf = Shelf()
    other = shelf.add("base:v1", "w.bin", ("w.bin", b"other"))
    start = shelf.add("child:v1", "base:v1", lock=Lock(kits={"base:v1": Digest.of(b"pinned")}))
    with pytest.raises(InvalidDocumentError, match="but the lock pins"):
        parents_of(start, lambda _reference: (other, shelf.store), name="child:v1")


CHAINS = [pytest.param(10, None, id="ten"), pytest.param(11, LimitExceededError, id="eleven")]


@pytest.mark.parametrize(("parents", "error"), CHAINS)
def test_parents_then_ten_are_followed_and_no_more(parents: int, error: type[Exception] | None) -> None:
    shelf = Shelf()
    start = shelf.add("k0:v1", "k1:v1")
    for number in range(1, parents):
        shelf.add(f"k{number}:v1", f"k{number + 1}:v1")
    shelf.add(f"k{parents}:v1", "w.bin", ("w.bin", b"weights"))
    if error is None:
        assert len(parents_of(start, shelf.find, name="k0:v1")) == parents
    else:
        with pytest.raises(error, match="reached maximum number of model references"):
            parents_of(start, shelf.find, name="k0:v1")


def test_parents_when_a_lock_pins_them_then_a_moved_tag_changes_nothing() -> None:
    shelf = Shelf()
    first = shelf.add("base:v1", "w.bin", ("w.bin", b"first"))
    start = shelf.add("child:v1", "base:v1", lock=Lock(kits={"base:v1": first.digest}))
    shelf.known["old"] = first
    shelf.add("base:v1", "w.bin", ("w.bin", b"second"))
    (parent,) = parents_of(start, shelf.find, name="child:v1")
    assert (parent.version.digest, parent.pinned) == (first.digest, True)


HOSTILE = [
    pytest.param("Kitfile", id="kitfile"),
    pytest.param("Kitfile.lock", id="lock"),
    pytest.param("../outside", id="outside"),
    pytest.param("/outside", id="absolute"),
]


@pytest.mark.parametrize("path", HOSTILE)
def test_unpack_when_the_parent_brings_what_it_must_not_then_nothing_appears(tmp_path: Path, path: str) -> None:
    shelf = Shelf()
    parent = shelf.add("base:v1", path, (path, b"evil"))
    child = shelf.add("child:v1", "base:v1", lock=Lock(kits={"base:v1": parent.digest}))
    before = tuple(model_portions(child, parse_filters(()), shelf.find, name="child:v1"))
    with pytest.raises(UnsafeArchiveError):
        unpacking.unpack(child, shelf.store, tmp_path / "out", filters=parse_filters(()), before=before)
    assert list(tmp_path.iterdir()) == []


def test_unpack_when_parent_and_child_bring_one_file_then_nothing_appears(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.add("base:v1", "w.bin", ("w.bin", b"theirs"))
    child = shelf.add("child:v1", "base:v1")
    part = Portion(shelf.store, shelf.known["base:v1"].kit.layers)
    with pytest.raises(UnsafeArchiveError, match="stands twice"):
        unpacking.unpack(child, shelf.store, tmp_path / "out", filters=parse_filters(()), before=(part, part))
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_in_the_place_of_the_lock_is_not_waited_for(workspace: Workspace, tmp_path: Path) -> None:
    project = write_files(tmp_path / "p", {"Kitfile": CHILD.format("base:v1"), "src/a.py": "a"})
    os.mkfifo(project / "Kitfile.lock")

    with pytest.raises(StorageError, match=r"Kitfile\.lock: cannot be read: is a pipe"):
        workspace.pack(project)
