"""Backups of a hub, running or not, whatever it keeps its rows and bytes in; and hubs made of backups (ADR 65).

A backup is a data directory: ``orchard hub --data BACKUP`` serves it. Bytes are verified while they are copied, and a
backup that is made again takes only what is new.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchard.errors import ConflictError, IntegrityError, NotFoundError, StorageError, UsageError
from orchard.hub.app.drivers import catalog_file, open_catalog, open_files
from orchard.hub.catalog import places, upkeep
from orchard.hub.db import Database, Transaction, copying, migrate
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.egress import VAULT
from orchard.hub.jobs.caretaking import BACKUP
from orchard.hub.registry import Files
from orchard.hub.registry.moving import Moving, Passed
from orchard.hub.settings import Settings
from orchard.hub.storage.directory import claim
from orchard.hub.storage.filesystem import Filesystem
from orchard.oci import JSON, dumps, loads
from orchard.project import Observer

ABOUT: Final = "backup.json"
FORMAT: Final = 1
_MAX_ABOUT: Final = 1 << 20  # bytes
_PART: Final = ".part"
_LEFT_OUT: Final = (*copying.PASSING, *copying.WHEREABOUTS)
_ROUNDS: Final = 5  # snapshots that are tried while the hub deletes what they name


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What came of a backup.

    Attributes:
        blobs: All that the catalog names.
        size: Their bytes.
        passed: Which of them were copied this time, were there, or could not be copied.
    """

    blobs: int
    size: int
    passed: Passed


def back_up(settings: Settings, target: Path, *, at: int, observer: Observer) -> BackedUp:
    """Copy a hub into a directory: its catalog as it is at one moment, and every blob that this names.

    Until it has succeeded, the directory is the backup that it was.

    Args:
        settings: Of the hub, which may run.
        target: The directory: an earlier backup, or a new one.
        at: The time, in milliseconds since 1970.
        observer: Watches.

    Raises:
        NotFoundError: If there is no such hub.
        ConflictError: If the directory holds something else, or a hub runs on it.
        UsageError: If the directory is the hub's own.
        StorageError: If either side fails.
    """
    if settings.database is None and not catalog_file(settings.data).is_file():
        raise NotFoundError(f"{settings.data} is not the data directory of a hub")
    if target.absolute() == settings.data.absolute():
        raise UsageError(f"{target} is the hub itself; name another directory")
    _require_ours(target)
    with ExitStack() as stack:
        stack.enter_context(claim(target))
        _write(target, {"format": FORMAT, "complete": (target / ABOUT).is_file()}, only_if_new=True)
        database = stack.enter_context(open_catalog(settings))
        done = _rounds(database, open_files(settings, database), target, observer=observer)
        _publish(settings, target, done, at=at)
        with database.aside() as connection:
            counts = {"blobs": done.blobs, "size": done.size, "unsound": len(done.passed.unsound)}
            upkeep.note(connection, BACKUP, counts, at=at)
    return done


def restore(settings: Settings, source: Path, *, observer: Observer) -> BackedUp:
    """Make a new hub of a backup: first all bytes, verified, then the catalog, at once. The backup stays as it is.

    Args:
        settings: Of the new hub, which must be empty and stopped.
        source: The backup.
        observer: Watches.

    Raises:
        NotFoundError: If the directory is no backup.
        ConflictError: If the new hub is not empty, or runs.
        IntegrityError: If the backup is not complete, or a blob of it is missing or damaged.
        StorageError: If either side fails.
    """
    _require_complete(source)
    with ExitStack() as stack:
        stack.enter_context(claim(settings.data))
        database = stack.enter_context(open_catalog(settings))
        if not copying.is_empty(database):
            raise ConflictError("the hub to restore to is not empty; take a new data directory and a new database")
        kept = stack.enter_context(_copied(source, settings.data))
        files = open_files(settings, database)
        passed = Moving(kept, Filesystem(source), files, observer=observer).copy()
        if passed.unsound:
            named = ", ".join(map(str, passed.unsound[:3]))
            raise IntegrityError(f"{len(passed.unsound)} blobs of the backup are missing or damaged: {named}")
        with kept.read() as rows:
            extent = places.extent(rows)
        copying.copy(kept, database, finish=_nothing, without=_LEFT_OUT)
        _copy_key(source, settings)
    return BackedUp(blobs=extent.count, size=extent.size, passed=passed)


