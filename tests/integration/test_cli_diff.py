"""``orchard diff``: the lines of ``kit`` about layers, and below them what ``kit`` cannot tell."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import make_project
from support.terminal import talk


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A home with two versions that differ in their weights, their data, their README and a parameter."""
    base = tmp_path_factory.mktemp("two")
    program = Program(base / "home")
    program.ok("pack", make_project(base / "1", prompts=False), "-t", "tiny:v1")
    second = make_project(base / "2", seed=2, prompts=False)
    kitfile = second / "Kitfile"
    kitfile.write_text(kitfile.read_text().replace("rate: 0.5", "rate: 0.25").replace("epochs: 3", "epochs: 3.0"))
    (second / "src/new.py").write_text("new\n")
    (second / "src/run.sh").unlink()
    program.ok("pack", second, "-t", "tiny:v2")
    program.ok("tag", "tiny:v1", "tiny:again")
    return program


def test_diff_shows_layers_kitfile_and_files(two: Program) -> None:
    text = two.ok("diff", "tiny:v1", "tiny:v2").stdout
    assert text.startswith("Comparing:\n  ModelKit1: tiny:v1\n  ModelKit2: tiny:v2\n\nSummary\n")
    assert "\n\nConfigurations:\n" in text
    assert "Shared Layers\n" in text
    assert "~ model.parameters.rate: 0.5 -> 0.25\n" in text
    assert "epochs" not in text
    assert "~ model/weights.bin (4.8 KiB)\n" in text
    assert "+ src/new.py (4 B)\n" in text
    assert "- src/run.sh (" in text
    assert "README" not in text


def test_summary_fits_one_screen(two: Program) -> None:
    lines = two.ok("diff", "tiny:v1", "tiny:v2", "--level", "summary").lines
    assert lines[4:] == [
        "Summary",
        "-" * 39,
        "Parameters  ~ rate  0.5 -> 0.25  -0.25 (-50 %)",
        "Data        ~ data/train.csv (3.2 KiB, +494 -494 lines)",
        "Model       ~ model/weights.bin (4.8 KiB)",
        "Code        + src/new.py (4 B, +1 -0 lines)",
        "            - src/run.sh (30 B, +0 -2 lines)",
    ]


def test_only_some_sections_are_shown(two: Program) -> None:
    text = two.ok("diff", "tiny:v1", "tiny:v2", "--only", "params,prompts").stdout
    assert text == "Parameters\n~ rate  0.5 -> 0.25  -0.25 (-50 %)\n\nPrompts: nothing differs\n"
    ran = two("diff", "tiny:v1", "tiny:v2", "--only", "weights")
    assert (ran.code, "'weights' is none of licence, metrics, parameters" in ran.stderr) == (2, True)


def test_stat_counts_lines(two: Program) -> None:
    assert two.ok("diff", "tiny:v1", "tiny:v2", "--stat", "--only", "code").lines == [
        "+ src/new.py (4 B, +1 -0 lines)", "- src/run.sh (30 B, +0 -2 lines)", "2 files differ, +1 -2 lines"
    ]  # fmt: skip
    assert two.ok("diff", "tiny:v1", "tiny:v2", "--stat", "--only", "docs").lines == ["no file differs"]


def test_git_applies_what_patch_shows(two: Program, tmp_path: Path) -> None:
    two.ok("unpack", "tiny:v1", "-d", tmp_path / "there")
    patch = two.ok("diff", "tiny:v1", "tiny:v2", "--patch").stdout
    assert "# model/weights.bin: not text\n" in patch
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}  # the checkout around it is none of ours
    subprocess.run(["git", "apply", "-"], cwd=tmp_path / "there", input=patch.encode(), check=True, env=alone)
    two.ok("unpack", "tiny:v2", "-d", tmp_path / "expected")
    for path in ("src/new.py", "data/train.csv"):
        assert (tmp_path / "there" / path).read_bytes() == (tmp_path / "expected" / path).read_bytes()
    assert not (tmp_path / "there/src/run.sh").exists()


def test_json_has_lines_with_patch_alone(two: Program) -> None:
    counted, whole = (
        two.ok("diff", "tiny:v1", "tiny:v2", *flags, "--output", "json").document for flags in ([], ["--patch"])
    )
    for document, shown in ((counted, 0), (whole, 1)):
        assert [len(one["text"]["hunks"]) for one in document["sections"]["code"]] == [shown, shown]
    assert counted["sections"]["parameters"] == [
        {"kind": "changed", "name": "rate", "before": 0.5, "after": 0.25, "delta": -0.25, "relative": -0.5,
         "direction": None}
    ]  # fmt: skip


