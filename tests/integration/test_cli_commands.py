"""Each command does what its page says: the lines on stdout that scripts read, the notes on stderr."""

import json
import re
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import LAYERS, contents, make_project, write_files
from support.terminal import talk

SHA = r"sha256:[0-9a-f]{64}"


def test_pack_prints_a_line_for_each_layer_and_the_digest_last(program: Program, project: Path) -> None:
    ran = program.ok("pack", project, "-t", "tiny:v1")
    expected = [f"Saved {kind} layer: {SHA}" for kind, _ in LAYERS]
    expected += [f"Saved configuration: {SHA}", f"Saved manifest to storage: {SHA}", f"Model saved: {SHA}"]
    assert len(ran.lines) == len(expected)
    assert all(re.fullmatch(wanted, line) for wanted, line in zip(expected, ran.lines, strict=True)), ran
    assert ran.stderr == ""


def test_pack_when_nothing_changed_says_already_and_gives_the_same_digest(program: Program, project: Path) -> None:
    first = program.ok("pack", project, "-t", "tiny:v1")
    again = program.ok("pack", project, "-t", "other:v1")
    assert again.lines[-1] == first.lines[-1]
    assert again.lines[0].startswith("Already saved model layer: sha256:")
    assert again.lines[-3].startswith("Configuration already exists in storage: sha256:")


def test_pack_reads_a_kitfile_from_stdin_and_from_a_path(program: Program, tmp_path: Path) -> None:
    project = write_files(tmp_path / "project", {"a.md": "a", "b.md": "b", "other.yaml": _docs("b.md")})
    from_stdin = program.ok("pack", project, "-f", "-", "--output", "json", stdin=_docs("a.md")).document
    from_path = program.ok("pack", project, "--file", "other.yaml", "--output", "json").document
    assert [layer["path"] for one in (from_stdin, from_path) for layer in one["layers"]] == ["a.md", "b.md"]


