"""What the hub knows: functions over one open transaction, each about one noun. Who may ask is not asked here."""

from orchard.hub.catalog import events, garbage, listing, manifests, repositories, tags, uploads
from orchard.hub.catalog.events import Journal
from orchard.hub.catalog.manifests import NewManifest
from orchard.hub.catalog.records import (
    Blob,
    Facts,
    RepositorySummary,
    StoredManifest,
    TagMove,
    Upload,
    VersionSummary,
)
from orchard.hub.catalog.tags import TagBook

__all__ = [
    "Blob",
    "Facts",
    "Journal",
    "NewManifest",
    "RepositorySummary",
    "StoredManifest",
    "TagBook",
    "TagMove",
    "Upload",
    "VersionSummary",
    "events",
    "garbage",
    "listing",
    "manifests",
    "repositories",
    "tags",
    "uploads",
]
