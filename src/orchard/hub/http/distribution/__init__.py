"""The OCI distribution API, below ``/v2/`` (distribution spec 1.1, and the parts of its draft that clients use)."""

from orchard.hub.http.distribution.router import Distribution
from orchard.hub.http.distribution.service import Service

__all__ = ["Distribution", "Service"]
