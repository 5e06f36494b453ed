"""One hub process: every part is named, made and ended here, and nowhere else (ADR 0004)."""

from orchard.hub.app.moving import Moved, Wishes, move_storage
from orchard.hub.app.running import run, set_password

__all__ = ["Moved", "Wishes", "move_storage", "run", "set_password"]
