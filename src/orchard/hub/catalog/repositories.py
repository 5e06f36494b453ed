"""Repositories, and the blobs that they link."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from orchard.hub.catalog import usage
from orchard.hub.catalog.records import Blob
from orchard.hub.db import insert_new
from orchard.hub.db.schema import blob_links, blobs, manifest_children, manifests, repositories
from orchard.oci import Digest

_BATCH: Final = 500  # values of one IN; SQLite takes 32766, PostgreSQL plans badly long before

_FIND: Final = select(repositories.c.id).where(
    repositories.c.name == bindparam("name"), repositories.c.deleted_at.is_(None)
)
_ANY: Final = select(repositories.c.id).where(repositories.c.name == bindparam("name"))
_SOUND: Final = blobs.c.damaged_at.is_(None)  # what is damaged is not there: nobody gets it, everybody may push it
_BLOB: Final = (
    select(blobs.c.size)
    .select_from(blobs.join(blob_links).join(repositories))
    .where(repositories.c.name == bindparam("name"), blobs.c.digest == bindparam("digest"), _SOUND)
)
_SIZES: Final = (
    select(blobs.c.digest, blobs.c.size)
    .select_from(blobs.join(blob_links))
    .where(
        blob_links.c.repository_id == bindparam("repository"),
        blobs.c.digest.in_(bindparam("digests", expanding=True)),
        _SOUND,
    )
)
_LINKING: Final = (
    select(repositories.c.name)
    .select_from(repositories.join(blob_links))
    .where(blob_links.c.digest == bindparam("digest"))
    .order_by(repositories.c.name)
)
_NAMES: Final = (
    select(repositories.c.name)
    .where(repositories.c.name > bindparam("after"), exists().where(manifests.c.repository_id == repositories.c.id))
    .order_by(repositories.c.name)
    .limit(bindparam("limit"))
)
_NAMED_BY: Final = (
    select(manifests.c.digest)
    .select_from(manifests.join(manifest_children))
    .where(
        manifest_children.c.repository_id == bindparam("repository"), manifest_children.c.digest == bindparam("digest")
    )
    .limit(1)
)
_SINCE: Final = _BLOB.add_columns(blob_links.c.linked_at)
_THIS: Final = (blob_links.c.repository_id == bindparam("repository"), blob_links.c.digest == bindparam("wanted"))
_LINKED: Final = (
    select(blob_links.c.namespace, blob_links.c.released_at, blobs.c.size)
    .select_from(blob_links.join(blobs))
    .where(*_THIS)
)
_HELD: Final = (
    select(blob_links.c.repository_id)
    .where(
        blob_links.c.digest == bindparam("wanted"),
        blob_links.c.namespace == bindparam("home"),
        blob_links.c.released_at.is_(None),
    )
    .limit(1)
)
_RELEASED: Final = (
    select(blob_links.c.digest, blobs.c.size)
    .select_from(blob_links.join(blobs))
    .where(
        blob_links.c.repository_id == bindparam("repository"),
        blob_links.c.digest.in_(bindparam("digests", expanding=True)),
        blob_links.c.released_at.is_not(None),
    )
)
_HOME: Final = select(repositories.c.namespace).where(repositories.c.id == bindparam("repository"))
_LINK: Final = insert(blob_links)
_UNLINK: Final = delete(blob_links).where(*_THIS)
_REFRESH: Final = update(blob_links).where(*_THIS).values(linked_at=bindparam("at"))
_STATE: Final = update(blob_links).where(*_THIS).values(released_at=bindparam("since"))


def find(connection: Connection, name: str) -> int | None:
    """Give the row number of a repository."""
    found: int | None = connection.execute(_FIND, {"name": name}).scalar()
    return found


def make(connection: Connection, name: str, at: int) -> int:
    """Give the row number of a repository, making it if need be; one that was deleted goes on with its history."""
    found = find(connection, name)
    if found is not None:
        return found
    home = usage.namespace_of(name)
    made: int | None = connection.execute(_ANY, {"name": name}).scalar()
    if made is None:
        connection.execute(insert(repositories), {"name": name, "namespace": home, "created_at": at})
        made = find(connection, name)
        assert made is not None
    else:
        again = {"created_at": at, "deleted_at": None}
        connection.execute(update(repositories).where(repositories.c.id == made), again)
    usage.add(connection, home, 0, repositories=1)
    return made


def empty(connection: Connection, repository: int, at: int) -> None:
    """Forget a repository that holds no manifests any more, with all that it links; the history of its tags stays."""
    for digest in connection.execute(select(blob_links.c.digest).where(blob_links.c.repository_id == repository)).all():
        unlink(connection, repository, Digest.parse(digest[0]))
    connection.execute(update(repositories).where(repositories.c.id == repository), {"deleted_at": at})
    usage.add(connection, home(connection, repository), 0, repositories=-1)


def home(connection: Connection, repository: int) -> str:
    """Name the namespace of a repository."""
    found: str = connection.execute(_HOME, {"repository": repository}).scalar_one()
    return found


def names(connection: Connection, after: str, limit: int) -> list[str]:
    """List repositories that hold a manifest, in the order of their bytes."""
    return list(connection.execute(_NAMES, {"after": after, "limit": limit}).scalars())


def blob(connection: Connection, name: str, digest: Digest) -> Blob | None:
    """Find a blob that the repository of this name links."""
    size = connection.execute(_BLOB, {"name": name, "digest": str(digest)}).scalar()
    return None if size is None else Blob(digest, size)


def stored(connection: Connection, digest: Digest) -> bool:
    """Tell whether the bytes of a blob are kept, whoever links it."""
    return connection.execute(select(blobs.c.size).where(blobs.c.digest == str(digest))).first() is not None


def sizes(connection: Connection, repository: int, digests: Collection[Digest]) -> dict[str, int]:
    """Tell the sizes of those blobs that the repository links."""
    found: dict[str, int] = {}
    for batch in batches([str(digest) for digest in digests]):
        rows = connection.execute(_SIZES, {"repository": repository, "digests": batch})
        found.update((row.digest, row.size) for row in rows)
    return found


def linking(connection: Connection, digest: Digest) -> list[str]:
    """Name the repositories that link a blob."""
    return list(connection.execute(_LINKING, {"digest": str(digest)}).scalars())


def link(connection: Connection, repository: int, blob: Blob, *, at: int) -> None:
    """Let a repository link a blob whose bytes are stored; it may do so already."""
    digest = str(blob.digest)
    usage.hold(connection, home(connection, repository))  # before the blob: all writers wait in the same order
    new = {"digest": digest, "size": blob.size, "stored_at": at, "checked_at": at}
    connection.execute(insert_new(connection, blobs), new)  # writers of other repositories may be at the same
    found = connection.execute(_LINKED, {"repository": repository, "wanted": digest}).first()
    if found is not None and found.released_at is None:
        refresh(connection, repository, blob.digest, at=at)
        return
    namespace = home(connection, repository)
    _count(connection, namespace, digest, size=blob.size)
    if found is None:
        values = {"repository_id": repository, "digest": digest, "linked_at": at, "namespace": namespace}
        connection.execute(_LINK, {**values, "size": blob.size})
    else:
        connection.execute(_STATE, {"repository": repository, "wanted": digest, "since": None})
        refresh(connection, repository, blob.digest, at=at)


def refresh(connection: Connection, repository: int, digest: Digest, *, at: int) -> bool:
    """Let a repository keep a blob for another while, if it links it; tell whether it does."""
    done = connection.execute(_REFRESH, {"repository": repository, "wanted": str(digest), "at": at})
    return done.rowcount > 0


def linked(connection: Connection, name: str, digest: Digest) -> tuple[Blob, int] | None:
    """Find a blob that the repository of this name links, and since when or when it was last refreshed."""
    row = connection.execute(_SINCE, {"name": name, "digest": str(digest)}).first()
    return None if row is None else (Blob(digest, row.size), row.linked_at)


def unlink(connection: Connection, repository: int, digest: Digest) -> bool:
    """Take a blob out of a repository; tell whether it was there."""
    wanted = {"repository": repository, "wanted": str(digest)}
    found = connection.execute(_LINKED, wanted).first()
    if found is None:
        return False
    usage.hold(connection, found.namespace)
    connection.execute(_UNLINK, wanted)
    if found.released_at is None:
        _count(connection, found.namespace, str(digest), size=-found.size)
    return True


def release(connection: Connection, repository: int, digests: Collection[Digest], *, at: int) -> None:
    """Stop counting those of these blobs that no manifest of the repository names any more."""
    for digest in digests:
        wanted = {"repository": repository, "wanted": str(digest)}
        found = connection.execute(_LINKED, wanted).first()
        if found is None or found.released_at is not None or named_by(connection, repository, digest) is not None:
            continue
        usage.hold(connection, found.namespace)
        connection.execute(_STATE, {**wanted, "since": at})
        _count(connection, found.namespace, str(digest), size=-found.size)


def revive(connection: Connection, repository: int, digests: Collection[Digest]) -> None:
    """Count those of these blobs again that were released, because a manifest is about to name them."""
    for batch in batches([str(digest) for digest in digests]):
        rows = connection.execute(_RELEASED, {"repository": repository, "digests": batch}).all()
        for row in rows:
            _count(connection, home(connection, repository), row.digest, size=row.size)
            connection.execute(_STATE, {"repository": repository, "wanted": row.digest, "since": None})


def _count(connection: Connection, namespace: str, digest: str, *, size: int) -> None:
    """Count a blob as kept, or not as kept any more, if no repository of the namespace does (otherwise)."""
    usage.hold(connection, namespace)
    if connection.execute(_HELD, {"wanted": digest, "home": namespace}).first() is None:
        usage.add(connection, namespace, size)


def named_by(connection: Connection, repository: int, digest: Digest) -> str | None:
    """Find a manifest of the repository that names this content."""
    found: str | None = connection.execute(_NAMED_BY, {"repository": repository, "digest": str(digest)}).scalar()
    return found


def batches(values: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list into pieces for ``IN``."""
    rest = iter(values)
    while piece := list(islice(rest, _BATCH)):
        yield piece
