"""What can be done with the hub's repositories, whatever protocol asks for it."""

from orchard.hub.catalog import (
    Blob,
    Damage,
    Event,
    RepositorySummary,
    StoredManifest,
    TagMove,
    TagSummary,
    VersionMark,
    VersionSummary,
)
from orchard.hub.registry.browsing import VersionDetail
from orchard.hub.registry.collecting import Collected, Collector
from orchard.hub.registry.conditions import Condition
from orchard.hub.registry.deleting import DeletableRepository
from orchard.hub.registry.entry import Registry
from orchard.hub.registry.overview import FIRST, Overview
from orchard.hub.registry.ports import Content, Files, Policy, Staged
from orchard.hub.registry.reading import Page, Premises, ReadableRepository
from orchard.hub.registry.recall import Recall
from orchard.hub.registry.scrubbing import Scrubbed, Scrubber
from orchard.hub.registry.uploading import OpenUpload
from orchard.hub.registry.writing import Pushed, WritableRepository

__all__ = [
    "FIRST",
    "Blob",
    "Collected",
    "Collector",
    "Condition",
    "Content",
    "Damage",
    "DeletableRepository",
    "Event",
    "Files",
    "OpenUpload",
    "Overview",
    "Page",
    "Policy",
    "Premises",
    "Pushed",
    "ReadableRepository",
    "Recall",
    "Registry",
    "RepositorySummary",
    "Scrubbed",
    "Scrubber",
    "Staged",
    "StoredManifest",
    "TagMove",
    "TagSummary",
    "VersionDetail",
    "VersionMark",
    "VersionSummary",
    "WritableRepository",
]
