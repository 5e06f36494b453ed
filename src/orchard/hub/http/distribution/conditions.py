"""Conditional requests (RFC 9110, section 13): answers without a body, and changes without surprises."""

import re
from typing import Final

from orchard.hub.http.asgi import Headers
from orchard.hub.http.distribution.service import Call
from orchard.hub.http.replies import Reply
from orchard.hub.registry import Condition

# Ours are digests in quotes. Anything else in a list of them matches nothing.
_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')


def etag(digest: bytes) -> tuple[bytes, bytes]:
    """Name content in a way that a client can make conditions of."""
    return b"etag", b'"%b"' % digest


def unchanged(call: Call, headers: Headers, digest: str) -> Reply | None:
    """Answer that the client has the content already, if it says so (If-None-Match)."""
    known = call.header(b"if-none-match")
    if known is None or not (known.strip() == "*" or digest in _TAG.findall(known)):
        return None
    return Reply(304, headers)


def condition(call: Call) -> Condition | None:
    """Read on what condition something is to be changed (If-Match, else If-None-Match)."""
    for name, negated in ((b"if-match", False), (b"if-none-match", True)):
        value = call.header(name)
        if value is not None:
            digests = None if value.strip() == "*" else frozenset(_TAG.findall(value))
            return Condition(digests, negated=negated)
    return None
