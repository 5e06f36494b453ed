"""Inserting what may be there already, in one statement, so that no other writer comes between looking and adding."""

from sqlalchemy import Connection, Insert, Table


def insert_new(connection: Connection, table: Table) -> Insert:
    """Make an insert that adds nothing where a row of the same key is there; its ``rowcount`` says whether it did."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 -- 0.2 s that only a hub on PostgreSQL pays

        return postgresql.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 -- as above, the other way round

    return sqlite.insert(table).on_conflict_do_nothing()
