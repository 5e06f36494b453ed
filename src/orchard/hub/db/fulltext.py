"""The words of versions, and how each engine finds versions by them.

    manifests ── search_texts ── an index that triggers keep in step: with every row that comes, changes or goes, in the
                                 same transaction, whoever does it

SQLite has an FTS5 table over ``search_texts`` (``search_index``, and the tables that this makes for itself),
PostgreSQL a table of vectors (``search_vectors``) with a GIN index. Neither is part of the metadata: nothing writes to
them but the triggers, and whoever copies ``search_texts`` has copied them. Words come folded (``folding``), with single
spaces between them, and neither engine cuts or changes them: so both find the same, and no query can say more than
words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    LargeBinary,
    Select,
    Table,
    Text,
    cast,
    column,
    literal,
    select,
    table,
)
from sqlalchemy.types import UserDefinedType

from orchard.hub.db.columns import KEY, metadata

search_texts: Final = Table(
    "search_texts",
    metadata,
    Column("manifest_id", KEY, ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("names", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("source", LargeBinary),  # the card as it was written, compressed: what was found is shown in it
)


class Part(StrEnum):
    """A part of the full text; what stands in one of the first says more about a version.

    Attributes:
        NAMES: Names of the repository and the model.
        ABOUT: What it says about itself.
        FACTS: What else is known of it: licence, authors, datasets.
        CARD: Its card.
    """

    NAMES = "names"
    ABOUT = "about"
    FACTS = "facts"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand in a row.

    Attributes:
        words: At least one, folded.
        whole: Whether the last one may not go on.
    """

    words: tuple[str, ...]
    whole: bool


class _Wanted(UserDefinedType[str]):
    """What a vector is asked for."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401 -- whatever the compiler passes
        """Name the type."""
        return "TSQUERY"


_PARTS: Final = tuple(Part)
_NEAR: Final = (Part.NAMES, Part.ABOUT)
_WEIGHTS: Final = dict(zip(_PARTS, "ABCD", strict=True))
_index: Final = table("search_index", column("rowid", BigInteger))
_vectors: Final = table("search_vectors", column("manifest_id", BigInteger), column("near"), column("vector"))


def holding(dialect: str, phrases: Sequence[Phrase], parts: Sequence[Part] = _PARTS) -> Select[tuple[int]]:
    """Select the versions that hold all of some phrases, of which each may be in another part.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        phrases: At least one.
        parts: Where to look.
    """
    if dialect == "postgresql":
        return _in_vectors(phrases, parts)
    wanted = " AND ".join(f'"{" ".join(phrase.words)}"{"" if phrase.whole else " *"}' for phrase in phrases)
    return select(_index.c.rowid).where(column("search_index").op("MATCH")(f"{{{' '.join(parts)}}} : ({wanted})"))


def _in_vectors(phrases: Sequence[Phrase], parts: Sequence[Part]) -> Select[tuple[int]]:
    """Ask the smaller vector where that will do, and for weights only where all of them would be too many."""
    where = _NEAR if set(parts) <= set(_NEAR) else _PARTS
    weights = "" if set(parts) == set(where) else "".join(_WEIGHTS[part] for part in parts)
    wanted = cast(literal(" & ".join(_lexemes(phrase, weights) for phrase in phrases)), _Wanted)
    vector = _vectors.c.near if where is _NEAR else _vectors.c.vector
    return select(_vectors.c.manifest_id).where(vector.op("@@")(wanted))


def _lexemes(phrase: Phrase, weights: str) -> str:
    *before, last = (f"'{word}'" for word in phrase.words)
    after = f":{weights}" if weights else ""
    end = after if phrase.whole else f":*{weights}"
    return f"({' <-> '.join([*(word + after for word in before), last + end])})"
