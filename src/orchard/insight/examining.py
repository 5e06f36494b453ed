"""One file, examined: which kind it is, and what is in it."""

from collections.abc import Callable, Mapping
from typing import Final

from orchard.errors import InvalidError, UnsupportedError
from orchard.insight.access import RandomAccess
from orchard.insight.detection import detect_format, read_header
from orchard.insight.insights import Insight, Unreadable
from orchard.oci import JSON

TABLES: Final = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".arrow", ".feather")
_README: Final = "readme.md"
_MAX_WHY: Final = 1000  # characters of a reason

Tables = Callable[[str, RandomAccess], Insight]
Cards = Callable[[bytes], Mapping[str, JSON]]


def examine(
    path: str, source: RandomAccess, tables: Tables | None = None, *, cards: Cards | None = None
) -> Insight | None:
    """Say what is in a file; ``None`` if it is of no kind that is read here.

    Bounded ranged reads, never the weights; whatever the bytes are, the answer is an insight. The same bytes under the
    same name give the same one, so it can be kept for the digest of a layer and a path in it.

    Args:
        path: Of the file in its version; its name tells the kind, and for large files that it does not tell, their
            first bytes.
        source: Its bytes.
        tables: Reads tables; without it they say nothing.
        cards: Reads the front matter of a README, ``formats.read_card``; without it they say nothing.

    Raises:
        OrchardError: Only if the source cannot be read.
    """
    try:
        return _examine(path, source, tables=tables, cards=cards)
    except (InvalidError, UnsupportedError) as error:
        return Unreadable(why=str(error).removeprefix(f"{path}: ")[:_MAX_WHY])


def _examine(path: str, source: RandomAccess, *, tables: Tables | None, cards: Cards | None) -> Insight | None:
    name = path.rpartition("/")[2].lower()
    if name.endswith(TABLES):
        return None if tables is None else tables(path, source)
    if name == _README:
        return None if cards is None else _card(source, cards)
    if detect_format(name) is None:
        return None
    from orchard.insight.weighing import kept_of  # noqa: PLC0415 -- only for files of weights

    return kept_of(read_header(source, path))


def _card(source: RandomAccess, cards: Cards) -> Insight | None:
    from orchard.insight.cards import MAX_CARD, card_of  # noqa: PLC0415 -- as above

    raw = source.read_at(0, min(source.size, MAX_CARD)) if source.size else b""
    return card_of(raw, cards(raw))
