"""``orchard diff``."""

import json
from typing import TYPE_CHECKING, Final

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, printable
from orchard.cli.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchard.formats import IndexedFile, Layer
    from orchard.oci import JSON
    from orchard.project import Change, Comparison, FileChange, Side

_LINE: Final = "-" * 39
_WIDEST: Final = 200  # characters of a value; --output json gives all of it
_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~", "unknown": "?"}


@click.command(cls=Command)
@click.argument("first", metavar="[local://|remote://]REFERENCE")
@click.argument("second", metavar="[local://|remote://]REFERENCE")
@click.option(
    "--level",
    type=click.Choice(["layers", "files", "kitfile", "all"]),
    default="all",
    show_default=True,
    help="How deep to look.",
)
@click.option("--content", is_flag=True, help="Compare all content, not only 64 MiB of it, where no digest tells.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if they differ.")
@network_options
def command(network: NetworkFlags, first: str, second: str, *, level: str, content: bool, exit_code: bool) -> None:
    """Compare two ModelKits: their layers, their files, and their Kitfiles with all parameters.

    Each is looked for in the local store, then in its registry; 'local://' and 'remote://' name one of the two. Only
    the layers that differ are looked into, and of those the headers: what is in a registry is not pulled.

    \b
    Examples:
      orchard diff mymodel:v1 mymodel:v2
      orchard diff local://registry.example.com/team/mymodel:v1 remote://registry.example.com/team/mymodel:v1
      orchard diff mymodel:v1 mymodel:v2 --level kitfile --exit-code
    """
    from orchard.project import Level, compare, side

    session = current_session()
    workspace = open_workspace(network, session)
    sides = [side(workspace, text) for text in (first, second)]
    found = compare(*sides, level=Level(level), every_byte=content)
    text = (
        "ModelKits are identical" if found.identical else "\n".join(map(printable, _lines(found, whole=level == "all")))
    )
    session.printer.result(text, _value(found), brief="")
    if exit_code and not found.identical:
        click.get_current_context().exit(1)


def _lines(found: "Comparison", *, whole: bool) -> "Iterator[str]":
    """Write what ``kit`` writes about layers, then what it does not know."""
    if whole or (found.kitfile is None and found.files is None):
        yield from _layer_lines(found)
    if found.kitfile is not None:
        yield from ("Kitfile", _LINE, *(map(_change_line, found.kitfile)), *(() if found.kitfile else ("<none>",)), "")
    if found.annotations and (whole or found.kitfile is not None):
        yield from ("Annotations of the manifests", _LINE, *map(_change_line, found.annotations), "")
    if found.files is not None:
        yield from ("Files", _LINE, *map(_file_line, found.files), *(() if found.files else ("<none>",)))
        if any(change.kind.value == "unknown" for change in found.files):
            yield "? of the same size; their content was not compared: use --content"


def _layer_lines(found: "Comparison") -> "Iterator[str]":
    one, two = found.first, found.second
    yield from ("Comparing:", f"  ModelKit1: {one.name}", f"  ModelKit2: {two.name}", "", "Configurations:", _LINE)
    configs = [str(side.version.manifest.config.digest)[:17] for side in (one, two)]
    if found.same_config:
        yield f"  Configs are identical (Digest: {configs[0]})"
    else:
        yield "Configs differ:"
        yield from (f"  ModelKit{number} Config Digest: {config}" for number, config in enumerate(configs, 1))
    yield from ("", "Annotations:", _LINE)
    yield "  Annotations does not match" if found.annotations else "  Annotations are identical "
    yield ""
    yield from _layers("Shared Layers", found.shared)
    yield from _layers(f"Unique Layers to ModelKit1 ({one.name})", found.only_first)
    yield from _layers(f"Unique Layers to ModelKit2 ({two.name})", found.only_second)


def _layers(title: str, layers: "Sequence[Layer]") -> "Iterator[str]":
    rows = [
        (layer.kind.value.capitalize(), str(layer.descriptor.digest)[:17], format_size(layer.descriptor.size))
        for layer in layers
    ]
    width = max((7, *(len(row[0]) for row in rows)))
    yield from (title, _LINE)
    if rows:
        yield f"{'Type':{width}} | {'Digest':18} | Size"
        yield from (f"{kind:{width}} | {digest:18} | {size}" for kind, digest, size in sorted(rows))
    else:
        yield "<none>"
    yield ""


def _change_line(change: "Change") -> str:
    if change.kind.value == "added":
        return f"+ {change.path}: {_shown(change.after)}"
    if change.kind.value == "removed":
        return f"- {change.path}: {_shown(change.before)}"
    return f"~ {change.path}: {_shown(change.before)} -> {_shown(change.after)}"


def _shown(value: "JSON") -> str:
    plain = isinstance(value, str) and value and "\n" not in value
    text = str(value) if plain else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _file_line(change: "FileChange") -> str:
    sizes = [format_size(file.size) for file in (change.before, change.after) if file is not None]
    told = " -> ".join(dict.fromkeys(sizes))
    modes = [f"{file.mode & 0o777:o}" for file in (change.before, change.after) if file is not None]
    mode = f", mode {' -> '.join(modes)}" if len(set(modes)) > 1 else ""
    return f"{_SIGNS[change.kind.value]} {change.path} ({told}{mode})"


def _value(found: "Comparison") -> "JSON":
    return {
        "identical": found.identical,
        "first": _side_value(found.first),
        "second": _side_value(found.second),
        "sameConfig": found.same_config,
        "layers": {
            "shared": [_layer_value(layer) for layer in found.shared],
            "onlyFirst": [_layer_value(layer) for layer in found.only_first],
            "onlySecond": [_layer_value(layer) for layer in found.only_second],
        },
        "kitfile": None if found.kitfile is None else [_change_value(change) for change in found.kitfile],
        "annotations": [_change_value(change) for change in found.annotations],
        "files": None if found.files is None else [_file_change_value(change) for change in found.files],
    }


def _side_value(side: "Side") -> "JSON":
    return {"reference": side.name, "digest": str(side.version.digest), "size": side.version.size}


def _layer_value(layer: "Layer") -> "JSON":
    return {
        "type": layer.kind.value,
        "name": layer.name,
        "path": layer.path,
        "digest": str(layer.descriptor.digest),
        "size": layer.descriptor.size,
    }


def _change_value(change: "Change") -> "JSON":
    value: dict[str, JSON] = {"change": change.kind.value, "path": change.path}
    if change.kind.value != "added":
        value["before"] = change.before
    if change.kind.value != "removed":
        value["after"] = change.after
    return value


def _file_change_value(change: "FileChange") -> "JSON":
    value: dict[str, JSON] = {"change": change.kind.value, "path": change.path}
    for key, file in (("before", change.before), ("after", change.after)):
        if file is not None:
            value[key] = _file_value(file)
    return value


def _file_value(file: "IndexedFile") -> "JSON":
    return {
        "size": file.size,
        "mode": f"{file.mode & 0o777:o}",
        "digest": file.digest,
        "layer": str(file.layer.descriptor.digest),
    }
