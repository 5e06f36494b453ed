"""Where a server listens."""

import socket
from dataclasses import dataclass

from orchard.errors import UsageError


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server listens.

    Attributes:
        host: IP address or name.
        port: TCP port, never 0.
    """

    host: str
    port: int

    @classmethod
    def find(cls, host: str, port: int) -> "Place":
        """Find a port that is free, and check one that was asked for.

        Raises:
            UsageError: If there is no such host here, or the port is taken.
        """
        try:
            family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
                return cls(str(where[0]), probe.getsockname()[1])
        except (OSError, UnicodeError, OverflowError) as error:
            raise UsageError(f"cannot listen on {host}, port {port}: {error}") from error

    @property
    def url(self) -> str:
        """How to get here; from this machine, if it listens everywhere."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 -- compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
