"""Around everything that is answered: every request gets a name, is counted, logged, and never ends in silence."""

import logging
import re
import secrets
import time
from itertools import count
from typing import Final

from orchard.hub.http.asgi import App, Message, Receive, Scope, Send
from orchard.hub.http.logs import LOGGER, noted
from orchard.hub.http.meters import Meters

REQUEST_ID: Final = b"x-request-id"
ENDPOINT: Final = "orchard.endpoint"  # in the scope: what was asked for, written by whoever finds out
ACCOUNT: Final = "orchard.account"  # likewise: who asked
INVITATIONS: Final = "/welcome/"  # below it stand secrets

# A request is named after the process and counted: drawing a name for each costs a system call.
_PROCESS: Final = secrets.token_hex(4)
_NUMBERS: Final = count()

_LOG: Final = logging.getLogger(LOGGER)
_NAME: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_BROKEN: Final = 500
_UNFORESEEN: Final = (
    b'{"errors":[{"code":"UNKNOWN","message":"something broke in the hub; it is in its log","detail":null}]}'
)


class Watched:
    """An application, watched.

    Args:
        app: Answers.
        meters: Counts.
        log_all: Whether every request is logged, or only those that the hub could not answer.
    """

    def __init__(self, app: App, meters: Meters, *, log_all: bool) -> None:
        self._app = app
        self._meters = meters
        self._log_all = log_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = _Exchange(scope, receive, send)
        self._meters.running += 1
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:  # noqa: BLE001 -- the edge of the hub: the client gets an answer, the log gets the cause
            _LOG.exception(
                "something broke", extra=noted(id=exchange.id, method=scope["method"], path=_told(scope["path"]))
            )
            await exchange.give_up()
        finally:
            self._meters.running -= 1
            self._note(scope, exchange)

    def _note(self, scope: Scope, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.start
        method: str = scope["method"]
        endpoint: str = scope.get(ENDPOINT, "other")
        sizes = (exchange.received, exchange.sent)
        self._meters.request(
            endpoint, method if method in _METHODS else "other", exchange.status, seconds=seconds, sizes=sizes
        )
        if not self._log_all and exchange.status < _BROKEN:
            return
        _LOG.log(
            logging.INFO if exchange.status < _BROKEN else logging.ERROR,
            "request",
            extra=noted(
                id=exchange.id,
                method=method,
                path=_told(scope["path"]),
                status=exchange.status,
                milliseconds=round(seconds * 1000, 3),
                received=exchange.received,
                sent=exchange.sent,
                endpoint=endpoint,
                account=scope.get(ACCOUNT, "-"),
                address=(scope.get("client") or ("-",))[0],
            ),
        )


def _told(path: str) -> str:
    """Give what may be written down of a path: no invitation, which would let its reader in."""
    return f"{INVITATIONS}..." if path.startswith(INVITATIONS) else path


class _Exchange:
    """One request and its answer, as they pass by."""

    __slots__ = ("_receive", "_send", "_wanted", "id", "received", "sent", "start", "status")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.start = time.perf_counter()
        self.status = 0  # nothing was answered: the client went away
        self.received = 0
        self.sent = 0
        named = b""
        for name, value in scope["headers"]:
            if name == REQUEST_ID:
                named = value
                break
        self.id = named.decode() if named and _NAME.fullmatch(named) else f"{_PROCESS}{next(_NUMBERS):08x}"

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            headers = message["headers"]
            for name, value in headers:
                if name == b"content-length":
                    self.sent = int(value)
            message["headers"] = [*headers, (REQUEST_ID, self.id.encode())]
        await self._send(message)

    async def give_up(self) -> None:
        """Answer that something broke, if nothing was answered yet."""
        if self.status:
            return
        length = (b"content-length", b"%d" % len(_UNFORESEEN))
        headers = [(b"content-type", b"application/json"), length]
        await self.send({"type": "http.response.start", "status": _BROKEN, "headers": headers})
        await self.send({"type": "http.response.body", "body": _UNFORESEEN})
