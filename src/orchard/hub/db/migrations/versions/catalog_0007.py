"""Search: the words of versions with the index of each engine, texts of facts as they are compared."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from orchard.hub.db.folding import described

revision: Final = "0007"
down_revision: Final = "0006"

_BYTEWISE: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_KEY: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_PARTS: Final = ("names", "about", "facts", "card")
_BATCH: Final = 500

# Columns without sizes: nothing is ranked by how often a word occurs. The words are cut already; all that is not ASCII
# belongs to them.
_FTS5: Final = (
    "CREATE VIRTUAL TABLE search_index USING fts5("
    "names, about, facts, card, content='search_texts', content_rowid='manifest_id', tokenize='ascii', columnsize=0)"
)
_COLUMNS: Final = ", ".join(_PARTS)
_NEW: Final = ", ".join(f"new.{part}" for part in _PARTS)
_OLD: Final = ", ".join(f"old.{part}" for part in _PARTS)
_ENTER: Final = f"INSERT INTO search_index (rowid, {_COLUMNS}) VALUES (new.manifest_id, {_NEW});"  # noqa: S608 -- constants
_LEAVE: Final = (
    f"INSERT INTO search_index (search_index, rowid, {_COLUMNS}) VALUES ('delete', old.manifest_id, {_OLD});"  # noqa: S608
)
_SQLITE: Final = (
    _FTS5,
    f"CREATE TRIGGER search_texts_enter AFTER INSERT ON search_texts BEGIN {_ENTER} END",
    f"CREATE TRIGGER search_texts_leave AFTER DELETE ON search_texts BEGIN {_LEAVE} END",
    f"CREATE TRIGGER search_texts_change AFTER UPDATE ON search_texts BEGIN {_LEAVE} {_ENTER} END",
)
# Places begin with 2, so that no phrase reaches from one part into the next; a vector counts to 16383. Names and what
# versions say about themselves have a vector of their own: GIN knows no weights, and whole vectors would be read.
_POSTGRESQL: Final = (
    """CREATE TABLE search_vectors (
    manifest_id BIGINT PRIMARY KEY REFERENCES search_texts (manifest_id) ON DELETE CASCADE,
    near TSVECTOR NOT NULL, vector TSVECTOR NOT NULL)""",
    "CREATE INDEX search_vectors_by_near ON search_vectors USING gin (near)",
    "CREATE INDEX search_vectors_by_word ON search_vectors USING gin (vector)",
    """CREATE FUNCTION search_vector(words TEXT) RETURNS TSVECTOR LANGUAGE sql IMMUTABLE AS $$
    SELECT CAST(coalesce(string_agg(quote_literal(word) || ':' || least(place + 1, 16383), ' '), '') AS TSVECTOR)
    FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS row_of_words (word, place) WHERE word <> '' $$""",
    """CREATE FUNCTION search_texts_follow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    DECLARE near TSVECTOR := setweight(search_vector(new.names), 'A') || setweight(search_vector(new.about), 'B');
    BEGIN
    INSERT INTO search_vectors (manifest_id, near, vector)
        VALUES (new.manifest_id, near, near || setweight(search_vector(new.facts), 'C') || search_vector(new.card))
        ON CONFLICT (manifest_id) DO UPDATE SET near = excluded.near, vector = excluded.vector;
    RETURN NULL; END $$""",
    """CREATE TRIGGER search_texts_follow AFTER INSERT OR UPDATE ON search_texts
    FOR EACH ROW EXECUTE FUNCTION search_texts_follow()""",
)


def upgrade() -> None:
    """Make the tables, and fill them with what is known of the versions that are there."""
    texts = _tables()
    context = op.get_context()
    for statement in _POSTGRESQL if context.dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
    if not context.as_sql:
        _fill(op.get_bind(), texts)


def _tables() -> sa.Table:
    op.add_column("facts", sa.Column("folded", _BYTEWISE))
    op.drop_index("facts_by_text", "facts")
    op.create_index("facts_by_text", "facts", ["key", "folded"])
    op.create_index("tags_by_name", "tags", ["name"])
    op.create_index("manifests_by_push", "manifests", ["pushed_at"])
    return op.create_table(
        "search_texts",
        sa.Column(
            "manifest_id",
            _KEY,
            sa.ForeignKey("manifests.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        *(sa.Column(part, sa.Text, nullable=False) for part in _PARTS),
        sa.Column("source", sa.LargeBinary),
    )


def _fill(connection: sa.Connection, texts: sa.Table) -> None:
    """Enter what versions said about themselves when they were pushed; what is in them is found out again."""
    known = sa.text(
        "SELECT m.id, r.name, m.model_name, m.model_version, m.description, m.framework, m.model_format, m.licence"
        " FROM manifests m JOIN repositories r ON r.id = m.repository_id"
        " WHERE m.subject_digest IS NULL AND m.id > :after ORDER BY m.id LIMIT :batch"
    )
    after = 0
    while rows := connection.execute(known, {"after": after, "batch": _BATCH}).all():
        after = rows[-1].id
        found = [
            described([row.name, row.model_name], row.description, [*row[3:4], *row[5:]]) | {"manifest_id": row.id}
            for row in rows
        ]
        connection.execute(texts.insert(), [{**one, "card": ""} for one in found])
