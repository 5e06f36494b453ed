"""Texts as they are compared: without capitals, in one form of Unicode; and the words of a text as they are looked for.

Both databases get words that are cut here, so that they find the same; neither sees anything but letters and digits.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

MAX_FOLDED: Final = 256  # characters of a value that are compared
MAX_WORD: Final = 64  # characters of a word that are looked for
MAX_NAMES: Final = 4096  # characters of all names of a version that are looked for
MAX_WORDS: Final = 1 << 15  # characters of a text that are looked for

# Scripts without spaces between words: each character is a word, and several of them a phrase.
_SINGLE: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]+")
_RUNS: Final = re.compile(r"[0-9]+|[^0-9]+")
_SPACE: Final = re.compile(r"\s+")


def fold(text: str) -> str:
    """Give a value as it is compared."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _SPACE.sub(" ", folded).strip()[:MAX_FOLDED].replace("\0", "")


def words(text: str) -> Iterator[str]:
    """Cut a text into words, without capitals and accents."""
    plain = text if text.isascii() else _without_accents(text)
    for match in _WORD.finditer(plain.casefold()):
        yield match[0][:MAX_WORD]


def spellings(name: str) -> Iterator[str]:
    """Give the words of a name, and what else people write for it: ``llama-3`` is ``llama3`` and ``llama 3``."""
    row = list(words(name))
    yield from row
    for one in row:
        runs = _RUNS.findall(one)
        if len(runs) > 1:
            yield from runs
    for first, second in pairwise(row):
        yield (first + second)[:MAX_WORD]


def described(names: Sequence[str | None], about: str | None, known: Sequence[str | None]) -> dict[str, str]:
    """Give the words of what a version is called, says about itself, and is known to be."""
    called = (one for name in names if name for one in spellings(name))
    others = (one for value in known if value for one in words(value))
    return {
        "names": joined(called, MAX_NAMES),
        "about": joined(words(about or ""), MAX_WORDS),
        "facts": joined(others, MAX_WORDS),
    }


def joined(pieces: Iterable[str], limit: int) -> str:
    """Write words in a row, with spaces between them: at most ``limit`` characters."""
    text = " ".join(pieces)
    return text if len(text) <= limit else text[:limit].rpartition(" ")[0]


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))
