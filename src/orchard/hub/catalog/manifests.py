"""Manifests: their bytes, what they name, and who refers to them."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from orchard.hub.catalog import facts, texts, usage
from orchard.hub.catalog.facts import Fact
from orchard.hub.catalog.records import Attached, Outline, StoredManifest
from orchard.hub.catalog.repositories import batches, home, release, revive
from orchard.hub.db import moment
from orchard.hub.db.schema import documents, manifest_children, manifests, repositories, tags
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Document, Manifest, dumps

_STORED: Final = (
    select(manifests.c.digest, manifests.c.media_type, documents.c.raw)
    .select_from(manifests.join(documents).join(repositories))
    .where(repositories.c.name == bindparam("name"))
)
_BY_DIGEST: Final = _STORED.where(manifests.c.digest == bindparam("reference"))
_BY_TAG: Final = _STORED.where(tags.c.manifest_id == manifests.c.id, tags.c.name == bindparam("reference"))
_FIND: Final = select(manifests.c.id).where(
    manifests.c.repository_id == bindparam("repository"), manifests.c.digest == bindparam("digest")
)
_TOTALS: Final = select(manifests.c.digest, manifests.c.size, manifests.c.total_size).where(
    manifests.c.repository_id == bindparam("repository"),
    manifests.c.digest.in_(bindparam("digests", expanding=True)),
)
_PLACE: Final = (
    select(manifests.c.repository_id, manifests.c.size, repositories.c.namespace)
    .select_from(manifests.join(repositories))
    .where(manifests.c.id == bindparam("manifest"))
)
_NAMED: Final = (
    select(manifest_children.c.digest).where(manifest_children.c.manifest_id == bindparam("manifest")).distinct()
)
_REFERRERS: Final = (
    select(manifests.c.digest, manifests.c.referrer)
    .select_from(manifests.join(repositories))
    .where(
        repositories.c.name == bindparam("name"),
        manifests.c.subject_digest == bindparam("subject"),
        manifests.c.digest > bindparam("after"),
    )
    .order_by(manifests.c.digest)
    .limit(bindparam("limit"))
    .execution_options(yield_per=16)  # each may have 4 MiB, and the reader stops when it has enough
)
_ATTACHED: Final = (
    select(manifests.c.digest, manifests.c.artifact_type, manifests.c.pushed_at, manifests.c.pushed_by)
    .select_from(manifests.join(repositories))
    .where(repositories.c.name == bindparam("name"), manifests.c.subject_digest == bindparam("subject"))
    .order_by(manifests.c.pushed_at.desc(), manifests.c.id.desc())
    .limit(bindparam("limit"))
)
_REFERRERS_OF_KIND: Final = _REFERRERS.where(manifests.c.artifact_type == bindparam("artifact_type"))
# What a version says about itself is known at once, by the keys that it has among all that will be known of it.
_SAID: Final = {
    "name": "model_name",
    "version": "model_version",
    "description": "description",
    "license": "licence",
    "framework": "framework",
    "format": "model_format",
    "kind": "kind",
}


def by_digest(connection: Connection, name: str, digest: Digest) -> StoredManifest | None:
    """Find a manifest of the repository of this name."""
    row = connection.execute(_BY_DIGEST, {"name": name, "reference": str(digest)}).first()
    return None if row is None else StoredManifest(digest, row.media_type, row.raw)


def by_tag(connection: Connection, name: str, tag: str) -> StoredManifest | None:
    """Find the manifest that a tag of the repository of this name points to."""
    row = connection.execute(_BY_TAG, {"name": name, "reference": tag}).first()
    return None if row is None else StoredManifest(Digest.parse(row.digest), row.media_type, row.raw)


def find(connection: Connection, repository: int, digest: Digest) -> int | None:
    """Give the row number of a manifest."""
    found: int | None = connection.execute(_FIND, {"repository": repository, "digest": str(digest)}).scalar()
    return found


def totals(connection: Connection, repository: int, digests: Collection[Digest]) -> dict[str, tuple[int, int]]:
    """Tell, of those manifests that are there, their own size and that of all they name."""
    found: dict[str, tuple[int, int]] = {}
    for batch in batches([str(digest) for digest in digests]):
        rows = connection.execute(_TOTALS, {"repository": repository, "digests": batch})
        found.update((row.digest, (row.size, row.total_size)) for row in rows)
    return found


def add(connection: Connection, repository: int, row: "NewManifest") -> int:
    """Keep a manifest that is not there yet; give its row number."""
    return put(connection, repository, document=row.document, columns=row.columns())


def put(connection: Connection, repository: int, *, document: Document, columns: Mapping[str, str | int | None]) -> int:
    """Keep a manifest that is not there yet, described by these columns; give its row number."""
    connection.execute(insert(manifests), {"repository_id": repository, **columns})
    made = find(connection, repository, Digest.parse(str(columns["digest"])))
    assert made is not None
    connection.execute(insert(documents), {"manifest_id": made, "raw": document.raw})
    usage.add(connection, home(connection, repository), len(document.raw))
    revive(connection, repository, {child.digest for child in document.children})
    children = [_child(number, child) for number, child in enumerate(document.children)]
    if children:
        parent = {"manifest_id": made, "repository_id": repository}
        connection.execute(insert(manifest_children), [{**parent, **child} for child in children])
    if document.subject is None:
        texts.begin(connection, made, columns)
        said = [Fact(key, value) for key, column in _SAID.items() if isinstance(value := columns[column], str)]
        facts.enter(connection, made, said)
    return made


def remove(connection: Connection, manifest: int, *, at: int) -> None:
    """Forget a manifest with its tags, and that it named anything; what nothing else names is released."""
    row = connection.execute(_PLACE, {"manifest": manifest}).one()
    named = connection.execute(_NAMED, {"manifest": manifest}).scalars().all()
    connection.execute(delete(manifests).where(manifests.c.id == manifest))
    usage.add(connection, row.namespace, -row.size)
    release(connection, row.repository_id, [Digest.parse(digest) for digest in named], at=at)


def all_of(connection: Connection, repository: int) -> list[tuple[int, Digest]]:
    """List all manifests of a repository by their row numbers."""
    found = select(manifests.c.id, manifests.c.digest).where(manifests.c.repository_id == repository)
    return [(row.id, Digest.parse(row.digest)) for row in connection.execute(found.order_by(manifests.c.id))]


def referrers(
    connection: Connection, name: str, subject: Digest, *, artifact_type: str | None, after: str, limit: int
) -> tuple[list[str], bool]:
    """List the descriptors, as JSON, of the manifests that are about ``subject``, in the order of their digests.

    Gives at most ``limit``, and together no more than a manifest may have bytes, but one at least; and whether there
    are more.
    """
    values = {"name": name, "subject": str(subject), "after": after, "limit": limit + 1}
    statement = _REFERRERS if artifact_type is None else _REFERRERS_OF_KIND
    found: list[str] = []
    left = MAX_MANIFEST
    with connection.execute(statement, {**values, "artifact_type": artifact_type}) as rows:
        for row in rows:
            left -= len(row.referrer.encode()) + 1
            if len(found) == limit or (left < 0 and found):
                return found, True
            found.append(row.referrer)
    return found, False


def attached(connection: Connection, name: str, subject: Digest, *, limit: int) -> list[Attached]:
    """List what was attached to a manifest, by whom and when, newest first."""
    values = {"name": name, "subject": str(subject), "limit": limit}
    return [
        Attached(Digest.parse(row.digest), row.artifact_type, moment(row.pushed_at), row.pushed_by)
        for row in connection.execute(_ATTACHED, values)
    ]


class NewManifest:
    """A manifest on its way into the catalog."""

    __slots__ = ("_account", "_at", "_outline", "digest", "document")

    def __init__(self, document: Document, digest: Digest, outline: Outline, *, account: str, at: int) -> None:
        self.document = document
        self.digest = digest
        self._outline = outline
        self._account = account
        self._at = at

    @property
    def subject(self) -> Digest | None:
        """What it is about, if it is a referrer."""
        return None if self.document.subject is None else self.document.subject.digest

    def columns(self) -> dict[str, str | int | None]:
        """Give the row, but for the repository."""
        document, outline = self.document, self._outline
        return {
            "digest": str(self.digest),
            "media_type": document.media_type,
            "artifact_type": document.kind or None,
            "kind": outline.kind,
            "size": len(document.raw),
            "subject_digest": None if self.subject is None else str(self.subject),
            "referrer": None if document.subject is None else self._referrer(),
            "config_digest": str(document.config.digest) if isinstance(document, Manifest) else None,
            "pushed_at": self._at,
            "pushed_by": self._account,
            "total_size": outline.total_size,
            "layer_count": outline.layer_count,
            "model_name": outline.model_name,
            "model_version": outline.model_version,
            "description": outline.description,
            "framework": outline.framework,
            "model_format": outline.model_format,
            "licence": outline.licence,
            "note": outline.note,
        }

    def _referrer(self) -> str:
        """Describe the manifest as its subject's referrers list shows it: made once, sent often."""
        document = self.document
        descriptor = Descriptor(
            media_type=document.media_type,
            digest=self.digest,
            size=len(document.raw),
            annotations=document.annotations,
            artifact_type=document.kind or None,
        )
        return dumps(descriptor.to_json()).decode()


def _child(position: int, child: Descriptor) -> dict[str, str | int]:
    return {
        "position": position,
        "digest": str(child.digest),
        "media_type": child.media_type,
        "size": child.size,
    }
