"""What a registry's refusal means: statuses and error documents, turned into our errors once.

Everything here that came from the other side is a claim: it is bounded, its control characters are escaped, and the
secrets of this connection are cut out of it before it becomes a message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from orchard.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    OrchardError,
    RateLimitedError,
    RemoteError,
    UnauthenticatedError,
    UnsupportedError,
)
from orchard.oci import JSON, loads, wire

MAX_TEXT: Final = 500  # characters of foreign text in one message
MAX_ERRORS: Final = 3  # entries of one error document that are shown
RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
_HTTPS_HINT: Final = "leave out --plain-http; on this machine, give its authority with --tls-cert FILE"
_EXPIRED: Final = frozenset({400, 401, 403})
HIDDEN: Final = "(hidden)"


class TransientError(RemoteError):
    """The same request may succeed later.

    Attributes:
        retry_after: Seconds that the other side asked us to wait, if it did.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ThrottledError(TransientError, RateLimitedError):
    """The registry asked us to slow down (429)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is not the one wanted.

    Attributes:
        host: The registry as the user named it.
        request: Method and place, without the query.
        status: HTTP status.
        body: First bytes of the answer, ``wire.MAX_ERROR_BODY`` at most.
        content_type: What the answer says it is.
        retry_after: Seconds to wait, if the answer says so.
        known: Whether we had shown a credential.
        sent_on: Whether another host answered, to which the registry had redirected us.
        scarce: Whether it says that our token, which was made for this request, allows too little.
    """

    host: str
    request: str
    status: int
    body: bytes = b""
    content_type: str = ""
    retry_after: float | None = None
    known: bool = False
    sent_on: bool = False
    scarce: bool = False

    def error(self, scrub: Callable[[str], str]) -> OrchardError:
        """Give the error to raise; ``scrub`` removes secrets from foreign text."""
        codes, text = _read(self.body, self.content_type)
        told = printable(scrub(text), MAX_TEXT)
        why = f": {told}" if told else ""
        what = f"{self.host}: {self.request}: {self.status}{why}"
        if self.sent_on and self.status in _EXPIRED:
            return TransientError(what)  # a signed link that has run out; the registry gives a fresh one
        if self.status in RETRIED:
            return self._later(what, why)
        return self._final(codes, what, why)

    def _later(self, what: str, why: str) -> TransientError:
        if self.status != HTTPStatus.TOO_MANY_REQUESTS:
            return TransientError(what, self.retry_after)
        wait = "" if self.retry_after is None else f"; it asks to wait {self.retry_after:.0f} s"
        return ThrottledError(f"{self.host}: too many requests{wait}{why}", self.retry_after)

    def _final(self, codes: frozenset[str], what: str, why: str) -> OrchardError:
        if self.status == HTTPStatus.FORBIDDEN or (self.scarce and self.known):
            hint = "" if self.known else f"; perhaps after: orchard login {self.host}"
            return DeniedError(f"{self.host}: not allowed: {self.request}{why}{hint}")
        if self.status == HTTPStatus.UNAUTHORIZED or wire.UNAUTHORIZED in codes:
            return UnauthenticatedError(self._login(why))
        if wire.UNSUPPORTED in codes:
            return UnsupportedError(what)
        if self.status == HTTPStatus.BAD_REQUEST and b"HTTPS server" in self.body:
            return RemoteError(f"{self.host} speaks https: {_HTTPS_HINT}")
        return _KINDS.get(self.status, RemoteError)(what)

    def _login(self, why: str) -> str:
        if self.known:
            return f"{self.host}: the stored credential was refused; run: orchard login {self.host}{why}"
        return f"{self.host}: login required; run: orchard login {self.host}{why}"


_KINDS: Final[dict[int, type[OrchardError]]] = {
    404: NotFoundError,
    405: UnsupportedError,
    409: ConflictError,
    501: UnsupportedError,
}


def printable(text: str, limit: int) -> str:
    """Make foreign text safe for one line of a terminal or a log: control characters escaped, length bounded."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:limit])
    return f"{shown}…" if len(text) > limit else shown


def _read(body: bytes, content_type: str) -> tuple[frozenset[str], str]:
    """Give the error codes and the text of an error document; nothing of what is not one."""
    if "json" not in content_type.partition(";")[0].lower():
        return frozenset(), ""
    try:
        value = loads(body, what="error document", limit=wire.MAX_ERROR_BODY)
    except InvalidError:
        return frozenset(), ""
    if not isinstance(value, dict):
        return frozenset(), ""
    errors = value.get("errors")
    listed = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    if not listed:  # token services have dialects of their own
        words = (value.get(key) for key in ("error_description", "details", "message", "error"))
        return frozenset(), next((word for word in words if isinstance(word, str)), "")
    codes = frozenset(code for entry in listed if isinstance(code := entry.get("code"), str))
    return codes, "; ".join(_entry(entry) for entry in listed[:MAX_ERRORS])


def _entry(entry: dict[str, JSON]) -> str:
    parts = (entry.get("code"), entry.get("message"))
    return ": ".join(part for part in parts if isinstance(part, str) and part)
