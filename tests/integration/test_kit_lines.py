"""What scripts read from `kit`: our program under that name prints the same lines, digests of manifests apart."""

import re
from dataclasses import replace
from pathlib import Path

import click
import pytest

from support.cli import PROGRAMS, HubProgram, Program, Ran
from support.projects import make_project

pytestmark = pytest.mark.peer("kit")

# Manifests of the two differ on purpose: ours does not hold the version of the program.
_HOME_OR_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|/\S*/(?:theirs|ours)-here")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"), prompts=False)


@pytest.fixture
def pair(kit: Program, tmp_path: Path) -> tuple[Program, Program]:
    """Theirs and ours, each with a home of its own, found as their users let it be found."""
    theirs = replace(kit, home=tmp_path / "theirs", environ={"KITOPS_HOME": str(tmp_path / "theirs")})
    home = tmp_path / "ours"
    ours = Program(home, PROGRAMS / "kit", {"ORCHARD_HOME": "", "KITOPS_HOME": str(home)})
    return theirs, ours


def _lines(ran: Ran) -> list[str]:
    return [_HOME_OR_DIGEST.sub("…", line) for line in ran.stdout.splitlines()]


def test_lines_on_stdout_are_those_of_kit(pair: tuple[Program, Program], plain: Path, tmp_path: Path) -> None:
    for name in ("theirs-here", "ours-here"):
        (tmp_path / name).mkdir()
    for arguments in (
        ["pack", str(plain), "-t", "x:v1,v2"],
        ["pack", str(plain), "-t", "x:v1"],
        ["tag", "x:v1", "y:v3"],
        ["tag", "x:v1", "localhost:5000/z:v1"],
        ["list"],
        ["list", "--format", "{{.Repo}} {{.Tags}} {{.Size}} {{.Author}} {{.ModelName}}"],
        ["list", "--format", "{{range .Tags}}{{$.Repo}}:{{.}};{{end}}"],
        ["list", "--format", "{{if .Author}}{{len .Tags}}{{else}}none{{end}} {{- .Size }}"],
        ["list", "--format", "{{index .Tags 0}}{{with .Repo}} {{.}}{{end}}{{/* x */}}"],
        ["pack", str(plain)],
        ["list"],
        ["list", "--format", "{{.Repo}} {{.Tags}} {{.Size}} {{.Author}} {{.ModelName}}"],
        ["info", "x:v1"],
        ["info", "x:v1", "-f", "model.name"],
        ["info", "x:v1", "-f", "package.authors"],
        ["unpack", "x:v1", "-d", "there"],
        ["unpack", "x:v1", "-d", "there", "-i"],
        ["unpack", "x:v1", "-d", "there", "-i", "--filter", "model"],
        ["diff", "localhost/x:v1", "local://localhost/y:v3"],
        ["unpack", "x:v1", "-d", "part", "--filter", "docs", "--filter", "kitfile"],
        ["remove", "x:v1"],
        ["remove", "x:v2"],
        ["remove", "-af"],
        ["logout", "localhost:1"],
        ["version", "--show-update-notifications=false"],
    ):
        theirs = pair[0].ok(*arguments, cwd=tmp_path / "theirs-here")
        ours = pair[1].ok(*arguments, cwd=tmp_path / "ours-here")
        expected = [line.replace("Removed @", "Removed ") for line in _lines(theirs)]  # ours can be used as a name
        if arguments[0] == "version":
            assert theirs.stdout == ""
        else:
            assert [line for line in _lines(ours) if "nobody was logged in" not in line] == expected, arguments


def test_lines_of_a_registry_are_those_of_kit(pair: tuple[Program, Program], plain: Path, hub: HubProgram) -> None:
    for number, program in enumerate(pair):
        name = f"{hub.host}/lines/same{number}"
        program.ok("pack", plain, "-t", f"{name}:v1")
        pushed = program.ok("push", f"{name}:v1", "--plain-http").lines
        pulled = program.ok("pull", f"{name}:v1", "--plain-http").lines
        assert pushed[0] == f"Pushing {name}:v1"
        assert pushed[-1].startswith("Pushed sha256:")
        assert pulled[0] == f"Pulling {name}:v1"
        assert pulled[-1].startswith("Pulled sha256:")
        listed = program.ok("list", name, "--plain-http").lines[1].split()
        # kit leaves the registry out, so that its line cannot be used as a reference
        assert (name.endswith(listed[0]), listed[1:3]) == (True, ["v1", "Ada"])
        keys = set(program.ok("inspect", "-r", f"{name}:v1", "--plain-http").document)
        assert keys >= {"digest", "cliVersion", "kitfile", "manifest"}


def test_failures_of_kit_are_failures_of_ours(pair: tuple[Program, Program], plain: Path) -> None:
    pair[0].ok("pack", plain, "-t", "x:v1")
    pair[1].ok("pack", plain, "-t", "x:v1")
    for arguments in (
        ["remove", "x:nothing"],
        ["remove"],
        ["remove", "x", "--all"],
        ["inspect", "nothing:v1"],
        ["inspect", "-r", "nothing:v1"],
        ["push", "x:v1"],
        ["pull", "x:v1"],
        ["unpack", "x:v1,v2"],
        ["list", "--log-level", "nonsense"],
        ["list", "--format", "{{.Nothing}}"],
        ["list", "--format", "{{.Repo"],
        ["info", "x:v1", "-f", "a[0]"],
        ["pack", str(plain / "src")],
        ["tag", "x:v1"],
        ["nonsense"],
    ):
        theirs, ours = (program(*arguments) for program in pair)
        assert theirs.code != 0, theirs
        assert ours.code != 0, ours


def test_bytes_on_stdout_are_bytes_alone_under_both_names(program: Program, plain: Path) -> None:
    ours = Program(program.home, PROGRAMS / "kit")
    program.ok("pack", plain, "-t", "x:v1")
    assert ours.ok("cat", "x:v1", "README.md").stdout == (plain / "README.md").read_text()
    assert ours.ok("init", plain, "-o", "-", "--force").stdout.startswith("manifestVersion")
    assert ours.ok("inspect", "x:v1").document == program.ok("inspect", "x:v1").document


COMMANDS = (
    *("pack", "unpack", "push", "pull", "tag", "list", "inspect", "info", "remove", "login", "logout", "init", "diff"),
    *("import", "cache info", "cache clear", "dev start", "dev stop", "dev logs", "version"),
)


def test_every_flag_of_kit_is_ours(kit: Program, program: Program) -> None:
    from orchard.cli import program as root  # noqa: PLC0415

    for name in COMMANDS:
        found: click.Command | None = root
        for word in name.split():
            assert isinstance(found, click.Group)
            found = found.get_command(click.Context(found), word)
        assert found is not None, name
        ours = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        text = kit.ok(*name.split(), "--help").stdout
        theirs = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+|-[a-z])(?=[ ,=\n])", text.partition("Flags:")[2]))
        assert theirs - ours - {"--help", "-h", "-vv"} == set(), name
    assert program.ok("version").stdout
