"""``orchard index``."""

from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, Group, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, table
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError
from orchard.oci import JSON, MAX_MANIFEST, Reference, loads, read_all

if TYPE_CHECKING:
    from orchard.formats import IndexEntry
    from orchard.project import NamedIndex

_NONE = "<none>"
_LIST = ("REPOSITORY", "TAG", "MODELKITS", "DIGEST")
_INFO = ("ORIGINAL REFERENCE", "SIZE", "LABELS", "ANNOTATIONS", "DIGEST")


@click.group(cls=Group)
def command() -> None:
    """Keep several ModelKits of a repository under one name, told apart by labels.

    `orchard pull` and `orchard unpack` choose from an index with `-l KEY=VALUE`.
    """


@command.command(cls=Command)
@click.argument("index", metavar="INDEX")
def create(index: str) -> None:
    """Make an empty index in the local store.

    \b
    Example:
      orchard index create team/model:all
    """
    from orchard.project import create_index

    session = current_session()
    name = _name(index)
    digest = create_index(open_workspace(session=session), name).digest
    session.printer.result(
        f"Created index {name} (digest {digest})", {"reference": str(name), "digest": str(digest)}, brief=str(digest)
    )


@command.command(cls=Command)
@click.argument("index", metavar="INDEX")
@click.argument("modelkit", metavar="MODELKIT")
@click.option("-r", "--remote", is_flag=True, help="Look the ModelKit up in its registry, not in the local store.")
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Set one; KEY- removes it.")
@click.option("--annotate", "annotations", multiple=True, metavar="KEY=VALUE", help="Set one; KEY- removes it.")
@network_options
def add(
    network: NetworkFlags,
    index: str,
    modelkit: str,
    labels: tuple[str, ...],
    annotations: tuple[str, ...],
    *,
    remote: bool,
) -> None:
    """Put a ModelKit into an index, or change the labels and annotations that it has there.

    \b
    Examples:
      orchard index add team/model:all team/model:q4_0 -l quantization=q4_0 -l vram=6GB
      orchard index add team/model:all team/model:q4_0 -l 'gpuArchs:=["sm_80","sm_90"]' -l vram-
    """
    from orchard.project import add_to_index

    session = current_session()
    name, kit = _name(index), Reference.parse(modelkit)
    if kit.tag is None and kit.digest is None:
        raise UsageError(f"missing tag or digest from ModelKit reference '{modelkit}'")
    workspace = open_workspace(network, session)
    digest = add_to_index(workspace, name, kit, labels=labels, annotations=annotations, remote=remote).digest
    session.printer.result(
        f"Added {kit} to index {name} (digest {digest})",
        {"reference": str(name), "digest": str(digest), "modelkit": str(kit)},
        brief=str(digest),
    )


@command.command(cls=Command)
@click.argument("index", metavar="INDEX")
@click.argument("modelkit", metavar="MODELKIT")
def remove(index: str, modelkit: str) -> None:
    """Take a ModelKit out of an index; the ModelKit itself stays.

    \b
    Example:
      orchard index remove team/model:all team/model:q4_0
    """
    from orchard.project import remove_from_index

    session = current_session()
    name, kit = _name(index), Reference.parse(modelkit)
    gone, now = remove_from_index(open_workspace(session=session), name, kit)
    shown = str(gone) if kit.digest else str(kit)
    session.printer.result(
        f"Removed {shown} from index {name} (digest {now.digest})",
        {"reference": str(name), "digest": str(now.digest), "modelkit": str(gone)},
        brief=str(now.digest),
    )


@command.command(cls=Command)
@click.argument("index", metavar="[INDEX]", required=False)
@click.option("-f", "--force", is_flag=True, help="Delete the index with all its tags; with --all, every index.")
@click.option("-a", "--all", "everything", is_flag=True, help="Delete every index that has no tag.")
def delete(index: str | None, *, force: bool, everything: bool) -> None:
    """Delete an index from the local store; its ModelKits stay. With other tags, only this one goes.

    \b
    Examples:
      orchard index delete team/model:all
      orchard index delete --all --force
    """
    from orchard.project import find_index, list_indexes
    from orchard.project import remove as remove_version

    session = current_session()
    if everything == (index is not None):
        raise UsageError("name the index to delete, or use --all to delete every index without a tag")
    layout = (workspace := open_workspace(session=session)).layout
    if index is None:
        names = [one.name for one in list_indexes(layout) if force or not one.tags]
    else:
        names = [find_index(workspace, Reference.parse(index).or_latest(), remote=False).name]
    removed = [remove_version(layout, name, force=force) for name in names]
    layout.sweep()
    lines = [f"{'Untagged' if one.kept else 'Deleted'} index {one.reference} (digest {one.digest})" for one in removed]
    values: list[JSON] = [
        {"reference": str(one.reference), "digest": str(one.digest), "tags": list(one.tags), "kept": one.kept}
        for one in removed
    ]
    session.printer.result("\n".join(lines), values, brief="\n".join(str(one.reference) for one in removed))


@command.command("list", cls=Command)
def list_() -> None:
    """List the indexes in the local store.

    \b
    Example:
      orchard index list
    """
    from orchard.project import list_indexes

    session = current_session()
    found = list_indexes(open_workspace(session=session).layout)
    rows = [
        (str(Reference(one.name.registry, one.name.repository)), tag, str(len(one.index.entries)), str(one.name.digest))
        for one in found
        for tag in one.tags or (_NONE,)
    ]
    values: list[JSON] = [
        {
            "repo": str(Reference(one.name.registry, one.name.repository)),
            "tags": list(one.tags),
            "digest": str(one.name.digest),
            "modelKits": len(one.index.entries),
        }
        for one in found
    ]
    names = [f"{repository}:{tag}" if tag != _NONE else f"{repository}@{digest}" for repository, tag, _, digest in rows]
    session.printer.result(table(_LIST, rows), values, brief="\n".join(names))


