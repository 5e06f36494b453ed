"""``orchard import`` as people type it, against a hub on loopback and repositories of Git."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import PROGRAMS, Program
from support.hfserver import TOKEN, HubServer
from support.terminal import talk

FILES = {"README.md": b"# hello\n", "config.json": b"{}", "model.safetensors": b"weights " * 3000, "a.py": b"print(1)"}


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as running:
        running.model("Org/Tiny", FILES)
        yield running


@pytest.fixture
def orchard(hub: HubServer, tmp_path: Path) -> Program:
    return Program(tmp_path / "home", environ={"HF_ENDPOINT": hub.url})


def test_import_says_what_kit_says(orchard: Program) -> None:
    ran = orchard.ok("import", "Org/Tiny", stdin="n\n")
    assert ran.stdout == "Model is packed as org/tiny:latest\n"
    assert "Using tag org/tiny:latest. Use flag --tag to override" in ran.stderr
    assert "Downloading file model.safetensors" in ran.stderr
    assert "Packing model to org/tiny:latest" in ran.stderr
    assert "Would you like" not in ran.stdout + ran.stderr
    orchard.ok("unpack", "org/tiny", "-d", orchard.home / "there")
    assert (orchard.home / "there/model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_import_called_as_kit_tells_everything_on_stdout(hub: HubServer, tmp_path: Path) -> None:
    kit = Program(tmp_path / "home", PROGRAMS / "kit", {"HF_ENDPOINT": hub.url, "KITOPS_HOME": str(tmp_path / "home")})
    ran = kit.ok("import", "Org/Tiny", "--token", TOKEN, "--tag", "mine:v1", stdin="n\n")
    assert ran.lines[-1] == "Model is packed as mine:v1"
    assert "Downloading file config.json" in ran.lines
    assert "Packing model to mine:v1" in ran.lines
    assert json.loads(kit.ok("import", "Org/Tiny", "--attestation-output", "-").stdout)["subject"]


def test_import_as_json_says_where_it_comes_from(orchard: Program, hub: HubServer) -> None:
    commit = hub.models["Org/Tiny"].refs["main"]
    told = orchard.ok("import", "Org/Tiny", "-t", "mine:v1,v2", "--ref", "main", "--output", "json").document
    assert (told["source"], told["revision"], told["ref"]) == (f"{hub.url}/Org/Tiny", commit, "main")
    assert [layer["new"] for layer in told["layers"]] == [True] * len(told["layers"])
    assert orchard.digest("inspect", "mine:v2") == told["digest"]


@pytest.mark.parametrize("form", ["modelkit", "modelpack"])
def test_import_rehearsed_fetches_and_writes_nothing(orchard: Program, hub: HubServer, form: str) -> None:
    rehearsed = orchard.ok("import", "Org/Tiny", "--dry-run", "--format", form, "--output", "json").document
    assert hub.paths("/resolve/") == []
    assert not orchard.home.exists()
    assert "model.safetensors  23.4 KiB" in orchard.ok("import", "Org/Tiny", "--dry-run", "--format", form).stdout
    told = orchard.ok("import", "Org/Tiny", "--format", form, "--output", "json").document
    shape = [[(layer["path"], layer["size"]) for layer in one["layers"]] for one in (rehearsed, told)]
    assert sorted(shape[0]) == sorted(shape[1])
    assert (rehearsed["dryRun"], rehearsed["size"]) == (True, told["size"])


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_import_with_a_kitfile_takes_what_it_claims(orchard: Program, tmp_path: Path, how: str) -> None:
    kitfile = "manifestVersion: 1.0.0\npackage: {name: given}\ncode: [{path: a.py}]\n"
    (tmp_path / "Given").write_text(kitfile)
    word, stdin = (str(tmp_path / "Given"), "") if how == "file" else ("-", kitfile)
    told = orchard.ok("import", "Org/Tiny", "-f", word, "--output", "json", stdin=stdin).document
    assert [layer["path"] for layer in told["layers"]] == ["a.py"]


@pytest.mark.parametrize("answer", ["y", "n"])
def test_import_on_a_terminal_asks_whether_to_edit_the_kitfile(
    orchard: Program, hub: HubServer, tmp_path: Path, answer: str
) -> None:
    editor = tmp_path / "my editor"
    editor.write_text("#!/bin/sh\nsed -i 's/name: Tiny/name: Edited/' \"$1\"\n")
    editor.chmod(0o755)
    asking = Program(orchard.home, environ={"HF_ENDPOINT": hub.url, "EDITOR": f"'{editor}'"})
    ran = talk(asking, {"Would you like to edit Kitfile before packing? (y/N): ": answer}, "import", "Org/Tiny")
    assert ran.code == 0, ran
    assert "Model is packed as org/tiny:latest" in ran.stdout
    name = orchard.ok("info", "org/tiny", "--output", "json").document["package"]["name"]
    assert name == ("Edited" if answer == "y" else "Tiny")


@pytest.mark.parametrize("to", ["file", "stdout"])
def test_import_attests_what_it_did(orchard: Program, hub: HubServer, tmp_path: Path, to: str) -> None:
    path = "-" if to == "stdout" else str(tmp_path / "provenance.json")
    ran = orchard.ok("import", "Org/Tiny", "--attestation-output", path)
    said = json.loads(ran.stdout if to == "stdout" else Path(path).read_text())
    digest = orchard.digest("inspect", "org/tiny")
    assert said["predicateType"] == "https://slsa.dev/provenance/v1"
    assert said["subject"] == [{"name": "org/tiny:latest", "digest": {"sha256": digest.removeprefix("sha256:")}}]
    definition = said["predicate"]["buildDefinition"]
    commit = hub.models["Org/Tiny"].refs["main"]
    assert definition["externalParameters"]["source"]["digest"] == {"gitCommit": commit}
    names = {item.get("name"): item["digest"] for item in definition["resolvedDependencies"]}
    assert set(names) == {None, *FILES}
    assert "sha256" in names["model.safetensors"]
    assert "gitBlob" in names["a.py"]


def test_import_of_a_gated_model_says_how_to_get_it(orchard: Program, hub: HubServer) -> None:
    hub.models["Org/Tiny"].gated = True
    ran = orchard("import", "Org/Tiny")
    assert ran.code == 4
    assert "is gated: accept its conditions at" in ran.complaint
    orchard.ok("import", "Org/Tiny", "--token", TOKEN)


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["Org/Nothing"], 3, "does not exist"),
        (["Org/Tiny", "--ref", "none"], 3, "reference 'none' not found"),
        (["spaces/Org/App"], 5, "a space is an application"),
        (["Org/Tiny/more"], 2, "could not extract organization and repository"),
        (["Org/Tiny", "-t", "x@sha256:" + "0" * 64], 2, "a digest cannot be chosen"),
        (["Org/Tiny", "-f", "nothing"], 3, "nothing: no such Kitfile"),
    ],
)
def test_import_of_what_is_not_there_says_so(orchard: Program, arguments: list[str], code: int, complaint: str) -> None:
    ran = orchard("import", *arguments)
    assert (ran.code, complaint in ran.complaint) == (code, True), ran


@pytest.mark.peer("git")
def test_import_from_git_leaves_nothing_of_the_clone(tmp_path: Path) -> None:
    orchard, repo = Program(tmp_path / "home"), tmp_path / "team/Project"
    repo.mkdir(parents=True)
    (repo / "model.onnx").write_text("m")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=T", "-c", "user.email=t@x.org", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", "-C", repo, *words], check=True)
    rehearsed = orchard.ok("import", repo, "--dry-run", "--output", "json").document
    told = orchard.ok("import", repo, "--output", "json").document
    assert (rehearsed["size"], rehearsed["revision"]) == (told["size"], told["revision"])
    assert (told["reference"], told["tool"], told["ref"]) == ("team/project:latest", "git", "HEAD")
    assert list((orchard.home / "cache/import").iterdir()) == []


def test_name_that_cannot_be_is_told_before_anybody_is_asked(program: Program) -> None:
    nowhere = Program(program.home, environ={"HF_ENDPOINT": "http://127.0.0.1:1"})
    assert "lower case" in nowhere("import", "org/name", "--tag", "Team:v1").complaint
