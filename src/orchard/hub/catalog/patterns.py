"""Patterns of tags.

``*`` stands for any characters, ``?`` for one, ``[a-c7]`` for one of these and ``[!a-c7]`` for any other; all else for
itself, capitals being others than small letters. Commas part alternatives, and one that begins with ``!`` takes out
again what the others match: ``v*,!v0.*``, and ``!latest`` for all tags but one. The whole tag must match.

Matched without regular expressions, in steps of at most the length of the tag times that of the pattern: some pattern
takes a regular expression of a backtracking engine longer than the age of the universe.
"""

from dataclasses import dataclass
from typing import Final

from orchard.errors import InvalidError

MAX_PATTERN: Final = 512
_ANY: Final = "*"
_LITERALS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


@dataclass(frozen=True, slots=True)
class _One:
    """One character: of these, or of no others."""

    characters: frozenset[str]
    negated: bool

    def fits(self, character: str) -> bool:
        return (character in self.characters) != self.negated


_Glob = tuple[_One | None, ...]  # None stands for any characters


@dataclass(frozen=True, slots=True)
class TagPattern:
    """A pattern that can be asked."""

    text: str
    _wanted: tuple[_Glob, ...]
    _unwanted: tuple[_Glob, ...]

    @classmethod
    def parse(cls, text: str) -> "TagPattern":
        """Read a pattern.

        Raises:
            InvalidError: If it is none.
        """
        if len(text) > MAX_PATTERN:
            raise InvalidError(f"the pattern of tags {text[:40]!r}... has more than {MAX_PATTERN} characters")
        parts = [part.strip() for part in text.split(",")]
        wanted = tuple(_parse(part, text) for part in parts if not part.startswith("!"))
        unwanted = tuple(_parse(part[1:], text) for part in parts if part.startswith("!"))
        return cls(text, wanted or ((None,),), unwanted)

    def matches(self, tag: str) -> bool:
        """Tell whether a tag is meant."""
        return any(_fits(glob, tag) for glob in self._wanted) and not any(_fits(glob, tag) for glob in self._unwanted)


def _parse(part: str, text: str) -> _Glob:
    """Read one alternative.

    Raises:
        InvalidError: Saying what is wrong with it.
    """
    if not part:
        raise InvalidError(f"the pattern of tags {text!r} has an empty part; write * for all tags")
    found: list[_One | None] = []
    rest = part
    while rest:
        one, rest = _next(rest, text)
        if one is not None or found[-1:] != [None]:  # ** says no more than *
            found.append(one)
    return tuple(found)


def _next(rest: str, text: str) -> tuple[_One | None, str]:
    """Read what stands for one character, or for any number of them.

    Raises:
        InvalidError: If it is neither.
    """
    first = rest[0]
    if first == _ANY:
        return None, rest[1:]
    if first == "?":
        return _One(frozenset(), negated=True), rest[1:]
    if first == "[":
        inner, closed, after = rest[1:].partition("]")
        if not closed or not inner.removeprefix("!"):
            raise InvalidError(f"the pattern of tags {text!r} has a [ that no ] closes, or nothing between them")
        return _One(_characters(inner.removeprefix("!"), text), negated=inner.startswith("!")), after
    if first not in _LITERALS:
        raise InvalidError(f"the pattern of tags {text!r} holds {first!r}, which no tag can hold")
    return _One(frozenset(first), negated=False), rest[1:]


def _characters(inner: str, text: str) -> frozenset[str]:
    """Read what stands between brackets.

    Raises:
        InvalidError: If a range runs backwards, or nothing of it can be in a tag.
    """
    found: set[str] = set()
    while inner:
        if inner[1:2] == "-" and len(inner) > 2:  # noqa: PLR2004 -- a range has two ends
            first, last, inner = inner[0], inner[2], inner[3:]
            if first > last:
                raise InvalidError(f"the pattern of tags {text!r} has the range {first}-{last}, which runs backwards")
            found.update(character for character in _LITERALS if first <= character <= last)
        else:
            found.add(inner[0])
            inner = inner[1:]
    if not found & _LITERALS:
        raise InvalidError(f"the pattern of tags {text!r} has brackets that no character of a tag fits")
    return frozenset(found)


def _fits(glob: _Glob, tag: str) -> bool:
    """Match greedily, going back to the last ``*`` only: no other choice can matter."""
    at = start = 0
    star: int | None = None
    place = 0
    while place < len(tag):
        wanted = glob[at] if at < len(glob) else ...
        if wanted is None:
            star, start = at, place
            at += 1
        elif isinstance(wanted, _One) and wanted.fits(tag[place]):
            at += 1
            place += 1
        elif star is None:
            return False
        else:
            start += 1
            at, place = star + 1, start
    return all(rest is None for rest in glob[at:])
