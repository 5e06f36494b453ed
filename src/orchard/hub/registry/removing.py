"""Taking manifests and tags out of a repository, into the trash, in one transaction.

What is about a manifest stays where it is when that goes, for it may be pushed again; garbage is collected of it later,
into the trash as well, and comes back with what it is about (ADR 0058).
"""

from orchard.errors import NotFoundError, UnsupportedError
from orchard.hub import catalog
from orchard.hub.catalog import Deletion, Journal, TagBook
from orchard.hub.db import Transaction
from orchard.hub.registry.conditions import Condition
from orchard.hub.registry.tagging import TagGuard
from orchard.oci import Digest


class Removal:
    """One deletion, and the entry of the trash that it makes."""

    def __init__(self, connection: Transaction, repository: int, *, deletion: Deletion, guard: TagGuard) -> None:
        self._connection = connection
        self._repository = repository
        self._deletion = deletion
        self._guard = guard
        self._entry = catalog.trash.begin(connection, deletion)
        self._book = TagBook(connection, repository, account=deletion.account, at=deletion.at)
        self._journal = Journal(connection, deletion.repository, account=deletion.account, at=deletion.at)

    def tag(self, tag: str, condition: Condition | None = None) -> None:
        """Take a tag out, if it points where it must.

        Raises:
            PreconditionError: If it points elsewhere.
            NotFoundError: If there is none.
            DeniedError: If a rule forbids it.
        """
        current = self._book.current(tag)
        if condition is not None:
            condition.require(tag, current)
        if current is None:
            raise NotFoundError(f"{self._deletion.repository} has no tag {tag}")
        if self._guard.require_delete(tag):
            reason = {"reason": self._guard.override}
            self._journal.record("tag.override", Digest.parse(current), tag, detail=reason)
        catalog.trash.keep_tag(self._connection, self._entry, tag=tag, digest=Digest.parse(current))
        self._book.remove(tag)
        self._journal.record("tag.delete", tag=tag)

    def manifest(self, digest: Digest) -> None:
        """Take a manifest out with its tags.

        Raises:
            NotFoundError: If there is none.
            UnsupportedError: If an index lists it.
            DeniedError: If a rule forbids that one of its tags is deleted.
        """
        manifest = catalog.manifests.find(self._connection, self._repository, digest)
        if manifest is None:
            raise NotFoundError(f"{self._deletion.repository} has no manifest {digest}")
        parent = catalog.repositories.named_by(self._connection, self._repository, digest)
        if parent is not None:
            raise UnsupportedError(f"{digest} is part of {self._deletion.repository}@{parent}; delete that first")
        for tag in catalog.tags.of_manifest(self._connection, manifest):
            self.tag(tag)
        self._take(manifest, digest)

    def everything(self) -> None:
        """Take out all that the repository has, and the repository.

        Raises:
            DeniedError: If a rule forbids that one of its tags is deleted.
        """
        for tag in catalog.tags.names(
            self._connection, self._deletion.repository, after="", limit=catalog.trash.LATEST
        ):
            self.tag(tag)
        for manifest, digest in catalog.manifests.all_of(self._connection, self._repository):
            self._take(manifest, digest)
        catalog.repositories.empty(self._connection, self._repository, self._deletion.at)
        self._journal.record("repository.delete")

    def _take(self, manifest: int, digest: Digest) -> None:
        catalog.trash.keep_manifest(self._connection, self._entry, manifest)
        catalog.manifests.remove(self._connection, manifest, at=self._deletion.at)
        self._journal.record("manifest.delete", digest)
