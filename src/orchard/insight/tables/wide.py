"""Text tables with thousands of columns: their names and their first rows, without types.

DuckDB needs 40 KB for each column of a text file, twice while it guesses how the file is written. Tables of this
shape are real (genes, pixels), and what people want of them is the header.
"""

import csv
import io
from typing import Final, NamedTuple

from orchard.errors import InvalidDocumentError
from orchard.insight.tables.head import Head

WIDE: Final = 2500  # columns
_MARKS: Final = (",", ";", "\t", "|")
_CELL: Final = 1 << 20  # characters; the module's own limit is 128 KiB


class WideRows(NamedTuple):
    """The start of a wide table.

    Attributes:
        names: Of the columns.
        rows: The first ones, the header not among them.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def first_line_width(head: Head) -> tuple[int, str]:
    """Give how many columns the first line has if it is split at the mark that splits it most, and the mark."""
    end = head.data.find(b"\n")
    first = head.data if end < 0 else head.data[:end]
    mark = max(_MARKS, key=lambda one: first.count(one.encode()))
    return first.count(mark.encode()) + 1, mark


def read_wide(head: Head, mark: str, *, most: int) -> WideRows:
    """Read the header and the first rows.

    Args:
        head: The start of the file.
        mark: What is between two columns.
        most: Rows to read.

    Raises:
        InvalidDocumentError: If the first line cannot be read.
    """
    csv.field_size_limit(_CELL)
    lines = csv.reader(io.StringIO(head.data.decode(errors="replace"), newline=""), delimiter=mark)
    found: list[tuple[str, ...]] = []
    try:
        for line in lines:
            found.append(tuple(line))
            if len(found) > most:
                break
    except csv.Error as error:
        if not found:
            raise InvalidDocumentError(f"its first line cannot be read: {error}") from error
    names = found[0]
    if all(_is_number(name) for name in names):
        return WideRows(tuple(f"column{number}" for number in range(len(names))), tuple(found[:most]))
    return WideRows(names, tuple(found[1:]))


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True
