"""Projects packed as ModelPacks: what any client needs is on every layer, and the same tree gives the same digest."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from orchard.errors import InvalidError
from orchard.formats import Layer, LayerFormat, ProjectFormat, parse_filters, to_yaml
from orchard.oci import read_all
from orchard.project import ModelPackFormat, Packed, Recipe, Terms, Version, Workspace, modelpacking, read_version
from orchard.project.unpacking import unpack
from support.modelpack_schema import VALIDATOR
from support.projects import contents, make_project, write_files

DIGITS = Path(__file__).parents[2] / "examples/digits"
RAW = LayerFormat.RAW
TAR = LayerFormat.TAR
TREE = {
    "Kitfile": (
        "manifestVersion: 1.0.0\npackage: {name: tree, license: MIT}\nmodel: {name: m, path: model}\n"
        "code:\n- path: src\n  license: Apache-2.0\n"
        "datasets:\n- {name: train, path: ./data}\ndocs:\n- path: README.md\n"
    ),
    "model/model-00001-of-00002.bin": "a" * 100,
    "model/model-00002-of-00002.bin": "b" * 50,
    "model/config.json": '{"model_type": "llama", "transformers_version": "5", "dtype": "bfloat16"}',
    "model/README.md": "# Model\n",
    "model/modeling.py": "pass\n",
    "src/run.sh": "#!/bin/sh\n",
    "data/a.csv": "1\n",
    "data/sub/b.csv": "2\n",
    "README.md": "---\nlicense: mit\nlanguage: [en, de, klingon]\npipeline_tag: text-generation\n---\n# Tree\n",
}


class Bench:
    """A workspace that packs as ModelPack."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.workspace = Workspace(path / "home", environ=os.environ)
        self.repository = self.workspace.layout.repository("localhost/x")

    def pack(self, directory: Path, form: ModelPackFormat | None = None, **recipe: Any) -> Packed:  # noqa: ANN401
        wanted = Recipe(format=form or ModelPackFormat(), layer_format=RAW, provenance=False)
        return self.workspace.pack(directory, tag="x:v1", recipe=replace(wanted, **recipe))

    def config(self, packed: Packed) -> Any:  # noqa: ANN401
        with self.repository.open(packed.manifest.config) as body:
            return json.loads(read_all(body, packed.manifest.config, limit=1 << 22))

    def read(self, packed: Packed) -> Version:
        return read_version(self.repository, packed.descriptor)

    def unpack(self, packed: Packed, *filters: str) -> Path:
        where = self.path / "there"
        unpack(self.read(packed), self.repository, where, filters=parse_filters(filters), terms=Terms())
        return where


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    directory = write_files(tmp_path / "tree", TREE)
    (directory / "src/run.sh").chmod(0o755)
    (directory / "README.md").chmod(0o600)
    return directory


def paths(layers: tuple[Layer, ...]) -> list[tuple[str, str]]:
    return [(layer.descriptor.media_type.removeprefix("application/vnd.cncf.model."), layer.path) for layer in layers]


def test_each_file_is_a_layer_in_the_order_of_kit(bench: Bench, tree: Path) -> None:
    packed = bench.pack(tree)

    assert paths(tuple(one.layer for one in packed.layers)) == [
        ("weight.v1.raw", "model/model-00001-of-00002.bin"),
        ("weight.v1.raw", "model/model-00002-of-00002.bin"),
        ("weight.config.v1.raw", "model/config.json"),
        ("code.v1.raw", "src/run.sh"),
        ("code.v1.raw", "model/modeling.py"),
        ("dataset.v1.raw", "data/a.csv"),
        ("dataset.v1.raw", "data/sub/b.csv"),
        ("doc.v1.raw", "README.md"),
        ("doc.v1.raw", "model/README.md"),
    ]
    assert [one.layer.descriptor for one in packed.layers] == list(packed.manifest.layers)
    assert packed.manifest.artifact_type == "application/vnd.cncf.model.manifest.v1+json"


def test_every_layer_says_its_path_its_title_its_metadata_and_who_decided_its_kind(bench: Bench, tree: Path) -> None:
    layers = {layer.annotations["org.cncf.model.filepath"]: layer for layer in bench.pack(tree).manifest.layers}

    for path, layer in layers.items():
        assert layer.annotations["org.opencontainers.image.title"] == path
        said = json.loads(layer.annotations["org.cncf.model.file.metadata+json"])
        assert list(said) == ["name", "mode", "uid", "gid", "size", "mtime", "typeflag"]
        assert (said["name"], said["size"]) == (path.rpartition("/")[2], layer.size)
        assert (said["mode"], said["mtime"]) == (0o755 if path == "src/run.sh" else 0o644, "1970-01-01T00:00:00Z")
    untested = {path for path in layers if layers[path].annotations["org.cncf.model.file.mediatype.untested"] == "true"}
    assert untested == {path for path in layers if path.startswith("model/")}


