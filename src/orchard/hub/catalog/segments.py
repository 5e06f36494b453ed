"""The ledger of an object store: which objects make up a blob, and how far an upload has come.

Unlike its neighbours this is an object with transactions of its own: a store's rows change when bytes have moved, not
when a request says so. What it promises is told by ``hub.storage.ledger``, which it implements.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from orchard.errors import ConflictError, StorageError
from orchard.hub.catalog import places
from orchard.hub.db import Database
from orchard.hub.db.stored import segments, staged, stored, tails
from orchard.hub.storage.ledger import Draft, Segment, Step
from orchard.oci import Digest

_PAGE: Final = 1000  # blobs of one query


class Segments:
    """The ledger of one store.

    Args:
        database: Where its rows are.
        place: Which store it is, as ``places`` numbers them.
        now: The time, in seconds since 1970.
        spare: Whether the store is being filled while another one serves; else it must be the one that serves.
    """

    def __init__(self, database: Database, place: int, now: Callable[[], float], *, spare: bool = False) -> None:
        self._database = database
        self._place = place
        self._now = now
        self._spare = spare

    def begin(self, session: str, algorithm: str) -> None:
        """Note a new upload.

        Raises:
            ConflictError: If another store serves by now.
            StorageError: If there is one already, or rows cannot be written.
        """
        with self._database.aside() as connection:
            self._require_place(connection)
            if _sizes(connection, session) is not None:
                raise StorageError(f"upload {session} exists already")
            values = {"session": session, "place_id": self._place, "algorithm": algorithm, "size": 0, "tail": 0}
            connection.execute(insert(staged), {**values, "state": None, "changed_at": self._at})

    def draft(self, session: str) -> Draft | None:
        """Tell how far an upload has come.

        Raises:
            StorageError: If rows cannot be read.
        """
        with self._database.read() as connection:
            row = connection.execute(
                select(staged).where(staged.c.session == session, staged.c.place_id == self._place)
            ).first()
            if row is None:
                return None
            last = select(func.max(segments.c.position)).where(_of(session, self._place))
            position = connection.execute(last).scalar()
        return Draft(
            algorithm=row.algorithm,
            objects=0 if position is None else position + 1,
            settled=row.size - row.tail,
            tail=row.tail,
            state=row.state,
        )

    def tail(self, session: str) -> bytes:
        """Give those bytes of an upload that are beside the rows.

        Raises:
            StorageError: If they cannot be read.
        """
        with self._database.read() as connection:
            query = select(tails.c.data).where(tails.c.session == session).order_by(tails.c.position)
            return b"".join(connection.execute(query).scalars())

    def advance(self, session: str, size: int, step: Step) -> None:
        """Change an upload that has ``size`` bytes; durable when this returns.

        Raises:
            ConflictError: If it has another size, is over, or another store serves by now.
            StorageError: If rows cannot be written.
        """
        with self._database.aside() as connection:
            self._require_place(connection)
            owned = _of(session, self._place)
            tail = (staged.c.tail if step.keep_tail else 0) + len(step.tail)
            changed = connection.execute(
                update(staged)
                .where(staged.c.session == session, staged.c.place_id == self._place, staged.c.size == size)
                .values(size=step.settled + tail, tail=tail, state=step.state, changed_at=self._at)
            )
            _require_one(changed.rowcount, session)
            connection.execute(delete(segments).where(owned, segments.c.position >= step.keep))
            _add(connection, session, step, place=self._place)
            _add_tail(connection, session, step)

    def idle(self, before: int) -> list[str]:
        """Name the uploads that have not changed since a time.

        Raises:
            StorageError: If rows cannot be read.
        """
        with self._database.read() as connection:
            query = select(staged.c.session).where(staged.c.place_id == self._place, staged.c.changed_at < before)
            return list(connection.execute(query).scalars())

    def publish(self, session: str, size: int, digest: Digest) -> None:
        """Make the objects of an upload those of a blob; those that the blob had before belong to nothing then.

        Raises:
            ConflictError: If the upload has another size or loose bytes, is over, or another store serves by now.
            StorageError: If rows cannot be written.
        """
        with self._database.write(str(digest)) as connection:
            self._require_place(connection)
            done = connection.execute(
                delete(staged).where(
                    staged.c.session == session,
                    staged.c.place_id == self._place,
                    staged.c.size == size,
                    staged.c.tail == 0,
                )
            )
            _require_one(done.rowcount, session)
            self._remove(connection, digest)
            connection.execute(update(segments).where(_of(session, self._place)).values(owner=str(digest)))
            values = {"place_id": self._place, "digest": str(digest), "size": size, "published_at": self._at}
            connection.execute(insert(stored), values)

    def segments(self, owner: str | Digest) -> tuple[Segment, ...] | None:
        """Tell which objects make up an upload or a blob, in order; none of them if it is empty.

        Raises:
            StorageError: If rows cannot be read.
        """
        with self._database.read() as connection:
            found = self._owned(connection, str(owner))
            if found:
                return found
            query = select(stored.c.size).where(stored.c.place_id == self._place, stored.c.digest == str(owner))
            if isinstance(owner, str):
                query = select(staged.c.size).where(staged.c.place_id == self._place, staged.c.session == owner)
            return None if connection.execute(query).first() is None else ()

    def digests(self) -> Iterator[Digest]:
        """Name all blobs, in pages, so that nobody waits for a large store.

        Raises:
            StorageError: If rows cannot be read.
        """
        after = ""
        while True:
            query = select(stored.c.digest).where(stored.c.place_id == self._place, stored.c.digest > after)
            with self._database.read() as connection:
                page = list(connection.execute(query.order_by(stored.c.digest).limit(_PAGE)).scalars())
            yield from map(Digest.parse, page)
            if len(page) < _PAGE:
                return
            after = page[-1]

    def forget(self, owner: str | Digest, *, before: int | None = None) -> tuple[Segment, ...] | None:
        """Forget an upload, or a blob that was published before a time; give the objects it had, if it was there.

        Raises:
            StorageError: If rows cannot be written.
        """
        if isinstance(owner, Digest):
            with self._database.write(str(owner)) as connection:
                return self._remove(connection, owner, before=before)
        with self._database.aside() as connection:
            query = delete(staged).where(staged.c.session == owner, staged.c.place_id == self._place)
            if not connection.execute(query).rowcount:
                return None
            return self._take(connection, owner)

    def known(self, keys: Sequence[str]) -> set[str]:
        """Tell which of these objects belong to something.

        Raises:
            StorageError: If rows cannot be read.
        """
        with self._database.read() as connection:
            query = select(segments.c.key).where(segments.c.key.in_(keys), segments.c.place_id == self._place)
            return set(connection.execute(query).scalars())

    @property
    def _at(self) -> int:
        return round(self._now() * 1000)

    def _require_place(self, connection: Connection) -> None:
        """Refuse to write where another store serves: whoever does has been forgotten while storage was moved.

        Raises:
            ConflictError: If that is so.
        """
        if not self._spare:
            places.require_current(connection, self._place)

    def _owned(self, connection: Connection, owner: str) -> tuple[Segment, ...]:
        query = select(segments.c.key, segments.c.size).where(_of(owner, self._place)).order_by(segments.c.position)
        return tuple(Segment(row.key, row.size) for row in connection.execute(query))

    def _take(self, connection: Connection, owner: str) -> tuple[Segment, ...]:
        found = self._owned(connection, owner)
        connection.execute(delete(segments).where(_of(owner, self._place)))
        return found

    def _remove(self, connection: Connection, digest: Digest, before: int | None = None) -> tuple[Segment, ...] | None:
        query = delete(stored).where(stored.c.place_id == self._place, stored.c.digest == str(digest))
        if before is not None:
            query = query.where(stored.c.published_at <= before)
        return self._take(connection, str(digest)) if connection.execute(query).rowcount else None


def _of(owner: str, place: int) -> ColumnElement[bool]:
    return and_(segments.c.place_id == place, segments.c.owner == owner)


def _sizes(connection: Connection, session: str) -> int | None:
    found: int | None = connection.execute(select(staged.c.size).where(staged.c.session == session)).scalar()
    return found


def _add(connection: Connection, session: str, step: Step, *, place: int) -> None:
    rows = [
        {"place_id": place, "owner": session, "position": position, "key": segment.key, "size": segment.size}
        for position, segment in enumerate(step.segments, step.keep)
    ]
    if rows:
        connection.execute(insert(segments), rows)


def _add_tail(connection: Connection, session: str, step: Step) -> None:
    if not step.keep_tail:
        connection.execute(delete(tails).where(tails.c.session == session))
    if step.tail:
        last = select(func.coalesce(func.max(tails.c.position) + 1, 0)).where(tails.c.session == session)
        position = connection.execute(last).scalar_one()
        connection.execute(insert(tails), {"session": session, "position": position, "data": step.tail})


def _require_one(changed: int, session: str) -> None:
    """Refuse what starts from a size that an upload does not have any more.

    Raises:
        ConflictError: If nothing was changed.
    """
    if changed != 1:
        raise ConflictError(f"another request has written to upload {session}, or ended it; ask how far it is")
