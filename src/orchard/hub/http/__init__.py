"""The hub's surfaces over HTTP. The only asynchronous room: what waits is handed to threads (``http.threads``)."""

from orchard.hub.http.app import Access, Site, build_app
from orchard.hub.http.guard import Guard, is_loopback
from orchard.hub.http.surface import Surface
from orchard.hub.http.threads import Threads

__all__ = ["Access", "Guard", "Site", "Surface", "Threads", "build_app", "is_loopback"]