def test_the_config_is_valid_and_says_what_the_files_say(bench: Bench, tree: Path) -> None:
    packed = bench.pack(tree, annotations={"org.opencontainers.image.created": "2026-01-02T03:04:05Z"})

    config = bench.config(packed)

    VALIDATOR.validate(config)
    assert config["descriptor"] == {
        "createdAt": "2026-01-02T03:04:05Z",
        "family": "llama",
        "name": "tree",
        "title": "tree",
        "licenses": ["Apache-2.0", "MIT"],
    }
    assert config["config"] == {
        "architecture": "transformer",
        "format": "pt",
        "precision": "bfloat16",
        "capabilities": {"inputTypes": ["text"], "outputTypes": ["text"], "languages": ["en", "de"]},
    }
    assert config["modelfs"]["diffIds"] == [str(layer.digest) for layer in packed.manifest.layers]


def test_the_kitfile_that_was_written_comes_back_and_filters_know_its_entries(bench: Bench, tree: Path) -> None:
    packed = bench.pack(tree)

    version = bench.read(packed)

    assert version.kit.format is ProjectFormat.MODELPACK
    assert to_yaml(version.kit.kitfile) == to_yaml(packed.kitfile)
    assert sorted(path.name for path in bench.unpack(packed, "datasets:train").rglob("*.csv")) == ["a.csv", "b.csv"]


def test_the_kitfile_for_kit_has_one_entry_for_each_layer(bench: Bench, tree: Path) -> None:
    packed = bench.pack(tree)

    kitfile = json.loads(packed.manifest.annotations["ml.kitops.modelkit.kitfile"])

    assert kitfile["model"]["path"] == "model/model-00001-of-00002.bin"
    assert kitfile["model"]["parts"][0] == {
        "path": "model/model-00002-of-00002.bin",
        "type": "weight",
        "digest": str(packed.manifest.layers[1].digest),
        "diffId": str(packed.manifest.layers[1].digest),
    }
    assert [(entry["name"], entry["path"]) for entry in kitfile["datasets"]] == [
        ("train", "data/a.csv"),
        ("train", "data/sub/b.csv"),
    ]
    assert [entry.get("license") for entry in kitfile["code"]] == ["Apache-2.0", None]


