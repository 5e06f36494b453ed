"""The passage of a text in which words were found."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from orchard.hub.db.fulltext import Phrase

_BEFORE: Final = 60  # characters
_LENGTH: Final = 220
_READ: Final = 1 << 14
_WORDS: Final = 8  # of a phrase that are looked for here: more of them cost more steps for each character of the text
_BETWEEN: Final = r"[\W_]+"
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a passage.

    Attributes:
        found: Whether it is what was looked for.
    """

    text: str
    found: bool = False


def passage(text: str, phrases: Sequence[Phrase]) -> tuple[Piece, ...]:
    """Cut out of a text where a phrase is first; nothing if none is there as it is written (accents may differ)."""
    if not phrases:
        return ()
    text = text[:_READ]
    wanted = re.compile("|".join(map(_pattern, phrases)), re.IGNORECASE)
    first = wanted.search(text)
    if first is None:
        return ()
    start = max(0, first.start() - _BEFORE)
    if start:
        start = text.find(" ", start, first.start()) + 1 or start
    stop = min(len(text), start + _LENGTH)
    if stop < len(text):
        space = text.rfind(" ", first.end(), stop)
        stop = stop if space < 0 else space
    pieces = _pieces(text[:stop], start, wanted, cut=(start > 0, stop < len(text)))
    return tuple(piece for piece in pieces if piece.text)


def _pattern(phrase: Phrase) -> str:
    row = _BETWEEN.join(map(re.escape, phrase.words[:_WORDS]))
    end = r"(?![^\W_])" if phrase.whole else r"[^\W_]*"
    return rf"(?<![^\W_]){row}{end}"


def _pieces(text: str, start: int, wanted: re.Pattern[str], *, cut: tuple[bool, bool]) -> Iterator[Piece]:
    before, after = cut
    at = start
    for match in wanted.finditer(text, start):
        yield Piece(("…" if before and at == start else "") + _flat(text[at : match.start()]))
        yield Piece(_flat(match[0]), found=True)
        at = match.end()
    yield Piece(_flat(text[at:]) + ("…" if after else ""))


def _flat(text: str) -> str:
    return _SPACE.sub(" ", text)
