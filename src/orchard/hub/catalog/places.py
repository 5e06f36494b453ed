"""Places: the stores that hold bytes of this catalog, one of which is the current one."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from orchard.errors import ConflictError
from orchard.hub.db.stored import places


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """A store that holds bytes of this catalog.

    Attributes:
        number: Its row.
        url: What it is called.
        mark: A word that is in the store too: it says that the store belongs to this catalog.
        current: Whether the hub reads from it and writes to it.
    """

    number: int
    url: str
    mark: str
    current: bool


def make(connection: Connection, url: str) -> StoragePlace:
    """Find a place, noting it if need be. The first one ever is the current one."""
    row = connection.execute(select(places).where(places.c.url == url)).first()
    if row is None:
        values = {"url": url, "mark": secrets.token_hex(16), "current": current(connection) is None}
        connection.execute(insert(places), values)
        row = connection.execute(select(places).where(places.c.url == url)).one()
    return _place(row)


def find(connection: Connection, url: str) -> StoragePlace | None:
    """Find a place."""
    row = connection.execute(select(places).where(places.c.url == url)).first()
    return None if row is None else _place(row)


def current(connection: Connection) -> str | None:
    """Name the place where blobs are; none if the catalog is new."""
    found: str | None = connection.execute(select(places.c.url).where(places.c.current)).scalar()
    return found


def switch(connection: Connection, place: StoragePlace) -> None:
    """Let another place be the current one. Uploads that have begun are over: their bytes are in the old one."""
    connection.execute(update(places).values(current=places.c.id == place.number))


def require_current(connection: Connection, place: int) -> None:
    """Refuse to go on where a place is not the current one.

    Raises:
        ConflictError: If it is not.
    """
    if not connection.execute(select(places.c.current).where(places.c.id == place)).scalar():
        raise ConflictError(f"the blobs of this hub were moved to {current(connection)}; restart it with that storage")


def _place(row: Row[tuple[int, str, str, bool]]) -> StoragePlace:
    return StoragePlace(row.id, row.url, row.mark, row.current)
