"""What programs see beside the registry's API: applications that each have a path of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field

from orchard.errors import OrchardError
from orchard.hub.http.asgi import App
from orchard.hub.http.distribution.errors import error_reply
from orchard.hub.http.replies import Reply
from orchard.oci import wire


def _as_registry(error: OrchardError, challenge: str | None) -> Reply:
    return error_reply(error, wire.UNAUTHORIZED, challenge)


@dataclass(frozen=True, slots=True)
class Surface:
    """What programs see, below a path of its own.

    Attributes:
        prefix: The path, such as ``/api/v1``; what stands below it belongs to the surface too.
        app: Answers. ``scope["state"]["who"]`` says who asks, unless everybody may.
        open: Whether everybody may ask, and the surface sees for itself who does.
        anonymous: Whether whoever shows nothing may ask too; then ``ANONYMOUS`` does.
        public: Paths that everybody may ask for where the rest is not open.
        problem: Says why somebody may not come in; given how to log in, if that is possible.
    """

    prefix: str
    app: App
    open: bool = False
    anonymous: bool = False
    public: frozenset[str] = frozenset()
    problem: Callable[[OrchardError, str | None], Reply] = field(default=_as_registry)

    def holds(self, path: str) -> bool:
        """Tell whether a path belongs to it."""
        return path.startswith(self.prefix) and path[len(self.prefix) : len(self.prefix) + 1] in {"", "/"}