def test_what_is_unpacked_is_what_was_packed(bench: Bench, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")

    there = bench.unpack(bench.pack(project))

    assert {name: digest for name, (_, digest) in contents(there).items()} == {
        name: digest for name, (_, digest) in contents(project).items()
    }
    assert stat.S_IMODE((there / "src/run.sh").stat().st_mode) == 0o755


def test_the_same_tree_gives_the_same_digest_whatever_its_times_and_permissions(bench: Bench, tree: Path) -> None:
    first = bench.pack(tree).descriptor
    os.utime(tree / "README.md", (5, 5))
    (tree / "README.md").chmod(0o664)

    assert bench.pack(tree).descriptor == first
    assert bench.pack(tree, ModelPackFormat(preserve=True)).descriptor != first
    assert bench.pack(tree, ModelPackFormat(epoch=7)).descriptor != first


def test_times_and_permissions_are_kept_where_that_is_asked_for(bench: Bench, tree: Path) -> None:
    os.utime(tree / "README.md", (1_700_000_000, 1_700_000_000))

    layers = bench.pack(tree, ModelPackFormat(preserve=True)).manifest.layers

    said = {layer.annotations["org.cncf.model.filepath"]: layer for layer in layers}["README.md"]
    metadata = json.loads(said.annotations["org.cncf.model.file.metadata+json"])
    assert (metadata["mode"], metadata["mtime"]) == (0o600, "2023-11-14T22:13:20Z")


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_archives_are_those_of_a_modelkit(bench: Bench, tree: Path, compression: Any) -> None:  # noqa: ANN401
    kit = bench.workspace.pack(tree, tag="k:v1", recipe=Recipe(compression=compression, provenance=False))

    packed = bench.pack(tree, layer_format=TAR, compression=compression)

    assert [layer.digest for layer in packed.manifest.layers] == [layer.digest for layer in kit.manifest.layers]
    assert packed.manifest.layers[0].media_type.startswith("application/vnd.cncf.model.weight.v1.tar")
    VALIDATOR.validate(bench.config(packed))
    assert "ml.orchard.kitfile" not in packed.manifest.annotations
    assert contents(bench.unpack(packed)) == contents(tree)


def test_bare_files_are_not_compressed(bench: Bench, tree: Path) -> None:
    with pytest.raises(InvalidError, match="compression for raw layers is not supported for ModelPack"):
        bench.pack(tree, compression="gzip")


def test_mcp_servers_are_refused_or_left_out_with_a_word(bench: Bench, tmp_path: Path) -> None:
    kitfile = "manifestVersion: 1.0.0\nmcpServers:\n- {name: t, path: t.mcpb}\ndocs:\n- path: README.md\n"
    project = write_files(tmp_path / "p", {"Kitfile": kitfile, "t.mcpb": b"PK", "README.md": "x"})

    with pytest.raises(
        InvalidError, match=r"mcpb t\.mcpb: ModelPack has no place for MCP servers; .*--drop-unsupported"
    ):
        bench.pack(project)
    packed = bench.pack(project, ModelPackFormat(drop_unsupported=True))

    assert [text for text in packed.warnings if "MCP servers: t.mcpb" in text]
    assert "mcpServers" not in to_yaml(bench.read(packed).kit.kitfile)


def test_prompts_are_code_with_a_subtype(bench: Bench, tmp_path: Path) -> None:
    packed = bench.pack(make_project(tmp_path / "project"))

    prompt = packed.manifest.layers[-1]
    assert prompt.media_type == "application/vnd.cncf.model.code.v1.raw"
    assert prompt.annotations["ml.kitops.modelkit.layer-subtype"] == "prompt"
    assert bench.read(packed).kit.layers[-1].kind.value == "prompt"


def test_a_project_without_a_file_is_refused(bench: Bench, tmp_path: Path) -> None:
    project = write_files(tmp_path / "p", {"Kitfile": "manifestVersion: 1.0.0\npackage: {name: x}\n"})

    with pytest.raises(InvalidError, match="a ModelPack needs at least one layer"):
        bench.pack(project)


def test_flat_titles_have_no_directories_and_are_distinct(bench: Bench, tree: Path) -> None:
    form = ModelPackFormat(flat_titles=True)

    with pytest.raises(InvalidError, match=r"model/README\.md and README\.md would have the same title"):
        bench.pack(tree, form)
    (tree / "model/README.md").unlink()

    titles = [layer.annotations["org.opencontainers.image.title"] for layer in bench.pack(tree, form).manifest.layers]
    assert "b.csv" in titles
    assert not [title for title in titles if "/" in title]


def test_too_many_small_files_are_bundled_and_that_is_said(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modelpacking, "MAX_LAYERS", 100)
    monkeypatch.setattr(modelpacking, "BUNDLED", 1000)
    monkeypatch.setattr(modelpacking, "BUNDLE", 5000)
    files = {f"data/d{n % 3}/{n}.txt": f"{n}" * 20 for n in range(150)}
    kitfile = "manifestVersion: 1.0.0\ndatasets:\n- {name: many, path: data}\ndocs:\n- path: README.md\n"
    project = write_files(tmp_path / "p", {"Kitfile": kitfile, "README.md": "x", "data/big.bin": b"b" * 1000, **files})

    packed = bench.pack(project)

    assert paths(bench.read(packed).kit.layers) == [
        ("dataset.v1.raw", "data/big.bin"),
        ("dataset.v1.tar", "data/bundle-0001.tar"),
        ("dataset.v1.tar", "data/bundle-0002.tar"),
        ("doc.v1.raw", "README.md"),
    ]
    assert [text for text in packed.warnings if "150 small files are bundled into 2 archives" in text]
    assert [layer.name for layer in bench.read(packed).kit.layers] == ["many", "many", "many", ""]
    assert contents(bench.unpack(packed)) == contents(project)
    VALIDATOR.validate(bench.config(packed))


def test_empty_directories_are_not_lost_without_a_word(bench: Bench, tree: Path) -> None:
    (tree / "data/hollow").mkdir()

    packed = bench.pack(tree)

    assert [text for text in packed.warnings if "1 empty directories are left out" in text]


def test_a_directory_of_many_files_fits_into_a_manifest(bench: Bench, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"data/{'long-' * 20}{n}.txt": b"x" for n in range(2600)}
    kitfile = "manifestVersion: 1.0.0\ndatasets:\n- {name: many, path: data}\n"

    packed = bench.pack(write_files(tmp_path / "p", {"Kitfile": kitfile, **files}))

    assert len(packed.manifest.raw) < 4 << 20


GOLDEN = {
    "digits": "sha256:f46efd11df94dc546cfa2116adf7d8dda9480a50c549b7e6342ea34b587a51ec",
    "tree": "sha256:97b92ccebdfb6654f3724eaa32da1bed10596af97afd316c2ead153b2bb9ac80",
}


def test_the_digests_of_known_projects_never_change(bench: Bench, tree: Path) -> None:
    found = {"digits": bench.pack(DIGITS), "tree": bench.pack(tree)}

    assert {name: str(packed.descriptor.digest) for name, packed in found.items()} == GOLDEN
