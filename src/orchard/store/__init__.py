"""Content by descriptor: what a store is, the two kinds on this machine, and the copy between any two.

A name is imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.store.base import Guarded, Names, Ranged, Sink, Source, Store, check_range
    from orchard.store.blobs import Ingested
    from orchard.store.copy import copy_graph
    from orchard.store.index import Entry
    from orchard.store.layout import Layout
    from orchard.store.locks import locked, take
    from orchard.store.making import Making
    from orchard.store.memory import Bytes, MemoryStore
    from orchard.store.meter import Observer, origin
    from orchard.store.referring import Referring, Related, is_digest_tag, referrer_graph
    from orchard.store.rehearsal import Rehearsal
    from orchard.store.repository import LocalRepository
    from orchard.store.spool import Spool
    from orchard.store.upkeep import Problem, SweepReport

__all__ = [
    "Bytes",
    "Entry",
    "Guarded",
    "Ingested",
    "Layout",
    "LocalRepository",
    "Making",
    "MemoryStore",
    "Names",
    "Observer",
    "Problem",
    "Ranged",
    "Referring",
    "Rehearsal",
    "Related",
    "Sink",
    "Source",
    "Spool",
    "Store",
    "SweepReport",
    "check_range",
    "copy_graph",
    "is_digest_tag",
    "locked",
    "origin",
    "referrer_graph",
    "take",
]

_WHERE: Final = {
    "Rehearsal": "rehearsal",
    "Guarded": "base",
    "Names": "base",
    "Ranged": "base",
    "Sink": "base",
    "Source": "base",
    "Store": "base",
    "check_range": "base",
    "Ingested": "blobs",
    "copy_graph": "copy",
    "Entry": "index",
    "Layout": "layout",
    "Spool": "spool",
    "locked": "locks",
    "take": "locks",
    "Making": "making",
    "Bytes": "memory",
    "MemoryStore": "memory",
    "Observer": "meter",
    "origin": "meter",
    "Referring": "referring",
    "Related": "referring",
    "is_digest_tag": "referring",
    "referrer_graph": "referring",
    "LocalRepository": "repository",
    "Problem": "upkeep",
    "SweepReport": "upkeep",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
