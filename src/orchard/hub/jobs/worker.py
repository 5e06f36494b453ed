"""The worker: one thread that takes tasks, keeps their leases and starts what comes again and again."""

import logging
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Final, Self

from orchard.errors import OrchardError
from orchard.hub.jobs.kind import Kind
from orchard.hub.jobs.running import Running
from orchard.hub.queue import Feed

_LOG: Final = logging.getLogger("orchard.hub.jobs")
_POLL: Final = 1.0  # seconds between two looks at what other processes put: 0.2 ms of CPU each
_BEATS: Final = 10  # in one lease
_DIRE: Final = 0.7  # of a lease without a beat: the task is as good as lost


class Worker:
    """Does tasks until it is stopped."""

    def __init__(
        self,
        feed: Feed,
        kinds: Sequence[Kind],
        *,
        name: str,
        slots: int,
        steady: Callable[[], float],
        grace: float,
    ) -> None:
        """Make a worker.

        Args:
            feed: Where the tasks come from.
            kinds: What it can do.
            name: Who it is, for people.
            slots: Tasks that it does at once.
            steady: A clock in seconds that never jumps.
            grace: Seconds that handlers get at the end; what they leave then is done when their lease has ended.
        """
        self._feed = feed
        self._kinds = {kind.name: kind for kind in kinds}
        self._name = name
        self._slots = slots
        self._steady = steady
        self._grace = grace
        self._lease = feed.lease
        self._running: dict[Running, float] = {}
        self._repeats = {kind.name: 0.0 for kind in kinds if kind.every is not None}
        self._stopping = False
        self._quiet_until = 0.0
        self._thread = Thread(target=self._work, name="jobs", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(self._grace)

    def stop(self) -> None:
        """Take no more tasks, and tell the handlers to stop at their next step; their tasks are given back."""
        self._stopping = True
        self._feed.wake()

    def _work(self) -> None:
        while True:
            self._running = {running: beat for running, beat in self._running.items() if running.alive}
            self._keep()
            if not self._stopping:
                self._look()
            elif not self._running:
                return
            self._feed.wait(min(_POLL, self._lease / _BEATS))

    def _keep(self) -> None:
        """Renew the leases of what is running; tell those to stop that have lost theirs."""
        for running, beat in list(self._running.items()):
            if self._stopping:
                running.stop("the hub is stopping")
            now = self._steady()
            if now - beat < self._lease / _BEATS:
                continue
            try:
                running.renew()
            except OrchardError as error:
                _LOG.warning("cannot renew the lease of a task: %s", error)
                if now - beat > self._lease * _DIRE:
                    running.stop("the database cannot be reached")
            else:
                self._running[running] = now

    def _look(self) -> None:
        """Take what is due, as far as there are hands."""
        if self._steady() < self._quiet_until:
            return
        try:
            self._repeat()
            while self._take():
                pass
        except OrchardError as error:
            _LOG.warning("cannot look for tasks: %s", error)
            self._quiet_until = self._steady() + self._lease / _BEATS
        except Exception:  # noqa: BLE001 -- the worker must outlive whatever it meets
            _LOG.exception("cannot look for tasks")
            self._quiet_until = self._steady() + self._lease / _BEATS

    def _repeat(self) -> None:
        """Put what comes again and again.

        Raises:
            StorageError: If the database fails.
        """
        for name, due in self._repeats.items():
            every = self._kinds[name].every
            if every is not None and self._steady() >= due:
                self._repeats[name] = self._steady() + self._feed.repeat(name, every)

    def _take(self) -> bool:
        """Take one task and start it; tell whether there was one.

        Raises:
            StorageError: If the database fails.
        """
        kinds = self._wanted()
        beat = self._steady()
        lease = self._feed.take(self._name, kinds) if kinds else None
        if lease is None:
            return False
        running = Running(lease, self._kinds[lease.task.kind], ended=self._feed.wake)
        self._running[running] = beat
        running.start()
        return True

    def _wanted(self) -> list[str]:
        """Name the kinds that there are hands for. Slow ones leave the last hand to the others."""
        slow = sum(running.kind.slow for running in self._running)
        if len(self._running) >= self._slots:
            return []
        slow_too = slow < max(1, self._slots - 1)
        return [kind.name for kind in self._kinds.values() if slow_too or not kind.slow]
