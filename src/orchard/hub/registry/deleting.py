"""What somebody who may delete from a repository can do with it."""

from orchard.errors import NotFoundError, UnsupportedError
from orchard.hub import catalog
from orchard.hub.access import Principal
from orchard.hub.catalog import Journal, TagBook
from orchard.hub.db import Transaction
from orchard.hub.registry.conditions import Condition
from orchard.hub.registry.reading import Premises
from orchard.oci import Digest


class DeletableRepository:
    """One repository, open for taking things out of it. Having it is the permission."""

    def __init__(self, premises: Premises, *, who: Principal, name: str) -> None:
        self._premises = premises
        self._who = who
        self.name = name

    def delete_manifest(self, digest: Digest) -> None:
        """Forget a manifest and all its tags.

        Raises:
            NotFoundError: If there is none.
            UnsupportedError: If an index of this repository lists it.
            StorageError: If the catalog fails.
        """
        at = self._premises.at
        try:
            with self._premises.database.write(self.name) as connection:
                repository, manifest = self._find(connection, digest)
                self._refuse_if_named(connection, repository, digest)
                book = TagBook(connection, repository, account=self._who.name, at=at)
                for tag in catalog.tags.of_manifest(connection, manifest):
                    book.remove(tag)
                catalog.manifests.remove(connection, manifest)
                self._journal(connection, at).record("manifest.delete", digest)
        finally:
            self._premises.recall.forget(self.name)

    def delete_tag(self, tag: str, condition: Condition | None = None) -> None:
        """Forget a tag; the manifest stays.

        Args:
            tag: The tag.
            condition: Where it must point.

        Raises:
            PreconditionError: If it points elsewhere.
            NotFoundError: If there is none.
            StorageError: If the catalog fails.
        """
        at = self._premises.at
        try:
            with self._premises.database.write(self.name) as connection:
                repository = catalog.repositories.find(connection, self.name)
                if condition is not None:
                    condition.require(tag, catalog.tags.target(connection, self.name, tag))
                book = None if repository is None else TagBook(connection, repository, account=self._who.name, at=at)
                if book is None or not book.remove(tag):
                    raise NotFoundError(f"{self.name} has no tag {tag}")
                self._journal(connection, at).record("tag.delete", tag=tag)
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

    def _find(self, connection: Transaction, digest: Digest) -> tuple[int, int]:
        repository = catalog.repositories.find(connection, self.name)
        manifest = None if repository is None else catalog.manifests.find(connection, repository, digest)
        if repository is None or manifest is None:
            raise NotFoundError(f"{self.name} has no manifest {digest}")
        return repository, manifest

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
