"""What comes out is what ``kit`` 1.7.0 makes of the same trees; the digests were taken from it."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchard.errors import (
    ConflictError,
    InvalidDocumentError,
    NotFoundError,
    StorageError,
    UnsafePathError,
    UnsupportedError,
    UsageError,
)
from orchard.project import CompressionName, Packed, Recipe, Workspace
from support.archive_trees import TREES, Tree

HEAD = "manifestVersion: 1.0.0\npackage:\n  name: x\n"


def write(root: Path, kitfile: str, *names: str, ignore: str = "") -> Path:
    """Write files that hold their own names, with modes that do not depend on the umask."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    if ignore:
        (root / ".kitignore").write_text(ignore)
    (root / "Kitfile").write_text(kitfile)
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return root


def pack(root: Path, tmp_path: Path, *, compression: CompressionName = "none", **options: object) -> Packed:
    with Workspace(tmp_path / "home", environ={}) as workspace:
        recipe = Recipe(compression=compression)
        return workspace.pack(root, recipe=recipe, **options)  # type: ignore[arg-type]  # as the test says


def digests(packed: Packed) -> list[str]:
    return [layer.layer.descriptor.digest.hex for layer in packed.layers]


GOLDEN = [
    pytest.param(
        f"{HEAD.replace('x', 'ignores')}code:\n  - path: src\ndatasets:\n  - name: d\n    path: data\n",
        [
            *("src/a.py", "src/__pycache__/a.pyc", "src/deep/__pycache__/b.pyc", "src/run.log", "run.log"),
            *("data/raw/x.csv", "data/raw/keep.csv", "data/clean.csv"),
        ],
        "# caches\n**/__pycache__\n*.log\ndata/raw\n!data/raw/keep.csv\n",
        [
            "a4cc5a8028b717fbe50d55e403845d1cd12ca833f601532c8b5d666ab4fcbd9f",
            "3c858e466da315501dfb7d12d42a339877d815a0591e0d413f9a6fc0172b0001",
        ],
        "0279de51a2e16fffd575e191b7337b964b4f36e33f3f99297dab638fe42f4d46",
        id="ignores",
    ),
    pytest.param(
        f"{HEAD.replace('x', 'intersecting')}model:\n  name: m\n  path: model/weights.bin\n  parts:\n    - name: c\n"
        "      path: model\ncode:\n  - path: .\ndatasets:\n  - name: d\n    path: ./data/\n",
        ["model/weights.bin", "model/config.json", "src/a.py", "data/train.csv", "README.md"],
        "",
        [
            "668a7d997dcd98e07903882dcc0024ada16abf34dc1fa76eb2a6c61a4d793f3b",
            "73e542f1915ce39c3c3ee1af356ef37fb9a255a0cfec6c4c5c0414a3ea26351b",
            "29641930f1b3609f72d5efad1c596e20c78b941f204a0601c8b3cc476f8b9e11",
            "cca3d1bf79c5ae54167dc76cc910663e4586d508ba1885d4d0cb2b0c391824ec",
        ],
        "a6a3b379f5ea80c30d5d89c72b5e07ef923772137ef9f1a628518e0eef148f19",
        id="intersecting",
    ),
    pytest.param(
        'manifestVersion: 1.0.0\npackage:\n  name: kinds\n  version: 1.10\n  description: a <b> & "c"\n  license: MIT\n'
        "  authors: [Ada, Grace]\nmodel:\n  name: m\n  path: w.bin\n  framework: none\n  format: raw\n  parts:\n"
        "    - name: tok\n      path: t.json\n      type: tokenizer\n      license: MIT\n  parameters:\n    z: 1\n"
        '    a: {y: 1.50, x: [true, null, 1e3, "1"]}\n    hex: 0xFF\ncode:\n  - path: src\n    description: code\n'
        "datasets:\n  - name: d\n    path: d.csv\n    parameters: {rows: 3}\ndocs:\n  - path: README.md\n",
        ["w.bin", "t.json", "src/a.py", "d.csv", "README.md"],
        "",
        [
            "c89f7e3c99fd1e219d67efd306c8292b9cc1aaace218a6e93d0529996810e262",
            "2ea87ef15a9e49ae84cb7ab98d57ee3550b7892b41ed0064ef682ba122591137",
            "efdecb2f0cf6ada7ec5228de55771feb12f155f08a0a3827881af0627b0e5c73",
            "3dbe6e6da1ed10e887b4d0769e299f929a6d0f457103e2bd7da3efa06474082e",
            "fc0f11bec49ef2640e2a50b2b048bb0ee9fa58734be020658543e45fb1b5182f",
        ],
        "caefb75232fc4d20da70172a6dde15d57747de16e305f091480efb0f7255dea9",
        id="every-kind",
    ),
]


