"""What somebody who may delete from a repository can do with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from orchard.errors import NotFoundError, UnsupportedError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Deletion, Journal, Trashed
from orchard.hub.db import Transaction
from orchard.hub.registry.conditions import Condition
from orchard.hub.registry.quotas import within_quota
from orchard.hub.registry.reading import Premises
from orchard.hub.registry.removing import Removal
from orchard.hub.registry.restoring import Restoration, Restored
from orchard.hub.registry.tagging import TagGuard
from orchard.oci import Digest


class DeletableRepository:
    """One repository, open for taking things out of it, and putting them back. Having it is the permission."""

    def __init__(self, premises: Premises, *, who: Principal, name: str, override: str | None = None) -> None:
        self._premises = premises
        self._who = who
        self._override = override
        self.name = name

    def delete_manifest(self, digest: Digest, *, why: str = "deleted by hand") -> None:
        """Put a manifest into the trash, with all its tags.

        Raises:
            NotFoundError: If there is none.
            UnsupportedError: If an index of this repository lists it.
            DeniedError: If a rule forbids that one of its tags is deleted.
            StorageError: If the catalog fails.
        """
        with self._removal("manifest", str(digest), why) as removal:
            removal.manifest(digest)

    def delete_tag(self, tag: str, condition: Condition | None = None, *, why: str = "deleted by hand") -> None:
        """Put a tag into the trash; the manifest stays.

        Args:
            tag: The tag.
            condition: Where it must point.
            why: For people.

        Raises:
            PreconditionError: If it points elsewhere.
            NotFoundError: If there is none.
            DeniedError: If a rule forbids that it is deleted.
            StorageError: If the catalog fails.
        """
        with self._removal("tag", tag, why) as removal:
            removal.tag(tag, condition)

    def delete_repository(self, *, why: str = "deleted by hand") -> None:
        """Put all manifests and tags into the trash; the repository is there no more.

        Raises:
            NotFoundError: If there is none.
            DeniedError: If a rule forbids that one of its tags is deleted.
            StorageError: If the catalog fails.
        """
        with self._removal("repository", self.name, why) as removal:
            removal.everything()

    def trash(self, *, before: int | None = None, limit: int = 100) -> list[Trashed]:
        """List what was deleted here and can come back, the newest first; only entries of a lower number.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            latest = catalog.trash.LATEST if before is None else before
            return catalog.trash.entries(connection, self.name, before=latest, limit=limit)

    def restore(self, number: int) -> Restored:
        """Put an entry of the trash back: its manifests, and those of its tags whose names nothing else has.

        Raises:
            NotFoundError: If there is no such entry.
            ConflictError: If content that it needs is not kept any more.
            DeniedError: If a rule forbids that one of the tags is set.
            QuotaError: If the namespace may not keep that much.
            StorageError: If the catalog fails.
        """
        try:
            with self._premises.database.write(self.name) as connection, within_quota(connection, self.name):
                entry = catalog.trash.entry(connection, self.name, number)
                if entry is None:
                    raise NotFoundError(f"the trash of {self.name} has no entry {number}")
                guard = self._guard(connection)
                return Restoration(self._premises, connection, entry, guard=guard, account=self._who.name).run()
        finally:
            self._premises.recall.forget(self.name)

    def delete_blob(self, digest: Digest) -> None:
        """Take a blob out of this repository; other repositories keep it.

        Raises:
            NotFoundError: If it is not there.
            UnsupportedError: If a manifest of this repository names it.
            StorageError: If the catalog fails.
        """
        at = self._premises.at
        with self._premises.database.write(self.name) as connection:
            repository = catalog.repositories.find(connection, self.name)
            if repository is None:
                raise NotFoundError(f"{self.name} has no blob {digest}")
            self._refuse_if_named(connection, repository, digest)
            if not catalog.repositories.unlink(connection, repository, digest):
                raise NotFoundError(f"{self.name} has no blob {digest}")
            self._journal(connection, at).record("blob.delete", digest)

    @contextmanager
    def _removal(self, kind: str, what: str, why: str) -> Iterator[Removal]:
        """Open a deletion, which is done when the block ends without an error.

        Raises:
            NotFoundError: If there is no such repository.
        """
        deletion = Deletion(self.name, kind, what, why, self._who.name, self._premises.at)
        try:
            with self._premises.database.write(self.name) as connection:
                repository = catalog.repositories.find(connection, self.name)
                if repository is None:
                    raise NotFoundError(f"there is no repository {self.name}")
                yield Removal(connection, repository, deletion=deletion, guard=self._guard(connection))
        finally:
            self._premises.recall.forget(self.name)

    def _guard(self, connection: Transaction) -> TagGuard:
        return TagGuard.load(connection, self._premises, self.name, who=self._who, override=self._override)

    def _refuse_if_named(self, connection: Transaction, repository: int, digest: Digest) -> None:
        """Keep every manifest of the repository pullable.

        Raises:
            UnsupportedError: If one of them names this content.
        """
        manifest = catalog.repositories.named_by(connection, repository, digest)
        if manifest is not None:
            raise UnsupportedError(f"{digest} is part of {self.name}@{manifest}; delete that first")

    def _journal(self, connection: Transaction, at: int) -> Journal:
        return Journal(connection, self.name, account=self._who.name, at=at)
