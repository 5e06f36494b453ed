"""The one place where the event loop hands work to threads. Everything below ``hub.http`` is synchronous."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self, TypeVar

T = TypeVar("T")

WORKERS: Final = 16  # catalog and disk: they wait more than they compute
DISTANT: Final = 128  # other machines: one that does not answer must not keep the others waiting
LOGINS: Final = 2  # password hashing: 19 MiB and 0.1 s each, so it must not keep the others waiting


class Threads:
    """Threads that do what would keep the event loop waiting. A call costs about 60 microseconds."""

    def __init__(self) -> None:
        self._work = ThreadPoolExecutor(WORKERS, thread_name_prefix="hub")
        self._distant = ThreadPoolExecutor(DISTANT, thread_name_prefix="hub-distant")
        self._logins = ThreadPoolExecutor(LOGINS, thread_name_prefix="hub-login")

    async def run(self, work: Callable[[], T]) -> T:
        """Call something in a thread and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._work, work)

    async def wait(self, work: Callable[[], T]) -> T:
        """Call something that waits for another machine, and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._distant, work)

    def start(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Call something in a thread; whoever starts it waits for it, whatever happens meanwhile."""
        return asyncio.get_running_loop().run_in_executor(self._work, work)

    async def login(self, work: Callable[[], T]) -> T:
        """Call something that hashes a password, and wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._logins, work)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let running work end, and drop what has not begun."""
        self._work.shutdown(wait=True, cancel_futures=True)
        self._distant.shutdown(wait=False, cancel_futures=True)
        self._logins.shutdown(wait=True, cancel_futures=True)
