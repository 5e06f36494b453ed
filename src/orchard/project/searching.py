"""Searching versions by what their Kitfiles say: names, descriptions, authors, licences, parameters, paths."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from orchard.errors import UsageError
from orchard.formats import to_value
from orchard.oci import JSON
from orchard.project.comparing.values import flatten
from orchard.project.listing import Listed

MAX_SHOWN: Final = 200  # characters of a value

_DULL: Final = frozenset({"manifestVersion"})


@dataclass(frozen=True, slots=True)
class Match:
    """A place where a version holds a word that was looked for.

    Attributes:
        path: Where, such as ``package.license``; ``repository`` and ``tag`` for its names.
        value: What stands there.
    """

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A version that was found.

    Attributes:
        listed: The version.
        matches: Where it holds the words, one place for each at least.
    """

    listed: Listed
    matches: tuple[Match, ...]


def words_of(terms: Iterable[str]) -> tuple[str, ...]:
    """Read what is looked for: words, all of which a version must hold.

    Raises:
        UsageError: If there is none.
    """
    words = tuple(word.casefold() for term in terms for word in term.split())
    if not words:
        raise UsageError("nothing to look for; write a word, as in: orchard search llama")
    return words


def search(listed: Iterable[Listed], words: tuple[str, ...]) -> Iterator[Hit]:
    """Give the versions that hold every word somewhere, whatever its case; a parameter also as ``name=value``."""
    for one in listed:
        texts = list(_texts(one))
        found = [[match for match in texts if word in _hay(match)] for word in words]
        if all(found):
            yield Hit(one, tuple(dict.fromkeys(match for matches in found for match in matches)))


def _texts(one: Listed) -> Iterator[Match]:
    if one.repository:
        yield Match("repository", one.repository)
    yield from (Match("tag", tag) for tag in one.tags)
    if one.version is None:
        return
    for path, value in flatten(to_value(one.version.kit.kitfile)).items():
        if path not in _DULL:
            yield Match(path, _text(value))


def _hay(match: Match) -> str:
    name = match.path.rpartition(".")[2]
    return f"{match.value}\n{name}={match.value}".casefold()


def _text(value: JSON) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else str(value)
