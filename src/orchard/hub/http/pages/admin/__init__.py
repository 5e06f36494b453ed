"""Pages of administrators, below ``/admin``: whatever they can do by the JSON API, done in a browser."""

from orchard.hub.http.pages.admin.means import Means, Space
from orchard.hub.http.pages.admin.section import Admin

__all__ = ["Admin", "Means", "Space"]
