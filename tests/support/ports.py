"""Ports for programs that must be told one before they listen."""

import secrets
import socket
from contextlib import suppress
from typing import Final

_FIRST: Final = 20_000
_LAST: Final = 32_000  # from 32768 on the system gives ports to whoever connects, and between a look and a bind as well


def free_port() -> int:
    """Find a port of loopback that nobody listens on, out of those that the system gives to nobody."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)  # chance that tests cannot seed: others look at this moment
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
