"""``orchard diff``."""

import os
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from orchard.cli.changes import SIGNS, WIDEST, WORDS, Shown, Text, chosen, files_of, painted, patch, statistics, summary
from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, painter
from orchard.cli.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchard.formats import IndexedFile, Layer
    from orchard.oci import JSON
    from orchard.project import Change, Comparison, Effort, FileChange, Sections, Side

_LINE: Final = "-" * 39
_LEVELS: Final = ("layers", "files", "kitfile", "all", "summary")


class _View(NamedTuple):
    """What of a comparison is shown.

    Attributes:
        level: How deep to look.
        only: Sections; none for all.
        patch: Show lines of texts.
        stat: Show how many lines of each file.
        plain: Show what ``kit`` shows, without a summary.
    """

    level: str
    only: tuple[str, ...]
    patch: bool
    stat: bool
    plain: bool

    @property
    def needs_all(self) -> bool:
        """Whether everything has to be compared."""
        return self.level in {"all", "summary"} or bool(self.only) or self.patch or self.stat


def _sections(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    words = tuple(word.strip() for word in (value or "").split(",") if word.strip())
    words = tuple("parameters" if word == "params" else "licence" if word == "license" else word for word in words)
    for word in words:
        if word not in WORDS:
            raise click.BadParameter(f"{word!r} is none of {', '.join(WORDS)}")
    return words


@click.command(cls=Command)
@click.argument("first", metavar="[local://|remote://]REFERENCE")
@click.argument("second", metavar="[local://|remote://]REFERENCE")
@click.option("--level", type=click.Choice(_LEVELS), default="all", show_default=True, help="How deep to look.")
@click.option(
    "--only",
    metavar="SECTIONS",
    callback=_sections,
    help=f"Show these alone, and all of them; with commas between: {', '.join(WORDS)}.",
)
@click.option("--patch", "-p", is_flag=True, help="Show the lines of texts that differ, as 'git apply' takes them.")
@click.option("--stat", is_flag=True, help="Show how many lines of each file differ.")
@click.option(
    "--content", is_flag=True, help="Compare all content, tensors too, not only 64 MiB of it, where no digest tells."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if they differ.")
@network_options
def command(
    network: NetworkFlags,
    first: str,
    second: str,
    *,
    level: str,
    only: tuple[str, ...],
    patch: bool,
    stat: bool,
    content: bool,
    exit_code: bool,
) -> None:
    """Compare two ModelKits: licence, metrics, parameters, data, model, code, prompts, docs; layers and files.

    Each is looked for in the local store, then in its registry; 'local://' and 'remote://' name one of the two. Only
    the layers that differ are looked into, and of those the headers and small texts: what is in a registry is not
    pulled. A summary comes first; --level summary shows it alone.

    \b
    Examples:
      orchard diff mymodel:v1 mymodel:v2
      orchard diff mymodel:v1 mymodel:v2 --only metrics,parameters
      orchard diff mymodel:v1 mymodel:v2 --only code --patch
      orchard diff local://registry.example.com/team/mymodel:v1 remote://registry.example.com/team/mymodel:v1
      orchard diff mymodel:v1 mymodel:v2 --level kitfile --exit-code
    """
    from orchard.project import Level, compare, side

    session = current_session()
    view = _View(level, only, patch, stat, plain=session.printer.as_kit and not session.printer.as_json)
    workspace = open_workspace(network, session)
    sides = [side(workspace, text) for text in (first, second)]
    depth = Level.ALL if view.needs_all else Level(level)
    found = compare(*sides, level=depth, effort=_effort(view, every_byte=content))
    text = "ModelKits are identical"
    if not found.identical:
        text = painted(_view(found, view), painter(session.printer.stdout, os.environ))
    session.printer.result(text, _value(found, patch=patch), brief="")
    if exit_code and not found.identical:
        click.get_current_context().exit(1)


def _effort(view: _View, *, every_byte: bool) -> "Effort":
    """Say how much is read: no more than ``kit`` would show, where nothing else is shown."""
    from orchard.project import EVERY_BYTE, USUAL, Effort

    if every_byte:
        return EVERY_BYTE
    alone = view.plain and not (view.only or view.patch or view.stat or view.level == "summary")
    return Effort(tensors=0, texts=0, examined=0) if alone else USUAL


def _view(found: "Comparison", view: _View) -> "Iterator[Text]":
    """Choose what is shown."""
    sections = found.sections
    if sections is None or not view.needs_all:
        return map(Text, _lines(found, whole=False))
    if view.stat or view.patch:
        return (patch if view.patch else statistics)(files_of(sections, view.only))
    if view.only:
        return chosen(sections, view.only)
    if view.plain:
        return map(Text, _lines(found, whole=True))
    return _everything(found, sections, alone=view.level == "summary")


def _everything(found: "Comparison", sections: "Sections", *, alone: bool) -> "Iterator[Text]":
    yield from map(Text, _names(found))
    said = list(summary(sections))
    yield from (Text("Summary", "head"), Text(_LINE), *(said or [Text("The content is the same")]))
    if not alone:
        yield Text("")
        yield from map(Text, _lines(found, whole=True, named=False))


def _lines(found: "Comparison", *, whole: bool, named: bool = True) -> "Iterator[str]":
    """Write what ``kit`` writes about layers, then what it does not know."""
    if whole or (found.kitfile is None and found.files is None):
        yield from _names(found) if named else ()
        yield from _layer_lines(found)
    if found.kitfile is not None:
        yield from (
            "Kitfile",
            _LINE,
            *(map(Shown(WIDEST).change, found.kitfile)),
            *(() if found.kitfile else ("<none>",)),
            "",
        )
    if found.annotations and (whole or found.kitfile is not None):
        yield from ("Annotations of the manifests", _LINE, *map(Shown(WIDEST).change, found.annotations), "")
    if found.files is not None:
        yield from ("Files", _LINE, *map(_file_line, found.files), *(() if found.files else ("<none>",)))
        if any(change.kind.value == "unknown" for change in found.files):
            yield "? of the same size; their content was not compared: use --content"


def _names(found: "Comparison") -> "Iterator[str]":
    yield from ("Comparing:", f"  ModelKit1: {found.first.name}", f"  ModelKit2: {found.second.name}", "")


def _layer_lines(found: "Comparison") -> "Iterator[str]":
    one, two = found.first, found.second
    yield from ("Configurations:", _LINE)
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


def _file_line(change: "FileChange") -> str:
    sizes = [format_size(file.size) for file in (change.before, change.after) if file is not None]
    told = " -> ".join(dict.fromkeys(sizes))
    modes = [f"{file.mode & 0o777:o}" for file in (change.before, change.after) if file is not None]
    mode = f", mode {' -> '.join(modes)}" if len(set(modes)) > 1 else ""
    return f"{SIGNS[change.kind.value]} {change.path} ({told}{mode})"


def _value(found: "Comparison", *, patch: bool) -> "JSON":
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
        "sections": None if found.sections is None else _sections_value(found.sections, patch=patch),
    }


def _sections_value(sections: "Sections", *, patch: bool) -> "JSON":
    """Give the sections as JSON; the lines of texts only where they are wanted."""
    from msgspec import to_builtins

    value: JSON = to_builtins(sections if patch else sections.without_lines())
    return value


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
