"""Cookies of the hub: read from a request, written into an answer; never readable by a script."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

SESSION: Final = "orchard"
LOGIN: Final = "orchard-login"
_MAX_HEADER: Final = 16 << 10  # bytes
# A browser takes a cookie of such a name over HTTPS only, for this host alone and all of its paths.
_HOST: Final = "__Host-"


def read_cookie(headers: Mapping[bytes, bytes], name: str, *, secure: bool) -> str | None:
    """Find a cookie of ours, if the browser sent one.

    Args:
        headers: Of the request.
        name: Which.
        secure: Whether the browser talks HTTPS to us. Then only one that this host itself has set counts: another host
            of the domain, or anybody on the way of plain HTTP, could plant one of the bare name.
    """
    header = headers.get(b"cookie", b"")
    if not header or len(header) > _MAX_HEADER:
        return None
    try:
        found: SimpleCookie = SimpleCookie(header.decode("latin-1"))
    except CookieError:
        return None
    morsel = found.get(_HOST + name) or (None if secure else found.get(name))
    return None if morsel is None or not morsel.value else morsel.value


def cookie(name: str, value: str, *, secure: bool, seconds: float | None = None) -> str:
    """Write a ``Set-Cookie`` header.

    Args:
        name: Which.
        value: Of it; an empty one takes the cookie away.
        secure: Whether the browser talks HTTPS to us.
        seconds: How long the browser keeps it; until it is closed, if absent.
    """
    parts = [f"{_HOST if secure else ''}{name}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if secure:
        parts.append("Secure")
    if not value:
        parts.append("Max-Age=0")
    elif seconds is not None:
        parts.append(f"Max-Age={round(seconds)}")
    return "; ".join(parts)
