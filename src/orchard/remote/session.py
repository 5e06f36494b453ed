"""The upload sessions of one repository: opened, asked how far they are, given up (distribution spec, "Push")."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from orchard.errors import OrchardError, RemoteError
from orchard.oci import wire
from orchard.remote.auth import Scope
from orchard.remote.client import Answer, Request
from orchard.remote.origin import DEFAULT_PORTS, Origin, Url
from orchard.remote.place import Place

_RANGE: Final = re.compile(r"(?:bytes=)?0-([0-9]{1,19})")
# Registries that take a blob in one piece only, by the host of the session: GitHub's answers 416 to pieces over 4 MiB,
# Google's have no chunked upload, Amazon's answers 201 to the first piece (KitOps issues 777 and 821).
_ONE_PIECE: Final = re.compile(r"ghcr\.io|(?:.+\.)?(?:pkg\.dev|gcr\.io)|.+\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True)
class Session:
    """An open upload.

    Attributes:
        url: Where the next request goes.
        least: Fewest bytes of a chunk that is not the last.
        offset: Bytes that the registry has.
    """

    url: Url
    least: int = 0
    offset: int = 0


class Sessions:
    """The uploads of one repository.

    Attributes:
        scope: What a request of an upload does, for the token.
    """

    def __init__(self, place: Place) -> None:
        self._client = place.client
        self._place = place
        self.scope = Scope.push(place.repository)

    def open(self) -> Session:
        """Open an upload of a blob that will be named by sha256.

        Raises:
            RemoteError: If the registry does not say where it goes on, or names another host.
            OrchardError: As ``Client.send``.
        """
        request = Request(method="POST", url=self._place.uploads, scope=self.scope, wanted=frozenset({202}))
        return self.opened(self._client.ask(request))

    def opened(self, answer: Answer) -> Session:
        """Read the answer to a request that opens an upload.

        Raises:
            RemoteError: If it does not say where it goes on, or names another host.
        """
        location = answer.headers.get("Location")
        if not location:
            raise RemoteError(f"{self._client.host}: opened an upload, but did not say where (no Location)")
        least = answer.headers.get(wire.MIN_CHUNK_HEADER, "")
        url = self.own(answer.url, location)
        return Session(url, int(least[:19]) if least.isascii() and least.isdigit() else 0)

    def own(self, base: Url, location: str) -> Url:
        """Resolve where an upload goes on: at the registry itself, for nobody else may have our bytes and credentials.

        A registry behind a proxy often believes that it speaks http, or forgets the port that it is reached at; if the
        host is the same, the request goes to the origin that we know.

        Raises:
            RemoteError: If it leads to another host or port.
        """
        url, own = base.join(location), self._client.origin
        if url.origin == own or _is_misspelt(url.origin, own):
            return Url(own, url.path, url.query)
        raise RemoteError(f"{self._client.host}: wants the upload to go on at {url.origin}; refused")

    def moved(self, session: Session, answer: Answer, offset: int) -> Session:
        """Give the session after an answer, which may name another place to go on at."""
        location = answer.headers.get("Location")
        return Session(self.own(answer.url, location) if location else session.url, session.least, offset)

    def asked(self, session: Session) -> Session | None:
        """Ask how far an upload is; nothing if it is lost."""
        request = Request(method="GET", url=session.url, scope=self.scope, wanted=frozenset({200, 204}))
        try:
            answer = self._client.ask(request)
        except OrchardError:
            return None
        offset = received(answer) or 0
        # Nothing yet is "0-0" for most registries, and that cannot be told from one byte.
        return self.moved(session, answer, 0 if offset == 1 else offset)

    def cancel(self, session: Session) -> None:
        """Tell the registry to forget an upload; it does so by itself after a while if this does not reach it."""
        request = Request(method="DELETE", url=session.url, scope=self.scope, wanted=frozenset({200, 202, 204}))
        with suppress(OrchardError):
            self._client.ask_once(request)


def received(answer: Answer) -> int | None:
    """Read how many bytes a registry has, from ``Range: 0-<last>``; nothing if it does not say."""
    found = _RANGE.fullmatch(answer.headers.get("Range", "").strip())
    return int(found[1]) + 1 if found else None


def takes_one_piece(url: Url) -> bool:
    """Tell whether the host of a session is known to take no chunks."""
    return _ONE_PIECE.fullmatch(url.origin.host) is not None


def _is_misspelt(origin: Origin, own: Origin) -> bool:
    return origin.host == own.host and origin.port == DEFAULT_PORTS[origin.scheme]
