"""Asking for the bytes of one blob: all, the rest, or a part, and checking that this is what the answer holds."""

from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from orchard.errors import UnsupportedError
from orchard.oci import Descriptor, mediatype, read_up_to
from orchard.remote.backoff import Backoff
from orchard.remote.download import PARTIAL, Download, check_range
from orchard.remote.origin import Url
from orchard.remote.place import Place, segments

if TYPE_CHECKING:
    from orchard.remote.transport import Response

MAX_SKIP: Final = 64 << 20  # bytes to read past for a part, where a server gives the whole
MAX_STORAGES: Final = 256  # addresses that are remembered


class Storages:
    """Where a registry sends us for its blobs, so that many parts of one cost one redirect.

    The addresses are signed, and end some time; they live in memory only, and a refusal there is answered by asking
    the registry again.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._urls: OrderedDict[str, Url] = OrderedDict()

    def find(self, what: str) -> Url | None:
        """Give the address of a blob, if one is known."""
        with self._lock:
            return self._urls.get(what)

    def keep(self, what: str, url: Url) -> None:
        """Remember an address; the oldest one makes room."""
        with self._lock:
            self._urls[what] = url
            if len(self._urls) > MAX_STORAGES:
                self._urls.popitem(last=False)

    def forget(self, what: str) -> None:
        """Ask the registry the next time."""
        with self._lock:
            self._urls.pop(what, None)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a blob.

    Attributes:
        start: The first one.
        end: One beyond the last one; the end of the blob if not given.
        skip: How many bytes may be read past, where a server gives the whole.
    """

    start: int
    end: int | None = None
    skip: int = MAX_SKIP


class Spans(Protocol):
    """Some content, of which any span can be asked for.

    Attributes:
        what: How errors call it.
        size: Bytes in all.
    """

    what: str
    size: int

    def __call__(self, span: Span) -> "Response":
        """Give an answer whose body starts with the first byte of a span."""
        ...


class Fetch:
    """Fetches one blob of a repository. Safe to use from many threads."""

    def __init__(self, place: Place, wanted: Descriptor, storages: Storages) -> None:
        self._client = place.client
        self._request = place.reading("GET", *segments(wanted))
        self._wanted = wanted
        self._storages = storages
        self.what = str(wanted.digest)
        self.size = wanted.size

    def __call__(self, span: Span) -> "Response":
        """Give an answer whose body starts with the first byte of a span.

        Raises:
            OrchardError: If it is not what was asked for; as ``begun`` and ``Client.send``.
        """
        headers = {"Accept": f"{self._wanted.media_type}, */*"}
        asked = None if mediatype.is_document(self._wanted.media_type) else range_header(span, self.size)
        wanted = frozenset({200} if asked is None else {200, PARTIAL})
        request = replace(
            self._request, headers=headers if asked is None else headers | {"Range": asked}, wanted=wanted
        )
        known = self._storages.find(self.what)
        response = None if known is None else self._client.send_on(request, known)
        if response is None:
            self._storages.forget(self.what)
            response = self._client.send(request)
            if response.url.origin != self._client.origin:
                self._storages.keep(self.what, response.url)
        return begun(response, span, self.size, what=self.what)


def begun(response: "Response", span: Span, size: int, *, what: str) -> "Response":
    """Give an answer back whose next byte is the first one of a span; one that is not is closed.

    Raises:
        UnsupportedError: If the whole was sent, and the span is too far away from its start.
        OrchardError: As ``check_range``.
    """
    far = span.end is not None and span.start > span.skip
    if far and response.status != PARTIAL:
        response.close()
        raise UnsupportedError(f"{response.url.origin.authority}: gives no parts of {what}; pull it to read from it")
    try:
        check_range(response, span.start, size, what=what)
    except BaseException:
        response.close()
        raise
    return response


def download(fetch: Spans, span: Span, *, backoff: Backoff) -> Download:
    """Begin to read a span.

    Raises:
        OrchardError: As ``fetch`` does.
    """
    end = fetch.size if span.end is None else span.end
    return Download(
        lambda start: fetch(replace(span, start=start)), fetch.what, offset=span.start, end=end, backoff=backoff
    )


def read_part(fetch: Spans, span: Span, *, backoff: Backoff) -> bytes:
    """Read a span of known end into memory, with one request; what breaks is asked for again.

    Raises:
        OrchardError: As ``fetch`` does.
    """
    assert span.end is not None
    if span.start == span.end:
        return b""
    with closing(download(fetch, span, backoff=backoff)) as body:
        return read_up_to(body, span.end - span.start)


def range_header(span: Span, size: int) -> str | None:
    """Write the ``Range`` of a request; content that is wanted whole is asked for without."""
    if (span.start == 0 and span.end in {None, size}) or span.start >= size:
        return None
    return f"bytes={span.start}-{'' if span.end is None else span.end - 1}"
