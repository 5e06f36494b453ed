"""Lists for people: repositories and their versions, newest first."""

import re
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, or_, select

from orchard.hub.catalog.records import RepositorySummary, TagSummary, Totals, VersionMark, VersionSummary
from orchard.hub.catalog.tags import STAND_INS
from orchard.hub.db import moment
from orchard.hub.db.schema import blob_links, blobs, manifest_children, manifests, repositories, tags
from orchard.oci import Digest

# Tags that clients without the referrers API give to signatures: they are facts about a version, not versions.
# The digest in one is cut to 64 characters, whatever its algorithm, so that it fits into a tag.
_FALLBACK: Final = re.compile(rf"sha(?:256|512)-[0-9a-f]{{64}}(?:\.(?:{'|'.join(STAND_INS)}))?")

LATEST: Final = manifests.alias("latest")
_parent: Final = manifests.alias("parent")

_SIZE: Final = (
    select(func.coalesce(func.sum(blob_links.c.size), 0))
    .where(blob_links.c.repository_id == repositories.c.id)
    .scalar_subquery()
)
_VERSIONS: Final = (
    select(func.count())
    .where(manifests.c.repository_id == repositories.c.id, manifests.c.subject_digest.is_(None))
    .scalar_subquery()
)
_TAGS: Final = select(func.count()).where(tags.c.repository_id == repositories.c.id).scalar_subquery()
_NEWEST: Final = (
    select(manifests.c.id)
    .where(manifests.c.repository_id == repositories.c.id, manifests.c.subject_digest.is_(None))
    .order_by(manifests.c.pushed_at.desc(), manifests.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
SUMMARISED: Final = select(
    repositories.c.name,
    repositories.c.visibility,
    _VERSIONS.label("versions"),
    _TAGS.label("tags"),
    _SIZE.label("size_bytes"),
    LATEST.c.pushed_at,
    LATEST.c.model_name,
    LATEST.c.model_format,
    LATEST.c.digest,
).select_from(repositories.join(LATEST, LATEST.c.id == _NEWEST))
_LISTED_REPOSITORIES: Final = (
    SUMMARISED.where(repositories.c.name > bindparam("after")).order_by(repositories.c.name).limit(bindparam("limit"))
)
_REPOSITORY: Final = SUMMARISED.where(repositories.c.name == bindparam("name"))
_TAGGED: Final = exists().where(tags.c.manifest_id == manifests.c.id)
_LISTED: Final = (
    exists()
    .where(
        manifest_children.c.digest == manifests.c.digest,
        manifest_children.c.manifest_id == _parent.c.id,
        _parent.c.repository_id == manifests.c.repository_id,
    )
    .correlate(manifests)
)
SHOWN: Final = and_(manifests.c.subject_digest.is_(None), or_(_TAGGED, ~_LISTED))  # what is a version
_ALL: Final = (
    select(manifests).select_from(manifests.join(repositories)).where(repositories.c.name == bindparam("name"))
)
_TOP: Final = (
    _ALL.where(SHOWN)
    .order_by(manifests.c.pushed_at.desc(), manifests.c.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("skip"))
)
_TOP_AFTER: Final = (
    _ALL.where(
        SHOWN,
        or_(
            manifests.c.pushed_at < bindparam("pushed_at"),
            and_(manifests.c.pushed_at == bindparam("pushed_at"), manifests.c.id < bindparam("number")),
        ),
    )
    .order_by(manifests.c.pushed_at.desc(), manifests.c.id.desc())
    .limit(bindparam("limit"))
)
_TAGGED_AS: Final = (
    select(tags.c.name, tags.c.updated_at, tags.c.updated_by, manifests.c.digest)
    .select_from(tags.join(manifests, manifests.c.id == tags.c.manifest_id))
    .join(repositories, repositories.c.id == tags.c.repository_id)
    .where(repositories.c.name == bindparam("repository"))
)
_TAGS_AFTER: Final = _TAGGED_AS.where(tags.c.name > bindparam("after")).order_by(tags.c.name).limit(bindparam("limit"))
_TAG: Final = _TAGGED_AS.where(tags.c.name == bindparam("tag"))
_ONE: Final = _ALL.where(manifests.c.digest == bindparam("digest"))
_TAGS_OF: Final = (
    select(tags.c.manifest_id, tags.c.name)
    .where(tags.c.manifest_id.in_(bindparam("manifests", expanding=True)))
    .order_by(tags.c.updated_at.desc(), tags.c.name)
)
_COUNTED: Final = (repositories, manifests, tags, blobs)


def summaries(connection: Connection, *, after: str, limit: int, part: str) -> list[RepositorySummary]:
    """List repositories that hold a version and whose name holds ``part``, by name."""
    statement = _LISTED_REPOSITORIES
    if part:
        statement = statement.where(repositories.c.name.contains(part, autoescape=True))
    return [repository_of(row) for row in connection.execute(statement, {"after": after, "limit": limit})]


def summary(connection: Connection, name: str) -> RepositorySummary | None:
    """Describe one repository, if it holds a version."""
    row = connection.execute(_REPOSITORY, {"name": name}).first()
    return None if row is None else repository_of(row)


def repository_of(row: Row[*tuple[Any, ...]]) -> RepositorySummary:
    """Read a row of repositories."""
    return RepositorySummary(
        name=row.name,
        versions=row.versions,
        tags=row.tags,
        latest_pushed_at=moment(row.pushed_at),
        size_bytes=row.size_bytes,
        model_name=row.model_name,
        format=row.model_format,
        latest_digest=Digest.parse(row.digest),
        visibility=row.visibility,
    )


def versions(connection: Connection, name: str, *, skip: int, limit: int) -> list[VersionSummary]:
    """List the versions of a repository, newest first: no referrers, and no untagged parts of an index.

    Signatures that have a tag for want of a referrers API count for ``skip`` and ``limit``, and are left out.
    """
    rows = connection.execute(_TOP, {"name": name, "skip": skip, "limit": limit}).all()
    tagged = tags_of(connection, [row.id for row in rows])
    return [summed_up(row, tagged.get(row.id, [])) for row in rows if not is_stand_in(tagged.get(row.id, []))]


def versions_after(
    connection: Connection, name: str, *, after: VersionMark, limit: int
) -> tuple[list[VersionSummary], VersionMark | None]:
    """List the versions of a repository, newest first, and tell where the next part of the list begins.

    Signatures that have a tag for want of a referrers API count for ``limit``, and are left out.
    """
    values = {"name": name, "pushed_at": after.pushed_at, "number": after.number, "limit": limit + 1}
    rows = connection.execute(_TOP_AFTER, values).all()
    shown = rows[:limit]
    tagged = tags_of(connection, [row.id for row in shown])
    found = [summed_up(row, tagged.get(row.id, [])) for row in shown if not is_stand_in(tagged.get(row.id, []))]
    return found, VersionMark(shown[-1].pushed_at, shown[-1].id) if len(rows) > limit else None


def tags_after(connection: Connection, name: str, *, after: str, limit: int) -> list[TagSummary]:
    """List the tags of a repository by name, with what they point to."""
    return [_tag(row) for row in connection.execute(_TAGS_AFTER, {"repository": name, "after": after, "limit": limit})]


def tag(connection: Connection, name: str, tag: str) -> TagSummary | None:
    """Describe one tag, if it is there."""
    row = connection.execute(_TAG, {"repository": name, "tag": tag}).first()
    return None if row is None else _tag(row)


def version(connection: Connection, name: str, digest: Digest) -> VersionSummary:
    """Describe one manifest that is there, be it a version or not."""
    row = connection.execute(_ONE, {"name": name, "digest": str(digest)}).one()
    return summed_up(row, tags_of(connection, [row.id]).get(row.id, []))


def totals(connection: Connection) -> Totals:
    """Count everything."""
    counts = {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in _COUNTED
    }
    size = connection.execute(select(func.coalesce(func.sum(blobs.c.size), 0))).scalar_one()
    return Totals(**counts, blob_bytes=int(size))


def tags_of(connection: Connection, ids: Iterable[int]) -> dict[int, list[str]]:
    """Give the tags of manifests, of each the newest first."""
    found: dict[int, list[str]] = {}
    for manifest, name in connection.execute(_TAGS_OF, {"manifests": list(ids)}).all():
        found.setdefault(manifest, []).append(name)
    return found


def is_stand_in(names: list[str]) -> bool:
    """Tell of a manifest's tags whether it is about another one, and has them for want of a referrers API."""
    return bool(names) and all(_FALLBACK.fullmatch(name) for name in names)


def _tag(row: Row[*tuple[Any, ...]]) -> TagSummary:
    return TagSummary(
        name=row.name,
        digest=Digest.parse(row.digest),
        updated_at=moment(row.updated_at),
        updated_by=row.updated_by,
    )


def summed_up(row: Row[Any], names: list[str]) -> VersionSummary:
    """Describe a manifest by its row and its tags."""
    return VersionSummary(
        digest=Digest.parse(row.digest),
        tags=tuple(names),
        media_type=row.media_type,
        artifact_type=row.artifact_type,
        kind=row.kind,
        model_name=row.model_name,
        model_version=row.model_version,
        description=row.description,
        model_format=row.model_format,
        framework=row.framework,
        licence=row.licence,
        size_bytes=row.total_size,
        layer_count=row.layer_count,
        pushed_at=moment(row.pushed_at),
        pushed_by=row.pushed_by,
        note=row.note,
    )
