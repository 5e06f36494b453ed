"""Saying what became of skills: shared by ``orchard skill`` and ``orchard unpack --as-skill``."""

from pathlib import Path
from typing import TYPE_CHECKING

from orchard.cli.options import current_session
from orchard.cli.output import Printer
from orchard.errors import OrchardError, UsageError

if TYPE_CHECKING:
    from orchard.formats import Filters
    from orchard.oci import JSON, Reference
    from orchard.project import Installed, Workspace


def check_flags(*, overwrite: bool, keep: bool) -> None:
    """Refuse flags that contradict each other.

    Raises:
        UsageError: If they do.
    """
    if overwrite and keep:
        raise UsageError("--overwrite and --ignore-existing contradict each other")


def report(printer: Printer, installed: "list[Installed]", *, failures: int = 0, dry_run: bool = False) -> None:
    """Say what became of each skill, in ``kit``'s words.

    Raises:
        OrchardError: If one could not be installed.
    """
    for one in installed:
        if one.state == "failed":
            printer.warn(f"Failed to install skill '{one.skill}' for {one.agent}: {one.problem}")
        elif one.state == "skipped":
            printer.note(f"Skipped skill '{one.skill}' for {one.agent}: already exists (use -o to overwrite)")
        else:
            printer.note(
                f"{'Would install' if dry_run else 'Installed'} skill '{one.skill}' for {one.agent} → {one.path}"
            )
    failures += sum(one.state == "failed" for one in installed)
    if failures:
        raise OrchardError(f"failed to install {failures} skill(s)")


def values(installed: "list[Installed]") -> "list[JSON]":
    """Give what became of each skill for ``--output json``."""
    return [
        {
            "skill": one.skill,
            "agent": one.agent,
            "path": str(one.path),
            "state": one.state,
            "problem": one.problem,
        }
        for one in installed
    ]


class Skills:
    """What ``orchard unpack --as-skill`` installs, and for whom.

    Args:
        agents: Names of agents, or ``auto``.
        project: Directory of the project that they are for; for all projects if not given.
        replace: Whether a skill that is there makes room.
        dry_run: Whether to say what would happen, and write nothing.
    """

    def __init__(self, agents: str, project: Path | None, *, replace: bool, dry_run: bool) -> None:
        self._agents = agents
        self._project = project
        self._replace = replace
        self._dry_run = dry_run

    def install(self, workspace: "Workspace", filters: "Filters", reference: "Reference") -> None:
        """Install the skills of a version, and say what became of them.

        Raises:
            OrchardError: If one could not be read or installed, or the version is not there.
        """
        from orchard.project import choose_agents, find_skills, install_skill  # noqa: PLC0415 -- --help costs nothing

        session = current_session()
        agents = choose_agents(self._agents, session.environ)
        version, source = workspace.find(reference)
        installed: list[Installed] = []
        failures = 0
        for skill in find_skills(version, source, filters=filters, reference=reference):
            if isinstance(skill, OrchardError):
                session.printer.warn(f"Error reading prompt: {skill}")
                failures += 1
                continue
            installed += install_skill(
                skill,
                agents,
                session.environ,
                project=self._project,
                replace=self._replace,
                dry_run=self._dry_run,
            )
        if not installed and not failures:
            session.printer.warn(
                "No agent skills found in modelkit. "
                "Prompt layers must contain a SKILL.md file to be installed as skills."
            )
        value: JSON = {
            "digest": str(version.digest),
            "directory": str((self._project or Path()).absolute()),
            "files": [],
            "layers": [],
            "referenced": [],
            "remote": [],
            "skipped": [],
            "dryRun": self._dry_run,
            "inTheWay": [],
            "skills": values(installed),
        }
        paths = dict.fromkeys(str(one.path) for one in installed if one.state == "installed")
        session.printer.result("", value, brief="\n".join(paths))
        report(session.printer, installed, failures=failures, dry_run=self._dry_run)
