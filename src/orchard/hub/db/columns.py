"""What all tables share: where they are gathered, and columns that many of them have.

SQL that both SQLite and PostgreSQL understand, nothing else: times are whole milliseconds since 1970 that the caller
passes in (SQLite 3.40 has no sub-second clock of its own), texts sort by their bytes. Migrations alone make tables, and
say there what only PostgreSQL must know: an option of it named here would have every hub import its dialect (40 ms).
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, String

metadata: Final = MetaData()

BYTEWISE: Final = String().with_variant(String(collation="C"), "postgresql")
KEY: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only for INTEGER PRIMARY KEY


def repository_column() -> Column[int]:
    """Say which repository a row belongs to; it goes when that goes."""
    return Column("repository_id", KEY, ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False)


def moment(milliseconds: int) -> datetime:
    """Read a time as the tables keep it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
