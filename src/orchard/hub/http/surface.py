"""What programs see beside the registry's API: applications that each have a path of their own."""

from dataclasses import dataclass

from orchard.hub.http.asgi import App


@dataclass(frozen=True, slots=True)
class Surface:
    """What programs see, below a path of its own.

    Attributes:
        prefix: The path, such as ``/api/v1``; what stands below it belongs to the surface too.
        app: Answers. ``scope["state"]["who"]`` says who asks, unless the surface is open.
        open: Whether everybody may ask, and the surface sees for itself who does.
    """

    prefix: str
    app: App
    open: bool = False

    def holds(self, path: str) -> bool:
        """Tell whether a path belongs to it."""
        return path.startswith(self.prefix) and path[len(self.prefix) : len(self.prefix) + 1] in {"", "/"}
