"""Options that every command shares, wherever they stand; and what a terminal sees."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.cli import ERROR, ESCAPE, ORCHARD, Program
from support.projects import make_blob_project
from support.terminal import watch


@pytest.mark.parametrize(
    "arguments",
    [
        ["--output", "json", "version"],
        ["version", "--output", "json"],
        ["--output=text", "version", "--output=json"],
        ["--log-level", "error", "version", "-v", "--output", "json", "--progress", "none"],
    ],
    ids=["before", "after", "later-wins", "mixed"],
)
def test_global_option_works_before_and_after_the_command(program: Program, arguments: list[str]) -> None:
    assert set(program.ok(*arguments).document) == {"version", "python"}


def test_config_names_the_home_and_beats_the_environment(program: Program, project: Path, tmp_path: Path) -> None:
    program.ok("pack", project, "-t", "tiny:v1", "--config", tmp_path / "elsewhere")
    assert not program.home.exists()
    assert len(program.ok("--config", tmp_path / "elsewhere", "list").lines) == 2


@pytest.mark.parametrize(
    ("environ", "home"),
    [
        ({"ORCHARD_HOME": "{0}/o", "KITOPS_HOME": "{0}/k", "XDG_DATA_HOME": "{0}/x", "HOME": "{0}/h"}, "o"),
        ({"ORCHARD_HOME": "", "KITOPS_HOME": "{0}/k", "XDG_DATA_HOME": "{0}/x", "HOME": "{0}/h"}, "k"),
        ({"ORCHARD_HOME": "", "KITOPS_HOME": "", "XDG_DATA_HOME": "{0}/x", "HOME": "{0}/h"}, "x/orchard"),
        ({"ORCHARD_HOME": "", "KITOPS_HOME": "", "XDG_DATA_HOME": "", "HOME": "{0}/h"}, "h/.local/share/orchard"),
    ],
    ids=["orchard-home", "kitops-home", "xdg", "home"],
)
def test_home_is_found_in_the_environment(project: Path, tmp_path: Path, environ: dict[str, str], home: str) -> None:
    program = Program(tmp_path, environ={name: value.format(tmp_path) for name, value in environ.items()})
    program.ok("pack", project, "-t", "tiny:v1")
    assert (tmp_path / home / "layout" / "index.json").is_file()


def test_log_level_error_still_prints_results(program: Program, project: Path, tmp_path: Path) -> None:
    quiet = ("--log-level", "error")
    assert program.ok("pack", project, "-t", "tiny:v1", *quiet).lines[-1].startswith("Model saved: sha256:")
    assert program.ok("inspect", "tiny:v1", *quiet).document["digest"]
    assert program.ok(*quiet, "list").lines[1:]
    assert program.ok("version", *quiet).stdout.startswith("Version: ")
    assert program.ok("unpack", "tiny:v1", "-d", tmp_path / "there", *quiet).stderr == ""
    assert program("inspect", "nothing", *quiet).complaint.startswith("nothing:latest: ")


def test_verbose_labels_notes_and_says_more_but_never_on_stdout(
    shelf: Program, program: Program, hub_of_shelf: str
) -> None:
    plain, verbose = shelf.ok("inspect", "-r", hub_of_shelf), shelf.ok("inspect", "-r", hub_of_shelf, "-v")
    assert verbose.document == plain.document
    assert plain.stderr == ""
    assert re.search(r"^\[DEBUG\] GET http://.*/manifests/sha256:.* -> 200 ", verbose.stderr, re.MULTILINE), verbose
    pulled = program.ok("pull", hub_of_shelf, "-vv")
    assert f"[INFO] Pulling {hub_of_shelf}" in pulled.stderr.splitlines()
    assert shelf.ok("-vvv", "version", "--log-level", "error").stdout.startswith("Version: ")


@pytest.mark.parametrize(
    ("flag", "code"),
    [
        ("--tls-verify=false", 5),
        ("--tls-verify=0", 5),
        ("--no-tls-verify", 5),
        ("--tls-verify=true", 5),
        ("--tls-verify", 5),
        ("--plain-http", 0),
        ("--plain-http=True", 0),
        ("--plain-http=false", 0),
    ],
)
def test_boolean_flag_may_be_spelled_with_a_value(shelf: Program, hub_of_shelf: str, flag: str, code: int) -> None:
    # Who speaks of certificates asks for https, on loopback too, and this hub has none.
    ran = shelf("inspect", "--remote", flag, hub_of_shelf)
    assert ran.code == code, ran
    assert code == 0 or "does not speak TLS" in ran.complaint


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_boolean_flag_with_another_value_is_a_usage_error(shelf: Program, value: str) -> None:
    assert shelf("list", f"--plain-http={value}").code == 2


def test_piped_output_has_no_escape_sequences_and_no_progress(program: Program, tmp_path: Path) -> None:
    project = make_blob_project(tmp_path / "project", 3_000_000, 1_000_000)
    for style in ("plain", "fancy", "none", "false"):
        ran = program.ok("pack", project, "-t", "blobs", "--progress", style, "-v")
        assert ESCAPE not in ran.stdout + ran.stderr
        assert ran.stderr == ""
    failed = program("unpack", "nothing:v1")
    assert ESCAPE not in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith(ERROR)


def test_terminal_sees_bars_and_colours(program: Program, tmp_path: Path) -> None:
    project = make_blob_project(tmp_path / "project", 3_000_000)
    assert ESCAPE in watch(program, "pack", str(project), "-t", "blobs").stderr
    assert f"{ESCAPE}[31m{ERROR}" in watch(program, "inspect", "nothing").stderr


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_terminal_without_colour_sees_none(program: Program, variable: dict[str, str]) -> None:
    plain = Program(program.home, environ=variable)
    failed = watch(plain, "inspect", "nothing")
    assert failed.stderr.startswith(f"{ERROR}nothing:latest")
    assert ESCAPE not in failed.stderr


def test_terminal_with_progress_none_sees_none(program: Program, tmp_path: Path) -> None:
    project = make_blob_project(tmp_path / "project", 3_000_000)
    assert watch(program, "pack", str(project), "--progress", "none").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["pusch"], "Did you mean 'push'?"),
        (["push"], "Missing argument 'SOURCE'"),
        (["pack", ".", "--compresion", "gzip"], "--compression"),
        (["pack", ".", "--compression", "lzma"], "'none', 'gzip', 'gzip-fastest', 'zstd'"),
        (["list", "--log-level", "loud"], "'trace', 'debug', 'info', 'warn', 'error'"),
        (["pull", "localhost:1/x", "--concurrency", "0"], "--concurrency"),
    ],
)
def test_mistyped_command_line_gets_a_hint_and_exit_code_2(program: Program, arguments: list[str], hint: str) -> None:
    ran = program(*arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert hint in ran.stderr


def test_help_of_every_command_names_its_options(program: Program) -> None:
    ran = program.ok("--help")
    commands = re.findall(r"^  (\w+)  +\w", ran.stdout, re.MULTILINE)
    assert commands[:2] == ["pack", "unpack"]
    assert "--compression" in program.ok("pack", "-h").stdout
    assert program.ok("help-me" if not commands else commands[0], "--help").stderr == ""


def test_stdout_that_is_closed_early_ends_in_silence(shelf: Program) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [ORCHARD, "inspect", "tiny:v1"], env=shelf.variables, stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.fixture(scope="module")
def hub_of_shelf(shelf: Program, request: pytest.FixtureRequest) -> str:
    """A reference to what the shelf holds, in the hub."""
    reference = f"{request.getfixturevalue('hub').host}/options/tiny:v1"
    shelf.ok("push", "tiny:v1", reference)
    return reference