def test_pack_warns_when_a_layer_or_the_kit_is_empty(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_files(tmp_path, {"Kitfile": _docs("empty"), "none.yaml": "manifestVersion: 1.0.0\npackage: {name: x}\n"})
    assert program.ok("pack", tmp_path).stderr == "[WARN] No files detected in docs layer with path empty\n"
    assert program.ok("pack", tmp_path, "-f", "none.yaml").stderr == "[WARN] the ModelKit holds no layers\n"


@pytest.mark.parametrize("compression", ["gzip", "gzip-fastest", "zstd"])
def test_pack_when_compressed_unpacks_to_the_same_bytes(
    program: Program, project: Path, tmp_path: Path, compression: str
) -> None:
    packed = program.ok("pack", project, "-t", "tiny:v1", "--compression", compression, "--output", "json").document
    assert all(layer["digest"] != layer["diffId"] for layer in packed["layers"])
    program.ok("unpack", "tiny:v1", "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)


def test_unpack_restores_every_byte_and_mode_and_says_so_on_stderr(
    shelf: Program, project: Path, tmp_path: Path
) -> None:
    there = tmp_path / "a" / "there"
    ran = shelf.ok("unpack", "tiny:v1", "-d", there)
    assert ran.stdout == ""
    assert ran.stderr.splitlines()[0] == f"Unpacking to {there}"
    assert f"Unpacked model tiny-model to {there / 'model/weights.bin'}" in ran.stderr.splitlines()
    assert contents(there) == contents(project)
    assert (there / "Kitfile").is_file()


def test_unpack_without_dir_goes_to_the_current_directory(shelf: Program, tmp_path: Path) -> None:
    shelf.ok("unpack", "tiny:v1", "--filter", "docs", cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--filter", "model,kitfile"], ["Kitfile", "model/config.json", "model/weights.bin"]),
        (["--filter", "model:tiny-model"], ["model/weights.bin"]),
        (["--filter", "datasets:train", "--filter", "docs"], ["README.md", "data/train.csv"]),
        (["-f", "code:src"], ["src/main.py", "src/pkg/util.py", "src/run.sh"]),
        (["--docs", "--kitfile"], ["Kitfile", "README.md"]),
    ],
    ids=["model", "by-name", "two", "by-path", "deprecated-flags"],
)
def test_unpack_with_filters_writes_only_what_they_select(
    shelf: Program, tmp_path: Path, flags: list[str], expected: list[str]
) -> None:
    unpacked = shelf.ok("unpack", "tiny:v1", "-d", tmp_path / "there", *flags, "--output", "json").document
    assert sorted(unpacked["files"]) == expected
    assert sorted(_files(tmp_path / "there")) == expected


def test_unpack_when_filters_match_nothing_warns(shelf: Program, tmp_path: Path) -> None:
    ran = shelf.ok("unpack", "tiny:v1", "-d", tmp_path / "there", "-f", "model:nothing-like-it")
    assert "[WARN] nothing in this ModelKit matches the filters; see: orchard info" in ran.stderr.splitlines()


def test_unpack_overwrite_replaces_and_ignore_existing_keeps(shelf: Program, project: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--ignore-existing")
    assert (tmp_path / "README.md").read_text() == "mine"
    shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--overwrite")
    assert contents(tmp_path) == contents(project)


def test_push_list_inspect_info_and_remove_work_on_a_registry(
    program: Program, project: Path, hub: HubProgram, tmp_path: Path
) -> None:
    name = f"{hub.host}/commands/tiny"
    digest = program.digest("pack", project, "-t", f"{name}:v1")
    pushed = program.ok("push", f"{name}:v1")
    assert (pushed.stdout, pushed.stderr) == (f"Pushed {digest}\n", f"Pushing {name}:v1\n")
    other = program.ok("push", f"{name}:v1", f"{name}:v2,v3")
    assert (other.stdout, other.stderr) == (f"Pushed {digest}\n", f"Pushing {name}:v1 to {name}:v2\n")

    listed = program.ok("list", name).lines
    assert listed[0].split() == ["REPOSITORY", "TAG", "MAINTAINER", "NAME", "SIZE", "DIGEST"]
    assert [line.split() for line in listed[1:]] == [
        [name, tag, "Ada", "tiny", *size.split(), digest]
        for tag, size in zip(("v1", "v2", "v3"), [_size(program, name)] * 3, strict=True)
    ]
    assert len(program.ok("list", f"{name}:v2").lines) == 2
    assert program.ok("info", "--remote", f"{name}:v2").stdout == program.ok("info", f"{name}:v1").stdout
    assert program.ok("inspect", "-r", f"{name}:v2").document["digest"] == digest

    second = Program(tmp_path / "second")
    pulled = second.ok("pull", f"{name}:v2")
    assert (pulled.stdout, pulled.stderr) == (f"Pulled {digest}\n", f"Pulling {name}:v2\n")

    removed = program.ok("remove", "--remote", f"{name}:v2")
    assert removed.stdout == f"Removed {name}:v2 (digest {digest})\n"
    assert program("inspect", "--remote", f"{name}:v2").code == 3
    program.ok("inspect", "--remote", f"{name}:v1")
    program.ok("remove", "--remote", "--force", f"{name}:v1")
    assert program("inspect", "--remote", f"{name}:v3").code == 3


def test_unpack_from_a_registry_stores_nothing(
    program: Program, shelf: Program, hub: HubProgram, tmp_path: Path
) -> None:
    shelf.ok("push", "tiny:v1", f"{hub.host}/commands/direct:v1")
    program.ok("unpack", f"{hub.host}/commands/direct:v1", "-d", tmp_path / "there", "--filter", "docs")
    assert _files(tmp_path / "there") == ["README.md"]
    assert not (program.home / "layout").exists()


def test_tag_gives_another_name_and_copies_nothing(program: Program, project: Path) -> None:
    digest = program.digest("pack", project, "-t", "tiny:v1")
    before = sorted(path.name for path in (program.home / "layout/blobs/sha256").iterdir())
    ran = program.ok("tag", "tiny:v1", "registry.example.com/team/tiny:stable")
    assert ran.stdout == "Modelkit tiny:v1 tagged as registry.example.com/team/tiny:stable\n"
    assert program.ok("inspect", "registry.example.com/team/tiny:stable").document["digest"] == digest
    assert sorted(path.name for path in (program.home / "layout/blobs/sha256").iterdir()) == before
    program.ok("tag", f"tiny@{digest}", "again")
    assert program.ok("inspect", "again:latest").document["digest"] == digest


def test_list_shows_each_tag_and_what_has_none(program: Program, project: Path) -> None:
    assert program.ok("list").lines == ["REPOSITORY   TAG   MAINTAINER   NAME   SIZE   DIGEST"]
    digest = program.digest("pack", project, "-t", "tiny:v1,v2")
    (project_2 := make_project(project.parent / "second", name="second")).joinpath("README.md").write_text("2")
    nameless = program.digest("pack", project_2)
    rows = [line.split() for line in program.ok("list").lines[1:]]
    assert [(row[0], row[1], row[2], row[3], row[-1]) for row in rows] == [
        ("<none>", "<none>", "Ada", "second", nameless),
        ("tiny", "v1", "Ada", "tiny", digest),
        ("tiny", "v2", "Ada", "tiny", digest),
    ]
    assert len(program.ok("list", "tiny").lines) == 3


def test_list_format_gives_what_kit_gives(shelf: Program) -> None:
    (one,) = shelf.ok("list", "--format", "json").document
    assert list(one) == ["repo", "digest", "tags", "modelName", "size", "author"]
    assert (one["repo"], one["tags"], one["modelName"], one["author"]) == ("tiny", ["v1", "v2"], "tiny", "Ada")
    assert re.fullmatch(r"\d+\.\d KiB", one["size"])
    ran = shelf.ok("list", "--format", r"{{.Repo}}\t{{ .Digest }} {{.ModelName}}")
    assert ran.stdout == f"tiny\t{one['digest']} tiny\n"


def test_inspect_shows_digest_kitfile_and_manifest(shelf: Program) -> None:
    shown = shelf.ok("inspect", "tiny:v1").document
    assert list(shown) == ["digest", "format", "cliVersion", "kitfile", "manifest"]
    assert shown["kitfile"]["model"]["parameters"] == {"epochs": 3, "rate": 0.5}
    assert len(shown["manifest"]["layers"]) == len(LAYERS)
    assert shelf.ok("inspect", f"tiny@{shown['digest']}").document == shown
    assert shelf.ok("inspect", shown["digest"]).document == shown


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("package.authors", "- Ada\n- Grace\n"),
        (".model.parameters.rate", "0.5\n"),
        ("dataSets.0.path", "data/train.csv\n"),
        ("datasets", "- name: train\n  path: data/train.csv\n"),
        ("model.name", "tiny-model\n"),
    ],
)
def test_info_with_a_filter_shows_that_part(shelf: Program, path: str, expected: str) -> None:
    assert shelf.ok("info", "tiny:v1", "--filter", path).stdout == expected


