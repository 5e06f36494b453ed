"""Reading some content: a reader that survives broken connections.

The bytes are *not* verified here; that is the business of whoever keeps them (``Source.open``).
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from orchard.errors import IntegrityError, RemoteError
from orchard.oci import CHUNK
from orchard.remote.backoff import Backoff
from orchard.remote.failures import TransientError, printable

if TYPE_CHECKING:
    from orchard.remote.transport import Response

PARTIAL: Final = 206

_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")


class Download:
    """Content from some offset on; continues where it was when the connection breaks.

    Args:
        fetch: Gives the answer whose body starts at an offset.
        what: How errors call it.
        offset: Where to start.
        end: Where to end.
        backoff: Counts the tries; whoever advances by a chunk gets all of them back.
    """

    def __init__(
        self, fetch: Callable[[int], "Response"], what: str, *, offset: int, end: int, backoff: Backoff
    ) -> None:
        self._fetch = fetch
        self._what = what
        self._end = end
        self._position = offset
        self._checkpoint = offset
        self._backoff = backoff
        self._response: Response | None = None
        self._open()

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes.

        Raises:
            RemoteError: If the connection broke too often without progress.
            OrchardError: If the registry refuses to go on.
        """
        while True:
            try:
                return self._read(size)
            except TransientError as error:
                if self._position >= self._end:
                    return b""
                self._backoff.pause(error)
                self.close()

    def close(self) -> None:
        """Give the connection back."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _read(self, size: int) -> bytes:
        """Read once.

        Raises:
            TransientError: If nothing more comes although something should.
        """
        if self._response is None:
            self._response = self._fetch(self._position)
        piece = self._response.read(size)
        if not piece and self._position < self._end:
            host = self._response.url.origin.authority
            raise TransientError(f"{host}: {self._what} ends after {self._position} of {self._end} bytes")
        self._position += len(piece)
        if self._position - self._checkpoint >= CHUNK:
            self._checkpoint = self._position
            self._backoff.progressed()
        return piece

    def _open(self) -> None:
        while self._response is None:
            try:
                self._response = self._fetch(self._position)
            except TransientError as error:
                self._backoff.pause(error)


def check_range(response: "Response", offset: int, size: int, *, what: str) -> None:
    """Make sure that the next byte of an answer is the one at the offset.

    Raises:
        RemoteError: If a part was sent that is not the one asked for.
        IntegrityError: If the whole has another size than promised.
    """
    host = response.url.origin.authority
    if response.status == PARTIAL:
        text = response.headers.get("Content-Range", "")
        found = _CONTENT_RANGE.fullmatch(text)
        if found is None or int(found[1]) != offset or found[3] not in {"*", str(size)}:
            asked = f"{what} from byte {offset} of {size} on"
            raise RemoteError(f"{host}: asked for {asked}, got {printable(text, 80)!r}")
        return
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and length != str(size):
        raise IntegrityError(f"{host}: {what} has {length[:20]} bytes there, {size} were promised")
    while offset and (piece := response.read(min(CHUNK, offset))):  # a server that knows no ranges
        offset -= len(piece)
