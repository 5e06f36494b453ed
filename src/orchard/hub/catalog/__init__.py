"""What the hub knows: functions over one open transaction, each about one noun. Who may ask is not asked here."""

from orchard.hub.catalog import events, garbage, listing, manifests, repositories, soundness, tags, upkeep, uploads
from orchard.hub.catalog.events import Journal
from orchard.hub.catalog.manifests import NewManifest
from orchard.hub.catalog.records import (
    Blob,
    Event,
    Facts,
    RepositorySummary,
    StoredManifest,
    TagMove,
    TagSummary,
    Upload,
    VersionMark,
    VersionSummary,
)
from orchard.hub.catalog.soundness import Damage
from orchard.hub.catalog.tags import TagBook

__all__ = [
    "Blob",
    "Damage",
    "Event",
    "Facts",
    "Journal",
    "NewManifest",
    "RepositorySummary",
    "StoredManifest",
    "TagBook",
    "TagMove",
    "TagSummary",
    "Upload",
    "VersionMark",
    "VersionSummary",
    "events",
    "garbage",
    "listing",
    "manifests",
    "repositories",
    "soundness",
    "tags",
    "upkeep",
    "uploads",
]
