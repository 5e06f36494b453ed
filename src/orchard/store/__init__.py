"""Content by descriptor: what a store is, the two kinds on this machine, and the copy between any two."""

from orchard.store.base import Guarded, Names, Sink, Source, Store
from orchard.store.blobs import Ingested
from orchard.store.copy import copy_graph
from orchard.store.index import Entry
from orchard.store.layout import Layout
from orchard.store.memory import Bytes, MemoryStore
from orchard.store.meter import Observer, origin
from orchard.store.repository import LocalRepository
from orchard.store.upkeep import Problem, SweepReport

__all__ = [
    "Bytes",
    "Entry",
    "Guarded",
    "Ingested",
    "Layout",
    "LocalRepository",
    "MemoryStore",
    "Names",
    "Observer",
    "Problem",
    "Sink",
    "Source",
    "Store",
    "SweepReport",
    "copy_graph",
    "origin",
]
