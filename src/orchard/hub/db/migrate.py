"""Bringing a database to the shape that this code expects."""

from typing import Final

from sqlalchemy import Connection, inspect, text

from orchard.errors import ConflictError
from orchard.hub.db import drawn
from orchard.hub.db.database import Database

HEAD: Final = "0008"
MOVED: Final = "moved"  # where a revision should be, in a database that another one has taken the place of
_VERSIONS: Final = "alembic_version"


def migrate(database: Database) -> None:
    """Create or upgrade the tables, all in one transaction.

    Raises:
        ConflictError: If a newer Orchard made the database, or the hub was moved to another one.
        StorageError: If it cannot be read or written.
    """
    with database.read() as connection:
        found = revision(connection)
    if found == HEAD:
        return
    if found == MOVED:
        raise ConflictError("this hub was moved to another database: start it with that one (setting `database`)")
    with database.overhaul() as connection:
        if drawn.is_blank(connection):
            drawn.build(connection)
        elif revision(connection) != HEAD:  # another process may have done it while we waited
            upgrade(connection)


def revision(connection: Connection) -> str | None:
    """Tell which migration the database is at; none if it is new."""
    if not inspect(connection).has_table(_VERSIONS):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608 -- a constant
    return found


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing.

    Raises:
        ConflictError: If the database is at a migration that this code does not know.
    """
    from alembic import command  # noqa: PLC0415 -- 0.3 s that only the first start of a release pays
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "orchard.hub.db:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConflictError(f"the data directory was made by a newer Orchard: {error}") from error
