"""The shape of a new SQLite database, drawn: a first start need not run every migration that there ever was.

``new.sql`` is drawn from what the migrations make (``make docs``), and a test compares the two. It takes a thirtieth of
the time of the migrations, and no Alembic.
"""

from importlib.resources import files
from typing import Final

from sqlalchemy import Connection

DRAWING: Final = "new.sql"
_HEAD: Final = "-- A new database as the migrations make it. Generated: make docs."
_BETWEEN: Final = ";\n\n"
# What SQLite makes by itself is left out: its own tables, and those that stand behind a table for full text.
_TABLES: Final = (
    "SELECT name FROM pragma_table_list"
    " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
)
_SHAPE: Final = (
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND tbl_name NOT IN"
    " (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow') ORDER BY rowid"
)


def is_blank(connection: Connection) -> bool:
    """Tell whether this is a SQLite database with nothing in it."""
    if connection.dialect.name != "sqlite":
        return False
    return connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").first() is None


def build(connection: Connection) -> None:
    """Make all tables in a blank database, and the rows that are there from the beginning."""
    for statement in (files(__package__) / DRAWING).read_text(encoding="utf-8").split(_BETWEEN):
        connection.exec_driver_sql(statement)


def draw(connection: Connection) -> str:
    """Draw a database that migrations have just made."""
    statements = [str(sql) for (sql,) in connection.exec_driver_sql(_SHAPE)]
    for (table,) in connection.exec_driver_sql(_TABLES).all():
        found = connection.exec_driver_sql("SELECT name FROM pragma_table_info(?)", (table,))
        columns = [str(column) for (column,) in found]
        values = " || ', ' || ".join(f"quote({column})" for column in columns)
        rows = connection.exec_driver_sql(f"SELECT {values} FROM {table}").all()  # noqa: S608 -- names of our tables
        statements += [f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({row})" for (row,) in rows]  # noqa: S608
    assert not any(_BETWEEN in statement for statement in statements)
    return f"{_HEAD}\n\n{_BETWEEN.join(statements)}\n"
