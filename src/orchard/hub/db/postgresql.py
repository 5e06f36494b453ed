"""The driver for many processes: PostgreSQL, by psycopg 3.

Writers of one repository, and writers of everything, wait for each other at advisory locks of their transactions, which
gives them the order that SQLite's one writer gives. Each statement of a writer sees what was committed before it.
"""

from select import POLLIN, poll
from typing import Any, Final
from zlib import crc32

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, QueuePool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError

from orchard.errors import StorageError, UnavailableError, UsageError
from orchard.hub.db.database import Database, Driver

POOL: Final = 8  # connections that stay open; servers take 100 by default, for all replicas together
OVERFLOW: Final = 24  # more of them while many requests come at once; all together more than the hub has threads
PATIENCE: Final = 30  # seconds that a statement may take, waiting for other writers included

# A server that is gone without a word is noticed within seconds, in both directions.
_CONNECT: Final = {
    "application_name": "orchard-hub",
    "connect_timeout": "5",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "options": f"-c statement_timeout={PATIENCE}s -c idle_in_transaction_session_timeout=10min -c jit=off",
}
_LOCKS: Final = 0x0C4A  # class of our advisory locks; whatever else uses the database has others
_EVERYTHING: Final = text("SELECT pg_advisory_xact_lock(:class, 0)").bindparams(**{"class": _LOCKS})
_ONE: Final = text("SELECT pg_advisory_xact_lock_shared(:class, 0), pg_advisory_xact_lock(:scopes, :scope)").bindparams(
    **{"class": _LOCKS, "scopes": _LOCKS + 1}
)
_SHARE: Final = text("SELECT pg_advisory_xact_lock_shared(:class, :name)").bindparams(**{"class": _LOCKS + 2})
_CLAIM: Final = text("SELECT pg_try_advisory_xact_lock(:class, :name)").bindparams(**{"class": _LOCKS + 2})
_PATIENTLY: Final = text("SET LOCAL statement_timeout = 0")

_BUSY: Final = {
    "40001": "others changed the same rows",
    "40P01": "others changed the same rows",
    "55P03": "others changed the same rows",
    "57014": f"it took longer than {PATIENCE} seconds",
    "53300": "it takes no more connections",
}
_FULL: Final = "53100"
_READ_ONLY: Final = "25006"


class _Whole(Loader):
    """Reads sums of BIGINT columns, which are NUMERIC here, as the whole numbers that they are."""

    def load(self, data: Buffer) -> int:
        """Read one."""
        return int(bytes(data))


def open_postgresql(url: str) -> Database:
    """Open a database; nothing is asked of it yet.

    Args:
        url: As libpq takes it: ``postgresql://user:password@host:port/name?sslmode=verify-full``. It may name several
            hosts, and leave out what the variables ``PG…`` or a password file say.

    Raises:
        UsageError: If it is no such address.
    """
    where = {**_CONNECT, **_parse(url)}
    engine = create_engine(
        "postgresql+psycopg://",
        poolclass=QueuePool,
        pool_size=POOL,
        max_overflow=OVERFLOW,
        pool_timeout=PATIENCE,
        hide_parameters=True,
    )

    def connect(_: object, __: object, ___: object, options: dict[str, Any]) -> "psycopg.Connection[Any]":
        connection = psycopg.connect(**{**options, **where})
        connection.adapters.register_loader("numeric", _Whole)
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkout", _refuse_dead)
    driver = Driver(
        engine=engine,
        reader=engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        glance=engine.execution_options(isolation_level="AUTOCOMMIT"),
        explain=_explain,
        order=_wait_for_others,
        unhurried=_take_time,
        share=_share,
        claim=_claim,
    )
    return Database(driver)


def _parse(url: str) -> dict[str, Any]:
    """Read the address.

    Raises:
        UsageError: If it cannot be read; it is not repeated, for a password may be in it.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise UsageError("database: not an address of a PostgreSQL server; write postgresql://user:password@host/name")
    try:
        return conninfo_to_dict(url)
    except psycopg.Error:
        raise UsageError(
            "database: not an address that libpq understands; write postgresql://user:password@host/name, "
            "and %2F, %40, %3A for a /, @ or : in the password"
        ) from None


def _refuse_dead(connection: "psycopg.Connection[Any]", _: object, __: object) -> None:
    """See whether the server has hung up since the connection was used last: that costs 2 microseconds.

    Raises:
        InvalidatePoolError: If it has; then all connections are made anew.
    """
    watch = poll()
    watch.register(connection.fileno(), POLLIN)
    if watch.poll(0):
        raise InvalidatePoolError


def _wait_for_others(connection: Connection, scope: str | None) -> None:
    if scope is None:
        connection.execute(_EVERYTHING)
    else:
        connection.execute(_ONE, {"scope": _number(scope)})  # the same for two names: they wait


def _share(connection: Connection, name: str) -> None:
    connection.execute(_SHARE, {"name": _number(name)})


def _claim(connection: Connection, name: str) -> bool:
    return bool(connection.execute(_CLAIM, {"name": _number(name)}).scalar())


def _number(name: str) -> int:
    return crc32(name.encode()) - (1 << 31)


def _take_time(connection: Connection) -> None:
    connection.execute(_PATIENTLY)


def _explain(error: DBAPIError) -> StorageError:
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or ""
    reason = _words(error)
    if error.connection_invalidated or state.startswith(("08", "57P")) or (not state and _lost(cause)):
        return UnavailableError(f"the database cannot be reached: {reason}")
    if state in _BUSY:
        return UnavailableError(f"the database is busy: {_BUSY[state]}; try again")
    if state == _READ_ONLY:
        return UnavailableError("the database takes no writes: it may be a standby that is about to take over")
    if state == _FULL:
        return StorageError("disk full: the catalog cannot be written; free some space at the database and try again")
    return StorageError(f"the catalog failed: {reason}")


def _words(error: DBAPIError) -> str:
    """Say what went wrong without the details that the server adds: they may show the row that was to be stored.

    They are taken out of the exceptions too, for those will be in a log.
    """
    cause = error.orig
    if not isinstance(cause, psycopg.Error) or cause.diag.message_primary is None:
        return " ".join(str(cause).split())
    cause.args = (cause.diag.message_primary,)
    error.args = (f"({type(cause).__name__}) {cause.diag.message_primary}",)
    return cause.diag.message_primary


def _lost(cause: BaseException | None) -> bool:
    return isinstance(cause, psycopg.OperationalError)
