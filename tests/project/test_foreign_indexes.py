"""Indexes of other tools: the one project in them is what their name means."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import orchard
from orchard.errors import InvalidDocumentError, NotAModelKitError
from orchard.oci import JSON, Descriptor, Reference, dumps, mediatype
from orchard.project import Workspace, read_version
from orchard.project.versions import choose_project
from orchard.store import Bytes, MemoryStore, Store
from support import modelpacks
from support.modelpacks import Artifact, Blob, artifact

IMAGE = artifact(
    [Blob(b"layer", "application/vnd.oci.image.layer.v1.tar")],
    {"architecture": "amd64", "os": "linux"},
    config_type="application/vnd.oci.image.config.v1+json",
    artifact_type=None,
)


def index(store: Store, *parts: Artifact, absent: tuple[Artifact, ...] = (), **more: JSON) -> Descriptor:
    for part in parts:
        part.push(store)
    children: list[JSON] = [part.manifest.describe().to_json() for part in (*parts, *absent)]
    raw = dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": children, **more})
    content = Descriptor.of(raw, mediatype.OCI_INDEX)
    store.push(content, Bytes(raw))
    store.tag(content, "v1")
    return content


@pytest.mark.parametrize("make", [modelpacks.olot, modelpacks.docker, modelpacks.modctl])
def test_the_model_beside_an_image_is_read(make: Callable[[], Artifact]) -> None:
    store, made = MemoryStore(), make()

    version = read_version(store, index(store, IMAGE, made))

    assert version.digest == made.manifest.describe().digest


def test_what_an_index_lacks_is_not_looked_into() -> None:
    store = MemoryStore()

    version = read_version(store, index(store, modelpacks.olot(), absent=(modelpacks.modctl(),)))

    assert version.digest == modelpacks.olot().manifest.describe().digest


@pytest.mark.parametrize("parts", [(), (IMAGE,), (modelpacks.olot(), modelpacks.modctl())], ids=len)
def test_without_exactly_one_model_somebody_has_to_choose(parts: tuple[Artifact, ...]) -> None:
    store = MemoryStore()

    with pytest.raises(InvalidDocumentError, match="index of several manifests; name one of them by its digest"):
        read_version(store, index(store, *parts))


def test_an_index_that_names_itself_or_many_manifests_is_left_alone() -> None:
    store = MemoryStore()
    inner = index(store, modelpacks.olot())
    raw = dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": [inner.to_json()]})
    outer = Descriptor.of(raw, mediatype.OCI_INDEX)
    store.push(outer, Bytes(raw))

    assert choose_project(store, outer) == outer
    many = index(store, *(modelpacks.olot() for _ in range(1)), absent=(modelpacks.modctl(),) * 40)
    assert choose_project(store, many) == many


def test_it_can_be_unpacked_converted_and_put_under_a_name_of_its_own(tmp_path: Path) -> None:
    with Workspace(tmp_path / "home", environ=os.environ) as workspace:
        index(workspace.layout.repository("localhost/x"), IMAGE, modelpacks.olot())
        kept = workspace.find(Reference.parse("x:v1"))[0].digest

    orchard.unpack("x:v1", tmp_path / "there", home=tmp_path / "home")
    orchard.convert("x:v1", "modelkit", tag="x:kit", home=tmp_path / "home")

    assert kept == modelpacks.olot().manifest.describe().digest
    assert (tmp_path / "there" / "models" / "model.gguf").read_bytes() == modelpacks.WEIGHTS
    assert orchard.validate("x:v1", home=tmp_path / "home").errors == 0


def test_a_modelkit_index_is_chosen_from_by_labels_only() -> None:
    store = MemoryStore()
    content = index(store, modelpacks.olot(), artifactType="application/vnd.kitops.modelkit.index.v1+json")

    with pytest.raises(InvalidDocumentError):
        read_version(store, content)
    with pytest.raises(NotAModelKitError):
        read_version(store, IMAGE.push(store))
