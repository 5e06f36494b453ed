"""What the address of a table of versions asks for: columns, order, filter, part. Whoever is given it sees the same."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import quote, unquote, urlencode

from starlette.requests import Request

from orchard.errors import InvalidError
from orchard.hub.http.pages.addresses import leaf_url, repository_url
from orchard.hub.http.pages.columns import MAX_COLUMNS, MAX_KEY, Column
from orchard.hub.registry import MAX_ROWS, Order, Scalar

ROWS: Final = 100
MAX_FILTER: Final = 1000  # characters
_MAX_MARK: Final = 8 << 10
_NEWEST: Final = Order()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        repository: Whose versions.
        columns: Keys of columns, in their order; none if nobody chose.
        order: By what rows are sorted.
        filter: In the query language; empty for all versions.
        after: Where the part before ended; empty for the first part.
        rows: Most rows.
    """

    repository: str
    columns: tuple[str, ...] | None = None
    order: Order = _NEWEST
    filter: str = ""
    after: tuple[Scalar, ...] = ()
    rows: int = ROWS

    @classmethod
    def of(cls, request: Request, repository: str) -> Self:
        """Read it from an address.

        Raises:
            InvalidError: If the part that it names cannot be one.
        """
        given = request.query_params
        key = given.get("sort", "-pushed")[: MAX_KEY + 1]
        rows = given.get("rows", "")[:5]
        return cls(
            repository,
            _columns(given["columns"]) if "columns" in given else None,
            Order(key.removeprefix("-") or "pushed", key.startswith("-")),
            given.get("q", "").strip()[:MAX_FILTER],
            _mark(given.get("after", "")),
            min(max(1, int(rows)), MAX_ROWS) if rows.isascii() and rows.isdecimal() else ROWS,
        )

    def url(self, leaf: str = "") -> str:
        """Give the address that asks for this; of another form of it, if a leaf is named."""
        asked = {
            "columns": "" if self.columns is None else _written(self.columns),
            "sort": "" if self.order == _NEWEST else self._sort,
            "q": self.filter,
            "rows": "" if self.rows == ROWS else str(self.rows),
            "after": _encoded(self.after) if self.after else "",
        }
        query = urlencode({name: value for name, value in asked.items() if value}, safe=",.:")
        start = leaf_url(self.repository, None, leaf) if leaf else repository_url(self.repository)
        return f"{start}?{query}" if query else start

    def hidden(self, *names: str) -> Mapping[str, str]:
        """Give what a form must say again, beside what it asks: ``columns``, ``sort``, ``q``, ``rows``."""
        values = {
            "columns": "" if self.columns is None else _written(self.columns),
            "sort": "" if self.order == _NEWEST else self._sort,
            "q": self.filter,
            "rows": "" if self.rows == ROWS else str(self.rows),
        }
        return {name: values[name] for name in names if values[name]}

    def sorted_by(self, column: Column) -> "Asked":
        """Ask for the order that a click on the head of a column gives: largest first, then the other way round."""
        same = self.order.key == column.order
        descending = not self.order.descending if same else column.kind not in {"version", "commit", "data"}
        return replace(self, order=Order(column.order, descending), after=())

    def following(self, mark: Sequence[Scalar]) -> "Asked":
        """Ask for the part behind a row."""
        return replace(self, after=tuple(mark))

    def first(self) -> "Asked":
        """Ask for the first part."""
        return replace(self, after=())

    def unfiltered(self) -> "Asked":
        """Ask for all versions."""
        return replace(self, filter="", after=())

    def with_columns(self, keys: Sequence[str] | None) -> "Asked":
        """Ask for other columns."""
        return replace(self, columns=None if keys is None else tuple(keys))

    def moved(self, keys: Sequence[str], key: str, step: int) -> str:
        """Give the address that shows these columns, one of them moved; empty if there is no place to move it to."""
        at = keys.index(key) + step
        if not 1 <= at < len(keys):  # the first one says which version it is, and stays
            return ""
        rest = [other for other in keys if other != key]
        return self.with_columns([*rest[:at], key, *rest[at:]]).url()

    @property
    def _sort(self) -> str:
        return f"{'-' if self.order.descending else ''}{self.order.key}"


def _written(keys: Sequence[str]) -> str:
    """Join keys with commas; one in a key, and what stands for it, is written another way."""
    return ",".join(key.replace("%", "%25").replace(",", "%2C") for key in keys)


def _columns(text: str) -> tuple[str, ...]:
    keys = dict.fromkeys(unquote(key)[:MAX_KEY] for key in text[: MAX_COLUMNS * MAX_KEY].split(",") if key)
    return tuple(keys)[:MAX_COLUMNS]


def _encoded(mark: Sequence[Scalar]) -> str:
    return urlsafe_b64encode(json.dumps(mark).encode()).decode().rstrip("=")


def _mark(text: str) -> tuple[Scalar, ...]:
    """Read where a part ended.

    Raises:
        InvalidError: If it is nothing that this hub wrote.
    """
    if not text:
        return ()
    problem = InvalidError("this part of the table is none: begin with its first part")
    try:
        value = json.loads(urlsafe_b64decode(quote(text[:_MAX_MARK]) + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise problem from None
    if not isinstance(value, list) or any(isinstance(one, bool) or not isinstance(one, Scalar) for one in value):
        raise problem
    if any(isinstance(one, int) and abs(one) >= 1 << 63 for one in value):
        raise problem
    return tuple(value)
