"""What the hub tells machines that watch it: whether it lives, whether it is ready, what it counted."""

from orchard.hub.http.watch.checks import Readiness
from orchard.hub.http.watch.surface import health_surface, metrics_surface, readiness_surface

__all__ = ["Readiness", "health_surface", "metrics_surface", "readiness_surface"]