@pytest.mark.parametrize(("kitfile", "names", "ignore", "layers", "config"), GOLDEN)
def test_pack_a_project_then_layers_and_config_are_those_of_kit(
    tmp_path: Path, kitfile: str, names: list[str], ignore: str, layers: list[str], config: str
) -> None:
    packed = pack(write(tmp_path / "project", kitfile, *names, ignore=ignore), tmp_path)
    assert digests(packed) == layers
    assert packed.manifest.config.digest.hex == config


@pytest.mark.parametrize("tree", [pytest.param(tree, id=name) for name, tree in TREES.items()])
def test_pack_a_tree_then_its_layer_is_that_of_kit(tmp_path: Path, tree: Tree) -> None:
    project = tmp_path / "project"
    project.mkdir()
    tree.build(project)
    (project / "Kitfile").write_text(f"{HEAD}code:\n  - path: {tree.layer}\n")
    assert digests(pack(project, tmp_path)) == [tree.digest]


def test_pack_the_same_content_twice_then_the_version_is_the_same(tmp_path: Path) -> None:
    kitfile = f"{HEAD}code:\n  - path: src\n"
    first = pack(write(tmp_path / "one", kitfile, "src/a"), tmp_path)
    (tmp_path / "elsewhere").mkdir()
    second = pack(write(tmp_path / "two", kitfile, "src/a"), tmp_path / "elsewhere")
    assert first.descriptor == second.descriptor
    assert not first.manifest.annotations


