"""One hub process: every part is named, made and ended here, and nowhere else (ADR 0004).

``running`` is imported by whoever serves: a server costs 0.4 s of import that other commands need not pay. What looks
after a hub is imported when it is asked for, so that a server's start does not pay for that.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.hub.app.backup import BackedUp, back_up, restore
    from orchard.hub.app.databases import MovedDatabase, Shape, migrate_database, move_database
    from orchard.hub.app.desk import Desk, open_desk
    from orchard.hub.app.moving import Moved, Wishes, move_storage
    from orchard.hub.app.upkeep import collect_garbage, damages, scrub

__all__ = [
    "BackedUp",
    "Desk",
    "Moved",
    "MovedDatabase",
    "Shape",
    "Wishes",
    "back_up",
    "collect_garbage",
    "damages",
    "migrate_database",
    "move_database",
    "move_storage",
    "open_desk",
    "restore",
    "scrub",
]

_WHERE: Final = {
    "BackedUp": "backup",
    "back_up": "backup",
    "restore": "backup",
    "MovedDatabase": "databases",
    "Shape": "databases",
    "migrate_database": "databases",
    "move_database": "databases",
    "Desk": "desk",
    "open_desk": "desk",
    "Moved": "moving",
    "Wishes": "moving",
    "move_storage": "moving",
    "collect_garbage": "upkeep",
    "damages": "upkeep",
    "scrub": "upkeep",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
