"""Raw layers, and what a manifest says beside its layers."""

import json
from pathlib import Path

import pytest

from orchard.errors import InvalidError
from orchard.formats import Filters, LayerFormat
from orchard.oci import Digest, Reference
from orchard.project import CompressionName, Packed, Recipe, Terms, Workspace

HEAD = "manifestVersion: 1.0.0\npackage:\n  name: x\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "model").mkdir(parents=True)
    (root / "model" / "w.bin").write_text("weights")
    (root / "model" / "w.bin").chmod(0o755)
    (root / "Kitfile").write_text(f"{HEAD}model:\n  name: m\n  path: ./model/w.bin\n")
    return root


def pack(root: Path, tmp_path: Path, **recipe: object) -> Packed:
    with Workspace(tmp_path / "home", environ={}) as workspace:
        return workspace.pack(root, tag="x:1", recipe=Recipe(**recipe))  # type: ignore[arg-type]  # as the test says


def raw(root: Path, tmp_path: Path, compression: CompressionName = "none") -> Packed:
    return pack(root, tmp_path, layer_format=LayerFormat.RAW, compression=compression)


def test_pack_raw_then_the_layer_is_the_file_and_its_annotations_name_it(project: Path, tmp_path: Path) -> None:
    layer = raw(project, tmp_path).layers[0].layer
    assert layer.descriptor.media_type == "application/vnd.kitops.modelkit.model.v1.raw"
    assert layer.descriptor.digest == layer.diff_id == Digest.of(b"weights")
    assert layer.descriptor.annotations["org.cncf.model.filepath"] == "model/w.bin"
    metadata = json.loads(layer.descriptor.annotations["org.cncf.model.file.metadata+json"])
    assert (metadata["name"], metadata["mode"], metadata["size"]) == ("w.bin", 0o755, 7)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_pack_raw_and_compressed_then_the_diff_id_is_that_of_the_file(
    project: Path, tmp_path: Path, compression: CompressionName
) -> None:
    layer = raw(project, tmp_path, compression).layers[0].layer
    assert layer.descriptor.media_type == f"application/vnd.kitops.modelkit.model.v1.raw+{compression}"
    assert layer.diff_id == Digest.of(b"weights")


def test_pack_raw_twice_then_the_version_is_the_same(project: Path, tmp_path: Path) -> None:
    first = raw(project, tmp_path).descriptor
    (project / "model" / "w.bin").touch()
    assert raw(project, tmp_path).descriptor == first


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_unpack_raw_layers_then_the_files_come_back(
    project: Path, tmp_path: Path, compression: CompressionName
) -> None:
    raw(project, tmp_path, compression)
    with Workspace(tmp_path / "home", environ={}) as workspace:
        workspace.unpack(Reference.parse("x:1"), tmp_path / "out", filters=Filters(), terms=Terms())
    found = tmp_path / "out" / "model" / "w.bin"
    assert (found.read_text(), found.stat().st_mode & 0o777) == ("weights", 0o755)


@pytest.mark.parametrize("path", ["model", "."])
def test_pack_a_directory_raw_then_the_entry_is_named(project: Path, tmp_path: Path, path: str) -> None:
    (project / "Kitfile").write_text(f"{HEAD}code:\n  - path: {path}\n")
    with pytest.raises(InvalidError, match=rf"code {path}: a raw layer is one regular file"):
        raw(project, tmp_path)


def test_pack_a_directory_as_an_mcp_bundle_then_it_is_refused(project: Path, tmp_path: Path) -> None:
    (project / "s.mcpb").mkdir()
    (project / "Kitfile").write_text(f"{HEAD}mcpServers:\n  - name: s\n    path: s.mcpb\n")
    with pytest.raises(InvalidError, match=r"mcpb s\.mcpb: an MCP bundle is one \.mcpb file"):
        pack(project, tmp_path)


def test_pack_with_annotations_then_only_the_manifest_changes(project: Path, tmp_path: Path) -> None:
    plain, said = pack(project, tmp_path), pack(project, tmp_path, annotations={"b": "2", "a": "<1>"})
    assert said.manifest.annotations == {"a": "<1>", "b": "2"}
    assert said.manifest.children == plain.manifest.children
    assert said.descriptor != plain.descriptor
