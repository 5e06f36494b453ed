"""The pages that people read: made on the server, whole without a script, and safe whatever an artifact says."""

from orchard.hub.http.pages.site import Pages
from orchard.hub.http.pages.views import Registry

__all__ = ["Pages", "Registry"]
