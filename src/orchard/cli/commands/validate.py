"""``orchard validate``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import printable
from orchard.cli.workspace import open_workspace
from orchard.errors import InvalidError, UsageError
from orchard.oci import Reference

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Validated


@click.command(cls=Command)
@click.argument("what", metavar="DIRECTORY|[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.option("-r", "--remote", is_flag=True, help="Check what the registry has; nothing is stored.")
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@network_options
def command(network: NetworkFlags, what: str, *, remote: bool, strict: bool) -> None:
    """Check a ModelKit or a ModelPack against the rules of its format, or a directory against those of its Kitfile.

    Every remark names the rule, the place, why it matters and what to do. Documents and headers are read, not layers:
    that their bytes are right is what `verify` checks. Exits with 7 if there are errors.

    \b
    Examples:
      orchard validate mymodel:v1
      orchard validate --remote registry.example.com/team/mymodel:v1 --strict
      orchard validate ./project
    """
    from orchard.project import validate_directory, validate_reference

    session = current_session()
    directory = Path(what)
    is_directory = directory.is_dir() and not remote
    if is_directory:
        name, validated = what, validate_directory(directory)
    else:
        if what.startswith((".", "/")):
            raise UsageError(f"{what}: no such directory")
        reference = Reference.parse(what).or_latest()
        name = str(reference)
        validated = validate_reference(open_workspace(network, session), reference, remote=remote)
    session.printer.result(_text(validated, name), _value(validated, name, remote=remote), brief=_brief(validated))
    failed = len(validated.remarks) if strict else validated.errors
    if failed:
        raise InvalidError(f"{name}: {_count(failed, 'rule')} broken")


def _text(validated: "Validated", name: str) -> str:
    lines = []
    for one in validated.remarks:
        lines += [
            f"{one.severity.value}: {one.rule}: {printable(one.where)}",
            f"  {printable(one.text)}",
            f"  why: {one.why}",
            f"  do: {one.advice}",
        ]
    what = f"a {validated.format.value}" if validated.format is not None else "a project"
    warnings = len(validated.remarks) - validated.errors
    lines.append(f"Validated {name}, {what}: {_count(validated.errors, 'error')}, {_count(warnings, 'warning')}")
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _brief(validated: "Validated") -> str:
    return "\n".join(one.rule for one in validated.remarks)


def _value(validated: "Validated", name: str, *, remote: bool) -> "JSON":
    return {
        "name": name,
        "format": validated.format.value if validated.format is not None else None,
        "digest": str(validated.digest) if validated.digest is not None else None,
        "remote": remote,
        "valid": not validated.errors,
        "errors": validated.errors,
        "warnings": len(validated.remarks) - validated.errors,
        "remarks": [
            {
                "severity": one.severity.value,
                "rule": one.rule,
                "where": one.where,
                "text": one.text,
                "why": one.why,
                "advice": one.advice,
            }
            for one in validated.remarks
        ],
    }
