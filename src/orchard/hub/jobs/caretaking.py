"""Asking for upkeep, and seeing what came of it, for whoever looks after the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchard.errors import NotFoundError
from orchard.hub import catalog
from orchard.hub.catalog.upkeep import Report
from orchard.hub.jobs.collecting import COLLECT, REHEARSE, report_of
from orchard.hub.jobs.retention import RETAIN, SCOPE
from orchard.hub.jobs.scrubbing import ALL, SCRUB
from orchard.hub.queue import Queue, Record, record
from orchard.hub.registry import Damage, Page, Premises
from orchard.oci import JSON

BACKUP: Final = "backup"  # its report: the last backup that a command of this hub's machine made
_KINDS: Final = frozenset({COLLECT, SCRUB})


@dataclass(frozen=True, slots=True)
class Reports:
    """What upkeep last came to; none where it never ran.

    Attributes:
        garbage: The last collection of garbage.
        rehearsal: The last rehearsal of one.
        scrub: The last time that blobs were read again.
        backup: The last backup.
    """

    garbage: Report | None
    rehearsal: Report | None
    scrub: Report | None
    backup: Report | None


class Caretaker:
    """What the hub does to stay sound, as somebody asks for it."""

    def __init__(self, premises: Premises, queue: Queue) -> None:
        self._premises = premises
        self._queue = queue

    def collect_garbage(self, *, rehearse: bool) -> str:
        """Ask for garbage to be collected; give the task's name.

        Raises:
            StorageError: If the catalog fails.
        """
        return self._put(COLLECT, {REHEARSE: rehearse})

    def scrub(self, *, everything: bool) -> str:
        """Ask for blobs to be read again, those that are due or all of them; give the task's name.

        Raises:
            StorageError: If the catalog fails.
        """
        return self._put(SCRUB, {ALL: everything})

    def retain(self, scope: str | None = None) -> str:
        """Ask for retention to be applied, in a repository or a namespace or everywhere; give the task's name.

        Raises:
            StorageError: If the catalog fails.
        """
        return self._put(RETAIN, {} if scope is None else {SCOPE: scope})

    def task(self, name: str) -> Record:
        """Show how far something is that was asked for.

        Raises:
            NotFoundError: If there is no such task, or it ended long ago.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            found = record(connection, name)
        if found is None or found.kind not in _KINDS:
            raise NotFoundError(f"there is no such task: {name}")
        return found

    def reports(self) -> Reports:
        """Tell what upkeep last came to.

        Raises:
            StorageError: If the catalog fails.
        """
        kinds = (COLLECT, report_of(rehearse=True), SCRUB, BACKUP)
        with self._premises.database.read() as connection:
            return Reports(*(catalog.upkeep.last(connection, kind) for kind in kinds))

    def damages(self, page: Page) -> list[Damage]:
        """List the blobs that are known to be damaged, by digest.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.soundness.damages(connection, after=page.after, limit=page.limit)

    def damaged(self) -> int:
        """Count the blobs that are known to be damaged.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.look() as connection:
            return catalog.soundness.count(connection)

    def _put(self, kind: str, payload: Mapping[str, JSON]) -> str:
        with self._premises.database.aside() as connection:
            return self._queue.put(connection, kind, payload, lock=kind)