def _rounds(database: Database, files: Files, target: Path, *, observer: Observer) -> BackedUp:
    """Take snapshots until one of them names nothing that was deleted before it could be copied."""
    snapshot = catalog_file(target).with_suffix(_PART)
    left = _ROUNDS
    while True:
        _snapshot(database, snapshot)
        with closing(open_sqlite(snapshot)) as kept:
            passed = Moving(kept, files, Filesystem(target), observer=observer).copy()
            with kept.read() as connection:
                extent = places.extent(connection)
        with database.read() as connection:
            lost = all(places.holds(connection, digest) for digest in passed.missing)
        left -= 1
        if lost or not left:
            return BackedUp(blobs=extent.count, size=extent.size, passed=passed)


def _snapshot(database: Database, path: Path) -> None:
    """Copy the catalog as it is at one moment, without what only its own hub can use.

    Raises:
        StorageError: If either side fails.
    """
    _forget(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # it holds keys and hashes of passwords
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    with closing(open_sqlite(path)) as kept:
        migrate(kept)
        copying.copy(database, kept, finish=_nothing, without=_LEFT_OUT)


def _nothing(_: Transaction) -> None:
    """Add nothing to what was copied."""


@contextmanager
def _copied(source: Path, data: Path) -> Iterator[Database]:
    """Open a copy of a backup's catalog, in the shape that this code expects.

    Raises:
        StorageError: If it cannot be copied.
    """
    path = data / f"restore{_PART}"
    _forget(path)
    try:
        shutil.copyfile(catalog_file(source), path)
    except OSError as error:
        raise StorageError(f"{catalog_file(source)} cannot be read: {error.strerror}") from error
    try:
        with closing(open_sqlite(path)) as kept:
            migrate(kept)
            yield kept
    finally:
        _forget(path)


def _forget(path: Path) -> None:
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        name.unlink(missing_ok=True)


def _require_ours(target: Path) -> None:
    """Refuse to mix a backup with something else.

    Raises:
        ConflictError: If the directory has a file and is no backup.
        StorageError: If it cannot be read.
    """
    try:
        if target.is_dir() and any(target.iterdir()) and not (target / ABOUT).is_file():
            raise ConflictError(f"{target} is not empty and not a backup of a hub; name a new directory")
    except OSError as error:
        raise StorageError(f"{target}: {error.strerror}") from error


def _require_complete(source: Path) -> None:
    """Refuse what is no backup, or half of one.

    Raises:
        NotFoundError: If it is none.
        IntegrityError: If it was never finished, or is of another time.
    """
    try:
        about = loads((source / ABOUT).read_bytes(), what=ABOUT, limit=_MAX_ABOUT)
    except OSError as error:
        raise NotFoundError(f"{source} is not a backup of a hub: it has no {ABOUT}") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise IntegrityError(f"{source}: {ABOUT} is of another version of Orchard")
    if about.get("complete") is not True or not catalog_file(source).is_file():
        raise IntegrityError(f"{source}: this backup was never finished; make it again")


def _publish(settings: Settings, target: Path, done: BackedUp, *, at: int) -> None:
    """Put the new catalog in the place of the old one: until here the directory was the backup before.

    Raises:
        StorageError: If the disk fails.
    """
    snapshot = catalog_file(target).with_suffix(_PART)
    try:
        with snapshot.open("rb") as file:
            os.fsync(file.fileno())
        _copy_key(settings.data, settings, into=target)
        _forget_wal(catalog_file(target))
        snapshot.replace(catalog_file(target))
    except OSError as error:
        raise StorageError(f"{target}: {error.strerror}") from error
    unsound: list[JSON] = [str(digest) for digest in done.passed.unsound]
    about = {"format": FORMAT, "complete": True, "madeAt": at, "blobs": done.blobs, "size": done.size}
    _write(target, {**about, "unsound": unsound})


def _forget_wal(path: Path) -> None:
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _copy_key(source: Path, settings: Settings, *, into: Path | None = None) -> None:
    """Bring the key along that seals passwords for others, where it is a file; nobody else may read it.

    Raises:
        StorageError: If it cannot be copied.
    """
    if settings.database is not None or settings.secret_key is not None or not (source / VAULT).is_file():
        return
    target = (into or settings.data) / VAULT
    try:
        handle = os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write((source / VAULT).read_bytes())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"{target}: {error.strerror}") from error


def _write(target: Path, about: dict[str, JSON], *, only_if_new: bool = False) -> None:
    """Say what the directory is, at once.

    Raises:
        StorageError: If the disk fails.
    """
    path = target / ABOUT
    if only_if_new and path.is_file():
        return
    part = path.with_suffix(_PART)
    try:
        with part.open("wb") as file:
            file.write(dumps(about))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
