"""The pages that people read: made on the server, whole without a script, and safe whatever an artifact says."""

from orchard.hub.http.pages.live import Live, State, Stream
from orchard.hub.http.pages.ports import Registry
from orchard.hub.http.pages.rendering import Link
from orchard.hub.http.pages.sections import Door, Section
from orchard.hub.http.pages.site import Pages

__all__ = ["Door", "Link", "Live", "Pages", "Registry", "Section", "State", "Stream"]
