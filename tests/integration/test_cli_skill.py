"""`orchard skill` and `unpack --as-skill`: skills go where coding agents look for them."""

from pathlib import Path

import pytest

from support.cli import HubProgram, Program
from support.projects import write_files

SKILL = "---\nname: Polite Greeting\ndescription: Greets.\n---\n# Hello\n"
KITFILE = """\
manifestVersion: 1.0.0
package: {name: skills}
prompts:
  - {name: greet, path: skills/greet}
  - {path: prompts/plain.md}
docs:
  - {path: README.md}
"""


@pytest.fixture
def agents(program: Program, tmp_path: Path) -> Program:
    """The program of somebody who has two agents, and a ModelKit with a skill."""
    files = {"Kitfile": KITFILE, "skills/greet/SKILL.md": SKILL, "skills/greet/run.sh": "#!/bin/sh\n", "README.md": "x"}
    project = write_files(tmp_path / "project", {**files, "prompts/plain.md": "Say hello."})
    (project / "skills/greet/run.sh").chmod(0o755)
    program.ok("pack", project, "-t", "skills:v1")
    home = tmp_path / "user"
    for name in (".claude", ".cursor"):
        (home / name).mkdir(parents=True)
    return Program(program.home, environ={"HOME": str(home)})


def test_unpack_as_skill_installs_for_the_agents_that_are_here(agents: Program, tmp_path: Path) -> None:
    ran = agents.ok("unpack", "skills:v1", "--as-skill")
    home = tmp_path / "user"
    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [
        f"Installed skill 'polite-greeting' for {agent} → {home}/{directory}/skills/polite-greeting"
        for agent, directory in (("claude-code", ".claude"), ("cursor", ".cursor"))
    ]
    installed = home / ".claude/skills/polite-greeting"
    assert sorted(path.name for path in installed.iterdir()) == ["SKILL.md", "run.sh"]
    assert (installed / "run.sh").stat().st_mode & 0o111
    again = agents.ok("unpack", "--as-skill", "skills:v1")
    line = "Skipped skill 'polite-greeting' for cursor: already exists (use -o to overwrite)"
    assert line in again.stderr.splitlines()
    (installed / "SKILL.md").write_text("mine")
    agents.ok("unpack", "skills:v1", "--as-skill=claude-code", "-o")
    assert (installed / "SKILL.md").read_text() == SKILL


def test_unpack_as_skill_into_a_project_from_a_registry_writes_nothing_else(
    agents: Program, hub: HubProgram, tmp_path: Path
) -> None:
    agents.ok("push", "skills:v1", f"{hub.host}/skills/kit:v1")
    other = Program(tmp_path / "other", environ=agents.environ)
    there = tmp_path / "there"
    words = ["unpack", f"{hub.host}/skills/kit:v1", "-d", str(there), "--as-skill=codex,windsurf"]
    assert "Would install skill 'polite-greeting' for codex" in other.ok(*words, "--dry-run").stderr
    assert not there.exists()
    skills = other.ok(*words, "--output", "json").document["skills"]
    assert [(one["agent"], one["state"]) for one in skills] == [("codex", "installed"), ("windsurf", "installed")]
    assert sorted(path.name for path in there.iterdir()) == [".agents", ".windsurf"]
    assert not (other.home / "layout").exists()
    none = agents.ok("unpack", "skills:v1", "--as-skill=codex", "--filter", "docs")
    assert "No agent skills found in modelkit" in none.stderr


def test_skill_teaches_agents_to_use_this_program(agents: Program, tmp_path: Path) -> None:
    agents.ok("skill", "-d", tmp_path / "here", "--agents", "claude-code")
    text = (tmp_path / "here/.claude/skills/orchard/SKILL.md").read_text()
    assert text.startswith("---\nname: orchard\n")
    assert agents.ok("skill", "--print").stdout == text
    assert "Skipped skill 'orchard'" in agents.ok("skill", "-d", tmp_path / "here", "--agents=claude-code").stderr
    agents.ok("skill", "-o")
    assert (tmp_path / "user/.cursor/skills/orchard/SKILL.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["skill", "--agents", "nobody"], 2),
        (["skill", "-o", "-i"], 2),
        (["unpack", "skills:v1", "--as-skill=nobody"], 2),
        (["unpack", "skills:v1", "--as-skill", "-o", "-i"], 2),
        (["unpack", "nothing:v1", "--as-skill"], 3),
        (["unpack", "--as-skill"], 2),
    ],
)
def test_skill_that_cannot_be_is_one_error(agents: Program, arguments: list[str], code: int) -> None:
    assert agents(*arguments).code == code


def test_skill_without_an_agent_says_what_to_name(program: Program, tmp_path: Path) -> None:
    alone = Program(program.home, environ={"HOME": str(tmp_path)})
    ran = alone("skill")
    assert (ran.code, "name one" in ran.complaint) == (3, True)
