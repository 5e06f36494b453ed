"""What somebody who may write to a repository can do with it."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from orchard.errors import IntegrityError, NotFoundError, StorageError
from orchard.hub import catalog
from orchard.hub.access import Action, Principal
from orchard.hub.catalog import Blob, Journal, NewManifest, Outline, TagBook, Upload
from orchard.hub.db import Transaction
from orchard.hub.registry import asking, documents
from orchard.hub.registry.conditions import Condition
from orchard.hub.registry.quotas import within_quota
from orchard.hub.registry.reading import Premises, is_there
from orchard.hub.registry.tagging import TagGuard
from orchard.hub.registry.uploading import Busy, OpenUpload
from orchard.oci import Digest, Document


@dataclass(frozen=True, slots=True)
class Pushed:
    """A manifest that was taken.

    Attributes:
        digest: What it is called.
        subject: What it is about, if it is a referrer.
        warnings: What whoever pushed it should know.
    """

    digest: Digest
    subject: Digest | None
    warnings: tuple[str, ...] = ()


class WritableRepository:
    """One repository, open for writing by one account. Having it is the permission."""

    def __init__(
        self, premises: Premises, busy: Busy, *, who: Principal, name: str, override: str | None = None
    ) -> None:
        self._premises = premises
        self._busy = busy
        self._who = who
        self._override = override
        self.name = name

    def start_upload(self, algorithm: str, *, lasting: bool = True) -> OpenUpload:
        """Begin a session and hold it.

        Args:
            algorithm: What the blob will be named by, as far as is known.
            lasting: Whether another request may go on with it.

        Raises:
            InvalidDigestError: If the algorithm is not supported.
            RateLimitedError: If the account has too many unfinished uploads.
            StorageError: If the disk or the catalog fails.
        """
        session, secret = secrets.token_hex(16), secrets.token_hex(16)
        upload = Upload(
            id=session,
            repository=self.name,
            account=self._who.name,
            algorithm=algorithm,
            secret=secret,
            active_at=self._premises.at,
        )
        self._busy.take(session)
        try:
            staged = self._premises.files.create(session, algorithm)
        except BaseException:
            self._busy.give_back(session)
            raise
        opened = OpenUpload(self._premises, self._busy, upload=upload, staged=staged, lasting=False)
        try:
            if lasting:
                opened.keep()
        except BaseException:
            opened.close()
            raise
        return opened

    def upload(self, handle: str) -> OpenUpload:
        """Hold a session of this repository and account.

        Args:
            handle: What its address ends with: its name and its secret.

        Raises:
            NotFoundError: If there is none; another one's is none.
            ConflictError: If another request holds it.
            StorageError: If the disk or the catalog fails.
        """
        session = handle.partition("-")[0]
        with self._premises.database.read() as connection:
            found = catalog.uploads.get(connection, session)
        if found is None or not self._owns(found, handle):
            raise NotFoundError(f"{self.name} has no such upload; it is finished, or has expired")
        self._busy.take(session)
        try:
            staged = self._premises.files.resume(session)
        except BaseException:
            self._busy.give_back(session)
            raise
        return OpenUpload(self._premises, self._busy, upload=found, staged=staged, lasting=True)

    def _owns(self, upload: Upload, handle: str) -> bool:
        """Tell whether a session is this account's, in this repository, and was begun by whoever knows the handle."""
        known = secrets.compare_digest(upload.handle.encode(), handle.encode())
        return known and (upload.repository, upload.account) == (self.name, self._who.name)

    def promise(self, digest: Digest) -> Blob:
        """Find a blob for a client that may leave out its upload, and keep it for half of ``keep`` seconds at least.

        Raises:
            NotFoundError: If this repository does not have it.
            StorageError: If the catalog fails.
        """
        with self._premises.database.read() as connection:
            found = catalog.repositories.linked(connection, self.name, digest)
        if found is None:
            raise NotFoundError(f"{self.name} has no blob {digest}")
        blob, since = found
        if since < self._premises.at - self._premises.keep * 1000 / 2:  # seldom, so that asking remains cheap
            with suppress(StorageError):  # a full disk keeps nobody from reading, and takes no push that relies on this
                self._refresh(digest)
        return blob

    def _refresh(self, digest: Digest) -> None:
        """Keep a blob for another while.

        Raises:
            NotFoundError: If it was collected just now.
        """
        at = self._premises.at
        with self._premises.database.write(self.name) as connection:
            repository = catalog.repositories.find(connection, self.name)
            if repository is None or not catalog.repositories.refresh(connection, repository, digest, at=at):
                raise NotFoundError(f"{self.name} has no blob {digest}")

    def mount(self, digest: Digest, source: str | None) -> Blob | None:
        """Link a blob of another repository that this account may read; of any such one if no source is given.

        Raises:
            QuotaError: If the namespace may not keep that much.
            StorageError: If the catalog fails.
        """
        at = self._premises.at
        with self._premises.database.write(self.name) as connection, within_quota(connection, self.name):
            names = catalog.repositories.linking(connection, digest) if source is None else [source]
            readable = (name for name in names if self._premises.policy.allows(self._who, Action.PULL, name))
            found = next(filter(None, (catalog.repositories.blob(connection, name, digest) for name in readable)), None)
            if found is None or not is_there(self._premises.files.content(digest), found):
                return None
            repository = catalog.repositories.make(connection, self.name, at)
            catalog.repositories.link(connection, repository, found, at=at)
            self._journal(connection, at).record("blob.mount", digest)
        return found

    def put_manifest(
        self,
        raw: bytes,
        media_type: str,
        *,
        digest: Digest | None = None,
        tags: Sequence[str] = (),
        condition: Condition | None = None,
    ) -> Pushed:
        """Take a manifest, and let tags point to it. Durable when this returns; safe to repeat.

        Args:
            raw: The manifest as received.
            media_type: What the client says it is; empty if it says nothing.
            digest: What the client calls it; its sha256 if absent.
            tags: Tags to set.
            condition: Where the first of them must point.

        Raises:
            PreconditionError: If it points elsewhere.
            DeniedError: If a rule forbids that one of the tags is set.
            QuotaError: If the namespace may not keep that much.
            InvalidDocumentError: If it is not a manifest.
            LimitExceededError: If it is too large.
            IntegrityError: If it has another digest.
            NotFoundError: If it names content that this repository does not have.
            StorageError: If the disk or the catalog fails.
        """
        document = documents.parse(raw, media_type)
        name = digest or Digest.of(raw)
        if Digest.of(raw, name.algorithm) != name:
            raise IntegrityError(f"{name}: the manifest is {Digest.of(raw, name.algorithm)}")
        bare = documents.outline(document, self.name, self._premises)
        try:
            with self._premises.database.write(self.name) as connection, within_quota(connection, self.name):
                if condition is not None and tags:
                    condition.require(tags[0], catalog.tags.target(connection, self.name, tags[0]))
                self._store(connection, document, name, outline=bare, tags=tags)
        finally:
            self._premises.recall.forget(self.name)
        subject = None if document.subject is None else document.subject.digest
        return Pushed(name, subject, () if bare is None or bare.note is None else (bare.note,))

    def _store(
        self,
        connection: Transaction,
        document: Document,
        digest: Digest,
        *,
        outline: Outline | None,
        tags: Sequence[str],
    ) -> None:
        at = self._premises.at
        repository = catalog.repositories.make(connection, self.name, at)
        found = documents.require_children(connection, repository, document)
        journal = self._journal(connection, at)
        manifest = catalog.manifests.find(connection, repository, digest)
        if manifest is None:
            known = outline or documents.index_outline(document, found)
            new = NewManifest(document, digest, known, account=self._who.name, at=at)
            manifest = catalog.manifests.add(connection, repository, new)
            journal.record("manifest.push", digest)
            asking.ask(self._premises, connection, self.name, digest=digest, kind=known.kind, subject=new.subject)
        book = TagBook(connection, repository, account=self._who.name, at=at)
        guard = TagGuard.load(connection, self._premises, self.name, who=self._who, override=self._override)
        for tag in tags:
            if guard.require_move(tag, book.current(tag), str(digest)):
                journal.record("tag.override", digest, tag, detail={"reason": self._override})
            if book.point(tag, manifest, digest):
                journal.record("tag.set", digest, tag)

    def _journal(self, connection: Transaction, at: int) -> Journal:
        return Journal(connection, self.name, account=self._who.name, at=at)
