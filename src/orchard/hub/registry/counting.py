"""Counting who asks for what, without making anybody wait for it.

Counts are kept in memory and written in batches. A hub that is killed loses those of the last few seconds; of several
hubs on one database each adds its own.
"""

from threading import Lock

from orchard.hub import catalog
from orchard.hub.db import Database


class PullCounter:
    """Counts of this process that are not written yet."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def count(self, repository: str, digest: str, *, pulls: int, at: int) -> None:
        """Take note that somebody asked for a version: 1 for a pull, 0 for a mere question."""
        key = (repository, digest)
        with self._lock:
            known = self._counts.get(key)
            self._counts[key] = (pulls, at) if known is None else (known[0] + pulls, at)

    def write(self, database: Database) -> int:
        """Write down what was counted; give the number of versions. What cannot be written is kept for the next time.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._lock:
            taken, self._counts = self._counts, {}
        if not taken:
            return 0
        try:
            with database.aside() as connection:
                catalog.pulls.add(connection, ((*key, *value) for key, value in taken.items()))
        except BaseException:
            for (repository, digest), (pulls, at) in taken.items():
                self.count(repository, digest, pulls=pulls, at=at)
            raise
        return len(taken)
