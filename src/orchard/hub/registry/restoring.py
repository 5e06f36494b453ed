"""Putting back what was deleted."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchard.errors import ConflictError, NotFoundError
from orchard.hub import catalog
from orchard.hub.catalog import Blob, Journal, TagBook, Trashed
from orchard.hub.catalog.trash import TrashedManifest
from orchard.hub.db import Transaction
from orchard.hub.registry import asking, documents
from orchard.hub.registry.reading import Premises
from orchard.hub.registry.tagging import TagGuard
from orchard.oci import Digest, Document, parse_document


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        manifests: Those that were not there.
        tags: Tags that point again to what they pointed to.
        taken: Tags that stay as they are, because they point to something else by now.
    """

    manifests: tuple[Digest, ...]
    tags: tuple[str, ...]
    taken: tuple[str, ...]


class Restoration:
    """Puts an entry of the trash back into its repository, with whatever it needs of other entries."""

    def __init__(
        self, premises: Premises, connection: Transaction, entry: Trashed, *, guard: TagGuard, account: str
    ) -> None:
        at = premises.at
        self._premises = premises
        self._connection = connection
        self._entry = entry
        self._guard = guard
        self._at = at
        self._repository = catalog.repositories.make(connection, entry.repository, at)
        self._book = TagBook(connection, self._repository, account=account, at=at)
        self._journal = Journal(connection, entry.repository, account=account, at=at)
        self._back: list[Digest] = []
        self._waiting: list[tuple[int, TrashedManifest]] = []

    def run(self) -> Restored:
        """Put everything back.

        Raises:
            ConflictError: If content that it needs is not there any more.
            NotFoundError: If what a tag pointed to is not there any more.
            DeniedError: If a rule forbids that one of the tags is set.
        """
        for number in catalog.trash.contents(self._connection, self._entry.id):
            manifest = catalog.trash.kept(self._connection, number)
            if manifest is not None:  # else it has come back with another one that needs it
                self._bring(manifest)
        tags, taken = self._tags(self._entry.tags)
        while self._waiting:
            number, referrer = self._waiting.pop()
            self._bring(referrer)
            catalog.trash.drop(self._connection, number)
        catalog.trash.drop(self._connection, self._entry.id)
        self._journal.record(f"{self._entry.kind}.restore", tag=self._entry.what if self._entry.kind == "tag" else None)
        return Restored(tuple(self._back), tags, taken)

    def _bring(self, wanted: TrashedManifest) -> None:
        """Put a manifest back, after what it names.

        Raises:
            ConflictError: If something that it names is not there any more.
        """
        waiting = [wanted]
        while waiting:
            manifest = waiting[-1]
            needed = [] if self._there(manifest.digest) else self._prepare(manifest)
            if needed:
                waiting.extend(needed)
            else:
                self._put(waiting.pop())

    def _prepare(self, manifest: TrashedManifest) -> list[TrashedManifest]:
        """Link the blobs that a manifest names; give the manifests that must come back first.

        Raises:
            ConflictError: If something is nowhere.
        """
        needed: list[TrashedManifest] = []
        for child in _document(manifest).children:
            if self._there(child.digest):
                continue
            found = catalog.trash.find(self._connection, self._entry.repository, child.digest)
            if found is not None:
                needed.append(found)
            elif catalog.repositories.stored(self._connection, child.digest):
                blob = Blob(child.digest, child.size)
                catalog.repositories.link(self._connection, self._repository, blob, at=self._at)
            elif not documents.is_elsewhere(child):
                raise ConflictError(
                    f"{manifest.digest} cannot be restored: it names {child.digest}, which is not kept any more;"
                    " push it again"
                )
        return needed

    def _put(self, manifest: TrashedManifest) -> None:
        if not self._there(manifest.digest):
            document = _document(manifest)
            made = catalog.manifests.put(
                self._connection, self._repository, document=document, columns=manifest.columns
            )
            catalog.pulls.put_back(self._connection, made, pulls=manifest.pulls, at=manifest.pulled_at)
            self._journal.record("manifest.restore", manifest.digest)
            kind, subject = str(manifest.columns["kind"]), manifest.columns["subject_digest"]
            asking.ask(
                self._premises,
                self._connection,
                self._entry.repository,
                digest=manifest.digest,
                kind=kind,
                subject=None if subject is None else str(subject),
            )
            self._back.append(manifest.digest)
            self._waiting.extend(catalog.trash.about(self._connection, self._entry.repository, manifest.digest))
        catalog.trash.take_out(self._connection, manifest)

    def _there(self, digest: Digest) -> bool:
        return catalog.manifests.find(self._connection, self._repository, digest) is not None

    def _tags(self, tags: Sequence[tuple[str, Digest]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Let tags point again where they pointed.

        Raises:
            NotFoundError: If what one pointed to is not there any more.
            DeniedError: If a rule forbids it.
        """
        back: list[str] = []
        taken: list[str] = []
        for tag, digest in tags:
            current = self._book.current(tag)
            if current is not None and current != str(digest):
                taken.append(tag)
                continue
            self._point(tag, digest, current)
            back.append(tag)
        return tuple(back), tuple(taken)

    def _point(self, tag: str, digest: Digest, current: str | None) -> None:
        manifest = catalog.manifests.find(self._connection, self._repository, digest)
        if manifest is None:
            trashed = catalog.trash.find(self._connection, self._entry.repository, digest)
            if trashed is None:
                raise NotFoundError(
                    f"tag {tag} cannot be restored: {digest}, which it pointed to, is not kept any more"
                )
            self._bring(trashed)
            manifest = catalog.manifests.find(self._connection, self._repository, digest)
            assert manifest is not None
        if self._guard.require_move(tag, current, str(digest)):
            self._journal.record("tag.override", digest, tag, detail={"reason": self._guard.override})
        if self._book.point(tag, manifest, digest):
            self._journal.record("tag.set", digest, tag)


def _document(manifest: TrashedManifest) -> Document:
    return parse_document(manifest.raw, str(manifest.columns["media_type"]))
