"""Moving the blobs of a hub to another place (``orchard hub move-storage``).

Blobs are copied while the hub runs or not. The last of them, and the change itself, need it stopped: its lock tells.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchard.errors import ConflictError, IntegrityError, UsageError
from orchard.hub.app.drivers import open_catalog, open_place, place_of
from orchard.hub.catalog import places
from orchard.hub.catalog.places import StoragePlace
from orchard.hub.db import Database
from orchard.hub.registry.moving import Moving, Nowhere, Passed
from orchard.hub.settings import Settings
from orchard.hub.storage.directory import claim
from orchard.project import Observer

LOCK: Final = "move-storage.lock"
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is wanted of a move.

    Attributes:
        remove_source: Whether the old place is emptied when the new one serves.
        leave_unsound: Whether blobs that are missing or damaged in the old place do not matter.
        rehearse: Whether only to tell what would happen.
    """

    remove_source: bool = False
    leave_unsound: bool = False
    rehearse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move has done.

    Attributes:
        source: The old place.
        target: The new one.
        passed: What came of all blobs.
        switched: Whether the new place serves by now.
        running: Whether that could not be done because a hub runs.
        removed: Blobs that were erased from the old place.
    """

    source: str
    target: str
    passed: Passed
    switched: bool
    running: bool
    removed: int


def move_storage(settings: Settings, to: Settings, wishes: Wishes, *, observer: Observer) -> Moved:
    """Move all blobs; safe to repeat, from wherever it ended.

    Args:
        settings: How the hub runs; its storage is the old place.
        to: The same with the new place.
        wishes: What is wanted.
        observer: Watches.

    Raises:
        UsageError: If the two are one place, or one is within the other.
        ConflictError: If the blobs are in neither of them, another hub's are there, or somebody else is moving them.
        IntegrityError: If blobs are missing or damaged in the old place, and that matters.
        StorageError: If a place or the catalog fails.
    """
    with ExitStack() as stack:
        stack.enter_context(claim(settings.data, LOCK, "another move of the blobs"))
        stopped = stack.enter_context(_stopped(settings.data))
        database = stack.enter_context(open_catalog(settings))
        return _Move(database, settings, to, wishes=wishes).run(observer, stopped=stopped)


class _Move:
    def __init__(self, database: Database, settings: Settings, to: Settings, *, wishes: Wishes) -> None:
        self._database = database
        self._wishes = wishes
        _require_apart(place_of(settings), place_of(to))
        url = place_of(to)
        with database.write() as connection:
            self._source = places.make(connection, place_of(settings))
            known = places.find(connection, url)
            self._target = known if known is not None or wishes.rehearse else places.make(connection, url)
            current = places.current(connection)
        if current not in {self._source.url, url}:
            raise ConflictError(f"the blobs of this hub are in {current}, not in {self._source.url}; name that storage")
        self._target_url, self._switched = url, current == url
        self._old = open_place(settings, database, self._source, spare=True)
        self._new = Nowhere() if self._target is None else open_place(to, database, self._target, spare=True)

    def run(self, observer: Observer, *, stopped: bool) -> Moved:
        """Do it.

        Raises:
            IntegrityError: If blobs are missing or damaged in the old place, and that matters.
            StorageError: If a place or the catalog fails.
        """
        moving = Moving(self._database, self._old, self._new, observer=observer)
        passed, switched = Passed(), self._switched
        if not switched:
            passed, switched = self._copy(moving, stopped=stopped)
        removed = 0
        if switched and self._wishes.remove_source and not self._wishes.rehearse:
            removed = moving.empty()
        return Moved(
            source=self._source.url,
            target=self._target_url,
            passed=passed,
            switched=switched,
            running=not stopped,
            removed=removed,
        )

    def _copy(self, moving: Moving, *, stopped: bool) -> tuple[Passed, bool]:
        """Copy until nothing is left, and let the new place serve then.

        Raises:
            IntegrityError: If blobs are missing or damaged in the old place, and that matters.
        """
        with self._database.read() as connection:
            before = places.extent(connection)
        passed = moving.copy(rehearse=self._wishes.rehearse)
        _require_sound(passed, self._source, leave=self._wishes.leave_unsound or self._wishes.rehearse)
        if not stopped or self._wishes.rehearse or self._target is None:
            return passed, False
        with self._database.write() as connection:
            if places.extent(connection) != before:
                return passed, False
            places.switch(connection, self._target)
        return passed, True


@contextmanager
def _stopped(data: Path) -> Iterator[bool]:
    """Tell whether no hub runs; none can start in the block then."""
    with ExitStack() as stack:
        try:
            stack.enter_context(claim(data))
        except ConflictError:
            yield False
        else:
            yield True


def _require_apart(source: str, target: str) -> None:
    """Refuse places that overlap.

    Raises:
        UsageError: If they do.
    """
    if source == target:
        raise UsageError(f"{target} is where the blobs are")
    if f"{source}/".startswith(f"{target}/") or f"{target}/".startswith(f"{source}/"):
        raise UsageError(f"{source} and {target} overlap; take a place beside the other one")


def _require_sound(passed: Passed, source: StoragePlace, *, leave: bool) -> None:
    """Refuse to leave blobs behind unasked.

    Raises:
        IntegrityError: If some would be.
    """
    unsound = passed.unsound
    if unsound and not leave:
        named = ", ".join(map(str, unsound[:_SHOWN])) + (", …" if len(unsound) > _SHOWN else "")
        raise IntegrityError(
            f"{len(unsound)} blobs are missing or damaged in {source.url} ({named}); all others are copied."
            " Push these again and repeat the move, or leave them behind with --leave-unsound"
        )
