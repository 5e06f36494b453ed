"""What somebody who may read a repository can do with it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from orchard.errors import NotFoundError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Blob, Pulls, RepositorySummary, StoredManifest, TagMove, TagRule
from orchard.hub.db import Database
from orchard.hub.queue import Queue
from orchard.hub.registry.counting import PullCounter
from orchard.hub.registry.holding import Holds
from orchard.hub.registry.indexes import Indexes
from orchard.hub.registry.ports import Content, Files, Policy, Reach, boundless
from orchard.hub.registry.recall import Recall
from orchard.oci import Digest

if TYPE_CHECKING:
    from orchard.hub.registry.contents import Contents

_LOG: Final = logging.getLogger("orchard.hub")
_DAMAGED: Final = "the hub's bytes of {digest} are damaged; pushing it again heals it"
_NEWEST: Final = (1 << 63) - 1  # more than any row has


@dataclass(frozen=True, slots=True)
class Premises:
    """What the registry works with.

    Attributes:
        keep: Seconds for which a repository keeps a blob that no manifest names, since it came or was asked for.
        most_uploads: Unfinished uploads that an account may have.
        holds: Whose bytes are being written or erased.
        reach: Tells what somebody is in a repository or a namespace.
        pulls: Counts who asks for what.
        queue: Where work is asked for; none where nobody does it.
        indexes: Indexes of files that somebody has just looked at.
    """

    database: Database
    files: Files
    policy: Policy
    recall: Recall
    now: Callable[[], float]
    keep: float = 24 * 3600.0
    most_uploads: int = 1000
    reach: Callable[[Principal, str], Reach] = boundless
    pulls: PullCounter = field(default_factory=PullCounter)
    queue: Queue | None = None
    indexes: Indexes = field(default_factory=Indexes)
    holds: Holds = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", Holds(self.database))

    @property
    def at(self) -> int:
        """The time as the catalog keeps it."""
        return round(self.now() * 1000)


def is_there(content: Content, blob: Blob) -> bool:
    """Tell whether the file of a blob is there and as long as it should be, if it is a file: 3 microseconds."""
    if content.file is None:
        return True
    try:
        return content.file.stat().st_size == blob.size
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list.

    Attributes:
        after: The last item of the page before; empty for the first.
        limit: Most items to give.
    """

    after: str
    limit: int


class ReadableRepository:
    """One repository, open for reading. Having it is the permission.

    Attributes:
        distant: Whether it may have to wait for another machine.
        warnings: What whoever asked should be told beside the answer.
    """

    distant = False
    warnings: Sequence[str] = ()

    def __init__(self, premises: Premises, name: str) -> None:
        self._premises = premises
        self.name = name

    def require(self) -> None:
        """Make sure that it is there.

        Raises:
            NotFoundError: If it is not.
            StorageError: If the catalog fails.
        """
        with self._premises.database.look() as connection:
            if catalog.repositories.find(connection, self.name) is None:
                raise NotFoundError(f"there is no repository {self.name}")

    def summary(self) -> RepositorySummary:
        """Describe it.

        Raises:
            NotFoundError: If there is no such repository, or it holds no version.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            found = catalog.listing.summary(connection, self.name)
        if found is None:
            raise NotFoundError(f"there is no repository {self.name}")
        return found

    def blob(self, digest: Digest) -> Blob:
        """Find a blob that this repository links.

        Raises:
            NotFoundError: If it does not, even where another repository does.
            StorageError: If the catalog fails.
        """
        with self._premises.database.look() as connection:
            found = catalog.repositories.blob(connection, self.name, digest)
            damaged = found is None and catalog.soundness.is_damaged(connection, self.name, digest)
        if damaged:
            raise NotFoundError(_DAMAGED.format(digest=digest))
        if found is None:
            raise NotFoundError(f"{self.name} has no blob {digest}")
        return found

    def held(self, digest: Digest) -> tuple[Blob, Content]:
        """Find a blob that this repository links, with its bytes.

        Raises:
            NotFoundError: If it does not, even where another repository does.
            StorageError: If the catalog fails, or it cannot be told where the bytes are.
        """
        blob = self.blob(digest)
        content = self._premises.files.content(digest)
        if not is_there(content, blob):
            _LOG.error("%s: its bytes are missing, or not all of them are there", digest)
            raise NotFoundError(_DAMAGED.format(digest=digest))
        return blob, content

    def manifest(self, reference: str | Digest) -> StoredManifest:
        """Find a manifest by its tag or its digest.

        Raises:
            NotFoundError: If there is none.
            StorageError: If the catalog fails.
        """
        recall = self._premises.recall
        mark = recall.mark
        with self._premises.database.look() as connection:
            if isinstance(reference, Digest):
                found = catalog.manifests.by_digest(connection, self.name, reference)
            else:
                found = catalog.manifests.by_tag(connection, self.name, reference)
        if found is None:
            raise NotFoundError(f"{self.name} has no manifest {reference}")
        recall.put(self.name, str(reference), found, mark=mark)
        return found

    def contents(self, reference: str | Digest) -> "Contents":
        """Look inside a version: its files, and what the hub found out about them.

        Raises:
            NotFoundError: If there is no such version.
            StorageError: If the catalog fails.
        """
        from orchard.hub.registry.contents import Contents  # noqa: PLC0415 -- a hub's start needs no formats

        premises = self._premises
        stored = self.manifest(reference)
        return Contents(premises.database, self.name, stored=stored, find=self.held, indexes=premises.indexes)

    def pulls(self, digest: Digest) -> Pulls:
        """Tell how often a version was pulled, and when it was asked for last; a few seconds late.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.pulls.of(connection, self.name, digest)

    def tag_rules(self) -> list[TagRule]:
        """List the rules that hold for the tags of this repository, wherever they are said.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.rules.for_tags(connection, self.name)

    def tags(self, page: Page) -> list[str]:
        """List tags in the order of their bytes.

        Raises:
            NotFoundError: If there is no such repository.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            if catalog.repositories.find(connection, self.name) is None:
                raise NotFoundError(f"there is no repository {self.name}")
            return catalog.tags.names(connection, self.name, after=page.after, limit=page.limit)

    def tag_moves(self, tag: str, *, before: int | None = None, limit: int) -> list[TagMove]:
        """List where a tag has pointed, newest first, be it there still or not.

        Args:
            tag: The tag.
            before: Number of the last move of the page before, if there was one.
            limit: Most moves to give.

        Raises:
            NotFoundError: If there was never such a tag.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            start = _NEWEST if before is None else before
            found = catalog.tags.moves(connection, self.name, tag, before=start, limit=max(1, limit))
        if not found and before is None:
            raise NotFoundError(f"{self.name} never had a tag {tag}")
        return found[:limit]

    def referrers(self, subject: Digest, page: Page, artifact_type: str | None = None) -> tuple[list[str], bool]:
        """List the manifests that are about another one, as JSON descriptors in the order of their digests.

        Gives as many as the page and a client's patience hold, and whether there are more.

        Neither the subject nor the repository need exist: a signature may be pushed before what it signs.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            return catalog.manifests.referrers(
                connection, self.name, subject, artifact_type=artifact_type, after=page.after, limit=page.limit
            )
