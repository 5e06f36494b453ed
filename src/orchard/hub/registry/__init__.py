"""What can be done with the hub's repositories, whatever protocol asks for it."""

from typing import TYPE_CHECKING

from orchard.hub.catalog import (
    Blob,
    Card,
    Damage,
    Event,
    Fact,
    KeepRule,
    Kind,
    KnownKey,
    Line,
    Movers,
    Order,
    Pulls,
    Query,
    QueryError,
    Quota,
    RepositorySummary,
    Retention,
    Scalar,
    SheetQuery,
    StoredManifest,
    TagMove,
    TagPattern,
    TagRule,
    TagSummary,
    Trashed,
    Usage,
    VersionMark,
    VersionSummary,
    parse,
)
from orchard.hub.catalog.activity import Activity, Deed
from orchard.hub.catalog.excerpts import Piece
from orchard.hub.catalog.finding import Common
from orchard.hub.catalog.narrowing import narrowed, widened
from orchard.hub.catalog.shelving import Stretch
from orchard.hub.registry.browsing import VersionDetail
from orchard.hub.registry.chronicle import Happened, Step
from orchard.hub.registry.collecting import Collected, Collector
from orchard.hub.registry.conditions import Condition
from orchard.hub.registry.deleting import DeletableRepository
from orchard.hub.registry.entry import Registry
from orchard.hub.registry.governing import Allotment, GovernedScope
from orchard.hub.registry.overview import FIRST, Overview
from orchard.hub.registry.pairing import DIGEST, Chosen
from orchard.hub.registry.ports import Content, Files, Policy, Reach, Staged, boundless
from orchard.hub.registry.reading import Page, Premises, ReadableRepository
from orchard.hub.registry.recall import Recall
from orchard.hub.registry.restoring import Restored
from orchard.hub.registry.retaining import Decision, Plan
from orchard.hub.registry.scrubbing import Scrubbed, Scrubber
from orchard.hub.registry.searching import Finder, Findings, Hit, Hits, KnownField, Wish
from orchard.hub.registry.shelf import Shelf
from orchard.hub.registry.showcase import Names, Showcase
from orchard.hub.registry.stored import StoredBlobs
from orchard.hub.registry.tabling import MAX_ROWS, Tabling
from orchard.hub.registry.tagboard import TagBoard, TagState
from orchard.hub.registry.upkeep import Upkeep
from orchard.hub.registry.uploading import OpenUpload
from orchard.hub.registry.upstreams import FRESH, Upstreams
from orchard.hub.registry.writing import Pushed, WritableRepository

if TYPE_CHECKING:
    from orchard.hub.registry.comparing import Comparer, VersionComparison
    from orchard.hub.registry.contents import Contents, StoredFile, Understood
    from orchard.hub.registry.layers import Gap

__all__ = [
    "DIGEST",
    "FIRST",
    "FRESH",
    "MAX_ROWS",
    "Activity",
    "Allotment",
    "Blob",
    "Card",
    "Chosen",
    "Collected",
    "Collector",
    "Common",
    "Comparer",
    "Condition",
    "Content",
    "Contents",
    "Damage",
    "Decision",
    "Deed",
    "DeletableRepository",
    "Event",
    "Fact",
    "Files",
    "Finder",
    "Findings",
    "Gap",
    "GovernedScope",
    "Happened",
    "Hit",
    "Hits",
    "KeepRule",
    "Kind",
    "KnownField",
    "KnownKey",
    "Line",
    "Movers",
    "Names",
    "OpenUpload",
    "Order",
    "Overview",
    "Page",
    "Piece",
    "Plan",
    "Policy",
    "Premises",
    "Pulls",
    "Pushed",
    "Query",
    "QueryError",
    "Quota",
    "Reach",
    "ReadableRepository",
    "Recall",
    "Registry",
    "RepositorySummary",
    "Restored",
    "Retention",
    "Scalar",
    "Scrubbed",
    "Scrubber",
    "SheetQuery",
    "Shelf",
    "Showcase",
    "Staged",
    "Step",
    "StoredBlobs",
    "StoredFile",
    "StoredManifest",
    "Stretch",
    "Tabling",
    "TagBoard",
    "TagMove",
    "TagPattern",
    "TagRule",
    "TagState",
    "TagSummary",
    "Trashed",
    "Understood",
    "Upkeep",
    "Upstreams",
    "Usage",
    "VersionComparison",
    "VersionDetail",
    "VersionMark",
    "VersionSummary",
    "Wish",
    "WritableRepository",
    "boundless",
    "narrowed",
    "parse",
    "widened",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in {"Contents", "Gap", "StoredFile", "Understood"}:  # what few processes need
            from orchard.hub.registry import contents as room  # noqa: PLC0415 -- as above
        elif name in {"Comparer", "VersionComparison"}:
            from orchard.hub.registry import comparing as room  # type: ignore[no-redef]  # noqa: PLC0415 -- as above
        else:
            raise AttributeError(name)
        return getattr(room, name)
