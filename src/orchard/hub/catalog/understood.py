"""What the hub found out about versions and their layers: what layers hold, what headers say, how far the work is.

Documents are bytes here, compressed on their way into the table; what they say is the business of those who write them.
"""

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, insert, or_, select, update

from orchard.hub.catalog.repositories import batches
from orchard.hub.db import insert_new
from orchard.hub.db.schema import blobs, manifest_children, manifests, repositories
from orchard.hub.db.understood import insights, layer_files, understandings
from orchard.oci import Digest

_LEVEL: Final = 1  # of zlib: 100,000 paths take 0.1 s, and become a fifth
_NOTHING: Final = ("image", "index")  # kinds of which nothing is to be said

_LAYERS: Final = select(layer_files).where(layer_files.c.digest.in_(bindparam("digests", expanding=True)))
_MARKS: Final = select(layer_files.c.digest, layer_files.c.form, layer_files.c.revision, layer_files.c.hashed).where(
    layer_files.c.digest.in_(bindparam("digests", expanding=True))
)
_INSIGHTS: Final = select(insights).where(insights.c.digest.in_(bindparam("digests", expanding=True)))
_KINDS: Final = select(insights.c.digest, insights.c.path, insights.c.kind).where(
    insights.c.digest.in_(bindparam("digests", expanding=True))
)
_INSIGHT: Final = select(insights).where(insights.c.digest == bindparam("digest"), insights.c.path == bindparam("path"))
_MANIFEST: Final = (
    select(manifests.c.id, manifests.c.kind, manifests.c.subject_digest, manifests.c.total_size)
    .select_from(manifests.join(repositories))
    .where(repositories.c.name == bindparam("name"), manifests.c.digest == bindparam("digest"))
)
_UNDERSTANDING: Final = select(understandings).where(understandings.c.manifest_id == bindparam("manifest"))
_SPEAKS: Final = (manifests.c.subject_digest.is_(None), manifests.c.kind.not_in(_NOTHING))
_DUE: Final = (
    select(manifests.c.id, manifests.c.digest, repositories.c.name)
    .select_from(manifests.join(repositories).outerjoin(understandings))
    .where(
        *_SPEAKS,
        manifests.c.id > bindparam("after"),
        or_(understandings.c.manifest_id.is_(None), understandings.c.revision < bindparam("revision")),
    )
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)
_WAITING: Final = (
    select(manifests.c.digest)
    .select_from(
        manifest_children.join(manifests, manifests.c.id == manifest_children.c.manifest_id)
        .join(repositories, repositories.c.id == manifest_children.c.repository_id)
        .join(understandings, understandings.c.manifest_id == manifests.c.id)
    )
    .where(
        # By both columns of the index: every upload asks, and a million versions elsewhere may name the same blob.
        manifest_children.c.digest == bindparam("digest"),
        repositories.c.name == bindparam("name"),
        understandings.c.state == "waiting",
    )
    .distinct()
    .limit(100)
)
_TO_HASH: Final = (
    select(layer_files.c.digest, layer_files.c.form, blobs.c.size)
    .select_from(layer_files.join(blobs))
    .where(layer_files.c.hashed == 0, blobs.c.damaged_at.is_(None), layer_files.c.digest > bindparam("after"))
    .order_by(layer_files.c.digest)
    .limit(bindparam("limit"))
)
_PREVIOUS: Final = (
    select(manifests.c.id)
    .where(
        manifests.c.repository_id == select(manifests.c.repository_id).where(manifests.c.id == bindparam("manifest"))
        .scalar_subquery(),
        manifests.c.id < bindparam("manifest"),
        *_SPEAKS,
    )
    .order_by(manifests.c.id.desc())
    .limit(1)
)  # fmt: skip
_earlier: Final = manifest_children.alias("earlier")
_NEW: Final = (
    select(manifest_children.c.digest, func.max(manifest_children.c.size).label("size"))
    .where(
        manifest_children.c.manifest_id == bindparam("manifest"),
        ~exists().where(
            _earlier.c.manifest_id == bindparam("previous"), _earlier.c.digest == manifest_children.c.digest
        ),
    )
    .group_by(manifest_children.c.digest)
)
_STATES: Final = select(understandings.c.state, func.count().label("versions")).group_by(understandings.c.state)


