"""Reading ahead: one thread produces bytes while another uses them.

Hashing, file calls and socket calls all release the interpreter lock, so a producer that reads and hashes and a
consumer that writes or sends run on two cores. Measured on 2 cores, one layer packed: 0.63 GB/s in one thread, 0.86 in
two.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Event, Thread
from typing import Final

DEPTH: Final = 16  # chunks in flight; with 256 KiB chunks 4 MiB a stream


@contextmanager
def read_ahead(chunks: Iterable[bytes], *, depth: int = DEPTH) -> Iterator[Iterator[bytes]]:
    """Run an iterable in a thread of its own and give its items here, in order, at most ``depth`` ahead.

    An error of the iterable is raised here, in the place of the item that it prevented. Leaving the block early stops
    the thread before its next item and waits for it, so the iterable's files are closed when the block is left.
    """
    queue: Queue[bytes | BaseException | None] = Queue(depth)
    stopped = Event()
    producer = Thread(target=_produce, args=(chunks, queue, stopped), name="read-ahead", daemon=True)
    producer.start()
    try:
        yield _consume(queue)
    finally:
        stopped.set()
        while producer.is_alive():
            _drain(queue)
            producer.join(0.01)


def _produce(chunks: Iterable[bytes], queue: Queue[bytes | BaseException | None], stopped: Event) -> None:
    try:
        _pass_on(chunks, queue, stopped)
    except BaseException as error:  # noqa: BLE001 -- carried over to the thread that waits for the item
        queue.put(error)
    finally:
        queue.put(None)


def _pass_on(chunks: Iterable[bytes], queue: Queue[bytes | BaseException | None], stopped: Event) -> None:
    iterator = iter(chunks)
    try:
        for chunk in iterator:
            if stopped.is_set():
                break
            queue.put(chunk)
    finally:
        if hasattr(iterator, "close"):
            iterator.close()


def _consume(queue: Queue[bytes | BaseException | None]) -> Iterator[bytes]:
    while (item := queue.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item


def _drain(queue: Queue[bytes | BaseException | None]) -> None:
    while not queue.empty():
        queue.get()
