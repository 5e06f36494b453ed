"""Pulling one blob: a reader that survives broken connections.

The bytes are *not* verified here; that is the business of whoever keeps them (``Source.open``).
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from orchard.errors import IntegrityError, RemoteError, UnsupportedError, UsageError
from orchard.oci import CHUNK, Descriptor, Readable, mediatype, read_up_to
from orchard.remote.backoff import Backoff
from orchard.remote.failures import TransientError, printable
from orchard.remote.place import Place

if TYPE_CHECKING:
    from orchard.remote.transport import Response

PARTIAL: Final = 206
MAX_SKIP: Final = 64 << 20  # bytes to read past for a part, where a server gives the whole

_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")


@contextmanager
def open_content(place: Place, segments: tuple[str, str], wanted: Descriptor, *, offset: int = 0) -> Iterator[Readable]:
    """Open content at a registry for reading, from ``offset`` bytes on.

    Raises:
        UsageError: If the offset lies beyond the end.
        NotFoundError: If it is not there.
        IntegrityError: If the registry announces another size than the descriptor does.
        OrchardError: As ``Client.send``.
    """
    if not 0 <= offset <= wanted.size:
        raise UsageError(f"{wanted.digest}: has {wanted.size} bytes, none at offset {offset}")
    fetch, what = _Fetch(place, segments, wanted), str(wanted.digest)
    download = Download(fetch, what, offset=offset, end=wanted.size, backoff=place.client.backoff())
    try:
        yield download
    finally:
        download.close()


def read_part(place: Place, segments: tuple[str, str], wanted: Descriptor, *, offset: int, size: int) -> bytes:
    """Read exactly ``size`` bytes from ``offset`` on, with one request; what breaks is asked for again.

    Raises:
        NotFoundError: If the content is not there.
        UnsupportedError: If the registry gives no parts and these bytes are more than 64 MiB away from its start.
        IntegrityError: If the registry announces another size than the descriptor does.
        OrchardError: As ``Client.send``.
    """
    if not size:
        return b""
    end = offset + size
    fetch, what = _Fetch(place, segments, wanted, end=end), str(wanted.digest)
    download = Download(fetch, what, offset=offset, end=end, backoff=place.client.backoff())
    try:
        return read_up_to(download, size)
    finally:
        download.close()


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


class _Fetch:
    """Asks for the rest of a blob, or for a part of it, and checks that this is what the answer holds."""

    def __init__(self, place: Place, segments: tuple[str, str], wanted: Descriptor, *, end: int | None = None) -> None:
        self._client = place.client
        self._request = place.reading("GET", *segments)
        self._wanted = wanted
        self._end = end

    def __call__(self, offset: int) -> "Response":
        headers = {"Accept": f"{self._wanted.media_type}, */*"}
        part = offset > 0 if self._end is None else (offset, self._end) != (0, self._wanted.size)
        if part and offset < self._wanted.size and not mediatype.is_document(self._wanted.media_type):
            headers["Range"] = f"bytes={offset}-{'' if self._end is None else self._end - 1}"
        wanted = frozenset({200, PARTIAL} if "Range" in headers else {200})
        response = self._client.send(replace(self._request, headers=headers, wanted=wanted))
        try:
            self._check(response, offset)
        except BaseException:
            response.close()
            raise
        return response

    def _check(self, response: "Response", offset: int) -> None:
        """Make sure that the next byte of the answer is the one at the offset.

        Raises:
            UnsupportedError: If the whole was sent, and a part is too far away from its start.
        """
        far = self._end is not None and offset > MAX_SKIP
        if far and response.status != PARTIAL:
            host = response.url.origin.authority
            raise UnsupportedError(f"{host}: gives no parts of {self._wanted.digest}; pull it to read from it")
        check_range(response, offset, self._wanted.size, what=str(self._wanted.digest))


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
