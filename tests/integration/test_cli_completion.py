"""Shells complete references of the local store, through colons too; a real bash runs the script."""

import subprocess
from pathlib import Path

import pytest

from support.cli import PROGRAMS, Program


@pytest.fixture
def stocked(program: Program, project: Path) -> Program:
    program.ok("pack", project, "-t", "team/tiny:v1,v2")
    program.ok("tag", "team/tiny:v1", "localhost:5000/team/tiny:stable")
    program.ok("index", "create", "team/tiny:all")
    return program


def _complete(program: Program, line: str, shell: str = "bash") -> list[str]:
    environ = {"_ORCHARD_COMPLETE": f"{shell}_complete", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    lines = list(filter(None, Program(program.home, environ=environ).ok().lines))
    return [one.partition(",")[2] for one in lines] if shell == "bash" else lines


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("orchard unpack ", ["localhost:5000/team/tiny:stable", "team/tiny:v1", "team/tiny:v2"]),
        ("orchard unpack te", ["team/tiny:v1", "team/tiny:v2"]),
        ("orchard push team/tiny:", ["v1", "v2"]),
        ("orchard inspect localhost:5000/te", ["5000/team/tiny:stable"]),
        ("orchard index info ", ["team/tiny:all"]),
        ("orchard index add team/tiny:all te", ["team/tiny:v1", "team/tiny:v2"]),
        ("orchard list l", ["localhost:5000/team/tiny:stable"]),
        ("orchard pack . --compression=gz", ["gzip", "gzip-fastest"]),
        ("orchard config get pack.c", ["pack.compression"]),
        ("orchard unpack nothing", []),
    ],
)
def test_completing_gives_references_from_where_bash_breaks_the_word(
    stocked: Program, line: str, expected: list[str]
) -> None:
    assert _complete(stocked, line) == expected


def test_bash_itself_completes_a_reference(stocked: Program) -> None:
    script = f"""
        source <({PROGRAMS}/orchard completion bash)
        COMP_WORDS=(orchard unpack team/tiny : v) COMP_CWORD=4 COMP_LINE='orchard unpack team/tiny:v' COMP_POINT=26
        _orchard_completion orchard
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environ = {**stocked.variables, "PATH": f"{PROGRAMS}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["v1", "v2"]


def test_other_shells_get_whole_references(stocked: Program) -> None:
    assert _complete(stocked, "orchard unpack team/tiny:", "powershell") == ["team/tiny:v1", "team/tiny:v2"]
    assert "Register-ArgumentCompleter" in stocked.ok("completion", "powershell").stdout
    environ = {"_ORCHARD_COMPLETE": "zsh_complete", "COMP_WORDS": "orchard unpack team/t", "COMP_CWORD": "2"}
    assert "team/tiny:v1" in Program(stocked.home, environ=environ).ok().lines


def test_completing_where_the_store_or_the_config_is_damaged_gives_nothing(stocked: Program) -> None:
    (stocked.home / "layout/index.json").write_text("{")
    assert _complete(stocked, "orchard unpack ") == []
    (stocked.home / "config.toml").write_text("x = ")
    assert _complete(stocked, "orchard unpack ") == []
