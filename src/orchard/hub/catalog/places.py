"""Places: the stores that hold bytes of this catalog, one of which is the current one."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from orchard.errors import ConflictError
from orchard.hub.catalog.records import Blob
from orchard.hub.db.schema import blobs as table
from orchard.hub.db.stored import places, segments, staged
from orchard.oci import Digest


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


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is.

    Attributes:
        count: Blobs.
        size: Their bytes.
        newest: When the last one came.
    """

    count: int
    size: int
    newest: int


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


def blobs(connection: Connection, *, after: str, limit: int) -> list[Blob]:
    """List all blobs in the order of their digests, those after ``after``."""
    query = select(table.c.digest, table.c.size).where(table.c.digest > after).order_by(table.c.digest).limit(limit)
    return [Blob(Digest.parse(row.digest), row.size) for row in connection.execute(query)]


def holds(connection: Connection, digest: Digest) -> bool:
    """Tell whether there is a blob of this digest."""
    return connection.execute(select(table.c.size).where(table.c.digest == str(digest))).first() is not None


def extent(connection: Connection) -> Extent:
    """Measure all blobs; two equal answers mean that none came meanwhile."""
    row = connection.execute(select(func.count(), func.sum(table.c.size), func.max(table.c.stored_at))).one()
    return Extent(row[0], int(row[1] or 0), row[2] or 0)


def switch(connection: Connection, place: StoragePlace) -> None:
    """Let another place be the current one. Uploads that have begun are over: their bytes are in the old one."""
    connection.execute(update(places).values(current=places.c.id == place.number))
    begun = select(staged.c.session).where(staged.c.place_id != place.number)
    connection.execute(delete(segments).where(segments.c.owner.in_(begun)))
    connection.execute(delete(staged).where(staged.c.place_id != place.number))


def require_current(connection: Connection, place: int) -> None:
    """Refuse to go on where a place is not the current one.

    Raises:
        ConflictError: If it is not.
    """
    if not connection.execute(select(places.c.current).where(places.c.id == place)).scalar():
        raise ConflictError(f"the blobs of this hub were moved to {current(connection)}; restart it with that storage")


def _place(row: Row[tuple[int, str, str, bool]]) -> StoragePlace:
    return StoragePlace(row.id, row.url, row.mark, row.current)
