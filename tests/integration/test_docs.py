"""Pages that cannot drift: what they show is run, and what they list is compared with the program."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchard.cli import COMMANDS, EXIT_CODES
from support.cli import PROGRAMS, HubProgram, Program
from support.projects import contents, make_project

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ADDRESS = "localhost:8080"  # what pages call a hub; tests put the real one there

# Runs command lines in one process, each only as far as its help: unknown commands and options are found out.
CHECK = """
import sys
from contextlib import redirect_stdout
from io import StringIO
from orchard.cli import run
for line in sys.stdin.read().splitlines():
    with redirect_stdout(StringIO()):
        code = run([*line.split("\\0"), "--help"])
    if code:
        sys.exit("not a command line: " + line.replace("\\0", " "))
"""


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def _block(page: Path, language: str, marker: str) -> str:
    (found,) = [block for block in _blocks(page, language) if marker in block]
    return found


def _typed(text: str) -> list[list[str]]:
    """Give the words of every call of the program, without what stands before it and what the shell does with it."""
    calls = re.findall(r"(?:^|[\s(|])(?:orchard|kit) ([^|>&#)\n]+)", text, re.MULTILINE)
    return [shlex.split(call) for call in calls]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The example as a page means it: a checkout that may be written to."""
    clutter = shutil.ignore_patterns(".*venv", "__pycache__", ".cache", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "examples/digits", tmp_path / "examples/digits", ignore=clutter)
    return tmp_path


def test_what_the_readme_shows_in_a_shell_works(copied: Path, hub: HubProgram, tmp_path: Path) -> None:
    block = _block(ROOT / "README.md", "sh", "orchard unpack")
    setup = [line for line in block.splitlines() if line.startswith(("make ", "source ", "orchard hub"))]
    assert [line.split()[0] for line in setup] == ["make", "source", "orchard"]
    script = "\n".join(line for line in block.splitlines() if line not in setup)
    script = script.replace(ADDRESS, hub.host).replace("/tmp/digits", str(tmp_path / "out"))  # noqa: S108 -- the page's
    environ = {**Program(tmp_path / "home").variables, "PATH": f"{PROGRAMS}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=copied, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Pushed sha256:[0-9a-f]{64}$", done.stdout, re.MULTILINE)
    assert (tmp_path / "out/model/digits.safetensors").is_file()
    assert not (tmp_path / "out/src").exists()


@pytest.mark.parametrize("page", ["README.md", "docs/sdk.md"])
def test_what_a_page_shows_in_python_works(copied: Path, hub: HubProgram, tmp_path: Path, page: str) -> None:
    make_project(copied / "project")
    (script,) = _blocks(ROOT / page, "python")
    environ = Program(tmp_path / "home").variables
    script = script.replace(ADDRESS, hub.host)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=copied, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("", "")
    if page == "docs/sdk.md":
        assert contents(copied / "here/model") == contents(copied / "project/model")


def test_every_command_line_on_the_pages_is_one(program: Program) -> None:
    lines = [line for page in PAGES for block in _blocks(page, "sh") for line in _typed(block)]
    assert len(lines) > 8
    for command in COMMANDS:
        text = program.ok(command, "--help").stdout
        lines += _typed(text.partition("Examples:")[2].partition("Options:")[0])
    text = "\n".join("\0".join(line) for line in lines)
    done = subprocess.run([sys.executable, "-c", CHECK], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_exit_codes_on_the_page_are_those_of_the_program() -> None:
    text = (ROOT / "docs/exit-codes.md").read_text()
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert listed == {0, 130, *EXIT_CODES.values()}


def test_every_error_has_an_exit_code_of_its_own_kind() -> None:
    from orchard import errors  # noqa: PLC0415

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.OrchardError)]
    without = [kind for kind in kinds if not set(kind.__mro__) & (set(EXIT_CODES) - {errors.OrchardError})]
    assert without == [errors.OrchardError]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_kitfile_on_the_page_is_valid(program: Program, copied: Path) -> None:
    (kitfile,) = _blocks(ROOT / "docs/kitfile.md", "yaml")
    program.ok("pack", copied / "examples/digits", "-f", "-", stdin=kitfile)


def test_commands_of_the_program_are_on_the_page() -> None:
    named = re.findall(r"^## orchard (\w+)$", (ROOT / "docs/commands.md").read_text(), re.MULTILINE)
    assert named == list(COMMANDS)


def test_every_picture_that_a_page_shows_is_there_and_described_and_every_other_is_gone() -> None:
    shown = [
        (page.parent / path, about)
        for page in PAGES
        for about, path in re.findall(r"!\[([^]]*)\]\(([^)]+)\)", page.read_text())
    ]
    assert all(len(about.split()) >= 3 for _, about in shown), "whoever sees no pictures reads what is in them"
    assert {path.resolve() for path, _ in shown} == {path.resolve() for path in (ROOT / "docs/img").iterdir()}