@command.command(cls=Command)
@click.argument("index", metavar="INDEX")
@click.option("-r", "--remote", is_flag=True, help="Look in the registry, not in the local store.")
@network_options
def info(network: NetworkFlags, index: str, *, remote: bool) -> None:
    """Show the ModelKits of an index, with their labels and annotations.

    \b
    Example:
      orchard index info team/model:all
    """
    from orchard.project import find_index

    session = current_session()
    found = find_index(open_workspace(network, session), Reference.parse(index), remote=remote)
    entries = found.index.entries
    value: JSON = {
        "reference": str(found.name),
        "digest": str(found.descriptor.digest),
        "modelKits": [_value(entry, found) for entry in entries],
    }
    brief = "\n".join(entry.name(found.name) or str(entry.digest) for entry in entries)
    session.printer.result(_text(found), value, brief=brief)


@command.command(cls=Command)
@click.argument("index", metavar="INDEX")
@click.option("-r", "--remote", is_flag=True, help="Look in the registry, not in the local store.")
@network_options
def inspect(network: NetworkFlags, index: str, *, remote: bool) -> None:
    """Show the document of an index, as JSON.

    \b
    Example:
      orchard index inspect team/model:all
    """
    from orchard.project import find_index, locate

    session = current_session()
    workspace = open_workspace(network, session)
    found = find_index(workspace, Reference.parse(index), remote=remote)
    _, store = locate(workspace, found.name, remote=remote)
    with store.open(found.descriptor) as body:
        raw = read_all(body, found.descriptor, limit=MAX_MANIFEST)
    session.printer.document(
        {"digest": str(found.descriptor.digest), "index": loads(raw, what="index", limit=MAX_MANIFEST)}
        if session.printer.as_json
        else loads(raw, what="index", limit=MAX_MANIFEST)
    )


@command.command(cls=Command)
@click.argument("index", metavar="INDEX")
@network_options
def pull(network: NetworkFlags, index: str) -> None:
    """Pull an index from a registry into the local store; its ModelKits stay there until `orchard pull -l`.

    \b
    Example:
      orchard index pull registry.example.com/team/model:all
    """
    from orchard.project import pull_index

    session = current_session()
    name = _name(index)
    session.printer.note(f"Pulling index {name}")
    digest = pull_index(open_workspace(network, session), name)
    session.printer.result(f"Pulled index {digest}", {"reference": str(name), "digest": str(digest)}, brief=str(digest))


@command.command(cls=Command)
@click.argument("source", metavar="SOURCE")
@click.argument("destination", metavar="[DESTINATION]", required=False)
@network_options
def push(network: NetworkFlags, source: str, destination: str | None) -> None:
    """Push an index to a registry; its ModelKits have to be there already.

    \b
    Example:
      orchard index push registry.example.com/team/model:all
    """
    from orchard.project import push_index

    session = current_session()
    name = _name(source)
    there = _name(destination) if destination else name
    session.printer.note(f"Pushing index {name}" + (f" to {there}" if destination else ""))
    digest = push_index(open_workspace(network, session), name, there)
    session.printer.result(
        f"Pushed index {digest}", {"reference": str(there), "digest": str(digest)}, brief=str(digest)
    )


def _name(text: str) -> Reference:
    name = Reference.parse(text).or_latest()
    if name.digest is not None:
        raise UsageError(f"index reference must be a tag, not a digest: {text}")
    return name


def _text(found: "NamedIndex") -> str:
    entries = found.index.entries
    head = f"Index {found.name} ({found.descriptor.digest})"
    if not entries:
        return f"{head}\nIndex contains no ModelKits"
    count = "1 ModelKit:" if len(entries) == 1 else f"{len(entries)} ModelKits:"
    return f"{head}\n{count}\n{table(_INFO, [row for entry in entries for row in _rows(entry, found)])}"


def _rows(entry: "IndexEntry", found: "NamedIndex") -> list[tuple[str, ...]]:
    labels = entry.pairs or [_NONE]
    annotations = [f"{key}={value}" for key, value in sorted(_free(entry).items())] or [_NONE]
    size = _NONE if entry.size is None else format_size(entry.size)
    rows: list[tuple[str, ...]] = []
    for row in range(max(len(labels), len(annotations))):
        first = (entry.name(found.name) or _NONE, size, str(entry.digest)) if row == 0 else ("", "", "")
        label = labels[row] if row < len(labels) else ""
        annotation = annotations[row] if row < len(annotations) else ""
        rows.append((first[0], first[1], label, annotation, first[2]))
    return rows


def _free(entry: "IndexEntry") -> dict[str, str]:
    """Leave out the annotations that have columns of their own."""
    from orchard.formats import ORIGINAL_TAG, SIZE

    return {key: value for key, value in entry.annotations.items() if key not in {ORIGINAL_TAG, SIZE}}


def _value(entry: "IndexEntry", found: "NamedIndex") -> JSON:
    return {
        "reference": entry.name(found.name),
        "digest": str(entry.digest),
        "size": entry.size,
        "labels": dict(entry.labels),
        "annotations": dict(sorted(_free(entry).items())),
    }
