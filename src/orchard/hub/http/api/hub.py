"""The hub itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from orchard import __version__
from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Bytes, Count, Output
from orchard.hub.registry import Overview
from orchard.hub.settings import Settings


class HubInfo(Output, frozen=True):
    """What this hub is.

    Attributes:
        version: The version of Orchard that it runs.
        login: Whether people log in here.
        anonymous: Whether whoever has no account may read what is public.
        self_service: Whether everybody with an account may make teams and namespaces.
    """

    version: str
    login: bool
    anonymous: bool
    self_service: bool


class HubStatus(Output, frozen=True):
    """How this hub is set up, and what it keeps.

    Attributes:
        database: Where the catalog is.
        storage: Where blobs are.
        upload_lifetime: Seconds after which an unfinished upload is forgotten.
        keep_unreferenced: Seconds for which content that nothing names is kept.
        keep_deleted: Seconds for which what was deleted can be restored.
        repositories: How many there are.
        manifests: How many there are, in all repositories.
        tags: How many there are, in all repositories.
        blobs: How many are kept, each counted once.
        blob_bytes: How many bytes they have.
    """

    database: Annotated[str, Meta(examples=["sqlite", "postgresql"])]
    storage: Annotated[str, Meta(examples=["files", "s3"])]
    upload_lifetime: float
    keep_unreferenced: float
    keep_deleted: float
    repositories: Count
    manifests: Count
    tags: Count
    blobs: Count
    blob_bytes: Bytes


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub itself.

    Attributes:
        settings: How it runs.
        overview: What it keeps.
        login: Whether people log in.
        admit: Refuses whoever does not administer the site.
    """

    settings: Settings
    overview: Overview
    login: bool
    admit: Callable[[Principal], object]

    @operation("GET", "/hub")
    def get_hub(self) -> HubInfo:
        """Say what this hub is."""
        settings = self.settings
        return HubInfo(__version__, self.login, anonymous=settings.anonymous, self_service=settings.self_service)

    @operation("GET", "/hub/status")
    def get_status(self, who: Principal) -> HubStatus:
        """Say how this hub is set up, and what it keeps; for administrators of the site."""
        self.admit(who)
        settings, totals = self.settings, self.overview.totals()
        return HubStatus(
            database="sqlite" if settings.database is None else "postgresql",
            storage="files" if settings.storage is None else "s3",
            upload_lifetime=settings.upload_lifetime,
            keep_unreferenced=settings.keep_unreferenced,
            keep_deleted=settings.keep_deleted,
            repositories=totals.repositories,
            manifests=totals.manifests,
            tags=totals.tags,
            blobs=totals.blobs,
            blob_bytes=totals.blob_bytes,
        )
