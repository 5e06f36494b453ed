"""What a search found, for people: each version with what matters of it, and why it was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from orchard.hub.http.pages import cells, text
from orchard.hub.http.pages.addresses import repository_url
from orchard.hub.registry import Hit, Piece, Query

_LINE: Final = ("params", "architecture", "quantization", "precision", "format", "license")
_MOST_SAID: Final = 8
_CLIP: Final = 60


@dataclass(frozen=True, slots=True)
class Said:
    """A value that the query names."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Result:
    """A version that was found.

    Attributes:
        home: What stands before the last component of the repository's name, with a slash; empty if nothing does.
        own: That last component.
        line: What it is.
        said: What the query names.
        passage: Where the words are; else none, and the description says what it is.
        more: How many versions more of the repository were found, in words; empty if it is alone.
        more_url: Where they are listed.
    """

    hit: Hit
    home: str
    own: str
    line: str
    said: Sequence[Said]
    passage: Sequence[Piece]
    more: str
    more_url: str


def results(hits: Sequence[Hit], query: Query, *, sort: str, exact: bool) -> list[Result]:
    """Put them into words.

    Args:
        hits: What was found.
        query: What found it.
        sort: By what it is sorted.
        exact: Whether all versions were counted.
    """
    asked = list(dict.fromkeys([*(test.key for test in query.tests), sort.removeprefix("-")]))
    return [_result(hit, query, asked, exact=exact) for hit in hits]


def _result(hit: Hit, query: Query, asked: Sequence[str], *, exact: bool) -> Result:
    name = hit.repository
    home, _, own = name.rpartition("/")
    return Result(
        hit,
        f"{home}/" if home else "",
        own,
        _line(hit.facts, hit.version.kind),
        [Said(key, _values(hit.facts, key)) for key in asked if key in hit.facts and key not in _LINE][:_MOST_SAID],
        hit.passage,
        _more(hit.among - 1, exact=exact),
        f"{repository_url(name)}?{urlencode({'q': query.text})}" if query.text else repository_url(name),
    )


def _more(others: int, *, exact: bool) -> str:
    """Say how many versions more were found, if there are any."""
    if not others:
        return ""
    return f"{others:,} more version{'' if others == 1 else 's'} found" if exact else "more versions found"


def _line(facts: Mapping[str, Sequence[cells.Fact]], kind: str) -> str:
    """Say what it is, in one line."""
    parts = [kind]
    for key in _LINE:
        if key not in facts or (key == "precision" and "quantization" in facts):
            continue
        said = cells.fact_text(key, facts[key][0])
        parts.append(f"{said} parameters" if key == "params" else said)
    return " · ".join(text.clip(part, _CLIP) for part in dict.fromkeys(parts))


def _values(facts: Mapping[str, Sequence[cells.Fact]], key: str) -> str:
    return text.clip(", ".join(cells.fact_text(key, value) for value in facts[key]), _CLIP)
