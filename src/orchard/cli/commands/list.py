"""``orchard list``."""

import sys
from collections.abc import Iterable

import click

from orchard.cli.gotemplate import GoTemplate, Value
from orchard.cli.options import Command, NetworkFlags, ReferenceType, Session, current_session, network_options
from orchard.cli.output import format_size, table
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError
from orchard.formats import parse_filters
from orchard.oci import JSON, Reference
from orchard.project import Listed, Workspace, list_local, list_registry, list_remote, matching

_HEADINGS = ("REPOSITORY", "TAG", "MAINTAINER", "NAME", "SIZE", "DIGEST")
_NONE = "<none>"


@click.command(cls=Command)
@click.argument("repository", type=ReferenceType(), metavar="[REGISTRY/REPOSITORY[:TAG]]", required=False)
@click.option(
    "-f", "--filter", "filters", multiple=True, metavar="TYPE[,TYPE][:NAME|PATH,...]", help="With such parts."
)
@click.option("-r", "--remote", is_flag=True, help="List all repositories of HOST[/PREFIX].")
@click.option("--format", "form", default="table", help="table, json, or a line such as '{{.Repo}} {{.Digest}}'.")
@network_options
def command(
    network: NetworkFlags, repository: str | None, filters: tuple[str, ...], form: str, *, remote: bool
) -> None:
    """List the ModelKits in the local store or, with a repository of a registry, the ones there.

    \b
    Examples:
      orchard list
      orchard list registry.example.com/team/mymodel
      orchard list --remote registry.example.com/team
      orchard list --filter datasets:train
      orchard list --output json
    """
    session = current_session()
    wanted = parse_filters(filters)
    workspace = open_workspace(network, session)
    listed = matching(_listed(workspace, repository, remote=remote, workers=network.concurrency), wanted)
    if not listed and repository is None:
        _hint(session, workspace)
    if session.printer.as_json:
        session.printer.document([_value(one) for one in listed])
    elif form == "json":
        session.printer.document([_kit_value(one) for one in listed])
    elif form == "table":
        names = "\n".join(name for one in listed for name in _references(one))
        session.printer.result(table(_HEADINGS, [row for one in listed for row in _rows(one)]), None, brief=names)
    else:
        session.printer.result(_lines(form, listed), None)


def _hint(session: Session, workspace: Workspace) -> None:
    """Tell people who have just come from ``kit`` where their versions are."""
    from orchard.project import find_kit_home

    if kit := find_kit_home(session.environ, sys.platform, workspace.home):
        session.printer.aside(f"kit keeps ModelKits in {kit}; to take them over: orchard migrate --from {kit}")


def _listed(workspace: Workspace, name: str | None, *, remote: bool, workers: int) -> Iterable[Listed]:
    if remote:
        if name is None:
            raise UsageError("--remote: name the registry, as in: orchard list --remote registry.example.com")
        from orchard.project import RegistryPart

        place = RegistryPart.parse(name)
        return list_registry(workspace.registries.open(place.host), place, workers=workers)
    reference = Reference.parse(name) if name else None
    if reference is None or reference.is_local:
        return list_local(workspace.layout, reference.name if reference else None)
    target = str(reference.digest) if reference.digest else reference.tag
    shown = str(Reference(reference.registry, reference.repository))
    return list_remote(workspace.remote(reference), shown, target, workers=workers)


def _author(one: Listed) -> str:
    authors = one.version.kit.kitfile.package.authors if one.version else ()
    return authors[0] if authors else ""


def _model_name(one: Listed) -> str:
    if one.version is None:
        return ""
    kitfile = one.version.kit.kitfile
    return kitfile.package.name or (kitfile.model.name if kitfile.model else "") or ""


def _rows(one: Listed) -> list[tuple[str, ...]]:
    size = format_size(one.version.size) if one.version else "?"
    rest = (_author(one) or _NONE, _model_name(one) or _NONE, size, str(one.descriptor.digest))
    return [(one.repository or _NONE, tag, *rest) for tag in one.tags or (_NONE,)]


def _references(one: Listed) -> list[str]:
    """Give what names the version, each on its own: its tags, or its digest where it has none."""
    digest = str(one.descriptor.digest)
    if not one.repository:
        return [digest]
    return [f"{one.repository}:{tag}" for tag in one.tags] or [f"{one.repository}@{digest}"]


def _kit_value(one: Listed) -> JSON:
    """Give what ``kit list --format json`` gives, sizes as text and ``<none>`` included."""
    return {
        "repo": one.repository or _NONE,
        "digest": str(one.descriptor.digest),
        "tags": list(one.tags) or None,
        "modelName": _model_name(one) or _NONE,
        "size": format_size(one.version.size) if one.version else "",
        "author": _author(one) or _NONE,
    }


def _value(one: Listed) -> JSON:
    return {
        "repo": one.repository,
        "digest": str(one.descriptor.digest),
        "tags": list(one.tags),
        "modelName": _model_name(one),
        "size": one.version.size if one.version else None,
        "author": _author(one),
        "readable": one.version is not None,
    }


def _lines(form: str, listed: list[Listed]) -> str:
    template = GoTemplate(form)
    return "\n".join(template.render(_fields(one)).removesuffix("\n") for one in listed)


def _fields(one: Listed) -> dict[str, Value]:
    """Give what a template calls by these names, as ``kit`` does."""
    return {
        "Repo": one.repository or _NONE,
        "Digest": str(one.descriptor.digest),
        "Tags": one.tags,
        "ModelName": _model_name(one) or _NONE,
        "Size": format_size(one.version.size) if one.version else "",
        "Author": _author(one) or _NONE,
    }
