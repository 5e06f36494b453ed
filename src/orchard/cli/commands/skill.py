"""``orchard skill``."""

from pathlib import Path

import click

from orchard.cli.options import Command, current_session


@click.command(cls=Command)
@click.option(
    "-d",
    "--dir",
    "project",
    type=click.Path(path_type=Path, readable=False),
    help="Install for this project only, not for all of them.",
)
@click.option("--agents", default="auto", show_default=True, metavar="A,B", help="For whom; auto: who is here.")
@click.option("-o", "--overwrite", is_flag=True, help="Replace a skill that is already there.")
@click.option("-i", "--ignore-existing", is_flag=True, help="Keep a skill that is already there; so it is anyway.")
@click.option("--print", "show", is_flag=True, help="Print the skill; install nothing.")
def command(project: Path | None, agents: str, *, overwrite: bool, ignore_existing: bool, show: bool) -> None:
    """Teach coding agents to use this program: install a SKILL.md where they look for skills.

    \b
    Examples:
      orchard skill
      orchard skill -d . --agents claude-code,codex
    """
    from orchard.cli.skills import check_flags, report, values
    from orchard.project import choose_agents, install_skill, own_skill

    session = current_session()
    check_flags(overwrite=overwrite, keep=ignore_existing)
    skill = own_skill()
    if show:
        text = skill.files["SKILL.md"].decode()
        session.printer.result(text.rstrip("\n"), {"skill": skill.name, "text": text, "installed": []})
        return
    chosen = choose_agents(agents, session.environ)
    installed = install_skill(skill, chosen, session.environ, project=project, replace=overwrite)
    paths = dict.fromkeys(str(one.path) for one in installed if one.state == "installed")
    session.printer.result(
        "", {"skill": skill.name, "text": None, "installed": values(installed)}, brief="\n".join(paths)
    )
    report(session.printer, installed)
