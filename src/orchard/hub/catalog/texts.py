"""The words of versions: written with their facts, in the same transaction, and gone with them."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from orchard.hub.db.folding import MAX_WORDS, described, joined, words
from orchard.hub.db.fulltext import search_texts
from orchard.hub.db.schema import manifests, repositories

_MAX_CARD: Final = 2 * MAX_WORDS  # characters
# Values that are words of some language, or names that people know; of others, only the numbers tell them apart.
_SAID: Final = frozenset(
    (
        "version",
        "license",
        "framework",
        "format",
        "author",
        "architecture",
        "family",
        "base_model",
        "dataset",
        "quantization",
        "precision",
    )
)
_NAMED: Final = (
    select(repositories.c.name, manifests.c.model_name, manifests.c.description)
    .select_from(manifests.join(repositories))
    .where(manifests.c.id == bindparam("manifest"))
)
_IS: Final = search_texts.c.manifest_id == bindparam("manifest")
_CARDS: Final = select(search_texts.c.manifest_id, search_texts.c.source).where(
    search_texts.c.manifest_id.in_(bindparam("ids", expanding=True)), search_texts.c.source.is_not(None)
)


def begin(connection: Connection, manifest: int, columns: Mapping[str, str | int | None]) -> None:
    """Write the words of a manifest that has just come, as its row tells them."""
    row = connection.execute(_NAMED, {"manifest": manifest}).one()
    said = [_text(columns[key]) for key in ("model_version", "licence", "framework", "model_format")]
    found = described([row.name, row.model_name], row.description, said)
    connection.execute(insert(search_texts), {"manifest_id": manifest, **found, "card": ""})


def refresh(connection: Connection, manifest: int, known: Collection[tuple[str, str]]) -> None:
    """Write the words of a manifest anew, now that these texts are known of it; those of its card stay."""
    row = connection.execute(_NAMED, {"manifest": manifest}).one()
    values: dict[str, list[str]] = {}
    for key, value in known:
        values.setdefault(key, []).append(value)
    about = " ".join(values.get("description", [row.description or ""]))
    said = [value for key in values if key in _SAID for value in values[key]]
    _write(connection, manifest, described([row.name, row.model_name, *values.get("name", [])], about, said))


def tell(connection: Connection, manifest: int, card: str) -> None:
    """Write the words of the card of a manifest; of a long one, those at its beginning."""
    text = card[:_MAX_CARD].replace("\0", "").encode("utf-8", "replace")
    found = joined(words(text.decode()), MAX_WORDS)
    _write(connection, manifest, {"card": found, "source": zlib.compress(text) if found else None})


def cards(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Give the cards of those manifests that have one, as they were written."""
    return {row.manifest_id: zlib.decompress(row.source).decode() for row in connection.execute(_CARDS, {"ids": ids})}


def _write(connection: Connection, manifest: int, found: Mapping[str, str | bytes | None]) -> None:
    done = connection.execute(update(search_texts).where(_IS).values(**found), {"manifest": manifest})
    if not done.rowcount:
        empty = {"names": "", "about": "", "facts": "", "card": ""}
        connection.execute(insert(search_texts), {**empty, **found, "manifest_id": manifest})


def _text(value: str | int | None) -> str | None:
    return value if isinstance(value, str) else None
