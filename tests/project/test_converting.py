"""Converting in a store: blobs stay, documents are new; only what the other format does not have is written again."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchard.archive import compress
from orchard.errors import IntegrityError, InvalidError, NotFoundError, UsageError
from orchard.formats import Compression, Filters, Layer, LayerFormat, ProjectFormat, Severity
from orchard.oci import Descriptor, Digest, Reference
from orchard.project import (
    Converted,
    Names,
    Recipe,
    Terms,
    Version,
    Wish,
    Workspace,
    convert_reference,
    read_version,
)
from orchard.project.unpacking import unpack
from orchard.project.validating import validate_version
from support import modelpacks
from support.modelpack_schema import VALIDATOR
from support.modelpacks import CNCF, FILEPATH, Blob, artifact
from support.projects import contents, make_project, write_files

PACK, KIT = ProjectFormat.MODELPACK, ProjectFormat.MODELKIT
BARE = Recipe(layer_format=LayerFormat.RAW, provenance=False)


@dataclass
class Shop:
    """A workspace with one repository."""

    path: Path

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.path / "home", environ=os.environ)
        self.repository = self.workspace.layout.repository("localhost/x")

    def convert(self, tag: str, to: ProjectFormat, target: str = "x:new", **wish: Any) -> Converted:  # noqa: ANN401
        names = Names(Reference.parse(target))
        return convert_reference(self.workspace, Reference.parse(f"x:{tag}"), Wish(to=to, **wish), names=names)

    def read(self, tag: str = "new") -> Version:
        return read_version(self.repository, self.repository.resolve(tag))

    def unpack(self, where: Path, tag: str = "new") -> Path:
        unpack(self.read(tag), self.repository, where, filters=Filters(), terms=Terms())
        return where

    def blobs(self) -> set[str]:
        return {path.name for path in self.workspace.home.rglob("blobs/*/*")}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def kinds(layers: Iterable[Descriptor]) -> set[str]:
    return {layer.media_type.rpartition(".v1.")[2] for layer in layers}


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_no_layer_is_written_and_all_can_be_unpacked(
    shop: Shop,
    project: Path,
    compression: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    shop.workspace.pack(project, tag="x:v1", recipe=Recipe(compression=compression))
    before = shop.blobs()

    converted = shop.convert("v1", PACK)

    version = shop.read()
    assert (converted.rewritten, converted.before, converted.after) == (0, KIT, PACK)
    assert {layer.digest for layer in version.manifest.layers} == {
        layer.digest for layer in shop.read("v1").manifest.layers
    }
    assert shop.blobs() - before == {version.digest.hex, version.manifest.config.digest.hex}
    assert contents(shop.unpack(tmp_path / "there")) == contents(project)


def test_the_way_back_gives_the_same_version(shop: Shop, project: Path) -> None:
    digest = shop.workspace.pack(project, tag="x:v1").descriptor.digest
    shop.convert("v1", PACK, "x:pack")

    back = shop.convert("pack", KIT, "x:kit")

    assert (back.descriptor.digest, back.draft.restored) == (digest, True)


def test_the_config_is_filled_from_headers_within_archives(shop: Shop) -> None:
    shop.workspace.pack(Path(__file__).parents[2] / "examples/digits", tag="x:v1")

    converted = shop.convert("v1", PACK)

    config = json.loads(converted.draft.config)
    VALIDATOR.validate(config)
    assert config["config"]["paramSize"] == "17.2k"
    assert config["config"]["precision"] == "float32"


def test_compressed_bare_files_lose_their_compression_and_come_back(shop: Shop, tmp_path: Path) -> None:
    kitfile = "manifestVersion: 1.0.0\ndocs:\n- path: README.md\nmodel: {path: m.bin}\n"
    project = write_files(tmp_path / "p", {"Kitfile": kitfile, "README.md": "r" * 9000, "m.bin": "m" * 9000})
    recipe = Recipe(layer_format=LayerFormat.RAW, compression="zstd", provenance=False)
    digest = shop.workspace.pack(project, tag="x:v1", recipe=recipe).descriptor.digest

    converted = shop.convert("v1", PACK)

    version = shop.read()
    assert converted.rewritten == 18_000
    assert {layer.digest for layer in version.manifest.layers} == {
        Digest.of(b"r" * 9000), Digest.of(b"m" * 9000),
    }  # fmt: skip
    assert kinds(version.manifest.layers) == {"raw"}
    assert contents(shop.unpack(tmp_path / "there")) == contents(project)
    assert shop.convert("new", KIT, "x:back").descriptor.digest == digest


def test_without_the_old_blobs_the_way_back_is_another_version(shop: Shop, tmp_path: Path) -> None:
    project = write_files(tmp_path / "p", {"Kitfile": "manifestVersion: 1.0.0\ndocs: [{path: a}]\n", "a": "a" * 9000})
    packed = shop.workspace.pack(project, tag="x:v1", recipe=Recipe(layer_format=LayerFormat.RAW, compression="gzip"))
    shop.convert("v1", PACK)
    lost = packed.manifest.layers[0].digest.hex
    for path in shop.workspace.home.rglob(lost):
        path.unlink()

    back = shop.convert("new", KIT, "x:back")

    assert not back.draft.restored
    assert contents(shop.unpack(tmp_path / "there", "back")) == contents(project)


def test_what_the_config_does_not_say_of_an_archive_is_found_out(shop: Shop) -> None:
    tar = modelpacks.tar({"docs/a.md": b"a"})
    packed = b"".join(compress([tar], "gzip"))
    made = artifact([Blob(packed, "application/vnd.kitops.modelkit.docs.v1.tar+gzip")], {"docs": [{"path": "docs"}]},
                    config_type="application/vnd.kitops.modelkit.config.v1+json", artifact_type=None)  # fmt: skip
    made.push(shop.repository, "v1")

    converted = shop.convert("v1", PACK)

    assert json.loads(converted.draft.config)["modelfs"]["diffIds"] == modelpacks.diff_ids(tar)
    assert shop.convert("new", KIT, "x:back").descriptor == made.manifest.describe()


def test_archives_are_taken_apart_where_that_is_asked_for(shop: Shop, project: Path, tmp_path: Path) -> None:
    shop.workspace.pack(project, tag="x:v1", recipe=Recipe(compression="zstd", provenance=False))

    converted = shop.convert("v1", PACK, explode=True)

    version = shop.read()
    there = contents(shop.unpack(tmp_path / "there"))
    files = {name: digest for name, (_, digest) in contents(project).items() if digest}
    assert kinds(version.manifest.layers) == {"raw"}
    assert {layer.path: str(layer.descriptor.digest) for layer in version.kit.layers} == files
    assert converted.rewritten == sum(layer.size for layer in version.manifest.layers)
    assert {name: digest for name, (_, digest) in there.items() if digest} == files
    assert there["src/run.sh"][0] == 0o755
    assert [layer.entry for layer in version.kit.layers if layer.path.startswith("src/")] == ["src"] * 3
    VALIDATOR.validate(json.loads(converted.draft.config))


def test_an_exploded_modelkit_has_an_entry_for_each_file(shop: Shop, project: Path, tmp_path: Path) -> None:
    shop.workspace.pack(project, tag="x:v1")

    shop.convert("v1", KIT, explode=True)

    version = shop.read()
    assert version.kit.format is KIT
    assert [layer.path for layer in version.kit.layers if layer.kind.value == "code"] == [
        "src/main.py", "src/pkg/util.py", "src/run.sh",
    ]  # fmt: skip
    assert {n: d for n, (_, d) in contents(shop.unpack(tmp_path / "there")).items()} == {
        n: d for n, (_, d) in contents(project).items()
    }


def test_of_several_weights_in_an_archive_the_largest_is_the_model(shop: Shop, tmp_path: Path) -> None:
    kitfile = "manifestVersion: 1.0.0\nmodel: {name: m, path: model}\n"
    files = {"model/a.gguf": "a", "model/b.gguf": "bbb", "model/config.json": "{}", "model/README.md": "r"}
    project = write_files(tmp_path / "p", {"Kitfile": kitfile, **files})
    (project / "model/hollow").mkdir()
    shop.workspace.pack(project, tag="x:v1", recipe=Recipe(compression="gzip"))

    converted = shop.convert("v1", PACK, explode=True)

    assert [(layer.kind.value, layer.path, layer.entry) for layer in shop.read().kit.layers] == [
        ("model", "model/b.gguf", "model"),
        ("modelpart", "model/a.gguf", "model"),
        ("modelpart", "model/config.json", "model"),
        ("docs", "model/README.md", "model"),
    ]
    assert converted.notes == ("model: 1 empty directories are left out",)


def test_an_archive_that_is_not_what_its_diff_id_says_is_not_taken_apart(shop: Shop) -> None:
    tar = modelpacks.tar({"docs/a.md": b"a"})
    packed = b"".join(compress([tar], "gzip"))
    layer = Blob(packed, f"{CNCF}.doc.v1.tar+gzip", {FILEPATH: "docs"})
    lie = artifact([layer], {"modelfs": {"diffIds": modelpacks.diff_ids(b"other")}})
    lie.push(shop.repository, "v1")

    with pytest.raises(IntegrityError, match="the uncompressed layer does not match"):
        shop.convert("v1", KIT, explode=True)


def test_a_damaged_layer_is_not_taken_apart(shop: Shop, project: Path) -> None:
    packed = shop.workspace.pack(project, tag="x:v1")
    digest = packed.manifest.layers[2].digest.hex
    (path,) = shop.workspace.home.rglob(digest)
    path.chmod(0o644)
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])

    with pytest.raises((IntegrityError, InvalidError)):
        shop.convert("v1", PACK, explode=True)
    with pytest.raises(NotFoundError):
        shop.read()


def test_a_layer_that_is_gone_is_an_error_and_nothing_is_published(shop: Shop, project: Path) -> None:
    packed = shop.workspace.pack(project, tag="x:v1")
    (path,) = shop.workspace.home.rglob(packed.manifest.layers[3].digest.hex)
    path.unlink()

    with pytest.raises(NotFoundError, match=r"sha256:\w+"):
        shop.convert("v1", PACK)
    with pytest.raises(NotFoundError):
        shop.read()


def test_mcp_servers_are_refused_or_left_out_with_a_word(shop: Shop, tmp_path: Path) -> None:
    kitfile = "manifestVersion: 1.0.0\nmcpServers:\n- {name: t, path: t.mcpb}\ndocs:\n- path: README.md\n"
    project = write_files(tmp_path / "p", {"Kitfile": kitfile, "t.mcpb": b"PK", "README.md": "x"})
    shop.workspace.pack(project, tag="x:v1")

    with pytest.raises(InvalidError, match=r"t\.mcpb: ModelPack has no place .* --drop-unsupported"):
        shop.convert("v1", PACK)
    converted = shop.convert("v1", PACK, drop_unsupported=True)

    assert converted.notes == ("left out, because ModelPack has no place for MCP servers: t.mcpb",)


def test_what_is_in_that_format_already_gets_the_name(shop: Shop, project: Path) -> None:
    digest = shop.workspace.pack(project, tag="x:v1").descriptor.digest

    converted = shop.convert("v1", KIT)

    assert (converted.descriptor.digest, converted.notes) == (digest, ("it is a ModelKit already",))
    assert shop.read().digest == digest


@pytest.mark.parametrize("make", [modelpacks.cnai, modelpacks.aikit, modelpacks.ramalama, modelpacks.modctl])
def test_a_modelpack_that_breaks_rules_gets_new_documents(shop: Shop, make: Callable[[], modelpacks.Artifact]) -> None:
    made = make()
    broken = bool(broken_rules(made.push(shop.repository), shop))
    blobs = shop.blobs()

    converted = shop.convert("v1", PACK)

    assert broken_rules(shop.read().descriptor, shop) == []
    assert (shop.read().digest != made.manifest.describe().digest) is broken
    assert {layer.digest for layer in shop.read().manifest.layers} == {layer.digest for layer in made.manifest.layers}
    assert len(shop.blobs() - blobs) == 2 * broken
    assert ("its documents broke rules of the specification, and are written anew" in converted.notes) is broken


def broken_rules(content: Descriptor, shop: Shop) -> list[str]:
    found = validate_version(content, shop.repository)
    return [one.rule for one in found.remarks if one.severity is Severity.ERROR]


def test_a_digest_cannot_be_chosen(shop: Shop, project: Path) -> None:
    shop.workspace.pack(project, tag="x:v1")

    with pytest.raises(UsageError, match="a digest cannot be chosen"):
        shop.convert("v1", PACK, f"x@{Digest.of(b'')}")


@pytest.mark.parametrize("make", [modelpacks.modctl, modelpacks.aikit, modelpacks.docker, modelpacks.cnai])
def test_models_of_other_makers_become_modelkits_that_unpack_alike(
    shop: Shop, make: Callable[[], modelpacks.Artifact], tmp_path: Path
) -> None:
    make().push(shop.repository, "v1")

    shop.convert("v1", KIT)

    assert contents(shop.unpack(tmp_path / "kit")) == contents(shop.unpack(tmp_path / "pack", "v1"))


def test_a_foreign_layer_with_two_kinds_of_paths_is_bound(shop: Shop) -> None:
    layers = [
        Blob(b"a", f"{CNCF}.weight.v1.raw", {FILEPATH: "w/a.gguf"}),
        Blob(b"b", f"{CNCF}.weight.v1.raw", {FILEPATH: "w/b.gguf"}),
    ]
    artifact(layers, {"descriptor": {"name": "n"}}).push(shop.repository, "v1")

    shop.convert("v1", KIT)

    found: tuple[Layer, ...] = shop.read().kit.layers
    assert [(layer.path, layer.entry, layer.kind.value) for layer in found] == [
        ("w/a.gguf", "w", "model"), ("w/b.gguf", "w", "modelpart"),
    ]  # fmt: skip
    assert found[0].type.compression is Compression.NONE
