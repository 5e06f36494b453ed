"""Queries made of queries: one term more, or one less. Whatever a value holds, it is taken as it is."""

import re
from typing import Final

from orchard.hub.catalog.fields import find
from orchard.hub.catalog.queries import MAX_QUERY, MAX_TERMS, Query, Test
from orchard.hub.db.folding import fold

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-/]*")
_SPECIAL: Final = re.compile(r'(["\\])')


def term(key: str, value: str) -> str:
    """Write the term that asks for exactly this value of a field."""
    if _PLAIN.fullmatch(value):
        return f"{key}:{value}"
    quoted = _SPECIAL.sub(r"\\\1", value)
    return f'{key}:"{quoted}"'


def narrowed(query: Query, key: str, value: str) -> str | None:
    """Write the query that asks for this value of a field, too; none if that is too much for one query."""
    text = f"{query.text.strip()} {term(key, value)}".strip()
    return None if len(text) > MAX_QUERY or len(query.terms) >= MAX_TERMS else text


def widened(query: Query, key: str, value: str) -> str | None:
    """Write the query without the term that asks for this value of a field; none if no term does."""
    for one, shown in zip(query.terms, query.describe(), strict=True):
        if isinstance(one.content, Test) and not one.negated and one.content.key == key and _asks(one.content, value):
            return shown.without
    return None


def _asks(test: Test, value: str) -> bool:
    found = find(test.key)
    cased = found is not None and found[1].cased
    wanted = (value if cased else fold(value),)
    return any(one.text == wanted for one in test.values)
