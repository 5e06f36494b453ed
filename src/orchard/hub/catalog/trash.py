"""What was deleted and can come back: manifests as received with the rows that the catalog had of them, and tags.

One entry for each time somebody deleted something. Bytes of blobs stay where they are: whoever collects garbage asks
``referenced`` and keeps what it gives.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from orchard.hub.catalog.repositories import batches
from orchard.hub.db import moment
from orchard.hub.db.rules import manifest_pulls, trash, trash_children, trash_manifests, trash_tags
from orchard.hub.db.schema import documents, manifest_children, manifests
from orchard.oci import Digest

_WHOLE: Final = (
    select(manifests, documents.c.raw, manifest_pulls.c.pulls, manifest_pulls.c.pulled_at)
    .select_from(
        manifests.join(documents).outerjoin(manifest_pulls, manifest_pulls.c.manifest_id == manifests.c.id),
    )
    .where(manifests.c.id == bindparam("manifest"))
)
_CHILDREN: Final = (
    select(manifest_children.c.digest).where(manifest_children.c.manifest_id == bindparam("manifest")).distinct()
)
_COLUMNS: Final = frozenset(manifests.c.keys()) - {"id", "repository_id", "orphaned_at"}
_COUNT: Final = (
    select(func.count()).where(trash_manifests.c.trash_id == trash.c.id).scalar_subquery().label("manifests")
)
_ENTRIES: Final = (
    select(trash, _COUNT)
    .where(trash.c.repository == bindparam("name"), trash.c.id < bindparam("before"))
    .order_by(trash.c.id.desc())
    .limit(bindparam("limit"))
)
_ENTRY: Final = select(trash, _COUNT).where(trash.c.id == bindparam("entry"), trash.c.repository == bindparam("name"))
_TAGS: Final = (
    select(trash_tags)
    .where(trash_tags.c.trash_id.in_(bindparam("entries", expanding=True)))
    .order_by(trash_tags.c.trash_id, trash_tags.c.name)
)
_HERE: Final = (
    select(trash_manifests)
    .select_from(trash_manifests.join(trash))
    .where(trash.c.repository == bindparam("name"), trash_manifests.c.digest == bindparam("digest"))
    .order_by(trash_manifests.c.id.desc())
    .limit(1)
)
_ABOUT: Final = (
    select(trash_manifests)
    .select_from(trash_manifests.join(trash))
    .where(
        trash.c.repository == bindparam("name"),
        trash.c.kind == "referrer",
        trash_manifests.c.subject_digest == bindparam("subject"),
    )
    .order_by(trash_manifests.c.id)
)
LATEST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Deletion:
    """Somebody deleting something.

    Attributes:
        kind: ``tag``, ``manifest``, ``repository``; or ``referrer``, if it went because what it is about did.
        what: The tag, the digest, or the name.
        why: For people.
    """

    repository: str
    kind: str
    what: str
    why: str
    account: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trashed:
    """What was deleted at once.

    Attributes:
        id: Its number.
        kind: ``tag``, ``manifest``, ``referrer`` or ``repository``.
        what: The tag, the digest, or the name.
        tags: Tags that went, and what they pointed to.
        manifests: How many manifests went.
    """

    id: int
    repository: str
    kind: str
    what: str
    why: str
    deleted_at: datetime
    deleted_by: str
    manifests: int
    tags: tuple[tuple[str, Digest], ...]


@dataclass(frozen=True, slots=True)
class TrashedManifest:
    """A manifest that was deleted.

    Attributes:
        columns: What the catalog's row of it held.
        raw: The manifest as received.
        pulls: How often it was pulled.
        pulled_at: When it was asked for last, if ever, in the catalog's milliseconds.
    """

    id: int
    digest: Digest
    columns: dict[str, str | int | None] = field(repr=False)
    raw: bytes = field(repr=False)
    pulls: int
    pulled_at: int | None


def begin(connection: Connection, deletion: Deletion) -> int:
    """Make an entry, still empty."""
    values = {"repository": deletion.repository, "kind": deletion.kind, "what": deletion.what, "why": deletion.why}
    done = connection.execute(insert(trash), {**values, "deleted_at": deletion.at, "deleted_by": deletion.account})
    made = done.inserted_primary_key
    assert made is not None
    number: int = made[0]
    return number


def keep_manifest(connection: Connection, entry: int, manifest: int) -> None:
    """Put a manifest that is about to be deleted into an entry."""
    row = connection.execute(_WHOLE, {"manifest": manifest}).one()
    record = {key: value for key, value in row._mapping.items() if key in _COLUMNS}  # noqa: SLF001 -- its public name
    values = {"trash_id": entry, "digest": row.digest, "raw": row.raw, "record": msgspec.json.encode(record).decode()}
    pulls = {"pulls": row.pulls or 0, "pulled_at": row.pulled_at, "subject_digest": row.subject_digest}
    made = connection.execute(insert(trash_manifests), {**values, **pulls}).inserted_primary_key
    assert made is not None
    children = connection.execute(_CHILDREN, {"manifest": manifest}).scalars().all()
    if children:
        connection.execute(
            insert(trash_children), [{"trash_manifest_id": made[0], "digest": digest} for digest in children]
        )


def keep_tag(connection: Connection, entry: int, *, tag: str, digest: Digest) -> None:
    """Put a tag that is about to be deleted into an entry."""
    connection.execute(insert(trash_tags), {"trash_id": entry, "name": tag, "digest": str(digest)})


def entries(connection: Connection, name: str, *, before: int = LATEST, limit: int) -> list[Trashed]:
    """List what was deleted in a repository, the newest first; only entries of a lower number."""
    rows = connection.execute(_ENTRIES, {"name": name, "before": before, "limit": limit}).all()
    tags = _tags(connection, [row.id for row in rows])
    return [_trashed(row, tags.get(row.id, [])) for row in rows]


def repositories(connection: Connection, namespace: str, *, limit: int) -> list[Trashed]:
    """List the repositories of a namespace that were deleted, the last first."""
    # "0" comes right after "/": all names of the namespace, by the index
    below = (trash.c.repository > f"{namespace}/") & (trash.c.repository < f"{namespace}0")
    here = (trash.c.kind == "repository") & ((trash.c.repository == namespace) | below)
    rows = connection.execute(select(trash, _COUNT).where(here).order_by(trash.c.id.desc()).limit(limit))
    return [_trashed(row, []) for row in rows]


def latest(connection: Connection, *, before: int | None, limit: int) -> list[Trashed]:
    """List what was deleted anywhere, the newest first; only entries of a lower number, if one is given."""
    statement = select(trash, _COUNT).order_by(trash.c.id.desc()).limit(limit)
    rows = connection.execute(statement if before is None else statement.where(trash.c.id < before)).all()
    tags = _tags(connection, [row.id for row in rows])
    return [_trashed(row, tags.get(row.id, [])) for row in rows]


def entry(connection: Connection, name: str, number: int) -> Trashed | None:
    """Find an entry of a repository."""
    row = connection.execute(_ENTRY, {"name": name, "entry": number}).first()
    return None if row is None else _trashed(row, _tags(connection, [number]).get(number, []))


def contents(connection: Connection, number: int) -> list[int]:
    """List the manifests of an entry by their row numbers, in the order in which they were put there."""
    found = select(trash_manifests.c.id).where(trash_manifests.c.trash_id == number).order_by(trash_manifests.c.id)
    return list(connection.execute(found).scalars())


def kept(connection: Connection, number: int) -> TrashedManifest | None:
    """Read a manifest of an entry by its row number, if it is still there."""
    row = connection.execute(select(trash_manifests).where(trash_manifests.c.id == number)).first()
    return None if row is None else _read(row)


def find(connection: Connection, name: str, digest: Digest) -> TrashedManifest | None:
    """Find a manifest in the trash of a repository, whichever entry it is in."""
    row = connection.execute(_HERE, {"name": name, "digest": str(digest)}).first()
    return None if row is None else _read(row)


def about(connection: Connection, name: str, subject: Digest) -> list[tuple[int, TrashedManifest]]:
    """List what went from a repository because this did: entries, with the manifest that each holds."""
    rows = connection.execute(_ABOUT, {"name": name, "subject": str(subject)})
    return [(row.trash_id, _read(row)) for row in rows]


def take_out(connection: Connection, manifest: TrashedManifest) -> None:
    """Forget a manifest that has been put back."""
    connection.execute(delete(trash_manifests).where(trash_manifests.c.id == manifest.id))


def drop(connection: Connection, number: int) -> None:
    """Forget an entry with all it holds."""
    connection.execute(delete(trash).where(trash.c.id == number))


def expired(connection: Connection, before: int, limit: int) -> list[tuple[int, str]]:
    """List entries made at a time or before, the oldest first: their numbers and repositories."""
    found = select(trash.c.id, trash.c.repository).where(trash.c.deleted_at <= before).order_by(trash.c.deleted_at)
    return [(row.id, row.repository) for row in connection.execute(found.limit(limit))]


def referenced(connection: Connection, digests: Collection[Digest]) -> set[Digest]:
    """Tell which of these contents the trash of any repository names: their bytes must stay."""
    found: set[Digest] = set()
    for batch in batches([str(digest) for digest in digests]):
        wanted = select(trash_children.c.digest).where(trash_children.c.digest.in_(batch)).distinct()
        found.update(Digest.parse(digest) for digest in connection.execute(wanted).scalars())
    return found


def _tags(connection: Connection, numbers: Iterable[int]) -> dict[int, list[tuple[str, Digest]]]:
    found: dict[int, list[tuple[str, Digest]]] = {}
    for row in connection.execute(_TAGS, {"entries": list(numbers)}):
        found.setdefault(row.trash_id, []).append((row.name, Digest.parse(row.digest)))
    return found


def _trashed(row: Row[Any], tags: list[tuple[str, Digest]]) -> Trashed:
    return Trashed(
        id=row.id,
        repository=row.repository,
        kind=row.kind,
        what=row.what,
        why=row.why,
        deleted_at=moment(row.deleted_at),
        deleted_by=row.deleted_by,
        manifests=row.manifests,
        tags=tuple(tags),
    )


def _read(row: Row[Any]) -> TrashedManifest:
    columns = msgspec.json.decode(row.record, type=dict[str, str | int | None])
    return TrashedManifest(row.id, Digest.parse(row.digest), columns, row.raw, row.pulls, row.pulled_at)
