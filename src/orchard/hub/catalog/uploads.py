"""Upload sessions: whose they are and when they were last active. How far one has come its staged file says."""

from sqlalchemy import Connection, delete, func, insert, select, update

from orchard.hub.catalog.records import Upload
from orchard.hub.db.schema import uploads


def add(connection: Connection, upload: Upload) -> None:
    """Remember a new session."""
    values = {"id": upload.id, "repository": upload.repository, "account": upload.account, "secret": upload.secret}
    times = {"started_at": upload.active_at, "active_at": upload.active_at}
    connection.execute(insert(uploads), {**values, **times, "algorithm": upload.algorithm})


def touch(connection: Connection, session: str, at: int) -> None:
    """Remember that bytes of a session came."""
    connection.execute(update(uploads).where(uploads.c.id == session), {"active_at": at})


def count(connection: Connection, account: str) -> int:
    """Count the sessions of an account."""
    found: int = connection.execute(select(func.count()).where(uploads.c.account == account)).scalar_one()
    return found


def reserve(connection: Connection, upload: Upload, size: int) -> None:
    """Keep room for so many bytes of a session, which is remembered if it was not."""
    done = connection.execute(update(uploads).where(uploads.c.id == upload.id).values(reserved=size))
    if not done.rowcount:
        add(connection, upload)
        connection.execute(update(uploads).where(uploads.c.id == upload.id).values(reserved=size))


def get(connection: Connection, session: str) -> Upload | None:
    """Find a session."""
    row = connection.execute(select(uploads).where(uploads.c.id == session)).first()
    if row is None:
        return None
    return Upload(
        id=row.id,
        repository=row.repository,
        account=row.account,
        algorithm=row.algorithm,
        secret=row.secret,
        active_at=row.active_at,
    )


def remove(connection: Connection, session: str) -> None:
    """Forget a session, if it is there."""
    connection.execute(delete(uploads).where(uploads.c.id == session))


def expired(connection: Connection, before: int) -> list[str]:
    """List the sessions that nothing was added to since a time."""
    return list(connection.execute(select(uploads.c.id).where(uploads.c.active_at < before)).scalars())


def alive(connection: Connection) -> set[str]:
    """List all sessions."""
    return set(connection.execute(select(uploads.c.id)).scalars())
