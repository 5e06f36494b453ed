"""Importing from a hub gives the version that downloading and packing would give, and asks for nothing twice."""

import re
import time
from pathlib import Path

import pytest

import orchard
from orchard.errors import (
    DeniedError,
    IntegrityError,
    NotFoundError,
    UnauthenticatedError,
    UnsupportedError,
    UsageError,
)
from orchard.formats import LayerFormat, parse_kitfile
from orchard.oci import Digest
from orchard.project import ModelPackFormat, Recipe, Workspace
from orchard.remote import Options
from support.faultserver import FaultServer
from support.hfserver import TOKEN, Exchange, HubServer
from support.imports import imported, left
from support.projects import write_files

BIG = bytes(range(251)) * 12_000
FILES = {
    ".gitattributes": b"*.safetensors filter=lfs",
    "README.md": b"# hello\n",
    "config.json": b"{}",
    "model.safetensors": BIG,
    "onnx/model.onnx": b"x" * 20_000,
    "onnx/empty.txt": b"",
    "code/a.py": b"print(1)",
    "code/sub/b.py": b"print(2)",
    "code.py": b"print(3)",
    "data/\u00e9t\u00e9 1.csv": b"a,b\n",
    "data/" + "long" * 30 + ".csv": b"c,d\n",
}
KITFILE = """
manifestVersion: 1.0.0
model: {path: model.safetensors, parts: [{path: onnx}, {path: config.json}]}
code: [{path: .}]
datasets: [{path: data/}]
"""


def packed_from_disk(files: dict[str, bytes], kitfile: str, tmp_path: Path) -> list[str]:
    """Pack the same files from a directory, and give the digests of the layers."""
    wanted = {name: data for name, data in files.items() if not name.endswith((".gitattributes", ".gitignore"))}
    directory = write_files(tmp_path / "disk", wanted)
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with Workspace(tmp_path / "disk-home", environ={}) as workspace:
        packed = workspace.pack(directory, kitfile=parse_kitfile(kitfile.encode(), what="Kitfile"))
    return [str(layer.layer.descriptor.digest) for layer in packed.layers]


