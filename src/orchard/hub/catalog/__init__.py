"""What the hub knows: functions over one open transaction, each about one noun. Who may ask is not asked here."""

from orchard.hub.catalog import (
    census,
    events,
    facts,
    garbage,
    listing,
    manifests,
    pulls,
    queries,
    repositories,
    rules,
    selecting,
    soundness,
    tags,
    texts,
    trash,
    understood,
    upkeep,
    uploads,
    usage,
)
from orchard.hub.catalog.events import Journal
from orchard.hub.catalog.facts import Fact
from orchard.hub.catalog.manifests import NewManifest
from orchard.hub.catalog.patterns import TagPattern
from orchard.hub.catalog.pulls import Pulls
from orchard.hub.catalog.queries import Query, QueryError, parse
from orchard.hub.catalog.records import (
    Blob,
    Event,
    Outline,
    RepositorySummary,
    StoredManifest,
    TagMove,
    TagSummary,
    Totals,
    Upload,
    VersionMark,
    VersionSummary,
)
from orchard.hub.catalog.rules import KeepRule, Kind, Movers, Retention, TagRule
from orchard.hub.catalog.soundness import Damage
from orchard.hub.catalog.tags import TagBook
from orchard.hub.catalog.trash import Deletion, Trashed
from orchard.hub.catalog.understood import InsightRow, LayerRow, Understanding
from orchard.hub.catalog.usage import Quota, Usage

__all__ = [
    "Blob",
    "Damage",
    "Deletion",
    "Event",
    "Fact",
    "InsightRow",
    "Journal",
    "KeepRule",
    "Kind",
    "LayerRow",
    "Movers",
    "NewManifest",
    "Outline",
    "Pulls",
    "Query",
    "QueryError",
    "Quota",
    "RepositorySummary",
    "Retention",
    "StoredManifest",
    "TagBook",
    "TagMove",
    "TagPattern",
    "TagRule",
    "TagSummary",
    "Totals",
    "Trashed",
    "Understanding",
    "Upload",
    "Usage",
    "VersionMark",
    "VersionSummary",
    "census",
    "events",
    "facts",
    "garbage",
    "listing",
    "manifests",
    "parse",
    "pulls",
    "queries",
    "repositories",
    "rules",
    "selecting",
    "soundness",
    "tags",
    "texts",
    "trash",
    "understood",
    "upkeep",
    "uploads",
    "usage",
]
