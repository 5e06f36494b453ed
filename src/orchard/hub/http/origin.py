"""The address by which a client reached the hub."""

import re
from collections.abc import Mapping
from typing import Final

from orchard.hub.http.asgi import Scope

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def origin_of(scope: Scope, headers: Mapping[bytes, bytes]) -> str:
    """Tell the address that a client asked, as ``https://hub.example.com``.

    The host is the one that the client itself says it asked, if it can be one, and never what some proxy adds: whoever
    could change it could change the answer too. That a proxy took TLS off is believed, for it can only make clients
    more careful. A hub whose address is another is told so (the setting ``url``).
    """
    secure = scope.get("scheme") == "https" or headers.get(b"x-forwarded-proto") == b"https"
    host = headers.get(b"host", b"")
    if _HOST.fullmatch(host) is None:
        name, port = scope.get("server") or ("localhost", None)
        host = (f"[{name}]" if ":" in name else name).encode() + (b"" if port is None else b":%d" % port)
    return f"{'https' if secure else 'http'}://{host.decode()}"
