"""``orchard preview``."""

from typing import TYPE_CHECKING, Final

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, printable, table
from orchard.cli.workspace import open_workspace
from orchard.errors import InvalidError, NotFoundError, UnsupportedError
from orchard.oci import JSON, Reference

if TYPE_CHECKING:
    from orchard.insight import Column, TableInsight, TableReader
    from orchard.project import OpenVersion

_HEADINGS: Final = ("COLUMN", "TYPE", "MISSING", "DIFFERENT", "LEAST", "GREATEST", "MEAN", "MOST OFTEN")
_CELL: Final = 32  # characters of a cell on the terminal
_DOWN: Final = 100  # columns of a table on the terminal
_ACROSS: Final = 12  # columns of the first rows on the terminal
_OFTEN: Final = 2


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.argument("path", required=False)
@click.option("-r", "--remote", is_flag=True, default=None, help="Look in the registry, not in the local store.")
@click.option("-n", "--rows", type=click.IntRange(0, 20), default=5, show_default=True, help="First rows to show.")
@network_options
def command(network: NetworkFlags, reference: str, path: str | None, *, remote: bool | None, rows: int) -> None:
    """Show the datasets of a ModelKit: columns, what is in them, how many rows, and the first ones.

    CSV, TSV, JSON Lines (also with .gz or .zst) and Parquet, in the local store or in a registry. Of a large file
    the start is summarised; the output says so. Needs: pip install 'orchard[preview]'.

    \b
    Examples:
      orchard preview mymodel:v1
      orchard preview registry.example.com/team/mymodel:v1 data/train.csv --rows 20
      orchard preview mymodel:v1 data/train.parquet --output json
    """
    session = current_session()
    from orchard.project import open_version

    workspace = open_workspace(network, session)
    with open_version(workspace, Reference.parse(reference), remote=remote) as opened:
        found = _tables(opened, path)
        value: JSON = {
            "digest": str(opened.version.digest),
            "tables": [_value(name, one) for name, one in found.items()],
        }
    text = "\n\n".join(_text(name, one, rows) for name, one in found.items())
    session.printer.result(text, value, brief="\n".join(printable(name) for name in found))


def _tables(opened: "OpenVersion", path: str | None) -> "dict[str, TableInsight | str]":
    """Read the datasets that are asked for; where one of several cannot be read, give the reason.

    Raises:
        NotFoundError: If there is none.
        InvalidError: If the only one cannot be read.
        UnsupportedError: If the only one is none, or none can be read here.
    """
    from orchard.insight import NO_PREVIEW, TableInsight, detect_table, tables_readable

    files = opened.list(path or "")
    wanted = [file for file in files if detect_table(file.path) is not None or file.path == path]
    if not wanted:
        raise NotFoundError(f"{path or 'this version'}: has no CSV, TSV, JSON Lines or Parquet file")
    if path is not None and [file.path for file in wanted] == [path] and detect_table(path) is None:
        raise UnsupportedError(f"{path}: not a dataset that Orchard reads; those are CSV, TSV, JSON Lines and Parquet")
    if not tables_readable():
        raise UnsupportedError(f"{NO_PREVIEW.why}: pip install 'orchard[preview]'")
    found: dict[str, TableInsight | str] = {}
    with _reader(far=any(map(opened.is_far, wanted))) as reader:
        for file in wanted:
            one = reader(file.path, opened.part(file))
            found[file.path] = one if isinstance(one, TableInsight) else one.why
    only = next(iter(found.values()))
    if path is not None and len(found) == 1 and isinstance(only, str):
        raise InvalidError(f"{path}: {only}")
    return found


def _reader(*, far: bool) -> "TableReader":
    from orchard.insight import TableReader

    return TableReader(counting=0) if far else TableReader()  # rows are worth no gigabyte of a registry


def _value(name: str, found: "TableInsight | str") -> JSON:
    import msgspec

    if isinstance(found, str):
        return {"path": name, "unreadable": found}
    made = msgspec.to_builtins(found)
    return {"path": name, **{key: one for key, one in made.items() if key != "kind"}}


def _text(name: str, found: "TableInsight | str", rows: int) -> str:
    if isinstance(found, str):
        return printable(f"{name}: {found}")
    kind = f"{found.format}.{found.packing}" if found.packing else found.format
    facts = [kind, _rows(found), f"{found.width} columns", format_size(found.size), *found.notes]
    parts = [printable(f"{name}: {', '.join(facts)}")]
    parts.append(table(_HEADINGS, [_line(one) for one in found.columns[:_DOWN]]))
    if len(found.columns) > _DOWN:
        parts.append(f"and {found.width - _DOWN} more columns; all of them: --output json")
    if rows and found.first:
        headings = [_short(column.name) for column in found.columns[:_ACROSS]]
        cells = [[_short("-" if cell is None else cell) for cell in row[:_ACROSS]] for row in found.first[:rows]]
        parts.append("\n" + table([printable(heading) for heading in headings], cells))
    return "\n".join(parts)


def _rows(found: "TableInsight") -> str:
    if found.rows is None:
        return "an unknown number of rows"
    return f"{'about ' if found.counted == 'estimate' else ''}{found.rows} rows"


def _line(column: "Column") -> tuple[str, ...]:
    often = ", ".join(f"{one.value} ({one.rows})" for one in column.top[:_OFTEN])
    values = (column.nulls, column.distinct, column.low, column.high, column.mean)
    return tuple(map(_short, (column.name, column.type, *map(_number, values), often or "-")))


def _number(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CELL else line[: _CELL - 1] + "\N{HORIZONTAL ELLIPSIS}"
