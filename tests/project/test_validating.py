"""Validation of what is stored, however broken it is: remarks, and no traceback."""

import json
import os
from pathlib import Path

import pytest

import orchard
from orchard.errors import NotAModelKitError, NotFoundError
from orchard.formats import ProjectFormat
from orchard.oci import JSON, Descriptor, Reference, dumps, mediatype
from orchard.project import Workspace, validate_directory, validate_reference
from orchard.project.validating import validate_version
from orchard.store import Bytes, MemoryStore
from support import modelpacks
from support.modelpacks import CNCF, FILEPATH, TITLE, Blob, artifact
from support.projects import make_project, write_files


def test_what_is_packed_is_valid_in_the_library_too(tmp_path: Path) -> None:
    orchard.pack(make_project(tmp_path / "p"), tag="x:v1", format="modelpack", home=tmp_path / "home")

    validated = orchard.validate("x:v1", home=tmp_path / "home")

    assert (validated.format, validated.errors, validated.remarks) == (ProjectFormat.MODELPACK, 0, ())


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with Workspace(tmp_path / "home", environ=os.environ) as workspace, pytest.raises(NotFoundError):
        validate_reference(workspace, Reference.parse("x:v1"), remote=False)
    with pytest.raises(NotFoundError, match="No Kitfile found"):
        validate_directory(tmp_path)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"schemaVersion":1}', b"{}"])
def test_a_manifest_that_cannot_be_read_is_one_remark(raw: bytes) -> None:
    store = MemoryStore()
    content = Descriptor.of(raw, "text/plain")
    store.push(content, Bytes(raw))

    validated = validate_version(content, store)

    assert [one.rule for one in validated.remarks] == ["manifest"]
    assert validated.format is None


def test_a_manifest_that_is_too_large_is_not_even_read() -> None:
    content = Descriptor(media_type=mediatype.OCI_MANIFEST, digest=Descriptor.of(b"", "x").digest, size=5 << 20)

    validated = validate_version(content, MemoryStore())

    assert [one.rule for one in validated.remarks] == ["manifest", "manifest-size"]


def test_a_config_that_is_too_large_is_not_even_read() -> None:
    made = modelpacks.modctl()
    value = json.loads(made.manifest.raw)
    value["config"]["size"] = 5 << 20
    raw = dumps(value)
    store = MemoryStore()
    store.push(Descriptor.of(raw, "text/plain"), Bytes(raw))

    validated = validate_version(replaced(raw), store)

    assert [one.rule for one in validated.remarks] == ["config-schema"]


def replaced(raw: bytes) -> Descriptor:
    return Descriptor.of(raw, mediatype.OCI_MANIFEST)


def test_other_artifacts_are_called_by_their_name() -> None:
    image = artifact([], {}, config_type="application/vnd.oci.image.config.v1+json", artifact_type=None)
    docker = modelpacks.docker()
    for made, message in ((image, "a container image"), (docker, "a Docker model, for which there are no rules")):
        store = made.store()
        with pytest.raises(NotAModelKitError, match=message):
            validate_version(made.manifest.describe(), store)


def test_archives_of_weights_are_looked_into_by_their_headers() -> None:
    two = modelpacks.tar({"a.gguf": b"a", "b.gguf": b"b"})
    broken = b"x" * 1024
    said = {FILEPATH: "w", TITLE: "w"}
    layers = [
        Blob(two, f"{CNCF}.weight.v1.tar", said),
        Blob(broken, f"{CNCF}.weight.v1.tar", said | {FILEPATH: "v"}),
    ]
    files: JSON = {"type": "layers", "diffIds": modelpacks.diff_ids(two, broken)}
    made = artifact(layers, {"descriptor": {}, "config": {"format": "gguf"}, "modelfs": files})

    validated = validate_version(made.manifest.describe(), made.store())

    assert [(one.rule, one.where) for one in validated.remarks] == [
        ("path-unsafe", "manifest: layers[1]"),
        ("weights-bundled", "manifest: layers[0]"),
    ]


def test_a_directory_is_told_all_that_is_wrong_with_its_kitfile(tmp_path: Path) -> None:
    kitfile = "manifestVersion: 1.0.0\npackage: {license: mine}\ndocs: [{path: gone.md}]\n"

    validated = validate_directory(write_files(tmp_path, {"Kitfile": kitfile}))

    assert [one.rule for one in validated.remarks] == ["files", "license"]
    assert [one.rule for one in validate_directory(write_files(tmp_path, {"Kitfile": "{"})).remarks] == ["kitfile"]
