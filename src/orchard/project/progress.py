"""Progress: what long work tells whoever watches."""

from threading import Lock
from typing import Protocol


class Observer(Protocol):
    """Told of each thing that is packed, moved or unpacked. Called from several threads."""

    def started(self, label: str, total: int) -> None:
        """A thing of ``total`` bytes begins."""
        ...

    def advanced(self, label: str, count: int) -> None:
        """``count`` more bytes of it are done."""
        ...

    def finished(self, label: str, *, skipped: bool = False) -> None:
        """It is done; ``skipped`` if it was there already."""
        ...


class Silent:
    """An observer that watches nothing."""

    def started(self, label: str, total: int) -> None:
        """Do nothing."""

    def advanced(self, label: str, count: int) -> None:
        """Do nothing."""

    def finished(self, label: str, *, skipped: bool = False) -> None:
        """Do nothing."""


class Tally:
    """An observer that counts what another one is told.

    Attributes:
        moved: Things that were not there before.
        size: Bytes of them.
        skipped: Things that were there already.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lock = Lock()
        self._totals: dict[str, int] = {}
        self.moved = self.size = self.skipped = 0

    def started(self, label: str, total: int) -> None:
        """Pass it on."""
        with self._lock:
            self._totals[label] = total
        self._observer.started(label, total)

    def advanced(self, label: str, count: int) -> None:
        """Pass it on."""
        self._observer.advanced(label, count)

    def finished(self, label: str, *, skipped: bool = False) -> None:
        """Count it, and pass it on."""
        with self._lock:
            total = self._totals.pop(label, 0)
            self.skipped += skipped
            self.moved += not skipped
            self.size += 0 if skipped else total
        self._observer.finished(label, skipped=skipped)
