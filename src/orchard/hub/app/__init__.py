"""One hub process: every part is named, made and ended here, and nowhere else (ADR 0004).

``running`` is imported by whoever serves: a server costs 0.4 s of import that other commands need not pay.
"""

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