def test_layers_are_those_of_the_same_files_packed_from_a_directory(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    packed = imported(hub, tmp_path / "home", "org/tiny", kitfile=KITFILE)
    digests = [str(layer.layer.descriptor.digest) for layer in packed.layers]
    assert digests == packed_from_disk(FILES, KITFILE, tmp_path)


def test_everything_is_of_the_commit_that_the_hub_names(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.model("org/tiny", FILES)
    packed = imported(hub, tmp_path, "org/tiny")
    said = packed.manifest.annotations
    assert said["org.opencontainers.image.revision"] == commit
    assert said["org.opencontainers.image.source"] == f"{hub.url}/org/tiny"
    assert all(f"/resolve/{commit}/" in path for path in hub.paths("/resolve/"))
    assert imported(hub, tmp_path, "org/tiny", ref=commit).descriptor == packed.descriptor


@pytest.mark.parametrize("how", ["ref", "tree", "blob", "resolve"])
def test_a_revision_comes_from_ref_or_from_the_address(hub: HubServer, tmp_path: Path, how: str) -> None:
    hub.model("org/tiny", {"a.onnx": b"new"})
    old = hub.models["org/tiny"].commit({"a.onnx": b"old", "b/c.onnx": b"c"}, "refs/pr/1", "v1")
    text, ref = {
        "ref": ("org/tiny", "refs/pr/1"),
        "tree": (f"{hub.url}/org/tiny/tree/v1", None),
        "blob": (f"{hub.url}/org/tiny/blob/v1/b/c.onnx", None),
        "resolve": (f"{hub.url}/org/tiny/resolve/refs%2Fpr%2F1/b/c.onnx?download=true", None),
    }[how]
    packed = imported(hub, tmp_path, text, ref=ref)
    assert packed.manifest.annotations["org.opencontainers.image.revision"] == old
    paths = [layer.layer.path for layer in packed.layers]
    assert paths == (["a.onnx", "b/c.onnx"] if how in {"ref", "tree"} else ["b/c.onnx"])


@pytest.mark.parametrize("text", ["datasets/org/data", "{url}/datasets/org/data/tree/main"])
def test_a_dataset_is_imported_too(hub: HubServer, tmp_path: Path, text: str) -> None:
    hub.dataset("org/data", {"train.csv": b"a,b\n", "README.md": b"#"})
    packed = imported(hub, tmp_path, text.format(url=hub.url))
    assert [dataset.path for dataset in packed.kitfile.datasets] == ["train.csv"]
    assert packed.manifest.annotations["org.opencontainers.image.source"] == f"{hub.url}/datasets/org/data"


def test_a_repository_without_an_organisation_is_found(hub: HubServer, tmp_path: Path) -> None:
    hub.model("gpt2", {"model.onnx": b"x"})
    packed = imported(hub, tmp_path, "gpt2")
    assert (packed.kitfile.package.name, packed.kitfile.package.authors) == ("gpt2", ())


def test_only_what_the_kitfile_claims_is_downloaded(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    imported(hub, tmp_path, "org/tiny", kitfile="manifestVersion: 1.0.0\ncode: [{path: code}]\n")
    names = [path.partition("/resolve/")[2].partition("/")[2] for path in hub.paths("/resolve/")]
    assert sorted(names) == ["code/a.py", "code/sub/b.py"]


def test_the_kitfile_of_the_repository_is_used(hub: HubServer, tmp_path: Path) -> None:
    own = {"Kitfile": b"manifestVersion: 1.0.0\npackage: {name: own}\ncode: [{path: .}]\n"}
    hub.model("org/tiny", {**FILES, **own, ".kitignore": b"*.safetensors\nonnx\ndata\n"})
    packed = imported(hub, tmp_path, "org/tiny")
    assert packed.kitfile.package.name == "own"
    assert [layer.files for layer in packed.layers] == [5]
    assert hub.paths("safetensors") == []


def test_a_second_import_downloads_nothing_and_another_commit_only_what_changed(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    first = imported(hub, tmp_path, "org/tiny", kitfile=KITFILE)
    hub.seen.clear()
    assert imported(hub, tmp_path, "org/tiny", kitfile=KITFILE).descriptor == first.descriptor
    assert hub.paths("/resolve/") == []
    hub.model("org/tiny", {**FILES, "config.json": b"{ }"})
    second = imported(hub, tmp_path, "org/tiny", kitfile=KITFILE)
    assert [path.rpartition("/")[2] for path in hub.paths("/resolve/")] == ["config.json"]
    assert [layer.new for layer in second.layers] == [False, False, True, False, False]


def test_a_large_file_comes_through_several_connections_where_each_is_slow(hub: HubServer, tmp_path: Path) -> None:
    data = bytes(range(256)) * (72 * 4096)
    hub.model("org/big", {"model.safetensors": data})

    def slowly(exchange: Exchange) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", exchange.seen.headers.get("range", ""))
        start, end = (int(asked[1]), int(asked[2] or len(data) - 1) + 1) if asked else (0, len(data))
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"} if asked else {}
        exchange.reply(206 if asked else 200, headers, length=end - start)
        for position in range(start, end, 1 << 19):
            exchange.wfile.write(data[position : min(position + (1 << 19), end)])
            time.sleep(0.02)  # noqa: TID251 -- 25 MB/s for each connection

    hub.on("/store/", slowly, times=999)
    packed = imported(hub, tmp_path, "org/big", options=Options())
    assert packed.size > len(data)
    ranges = [seen.headers.get("range", "") for seen in hub.seen if seen.origin == "storage"]
    assert sum(not text.endswith("-") for text in ranges if text) > 1


def test_an_address_of_the_storage_that_has_run_out_is_asked_for_anew(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"model.safetensors": BIG})
    hub.on("/store/", lambda exchange: exchange.reply(403, {"Content-Type": "text/xml"}, b"<Error/>"), times=2)
    assert imported(hub, tmp_path, "org/tiny").layers
    assert len(hub.paths("/resolve/")) == 3


def test_a_repository_that_was_renamed_is_followed(hub: HubServer, tmp_path: Path) -> None:
    hub.model("new/name", FILES, private=True)

    def moved(exchange: Exchange) -> None:
        exchange.reply(307, {"Location": exchange.path.replace("old/name", "new/name")})

    hub.on("old/name", moved, times=99)
    assert imported(hub, tmp_path, "old/name", token=TOKEN).layers


def test_a_kitfile_that_refers_to_another_kit_is_imported_with_a_pin(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/base", {"model.safetensors": BIG})
    hub.model("org/tuned", {"adapter.safetensors": b"a", "model.safetensors": b"not of this kit", "x.py": b"x"})
    base = imported(hub, tmp_path, "org/base", tag="base:v1")
    kitfile = (
        "manifestVersion: 1.0.0\nmodel: {path: 'base:v1', parts: [{path: adapter.safetensors}]}\ncode: [{path: .}]\n"
    )
    tuned = imported(hub, tmp_path, "org/tuned", kitfile=kitfile, tag="tuned:v1")
    assert [(layer.layer.path, layer.files) for layer in tuned.layers] == [("adapter.safetensors", 1), (".", 1)]
    assert any(str(base.descriptor.digest) in text for text in tuned.manifest.annotations.values())
    hub.model("org/odd", {"base:v1": b"a file", "x.py": b"x"})
    odd = imported(hub, tmp_path, "org/odd", kitfile=kitfile.replace(", parts: [{path: adapter.safetensors}]", ""))
    assert [layer.layer.path for layer in odd.layers] == ["base:v1", "."]
    with pytest.raises(NotFoundError, match="nowhere"):
        imported(hub, tmp_path, "org/tuned", kitfile=kitfile.replace("base:v1", "nowhere:v1"))


def test_a_modelpack_of_weights_that_are_there_fetches_none_of_them(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/one", {"model.safetensors": BIG, "config.json": b"{}"})
    hub.model("other/two", {"renamed.safetensors": BIG, "config.json": b"{ }"})
    recipe = Recipe(layer_format=LayerFormat.RAW, format=ModelPackFormat())
    first = imported(hub, tmp_path, "org/one", recipe=recipe)
    hub.seen.clear()
    second = imported(hub, tmp_path, "other/two", recipe=recipe)
    assert [path.rpartition("/")[2] for path in hub.paths("/resolve/")] == ["config.json"]
    assert first.manifest.layers[0].digest == second.manifest.layers[0].digest == Digest.of(BIG)
    assert first.manifest.artifact_type == "application/vnd.cncf.model.manifest.v1+json"


def test_an_import_goes_straight_to_a_registry(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    with FaultServer() as server:
        recipe = Recipe(push=True)
        packed = imported(
            hub, tmp_path, "org/tiny", kitfile=KITFILE, recipe=recipe, tag=f"{server.host}/team/tiny:v1,v2"
        )
        assert not (tmp_path / "layout").exists()
        assert set(server.tags.values()) == {str(packed.descriptor.digest)}
        assert set(server.tags) == {"v1", "v2"}
        digests = [str(layer.layer.descriptor.digest) for layer in packed.layers]
        assert digests == packed_from_disk(FILES, KITFILE, tmp_path)
        assert set(digests) < set(server.blobs)
        hub.seen.clear()
        imported(hub, tmp_path, "org/tiny", kitfile=KITFILE, recipe=recipe, tag=f"{server.host}/team/tiny:v3")
        assert hub.paths("/resolve/") == []


def test_what_is_wrong_does_not_get_into_a_registry(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"model.safetensors": BIG})
    hub.on("/store/", lambda exchange: exchange.content(BIG[:-1] + b"?"), times=9)
    with FaultServer() as server:
        with pytest.raises(IntegrityError, match=r"model\.safetensors: the content does not match"):
            imported(hub, tmp_path, "org/tiny", recipe=Recipe(push=True), tag=f"{server.host}/team/tiny:v1")
        assert (server.blobs, server.tags) == ({}, {})


def test_a_push_needs_a_registry(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    with pytest.raises(UsageError, match="a registry is needed"):
        imported(hub, tmp_path, "org/tiny", recipe=Recipe(push=True))
    assert hub.paths("safetensors") == []


def test_what_skills_say_is_read(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/skill", {"SKILL.md": b"---\nname: reads\ndescription: Reads digits\n---\n", "run.py": b"x"})
    packed = imported(hub, tmp_path, "org/skill")
    assert [(prompt.name, prompt.path) for prompt in packed.kitfile.prompts] == [("reads", ".")]
    assert [layer.files for layer in packed.layers] == [2]


def test_pages_are_followed(hub: HubServer, tmp_path: Path) -> None:
    hub.page = 3
    hub.model("org/many", {f"f{number}.csv": b"%d" % number for number in range(20)})
    assert len(imported(hub, tmp_path, "org/many").layers) == 20
    assert len(hub.paths("/tree/")) == 7


def test_the_token_goes_to_the_hub_and_never_to_its_storage(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES, gated=True)
    imported(hub, tmp_path, "org/tiny", environ={"HF_TOKEN": TOKEN})
    assert {seen.headers.get("authorization") for seen in hub.seen if seen.origin == "hub"} == {f"Bearer {TOKEN}"}
    stored = [seen for seen in hub.seen if seen.origin == "storage"]
    assert stored
    assert all("authorization" not in seen.headers for seen in stored)


@pytest.mark.parametrize("place", ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "HOME", "given"])
def test_the_token_is_found_where_the_hubs_own_tools_keep_it(hub: HubServer, tmp_path: Path, place: str) -> None:
    hub.model("org/tiny", {"a.onnx": b"x"}, private=True)
    home = write_files(
        tmp_path / "h",
        dict.fromkeys(("token", ".cache/huggingface/token"), f"{TOKEN}\n") if place != "given" else {},
    )
    environ = {
        "HF_TOKEN": {"HF_TOKEN": TOKEN},
        "HF_TOKEN_PATH": {"HF_TOKEN_PATH": str(home / "token")},
        "HF_HOME": {"HF_HOME": str(home)},
        "HOME": {"HOME": str(home)},
        "given": {"HF_TOKEN": "other"},
    }[place]
    token = TOKEN if place == "given" else None
    assert imported(hub, tmp_path / "home", "org/tiny", environ=environ, token=token).layers


@pytest.mark.parametrize(
    ("options", "token", "kind", "match"),
    [
        ({"gated": True}, None, DeniedError, "is gated: accept its conditions at http.*HF_TOKEN"),
        ({"private": True}, None, NotFoundError, "does not exist at .*, or is private.*HF_TOKEN"),
        ({}, "wrong", UnauthenticatedError, "refused the token"),
    ],
    ids=["gated", "private", "wrong token"],
)
def test_a_refusal_says_what_to_do(
    hub: HubServer, tmp_path: Path, options: dict[str, bool], token: str | None, kind: type[Exception], match: str
) -> None:
    hub.model("org/tiny", {"a.onnx": b"x"}, **options)
    with pytest.raises(kind, match=match):
        imported(hub, tmp_path, "org/tiny", token=token)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "ref", "kind", "match"),
    [
        ("org/none", None, NotFoundError, "org/none does not exist"),
        ("org/tiny", "none", NotFoundError, "reference 'none' not found in org/tiny"),
        ("spaces/org/app", None, UnsupportedError, "a space is an application"),
        ("org/tiny/what", None, UsageError, "could not extract organization and repository"),
        ("org/tiny", "--upload-pack=x", UsageError, "not a branch"),
        ("org/empty", None, NotFoundError, "no files"),
    ],
)
def test_what_is_not_there_is_said(
    hub: HubServer, tmp_path: Path, text: str, ref: str | None, kind: type[Exception], match: str
) -> None:
    hub.model("org/tiny", FILES)
    hub.model("org/empty", {".gitattributes": b""})
    with pytest.raises(kind, match=match):
        imported(hub, tmp_path, text, ref=ref)


def test_a_claimed_path_that_is_not_there_is_an_error(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    with pytest.raises(NotFoundError, match="nothing: the Kitfile names this path"):
        imported(hub, tmp_path, "org/tiny", kitfile="manifestVersion: 1.0.0\ncode: [{path: nothing}]\n")
    assert left(tmp_path) == []


def test_an_interrupted_import_goes_on_where_it_was(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"big.safetensors": BIG})
    stop = 2_800_000

    def cut(exchange: Exchange) -> None:
        data = hub.stored[exchange.seen.path.rpartition("/")[2]]
        exchange.reply(200, {}, data[:stop], length=len(data))
        exchange.close_connection = True
        hub.on("/store/", refuse, times=99)

    def refuse(exchange: Exchange) -> None:
        exchange.reply(404)

    hub.on("/store/", cut)
    with pytest.raises(NotFoundError, match="404"):
        imported(hub, tmp_path, "org/tiny")
    assert any(name.endswith(".partial") for name in left(tmp_path))
    hub.rules.clear()
    hub.seen.clear()
    imported(hub, tmp_path, "org/tiny")
    ranges = [seen.headers.get("range") for seen in hub.seen if seen.origin == "storage"]
    starts = [int(text.removeprefix("bytes=").rstrip("-")) for text in ranges if text]
    assert starts
    assert max(starts) >= stop - (1 << 20) - 512
    assert not any(name.endswith(".partial") for name in left(tmp_path))


def test_a_connection_that_breaks_is_taken_up_again(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"big.safetensors": BIG})

    def cut(exchange: Exchange) -> None:
        data = hub.stored[exchange.seen.path.rpartition("/")[2]]
        exchange.reply(200, {}, data[:1_000_000], length=len(data))
        exchange.close_connection = True

    hub.on("/store/", cut)
    assert imported(hub, tmp_path, "org/tiny").layers
    assert [seen.headers.get("range") for seen in hub.seen if seen.origin == "storage"] == [None, "bytes=1000000-"]


def test_the_library_imports_too(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.model("Org/Tiny", FILES)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    version = orchard.import_from("Org/Tiny", home=tmp_path / "home")
    assert version.reference == "org/tiny:latest"
    assert version.manifest.annotations["org.opencontainers.image.revision"] == commit
    assert orchard.inspect("org/tiny", home=tmp_path / "home").digest == version.digest
    (tmp_path / "Mine").write_text("manifestVersion: 1.0.0\ncode: [{path: code}]\n")
    mine = orchard.import_from("Org/Tiny", tag="mine:v1", file=tmp_path / "Mine", home=tmp_path / "home")
    assert [layer.path for layer in mine.layers] == ["code"]
    pack = orchard.import_from("Org/Tiny", tag="pack:v1", format="modelpack", home=tmp_path / "home")
    assert pack.manifest.artifact_type == "application/vnd.cncf.model.manifest.v1+json"