def test_pack_again_then_nothing_is_new(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a")
    first, second = pack(project, tmp_path), pack(project, tmp_path)
    assert (first.layers[0].new, first.new_config, first.new_manifest) == (True, True, True)
    assert (second.layers[0].new, second.new_config, second.new_manifest) == (False, False, False)


@pytest.mark.parametrize("compression", ["gzip", "gzip-fastest", "zstd"])
def test_pack_compressed_then_the_diff_id_is_the_digest_of_the_plain_layer(
    tmp_path: Path, compression: CompressionName
) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a")
    plain, packed = pack(project, tmp_path), pack(project, tmp_path, compression=compression)
    assert packed.layers[0].layer.diff_id == plain.layers[0].layer.descriptor.digest
    assert packed.layers[0].layer.descriptor.media_type.endswith(compression.partition("-")[0])


def test_pack_with_tags_then_all_of_them_name_it(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a")
    packed = pack(project, tmp_path, tag="reg.io/a/b:one,two")
    layout = Workspace(tmp_path / "home", environ={}).layout
    assert {(e.repository, e.tag) for e in layout.entries()} == {("reg.io/a/b", "one"), ("reg.io/a/b", "two")}
    assert layout.repository("reg.io/a/b").resolve("two") == packed.descriptor


def test_pack_an_mcp_bundle_then_it_is_one_bare_file(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}mcpServers:\n  - name: s\n    path: s.mcpb\n", "s.mcpb")
    layer = pack(project, tmp_path, compression="gzip").layers[0].layer
    assert (layer.descriptor.media_type, layer.descriptor.size) == (
        "application/vnd.kitops.modelkit.mcpb.v1.raw",
        len("s.mcpb"),
    )


def test_pack_names_that_others_cannot_hold_then_it_says_so(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a", "src/A", "src/aux.py")
    said = pack(project, tmp_path).warnings
    assert [text.split(":")[0] for text in said if "Windows" in text] == ["src/aux.py"]
    assert any("src/a and src/A are one name" in text for text in said)


REFUSED: list[object] = [
    pytest.param("code:\n  - path: gone\n", NotFoundError, "gone: the Kitfile names this path", id="missing-path"),
    pytest.param("code:\n  - path: ../x\n", InvalidDocumentError, r"line \d+: code\[0\]\.path", id="outside"),
    pytest.param("code:\n  - pth: x\n", InvalidDocumentError, "pth", id="unknown-key"),
    pytest.param("code:\n  - path: src\n  - path: ./src/\n", InvalidDocumentError, "src", id="one-path-twice"),
    pytest.param("model:\n  path: gone:v1\n", NotFoundError, "resolve referenced modelkit gone:v1", id="reference"),
    pytest.param(
        'datasets:\n  - name: d\n    path: d\n    remotePath: "s3://b/k"\n    remoteHash: h\n',
        UnsupportedError,
        "remote datasets",
        id="remote-dataset",
    ),
]


@pytest.mark.parametrize(("entries", "error", "message"), REFUSED)
def test_pack_what_cannot_be_packed_then_it_is_named_and_nothing_is_stored(
    tmp_path: Path, entries: str, error: type[Exception], message: str
) -> None:
    project = write(tmp_path / "project", HEAD + entries, "src/a")
    with pytest.raises(error, match=message):
        pack(project, tmp_path, tag="x:y")
    assert Workspace(tmp_path / "home", environ={}).layout.entries() == []


def test_pack_when_one_layer_fails_then_the_others_stop_and_no_version_appears(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: a\n  - path: b\n  - path: c\n", "a/x", "b/x", "c/x")

    class Breaking:
        def started(self, label: str, total: int) -> None:
            del total
            if label == "code b":
                (project / "b" / "x").unlink()

        def advanced(self, label: str, count: int) -> None: ...

        def finished(self, label: str, *, skipped: bool = False) -> None: ...

    with pytest.raises(ConflictError, match="b/x"):
        pack(project, tmp_path, tag="x:y", observer=Breaking())
    assert Workspace(tmp_path / "home", environ={}).layout.entries() == []


def test_pack_while_a_big_file_grows_then_it_is_refused(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}model:\n  name: m\n  path: w.bin\n", "w.bin")
    (project / "w.bin").write_bytes(os.urandom(4 << 20))

    class Growing:
        def started(self, label: str, total: int) -> None: ...

        def advanced(self, label: str, count: int) -> None:
            del label, count
            with (project / "w.bin").open("ab") as file:
                file.write(b"more")

        def finished(self, label: str, *, skipped: bool = False) -> None: ...

    with pytest.raises(ConflictError, match=r"w\.bin.*changed"):
        pack(project, tmp_path, observer=Growing())


KITFILES: Mapping[str, str] = {"kitfile": "lower case", ".kitfile": "hidden"}


@pytest.mark.parametrize("name", KITFILES)
def test_pack_with_another_name_of_the_kitfile_then_it_is_found(tmp_path: Path, name: str) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a")
    (project / "Kitfile").rename(project / name)
    assert len(pack(project, tmp_path).layers) == 1


def test_pack_with_an_explicit_kitfile_then_it_is_used(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a", "b")
    (tmp_path / "Other").write_text(f"{HEAD}code:\n  - path: b\n")
    assert pack(project, tmp_path, file=tmp_path / "Other").layers[0].layer.path == "b"


MISSING = [
    pytest.param({"file": Path("nowhere")}, NotFoundError, "no such Kitfile", id="explicit"),
    pytest.param({}, NotFoundError, r"No Kitfile found in .*orchard init", id="none"),
    pytest.param({"tag": "x@sha256:" + "a" * 64}, UsageError, "a digest cannot be chosen", id="digest-as-tag"),
]


@pytest.mark.parametrize(("options", "error", "message"), MISSING)
def test_pack_without_what_it_needs_then_it_says_what_to_do(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(error, match=message):
        pack(tmp_path / "project", tmp_path, **options)


def test_pack_a_missing_directory_then_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere: no such directory"):
        pack(tmp_path / "nowhere", tmp_path)


def test_pack_with_a_kitfile_that_is_a_directory_then_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "project" / "Kitfile").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"Kitfile: cannot be read: Is a directory"):
        pack(tmp_path / "project", tmp_path)


def test_pack_from_many_threads_then_each_gets_its_own(tmp_path: Path) -> None:
    projects = [write(tmp_path / f"p{n}", f"{HEAD}code:\n  - path: f{n}\n", f"f{n}") for n in range(6)]
    found: dict[int, str] = {}

    def work(number: int) -> None:
        found[number] = str(pack(projects[number], tmp_path, tag=f"p{number}:v").descriptor.digest)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = {e.repository: str(e.digest) for e in Workspace(tmp_path / "home", environ={}).layout.entries()}
    assert listed == {f"localhost/p{number}": digest for number, digest in found.items()}
    assert len(set(found.values())) == 6


def test_pack_through_a_link_to_the_context_then_it_is_the_same(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a")
    (tmp_path / "link").symlink_to(project)
    assert pack(tmp_path / "link", tmp_path).descriptor == pack(project, tmp_path).descriptor


def test_pack_a_hidden_claim_then_the_contradiction_is_named(tmp_path: Path) -> None:
    project = write(tmp_path / "project", f"{HEAD}code:\n  - path: src\n", "src/a", ignore="src\n")
    with pytest.raises(UnsafePathError, match=r"src: the Kitfile claims this path but \.kitignore"):
        pack(project, tmp_path)
