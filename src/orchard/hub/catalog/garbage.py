"""What nobody needs any more: links that no manifest needs, blobs that no repository links, referrers of nothing.

Each list is read in pages, and each deletion looks again: what a list said may have changed since.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BindParameter,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    null,
    or_,
    select,
    tuple_,
    update,
)

from orchard.hub.catalog import repositories as places
from orchard.hub.catalog import trash
from orchard.hub.catalog.repositories import batches
from orchard.hub.db.rules import trash_children
from orchard.hub.db.schema import blob_links, blobs, manifest_children, manifests, repositories, tags
from orchard.oci import Digest

_DIGESTS: Final[BindParameter[str]] = bindparam("digests", expanding=True)

_NAMED: Final = (
    exists()
    .where(
        manifest_children.c.digest == blob_links.c.digest,
        manifest_children.c.repository_id == blob_links.c.repository_id,
    )
    .correlate(blob_links)
)
_IDLE: Final = and_(blob_links.c.linked_at <= bindparam("before"), ~_NAMED)
_LINKS: Final = (
    select(blob_links.c.repository_id, blob_links.c.digest, repositories.c.name, _IDLE.label("idle"))
    .select_from(blob_links.join(repositories))
    .where(
        tuple_(blob_links.c.repository_id, blob_links.c.digest) > tuple_(bindparam("repository"), bindparam("digest"))
    )
    .order_by(blob_links.c.repository_id, blob_links.c.digest)
    .limit(bindparam("limit"))
)
_STILL: Final = select(blob_links.c.digest).where(
    blob_links.c.repository_id == bindparam("repository"), blob_links.c.digest.in_(_DIGESTS), _IDLE
)
_LINKED: Final = exists().where(blob_links.c.digest == blobs.c.digest).correlate(blobs)
_NEEDED: Final = or_(
    exists().where(blob_links.c.digest == blobs.c.digest, ~_IDLE).correlate(blobs),
    exists().where(trash_children.c.digest == blobs.c.digest).correlate(blobs),
)
_BLOBS: Final = (
    select(blobs.c.digest, blobs.c.size, _NEEDED.label("needed"))
    .where(blobs.c.digest > bindparam("after"))
    .order_by(blobs.c.digest)
    .limit(bindparam("limit"))
)
_UNLINKED: Final = select(blobs.c.digest, blobs.c.size).where(blobs.c.digest.in_(_DIGESTS), ~_LINKED)
_FORGET: Final = delete(blobs).where(blobs.c.digest.in_(_DIGESTS))
_KNOWN: Final = select(blobs.c.digest).where(blobs.c.digest.in_(_DIGESTS))

_subject: Final = manifests.alias("subject")
_index: Final = manifests.alias("index")
_WANTED: Final = or_(
    exists().where(
        _subject.c.repository_id == manifests.c.repository_id, _subject.c.digest == manifests.c.subject_digest
    ),
    exists().where(tags.c.manifest_id == manifests.c.id),
    exists().where(
        manifest_children.c.digest == manifests.c.digest,
        manifest_children.c.repository_id == manifests.c.repository_id,
    ),
)
_REFERRERS: Final = (
    select(
        manifests.c.id,
        manifests.c.digest,
        manifests.c.orphaned_at,
        repositories.c.name,
        case((manifests.c.subject_digest.is_(None), True), else_=_WANTED).label("wanted"),
    )
    .select_from(manifests.join(repositories))
    .where(manifests.c.id > bindparam("after"))
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)
_MARK: Final = (
    update(manifests)
    .where(manifests.c.id == bindparam("manifest"), manifests.c.orphaned_at.is_(None), ~_WANTED)
    .values(orphaned_at=bindparam("at"))
)
_UNMARK: Final = update(manifests).where(manifests.c.id == bindparam("manifest"), _WANTED).values(orphaned_at=null())
_ORPHANED: Final = select(manifests.c.id).where(
    manifests.c.id == bindparam("manifest"), manifests.c.orphaned_at <= bindparam("before"), ~_WANTED
)


@dataclass(frozen=True, slots=True)
class Link:
    """That a repository has a blob.

    Attributes:
        repository: Row number of the repository.
        name: Its name.
        digest: The blob.
        idle: Whether no manifest of the repository names the blob, and nobody asked for it lately.
    """

    repository: int
    name: str
    digest: str
    idle: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A blob.

    Attributes:
        digest: What it is called.
        size: Its bytes.
        needed: Whether the trash names it; or a repository has it, and a manifest there names it or somebody asked for
            it lately.
    """

    digest: str
    size: int
    needed: bool


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that may be about another one.

    Attributes:
        manifest: Its row number.
        name: Of its repository.
        digest: What it is called.
        orphaned_at: Since when it is known that nobody wants it, in milliseconds, if that was so.
        wanted: Whether it is about nothing; or about a manifest that is there; or has a tag; or an index lists it.
    """

    manifest: int
    name: str
    digest: Digest
    orphaned_at: int | None
    wanted: bool


def links(connection: Connection, after: tuple[int, str], *, before: int, limit: int) -> list[Link]:
    """List links after a repository and a digest; idle are some of those from ``before`` and earlier."""
    repository, digest = after
    values = {"repository": repository, "digest": digest, "before": before, "limit": limit}
    return [Link(row.repository_id, row.name, row.digest, bool(row.idle)) for row in connection.execute(_LINKS, values)]


def unlink(connection: Connection, repository: int, digests: Collection[str], *, before: int) -> int:
    """Take those blobs out of a repository that are idle still; tell how many."""
    done = 0
    for batch in batches(list(digests)):
        values = {"repository": repository, "digests": batch, "before": before}
        for digest in connection.execute(_STILL, values).scalars().all():
            done += places.unlink(connection, repository, Digest.parse(digest))
    return done


def candidates(connection: Connection, after: str, *, before: int, limit: int) -> list[Candidate]:
    """List blobs after a digest; a link from ``before`` and earlier counts only if a manifest needs it."""
    rows = connection.execute(_BLOBS, {"after": after, "before": before, "limit": limit})
    return [Candidate(row.digest, row.size, bool(row.needed)) for row in rows]


def forget(connection: Connection, digests: Collection[Digest]) -> dict[Digest, int]:
    """Forget those blobs that neither a repository nor the trash has; give their sizes. Now their bytes may go."""
    found: dict[Digest, int] = {}
    kept = trash.referenced(connection, digests)
    for batch in batches([str(digest) for digest in digests if digest not in kept]):
        rows = connection.execute(_UNLINKED, {"digests": batch}).all()
        connection.execute(_FORGET, {"digests": [row.digest for row in rows]})
        found.update((Digest.parse(row.digest), row.size) for row in rows)
    return found


def unknown(connection: Connection, digests: Collection[Digest]) -> list[Digest]:
    """Give those that are no blobs of the catalog."""
    known: set[str] = set()
    for batch in batches([str(digest) for digest in digests]):
        known.update(connection.execute(_KNOWN, {"digests": batch}).scalars())
    return [digest for digest in digests if str(digest) not in known]


def referrers(connection: Connection, after: int, *, limit: int) -> list[Referrer]:
    """List manifests after a row number."""
    rows = connection.execute(_REFERRERS, {"after": after, "limit": limit})
    return [Referrer(row.id, row.name, Digest.parse(row.digest), row.orphaned_at, bool(row.wanted)) for row in rows]


def mark(connection: Connection, manifest: int, at: int) -> None:
    """Write down since when nobody wants a referrer, or that somebody does."""
    connection.execute(_UNMARK, {"manifest": manifest})
    connection.execute(_MARK, {"manifest": manifest, "at": at})


def orphaned(connection: Connection, manifest: int, before: int) -> bool:
    """Tell whether nobody wants a referrer, and that was so at a time already."""
    return connection.execute(_ORPHANED, {"manifest": manifest, "before": before}).first() is not None