@dataclass(frozen=True, slots=True)
class LayerRow:
    """What a layer holds.

    Attributes:
        form: What the layer was taken for: ``tar``, ``tar+gzip``, ``raw+zstd``, ...
        revision: Of what made it.
        files: How many.
        note: Why there is no list, if there is none.
        hashed: Whether the digest of every file is known.
        document: The list, as whoever made it wrote it.
    """

    digest: Digest
    form: str
    revision: int
    files: int
    note: str | None = None
    hashed: bool = False
    document: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class InsightRow:
    """What one file of a layer says.

    Attributes:
        path: In the layer; of a layer that is one bare file, where that belongs in the version.
        kind: What it was taken for.
        revision: Of what read it.
        document: What was found out, as whoever did wrote it.
    """

    digest: Digest
    path: str
    kind: str
    revision: int
    document: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Understanding:
    """How far the work on a version has come.

    Attributes:
        state: A word for it.
        revision: Of what did it.
        at: When, in the catalog's milliseconds.
        note: Why something is missing.
        document: What the version is as a whole.
    """

    state: str
    revision: int
    at: int
    note: str | None = None
    document: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A version, as far as it matters here.

    Attributes:
        id: Number of its row.
        speaks: Whether there is something to find out about it.
        kind: What people call such an artifact.
        size: Bytes of everything that it names.
    """

    id: int
    speaks: bool
    kind: str
    size: int


def speaks(kind: str, subject: Digest | str | None) -> bool:
    """Tell whether there is something to find out about a manifest: not of images and indexes, nor of referrers."""
    return subject is None and kind not in _NOTHING


def speaker(connection: Connection, name: str, digest: Digest) -> Speaker | None:
    """Find a version of the repository of this name."""
    row = connection.execute(_MANIFEST, {"name": name, "digest": str(digest)}).first()
    return None if row is None else Speaker(row.id, speaks(row.kind, row.subject_digest), row.kind, row.total_size)


def layers(connection: Connection, digests: Collection[Digest]) -> dict[tuple[Digest, str], LayerRow]:
    """Give what is known of what layers hold, by digest and form."""
    found = {}
    for batch in batches(sorted({str(digest) for digest in digests})):
        for row in connection.execute(_LAYERS, {"digests": batch}):
            one = _layer(row)
            found[one.digest, one.form] = one
    return found


def marks(connection: Connection, digests: Collection[Digest]) -> tuple[tuple[str, str, int, int], ...]:
    """Give something that changes when what is known of what layers hold does."""
    rows = (
        row
        for batch in batches(sorted({str(digest) for digest in digests}))
        for row in connection.execute(_MARKS, {"digests": batch})
    )
    return tuple(sorted((row.digest, row.form, row.revision, row.hashed) for row in rows))


def put_layer(connection: Connection, row: LayerRow) -> bool:
    """Write down what a layer holds, instead of what was known; tell whether the layer is still there."""
    digest = str(row.digest)
    if (
        connection.execute(
            select(blobs.c.digest).where(blobs.c.digest == digest).with_for_update(read=True, key_share=True)
        ).first()
        is None
    ):
        return False
    connection.execute(delete(layer_files).where(layer_files.c.digest == digest, layer_files.c.form == row.form))
    values = {"digest": digest, "form": row.form, "revision": row.revision, "files": row.files, "note": row.note}
    connection.execute(
        insert_new(connection, layer_files), {**values, "hashed": int(row.hashed), "document": _packed(row.document)}
    )
    return True


def to_hash(connection: Connection, *, after: str = "", limit: int) -> list[tuple[Digest, str, int]]:
    """List layers of whose files not every digest is known, behind a digest: with their forms and sizes."""
    rows = connection.execute(_TO_HASH, {"after": after, "limit": limit})
    return [(Digest.parse(row.digest), row.form, row.size) for row in rows]


def insights_of(connection: Connection, digests: Collection[Digest]) -> list[InsightRow]:
    """Give what the files of layers say."""
    return [
        InsightRow(Digest.parse(row.digest), row.path, row.kind, row.revision, zlib.decompress(row.document))
        for batch in batches(sorted({str(digest) for digest in digests}))
        for row in connection.execute(_INSIGHTS, {"digests": batch})
    ]


def kinds_of(connection: Connection, digests: Collection[Digest]) -> dict[tuple[Digest, str], str]:
    """Tell what the files of layers were taken for, by layer and path in it."""
    return {
        (Digest.parse(row.digest), row.path): row.kind
        for batch in batches(sorted({str(digest) for digest in digests}))
        for row in connection.execute(_KINDS, {"digests": batch})
    }


def insight_of(connection: Connection, digest: Digest, path: str) -> InsightRow | None:
    """Give what one file of a layer says."""
    row = connection.execute(_INSIGHT, {"digest": str(digest), "path": path}).first()
    return None if row is None else InsightRow(digest, row.path, row.kind, row.revision, zlib.decompress(row.document))


def put_insights(connection: Connection, digest: Digest, found: Iterable[InsightRow]) -> bool:
    """Write down what files of a layer say, instead of what they said; tell whether the layer is still there."""
    name = str(digest)
    if (
        connection.execute(
            select(blobs.c.digest).where(blobs.c.digest == name).with_for_update(read=True, key_share=True)
        ).first()
        is None
    ):
        return False
    for row in found:
        connection.execute(delete(insights).where(insights.c.digest == name, insights.c.path == row.path))
        values = {"digest": name, "path": row.path, "kind": row.kind, "revision": row.revision}
        connection.execute(insert_new(connection, insights), {**values, "document": _packed(row.document)})
    return True


def get(connection: Connection, manifest: int) -> Understanding | None:
    """Tell how far the work on a version has come, if it has begun."""
    row = connection.execute(_UNDERSTANDING, {"manifest": manifest}).first()
    if row is None:
        return None
    document = None if row.document is None else zlib.decompress(row.document)
    return Understanding(row.state, row.revision, row.at, row.note, document)


def put(connection: Connection, manifest: int, known: Understanding) -> None:
    """Write down how far the work on a version has come, instead of what was known."""
    connection.execute(delete(understandings).where(understandings.c.manifest_id == manifest))
    values = {"manifest_id": manifest, "state": known.state, "revision": known.revision, "at": known.at}
    connection.execute(insert(understandings), {**values, "note": known.note, "document": _packed(known.document)})


def due(connection: Connection, revision: int, *, after: int = 0, limit: int) -> list[tuple[int, Digest, str]]:
    """List versions that nobody has understood, or only an older reader: row numbers, digests and repositories."""
    rows = connection.execute(_DUE, {"revision": revision, "after": after, "limit": limit})
    return [(row.id, Digest.parse(row.digest), row.name) for row in rows]


def waiting_for(connection: Connection, name: str, digest: Digest) -> list[Digest]:
    """List versions of a repository that name a blob, and that were looked into when some of theirs was missing."""
    rows = connection.execute(_WAITING, {"name": name, "digest": str(digest)})
    return [Digest.parse(row.digest) for row in rows]


def speakers(connection: Connection, name: str, digest: Digest | None = None) -> list[tuple[int, Digest]]:
    """List versions of a repository, or one of them, about which there is something to find out."""
    statement = select(manifests.c.id, manifests.c.digest).select_from(manifests.join(repositories))
    statement = statement.where(repositories.c.name == name, *_SPEAKS).order_by(manifests.c.id)
    if digest is not None:
        statement = statement.where(manifests.c.digest == str(digest))
    return [(row.id, Digest.parse(row.digest)) for row in connection.execute(statement)]


def outdate(connection: Connection, versions: Sequence[int] | None = None) -> int:
    """Let versions, or all of them, and their layers count as understood by an older reader; give how many.

    What is known stays until something newer takes its place.
    """
    if versions is None:
        connection.execute(update(layer_files).values(revision=0))
        connection.execute(update(insights).values(revision=0))
        return connection.execute(update(understandings).values(revision=0)).rowcount
    done = 0
    for number in versions:
        children = select(manifest_children.c.digest).where(manifest_children.c.manifest_id == number)
        connection.execute(update(layer_files).where(layer_files.c.digest.in_(children)).values(revision=0))
        connection.execute(update(insights).where(insights.c.digest.in_(children)).values(revision=0))
        mine = understandings.c.manifest_id == number
        done += connection.execute(update(understandings).where(mine).values(revision=0)).rowcount
    return done


def pending(connection: Connection, revision: int) -> int:
    """Count versions that nobody has understood, or only an older reader."""
    missing = or_(understandings.c.manifest_id.is_(None), understandings.c.revision < revision)
    found = select(func.count()).select_from(manifests.outerjoin(understandings)).where(*_SPEAKS, missing)
    return connection.execute(found).scalar_one()


def unhashed(connection: Connection) -> int:
    """Count layers of whose files not every digest is known."""
    return connection.execute(select(func.count()).where(layer_files.c.hashed == 0)).scalar_one()


def new_bytes(connection: Connection, manifest: int) -> int:
    """Count the bytes that a version names and the one pushed before it, in the same repository, does not."""
    previous = connection.execute(_PREVIOUS, {"manifest": manifest}).scalar()
    rows = connection.execute(_NEW, {"manifest": manifest, "previous": -1 if previous is None else previous})
    return sum(row.size for row in rows)


def states(connection: Connection) -> dict[str, int]:
    """Count versions by how far the work on them has come, where it has begun."""
    return {row.state: row.versions for row in connection.execute(_STATES)}


def _layer(row: Row[*tuple[Any, ...]]) -> LayerRow:
    document = None if row.document is None else zlib.decompress(row.document)
    return LayerRow(Digest.parse(row.digest), row.form, row.revision, row.files, row.note, bool(row.hashed), document)


def _packed(document: bytes | None) -> bytes | None:
    return None if document is None else zlib.compress(document, _LEVEL)
