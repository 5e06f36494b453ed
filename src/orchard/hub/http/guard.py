"""What is refused before anybody asks who sends it: tricks that use a visitor's browser against the hub."""

from ipaddress import ip_address
from typing import Final

from orchard.errors import DeniedError

_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_REMEMBERED: Final = 256


class Guard:
    """Looks at where a request says it comes from and goes to.

    A hub without logins trusts everybody who can reach its loopback address. That includes every page in a browser on
    this machine, so two tricks are refused: a name of the attacker's that resolves to 127.0.0.1 (DNS rebinding: the
    ``Host`` is not loopback), and a form or script that posts across origins (the ``Origin`` is another). The second is
    refused with logins too, because browsers add remembered passwords on their own.
    """

    def __init__(self, *, loopback_only: bool) -> None:
        self._loopback_only = loopback_only
        self._known: dict[bytes, bool] = {}

    def check(self, method: str, headers: dict[bytes, bytes]) -> None:
        """Let a request pass.

        Raises:
            DeniedError: If it is such a trick.
        """
        host = headers.get(b"host", b"")
        if self._loopback_only and not self._is_loopback(host):
            raise DeniedError("this hub is open to its own machine only: use http://127.0.0.1 or http://localhost")
        if method in _SAFE:
            return
        site = headers.get(b"sec-fetch-site", b"none")
        origin = headers.get(b"origin")
        if origin == b"null" and site == b"same-origin":
            origin = None  # a page that sends no referrer says no origin either; the browser vouches for it
        if site not in {b"none", b"same-origin"} or (origin is not None and origin.partition(b"://")[2] != host):
            raise DeniedError("this request was sent by a page of another site")

    def check_session(self, method: str, headers: dict[bytes, bytes]) -> None:
        """Let a request pass that shows nothing but what a browser adds by itself: it must say where it comes from.

        Raises:
            DeniedError: If it would change something and does not.
        """
        if method not in _SAFE and b"origin" not in headers and b"sec-fetch-site" not in headers:
            raise DeniedError("this request does not say which page sent it; programs show a token, not a session")

    def passes(self, method: str, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a request may pass."""
        try:
            self.check(method, headers)
        except DeniedError:
            return False
        return True

    def _is_loopback(self, host: bytes) -> bool:
        known = self._known.get(host)
        if known is None:
            known = is_loopback(_name(host.decode("latin-1")))
            if len(self._known) < _REMEMBERED:
                self._known[host] = known
        return known


def is_loopback(name: str) -> bool:
    """Tell whether a host name or address can only mean this machine."""
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """Take the port off a ``Host`` header."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name if bracket and (not port or _is_port(port.removeprefix(":"))) else ""
    name, colon, port = host.partition(":")
    return name if not colon or _is_port(port) else ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal()