def test_info_prints_a_kitfile_that_packs_to_the_same_digest(program: Program, shelf: Program, project: Path) -> None:
    text = shelf.ok("info", "tiny:v1").stdout
    assert text.startswith("manifestVersion: ")
    digest = shelf.ok("inspect", "tiny:v1").document["digest"]
    assert program.ok("pack", project, "-f", "-", "--output", "json", stdin=text).document["digest"] == digest


def test_remove_untags_until_the_last_tag_then_frees_the_bytes(program: Program, project: Path) -> None:
    digest = program.digest("pack", project, "-t", "tiny:v1,v2")
    assert program.ok("remove", "tiny:v1").stdout == f"Untagged tiny:v1 (digest {digest} stays, it has other tags)\n"
    ran = program.ok("remove", "tiny:v2")
    assert ran.stdout == f"Removed tiny:v2 (digest {digest})\n"
    assert re.fullmatch(r"Freed [\d.]+ KiB\n", ran.stderr)
    assert list((program.home / "layout/blobs/sha256").iterdir()) == []


def test_remove_all_removes_what_has_no_tag_and_with_force_everything(program: Program, project: Path) -> None:
    program.ok("pack", project, "-t", "tiny:v1")
    program.ok("pack", project)
    assert len(program.ok("remove", "--all").lines) == 1
    assert [one["repo"] for one in program.ok("list", "--output", "json").document] == ["tiny"]
    program.ok("remove", "--all", "--force")
    assert program.ok("list", "--output", "json").document == []


def test_remove_by_digest_or_force_removes_all_tags(program: Program, project: Path) -> None:
    digest = program.digest("pack", project, "-t", "tiny:v1,v2")
    (removed,) = program.ok("remove", f"tiny@{digest}", "--output", "json").document
    assert sorted(removed["tags"]) == ["v1", "v2"]


def test_init_proposes_a_kitfile_that_packs(program: Program, tmp_path: Path) -> None:
    there = write_files(tmp_path / "new", {"model.safetensors": "x", "train.py": "pass\n", "README.md": "# x\n"})
    ran = program.ok("init", there, "--name", "fresh", "--desc", "New", "--author", "Ada")
    assert ran.lines[:2] == ["Generated Kitfile:", ""]
    assert ran.lines[-1] == f"Saved to path '{there / 'Kitfile'}'"
    packed = program.ok("pack", there, "-t", "fresh", "--output", "json").document
    assert {layer["path"] for layer in packed["layers"]} >= {"model.safetensors", "README.md"}
    assert program("init", there).code == 8
    program.ok("init", there, "--force")


def test_init_on_a_terminal_asks_for_what_was_not_given(program: Program, tmp_path: Path) -> None:
    there = write_files(tmp_path / "new", {"model.onnx": "x"})
    answers = {"Enter a name for the ModelKit: ": "asked", "Enter an author for the ModelKit: ": ""}
    assert talk(program, answers, "init", str(there), "--desc", "given").code == 0
    program.ok("pack", there, "-t", "x:v1")
    assert program.ok("info", "x:v1", "-f", "package").stdout == "name: asked\ndescription: given\n"


def test_pack_on_a_terminal_does_not_wait_for_a_kitfile(program: Program, project: Path) -> None:
    ran = talk(program, {}, "pack", str(project), "-f", "-")
    assert ran.code == 2
    assert "no data piped" in ran.stdout


def test_version_says_orchard_and_python(program: Program) -> None:
    ran = program.ok("version")
    assert re.fullmatch(r"Version: \d+\.\d+\.\d+\nPython version: 3\.\d+\.\d+\S*\n", ran.stdout)
    assert program.ok("--version").stdout == ran.stdout.split()[1] + "\n"


def _docs(*paths: str) -> str:
    return json.dumps(
        {"manifestVersion": "1.0.0", "package": {"name": "x"}, "docs": [{"path": path} for path in paths]}
    )


def _files(directory: Path) -> list[str]:
    return [path.relative_to(directory).as_posix() for path in sorted(directory.rglob("*")) if path.is_file()]


def _size(program: Program, name: str) -> str:
    sizes = {one["size"] for one in program.ok("list", name, "--format", "json").document}
    assert len(sizes) == 1
    return str(sizes.pop())
