"""Starting up costs little, does little, and is the same under both names."""

import subprocess
import sys
from pathlib import Path

import pytest

import orchard
from support.cli import ESCAPE, PROGRAMS, Program

HEAVY = ("urllib3", "ssl", "rich", "ruamel", "sqlalchemy", "starlette", "granian", "orchard.hub", "asyncio", "hashlib")


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["version"], HEAVY),
        (["--help"], (*HEAVY, "orchard.cli.commands.pack")),
        (["completion", "bash"], HEAVY[:-2]),
        (["list"], ("rich", "sqlalchemy", "starlette", "granian", "orchard.hub")),
        (["pack", "--help"], (*HEAVY, "msgspec", "orchard.oci", "orchard.store", "orchard.formats")),
        (["nonsense"], HEAVY),
    ],
    ids=["version", "help", "completion", "list", "help of pack", "mistyped"],
)
def test_command_imports_only_what_it_needs(program: Program, arguments: list[str], unwanted: tuple[str, ...]) -> None:
    loaded = _loaded_by(program, *arguments)
    assert loaded.isdisjoint(unwanted), sorted(loaded & set(unwanted))


def test_packing_again_imports_no_more_than_packing_needs(program: Program, project: Path) -> None:
    program.ok("pack", project, "-t", "tiny:v1")
    loaded = _loaded_by(program, "pack", str(project), "-t", "tiny:v1", "--no-provenance")
    unwanted = {*HEAVY, "subprocess", "shutil", "tempfile", "logging", "concurrent.futures", "backports.zstd"}
    unwanted |= {"orchard.remote", "orchard.sources", "orchard.insight", "orchard.formats.kitfileyaml"}
    unwanted |= {"orchard.formats.kitindex", "orchard.project.unpacking", "orchard.project.modelpacking"}
    assert loaded & unwanted <= {"hashlib"}


def test_end_of_the_program_looks_for_no_garbage_and_still_runs_what_was_registered(program: Program) -> None:
    probe = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 10_000)); "
        "from orchard.cli import main; main(['version'])"
    )
    done = subprocess.run([sys.executable, "-c", probe], env=_bare(program), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


def test_import_of_the_library_loads_nothing_heavy(program: Program) -> None:
    probe = "import orchard, sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], env=_bare(program), capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({*HEAVY, "click", "msgspec", "orchard.project", "orchard.oci"})


@pytest.mark.parametrize(
    "arguments", [["list"], ["info", "tiny:v1"], ["inspect", "nothing"], ["--help"], ["push", "--help"]]
)
def test_kit_is_the_same_program(shelf: Program, arguments: list[str]) -> None:
    ours, alias = shelf(*arguments), Program(shelf.home, PROGRAMS / "kit")(*arguments)
    assert alias.code == ours.code
    assert alias.stdout == ours.stdout.replace("orchard [OPTIONS]", "kit [OPTIONS]").replace(
        "Usage: orchard", "Usage: kit"
    )
    assert alias.stderr == ours.stderr


def test_start_up_touches_nothing(program: Program) -> None:
    program.ok("version")
    program.ok("list")
    assert not program.home.exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_one_for_the_shell(program: Program, shell: str) -> None:
    script = program.ok("completion", shell).stdout
    assert "_ORCHARD_COMPLETE" in script
    assert ESCAPE not in script
    assert "_KIT_COMPLETE" in Program(program.home, PROGRAMS / "kit").ok("completion", shell).stdout


def test_completion_script_for_bash_is_valid(program: Program, tmp_path: Path) -> None:
    script = tmp_path / "complete.sh"
    script.write_text(program.ok("completion", "bash").stdout)
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("orchard pu", {"pull", "push"}),
        ("orchard pack --compression g", {"gzip", "gzip-fastest"}),
        ("orchard completion ", {"bash", "zsh", "fish", "powershell"}),
        ("orchard --out", {"--output"}),
        ("orchard unpack --ov", {"--overwrite"}),
    ],
)
def test_completing_gives_what_can_follow(program: Program, words: str, expected: set[str]) -> None:
    count = str(len(words.split(" ")) - 1)
    environ = {"_ORCHARD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}
    ran = Program(program.home, environ=environ).ok()
    assert {line.partition(",")[2] for line in ran.lines} == expected


def test_version_of_the_program_is_that_of_the_library(program: Program) -> None:
    assert program.ok("version", "--output", "json").document["version"] == orchard.__version__


def _loaded_by(program: Program, *arguments: str) -> set[str]:
    """Name the modules that a command has imported."""
    probe = (
        "import sys; from orchard.cli import run; code = run(sys.argv[1:]); "
        "print(code, *sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *arguments], env=_bare(program), capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split()[1:])


def _bare(program: Program) -> dict[str, str]:
    """Without the measuring of coverage, which imports much itself."""
    return {name: value for name, value in program.variables.items() if not name.startswith("COVERAGE")}
