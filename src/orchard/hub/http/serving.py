"""The server under the application: one socket, one event loop, and an orderly end (ADR 0004)."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from orchard.errors import UsageError
from orchard.hub.http.asgi import App
from orchard.hub.http.guard import is_loopback

_BACKLOG: Final = 1024
_BUFFER: Final = 1 << 20  # bytes of a body that arrive at once; at 0.4 MiB an upload costs 2.0 CPU-s/GiB, at 1 MiB 1.6
_POLL: Final = 0.005
_STARTING: Final = 10.0
# Whoever starts the hub has said where logs go (http.logs): the server is to leave that alone.
_LOGGING: Final[dict[str, object]] = {"handlers": {}, "loggers": {}}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What HTTPS is served with.

    Attributes:
        chain: File of the certificate and those that vouch for it (PEM).
        key: File of its key (PEM).
    """

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Ending:
    """How a hub ends when it is asked to.

    Attributes:
        drain: Seconds in which it still takes requests, so that load balancers notice that it is going.
        grace: Seconds that running requests get after that.
        begins: Is told when it begins.
    """

    drain: float
    grace: float
    begins: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the hub listens.

    Attributes:
        address: IP address.
        port: TCP port, never 0.
        certificate: What it serves HTTPS with; HTTP without one.
    """

    address: str
    port: int
    certificate: Certificate | None = None

    @classmethod
    def find(cls, host: str, port: int, certificate: Certificate | None = None) -> Self:
        """Find the address of a host and a port that is free.

        Raises:
            UsageError: If there is no such host here, or the port is taken.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except (OSError, UnicodeError, OverflowError) as error:
            raise UsageError(f"cannot listen on {host!r}: {error}") from error
        family, _, _, _, where = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # The server shares its port with whoever asks (SO_REUSEPORT), so it would not notice another one there.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(where)
            except OSError as error:
                raise UsageError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
            return cls(str(where[0]), probe.getsockname()[1], certificate)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can get here."""
        return is_loopback(self.address)

    @property
    def local_url(self) -> str:
        """How to get here from this machine: browsers open no address that stands for all of them."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://localhost:{self.port}" if ip_address(self.address).is_unspecified else self.url

    @property
    def url(self) -> str:
        """How to get here."""
        scheme = "http" if self.certificate is None else "https"
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{scheme}://{host}:{self.port}"


async def serve(app: App, place: Place, *, ending: "Ending", announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end; a second signal shortens that.

    Args:
        app: What is served.
        place: Where.
        ending: How it ends.
        announce: Is told the address as soon as it answers.

    Raises:
        UsageError: If the server cannot listen.
    """
    loop = asyncio.get_running_loop()
    stop, hurry = asyncio.Event(), asyncio.Event()

    def asked() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    server = _server(app, place)
    serving = loop.create_task(server.serve())
    try:
        if await _answers(place, serving):
            announce(f"listening on {place.url}")
            await _either(stop.wait(), serving)
            ending.begins()
            await _either(hurry.wait(), serving, seconds=ending.drain)
        if serving.done():
            raise UsageError(f"cannot listen on {place.url}: the server ended") from serving.exception()
    finally:
        server.stop()  # type: ignore[no-untyped-call] # granian leaves it out
        await _either(hurry.wait(), serving, seconds=ending.grace)


def _server(app: App, place: Place) -> Server:
    certificate = place.certificate
    return Server(
        app,
        place.address,
        place.port,
        interface=Interfaces.ASGINL,
        websockets=False,
        backlog=_BACKLOG,
        http1_settings=HTTP1Settings(max_buffer_size=_BUFFER),
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
        ssl_cert=None if certificate is None else certificate.chain,
        ssl_key=None if certificate is None else certificate.key,
        ssl_protocol_min=SSLProtocols.tls12,  # Python's and Go's clients of some years ago have no better
    )


async def _answers(place: Place, serving: "asyncio.Task[None]") -> bool:
    """Wait until the server accepts a connection."""
    for _ in range(round(_STARTING / _POLL)):
        if serving.done():
            return False
        try:
            _, writer = await asyncio.open_connection(place.address, place.port)
        except OSError:
            await asyncio.sleep(_POLL)
        else:
            writer.close()
            return not serving.done()
    return False


async def _either(first: Awaitable[object], second: "asyncio.Task[None]", *, seconds: float | None = None) -> None:
    waiting = asyncio.ensure_future(first)
    await asyncio.wait({waiting, second}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
