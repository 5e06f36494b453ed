"""Watching a copy: a source that counts what is read from it, and stops when it is told to."""

from contextlib import AbstractContextManager
from threading import Event
from types import TracebackType
from typing import Protocol, Self

from orchard.errors import OrchardError
from orchard.oci import Descriptor, Readable
from orchard.store.base import Source


class Observer(Protocol):
    """Somebody who watches a copy. Called from several threads."""

    def started(self, content: Descriptor, /) -> None:
        """Learn that it is this content's turn."""
        ...

    def advanced(self, content: Descriptor, size: int, /) -> None:
        """Learn that so many more bytes are across; a negative number takes back what has to be sent again."""
        ...

    def finished(self, content: Descriptor, /, *, skipped: bool) -> None:
        """Learn that some content is there; skipped, if it was there before."""
        ...


class Silent:
    """An observer that does nothing."""

    def started(self, content: Descriptor, /) -> None:
        """Ignore it."""

    def advanced(self, content: Descriptor, size: int, /) -> None:
        """Ignore it."""

    def finished(self, content: Descriptor, /, *, skipped: bool) -> None:
        """Ignore it."""


class StoppedError(OrchardError):
    """Something else in the same copy failed, so this one was given up."""


class Metered:
    """A source of one content that reports to an observer how far it was read.

    A sink that opens it again elsewhere, after a broken connection or to go on where an earlier run ended, moves the
    position there, forwards or backwards: the reported sizes always add up to the bytes that are across.

    Attributes:
        origin: The source behind it.
        failure: The error that the source raised, if it did.
    """

    def __init__(self, origin: Source, content: Descriptor, *, observer: Observer, stop: Event) -> None:
        self.origin = origin
        self.failure: OrchardError | None = None
        self._content = content
        self._observer = observer
        self._stop = stop
        self._position = 0

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open the content, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
        """
        self.check()
        self.advance(offset - self._position)
        return _Flow(self, content, offset)

    def settle(self) -> None:
        """Report what came across on a shorter way than through here."""
        self.advance(self._content.size - self._position)

    def advance(self, size: int) -> None:
        """Move on, and report it."""
        if size:
            self._position += size
            self._observer.advanced(self._content, size)

    def check(self) -> None:
        """Give up if so told.

        Raises:
            StoppedError: If the copy has failed elsewhere.
        """
        if self._stop.is_set():
            raise StoppedError(f"{self._content.digest}: given up")


class _Flow:
    """One reading of a metered content."""

    def __init__(self, metered: Metered, content: Descriptor, offset: int) -> None:
        self._metered = metered
        self._content = content
        self._offset = offset
        self._manager: AbstractContextManager[Readable]
        self._body: Readable

    def __enter__(self) -> Self:
        try:
            self._manager = self._metered.origin.open(self._content, self._offset)
            self._body = self._manager.__enter__()
        except OrchardError as error:
            self._metered.failure = error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._manager.__exit__(kind, error, trace)

    def read(self, size: int, /) -> bytes:
        self._metered.check()
        try:
            chunk = self._body.read(size)
        except OrchardError as error:
            self._metered.failure = error
            raise
        self._metered.advance(len(chunk))
        return chunk


def origin(source: Source) -> Source:
    """Give the store that a source reads from: a sink of the same kind may know a shorter way than through here."""
    return source.origin if isinstance(source, Metered) else source
