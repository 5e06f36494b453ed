"""Asking for the bytes of one blob: all, the rest, or a part, and checking that this is what the answer holds."""

from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from orchard.errors import UnsupportedError
from orchard.oci import Descriptor, Digest, mediatype, read_up_to
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
        self._urls: OrderedDict[Digest, Url] = OrderedDict()

    def find(self, digest: Digest) -> Url | None:
        """Give the address of a blob, if one is known."""
        with self._lock:
            return self._urls.get(digest)

    def keep(self, digest: Digest, url: Url) -> None:
        """Remember an address; the oldest one makes room."""
        with self._lock:
            self._urls[digest] = url
            if len(self._urls) > MAX_STORAGES:
                self._urls.popitem(last=False)

    def forget(self, digest: Digest) -> None:
        """Ask the registry the next time."""
        with self._lock:
            self._urls.pop(digest, None)


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
            OrchardError: If it is not what was asked for; as ``_check`` and ``Client.send``.
        """
        headers = {"Accept": f"{self._wanted.media_type}, */*"}
        asked = _header(span, self._wanted)
        wanted = frozenset({200} if asked is None else {200, PARTIAL})
        request = replace(
            self._request, headers=headers if asked is None else headers | {"Range": asked}, wanted=wanted
        )
        known = self._storages.find(self._wanted.digest)
        response = None if known is None else self._client.send_on(request, known)
        if response is None:
            self._storages.forget(self._wanted.digest)
            response = self._client.send(request)
            if response.url.origin != self._client.origin:
                self._storages.keep(self._wanted.digest, response.url)
        try:
            self._check(response, span)
        except BaseException:
            response.close()
            raise
        return response

    def _check(self, response: "Response", span: Span) -> None:
        """Make sure that the next byte of the answer is the first one of the span.

        Raises:
            UnsupportedError: If the whole was sent, and the span is too far away from its start.
        """
        if span.end is not None and span.start > span.skip and response.status != PARTIAL:
            host = response.url.origin.authority
            raise UnsupportedError(f"{host}: gives no parts of {self.what}; pull it to read from it")
        check_range(response, span.start, self.size, what=self.what)


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


def _header(span: Span, wanted: Descriptor) -> str | None:
    """Write the ``Range`` of a request; documents, and whole blobs, are asked for without."""
    whole = span.start == 0 and span.end in {None, wanted.size}
    if whole or span.start >= wanted.size or mediatype.is_document(wanted.media_type):
        return None
    return f"bytes={span.start}-{'' if span.end is None else span.end - 1}"
