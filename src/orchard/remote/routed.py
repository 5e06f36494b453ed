"""Connections that lead only where somebody says they may: the address that was judged is the one connected to.

A service that goes out on behalf of others must look at where a name leads before it connects, and must not look twice:
the second answer may be another one (DNS rebinding). So the name is resolved by whoever judges, TLS still asks for
the name, and nothing else of urllib3 changes. ``Options.route`` is the door.
"""

import socket
from threading import Timer
from typing import ClassVar

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import create_connection

from orchard.remote.options import Route
from orchard.remote.origin import Origin


class _Routed(HTTPConnection):
    scheme: ClassVar[str]
    route: ClassVar[Route]

    def _new_conn(self) -> socket.socket:
        """Connect to the first judged address that answers; the hook that urllib3 keeps for other kinds of sockets.

        Raises:
            OrchardError: As the route does.
            ConnectTimeoutError: If none answers in time.
            NewConnectionError: If none answers.
        """
        origin = Origin(self.scheme, self.host, self.port)
        failure: OSError = OSError("no address")
        for address in type(self).route(origin):
            try:
                return create_connection((address, self.port), self.timeout, socket_options=self.socket_options)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"no connection to {self.host}") from failure
        raise NewConnectionError(self, f"no connection to {self.host}") from failure

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as in urllib3 itself
        """Wait for the headers of an answer, all of them within the read timeout: who drips them would hold us."""
        patience, connected = self.timeout, self.sock
        if not isinstance(patience, (int, float)) or connected is None:
            return super().getresponse()
        alarm = Timer(patience, _hang_up, [connected])
        alarm.daemon = True
        alarm.start()
        try:
            return super().getresponse()
        finally:
            alarm.cancel()


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:  # closed meanwhile
        return


def pools(route: Route) -> dict[str, type[HTTPConnectionPool]]:
    """Make the kinds of pools, by scheme, whose connections take a route."""
    judged = staticmethod(route)
    plain = type("PlainConnection", (_Routed,), {"scheme": "http", "route": judged})
    secure = type("SecureConnection", (_Routed, HTTPSConnection), {"scheme": "https", "route": judged})
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
