"""Threads that carry events out, beside requests and tasks: neither waits for a receiver that does not answer."""

import logging
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import Final, Self

from orchard.errors import OrchardError
from orchard.hub.jobs.delivering import Deliverer
from orchard.hub.jobs.spreading import Spreader

_LOG: Final = logging.getLogger("orchard.hub")
POLL: Final = 0.5  # seconds between two looks at the outbox; a look costs 0.1 ms
CARRIERS: Final = 16  # hooks that are told at the same time
_PATIENCE: Final = 5.0  # seconds for all of them at the end
_BACK_OFF: Final = 5.0  # seconds after the catalog has failed


class Courier:
    """Looks for what is to be told and tells it, from ``with`` on until its end."""

    def __init__(self, spreader: Spreader, deliverer: Deliverer, *, poll: float = POLL) -> None:
        self._spreader = spreader
        self._deliverer = deliverer
        self._poll = poll
        self._ending = Event()
        self._carrying: list[Thread] = []
        self._thread = Thread(target=self._run, name="hub-courier", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Begin nothing more, and wait a little for what is on its way: the next process sends that once more."""
        self._ending.set()
        self._thread.join()
        for thread in self._carrying:
            thread.join(_PATIENCE / len(self._carrying))

    def _run(self) -> None:
        pause = 0.0
        while not self._ending.wait(pause):
            pause = self._poll if self._try(self._look) else _BACK_OFF

    def _look(self) -> None:
        """Do one round.

        Raises:
            StorageError: If the catalog fails.
        """
        self._spreader.spread()
        self._carrying = [thread for thread in self._carrying if thread.is_alive()]
        if len(self._carrying) < CARRIERS:
            for leased in self._deliverer.lease(CARRIERS - len(self._carrying)):
                self._carry(partial(self._deliverer.deliver, leased))

    def _carry(self, deliver: Callable[[], None]) -> None:
        # Not waited for at exit: a receiver that is slow must not keep the hub from ending
        thread = Thread(target=self._try, args=[deliver], name="hub-webhook", daemon=True)
        self._carrying.append(thread)
        thread.start()

    def _try(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except OrchardError as error:
            _LOG.warning("webhooks: %s", error)
            return False
        return True