def test_colours_are_for_terminals(two: Program) -> None:
    seen = talk(replace(two, environ={"TERM": "xterm"}), {}, "diff", "tiny:v1", "tiny:v2", "--stat").stdout
    assert "\x1b[32m+ src/new.py (4 B, +1 -0 lines)\x1b[0m" in seen
    assert "\x1b" not in two.ok("diff", "tiny:v1", "tiny:v2", "--stat").stdout


def test_diff_as_json_has_the_values(two: Program) -> None:
    document = two.ok("diff", "tiny:v1", "tiny:v2", "--output", "json").document
    assert document["kitfile"] == [
        {"change": "changed", "path": "model.parameters.rate", "before": 0.5, "after": 0.25}
    ]  # fmt: skip
    assert [(one["change"], one["path"]) for one in document["files"]] == [
        ("changed", "data/train.csv"), ("changed", "model/weights.bin"), ("added", "src/new.py"),
        ("removed", "src/run.sh"),
    ]  # fmt: skip
    assert [one["path"] for one in document["layers"]["shared"]] == ["model/config.json", "README.md"]


@pytest.mark.parametrize(
    ("level", "seen", "unseen"),
    [
        ("layers", ["Shared Layers"], ["Kitfile", "Files"]),
        ("files", ["Files"], ["Shared Layers", "Kitfile"]),
        ("kitfile", ["Kitfile"], ["Shared Layers", "Files"]),
    ],
)
def test_diff_at_one_level_shows_that_alone(two: Program, level: str, seen: list[str], unseen: list[str]) -> None:
    lines = two.ok("diff", "tiny:v1", "tiny:v2", "--level", level).lines
    assert [title for title in (*seen, *unseen) if title in lines] == seen


@pytest.mark.parametrize(("second", "code"), [("tiny:v2", 1), ("tiny:again", 0)])
def test_diff_exit_code_tells_whether_they_differ(two: Program, second: str, code: int) -> None:
    ran = two("diff", "tiny:v1", second, "--exit-code")
    assert (ran.code, ran.stderr) == (code, "")
    assert two("diff", "tiny:v1", second).code == 0
    assert ("ModelKits are identical" in ran.stdout) is (code == 0)


def test_diff_of_local_and_remote_reads_both_and_stores_nothing(two: Program, hub: HubProgram, tmp_path: Path) -> None:
    name = f"{hub.host}/diff/tiny"
    two.ok("push", "tiny:v2", f"{name}:v1")
    two.ok("tag", "tiny:v1", f"{name}:v1")
    second = Program(tmp_path / "second")
    local = two.ok("diff", f"local://{name}:v1", f"remote://{name}:v1", "--output", "json").document
    assert two.ok("diff", f"{name}:v1", "tiny:v1").stdout == "ModelKits are identical\n"
    two.ok("push", "tiny:v1", f"{name}:old")
    remote = second.ok("diff", f"{name}:old", f"{name}:v1", "--output", "json").document
    assert [local[key] for key in ("layers", "kitfile", "files")] == [
        remote[key] for key in ("layers", "kitfile", "files")
    ]
    assert not (second.home / "layout").exists()
    assert second("diff", f"local://{name}:v1", f"{name}:v1").code == 3


def test_diff_of_what_is_not_there_says_so(two: Program) -> None:
    ran = two("diff", "tiny:v1", "nothing:v1")
    assert (ran.code, ran.complaint) == (3, "nothing:v1: not in the local store; see: orchard list")


@pytest.mark.peer("kit")
def test_diff_of_layers_prints_what_kit_prints(tmp_path: Path) -> None:
    kit = str(shutil.which("kit"))
    home = {"KITOPS_HOME": str(tmp_path / "kit"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ours = Program(tmp_path / "ours")
    for seed in (1, 2):
        project = make_project(tmp_path / str(seed), seed=seed, prompts=False)
        name = f"localhost:1/a/b:v{seed}"
        subprocess.run([kit, "pack", project, "-t", name], env=home, check=True, capture_output=True)
        ours.ok("pack", project, "-t", name)
    for second in ("v1", "v2"):
        names = ["localhost:1/a/b:v1", f"localhost:1/a/b:{second}"]
        theirs = subprocess.run([kit, "diff", *names], env=home, check=True, capture_output=True, text=True).stdout
        text = ours.ok("diff", *names, "--level", "layers").stdout
        assert _plain(text) == _plain(theirs)


def _plain(text: str) -> str:
    """Leave out how wide columns are: where kit's overflow, ours are wider."""
    return re.sub(r" +", " ", text).strip()
