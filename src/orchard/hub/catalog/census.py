"""Everything that a repository holds, as far as one must know it to say what may go."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, bindparam, exists, func, select

from orchard.hub.catalog.repositories import batches
from orchard.hub.db.rules import manifest_pulls
from orchard.hub.db.schema import events, manifest_children, manifests, repositories, tags
from orchard.oci import Digest

# A signature that has a tag for want of a referrers API, or the index that stands for that API.
_ABOUT: Final = re.compile(r"(sha256|sha512)-([0-9a-f]{64}|[0-9a-f]{128})(?:\.(?:sig|att|sbom))?")

_MANIFESTS: Final = (
    select(
        manifests.c.id,
        manifests.c.digest,
        manifests.c.subject_digest,
        manifests.c.pushed_at,
        manifest_pulls.c.pulled_at,
    )
    .select_from(manifests.outerjoin(manifest_pulls, manifest_pulls.c.manifest_id == manifests.c.id))
    .where(manifests.c.repository_id == bindparam("repository"))
    .order_by(manifests.c.pushed_at.desc(), manifests.c.id.desc())
)
_TAGS: Final = (
    select(tags.c.manifest_id, tags.c.name).where(tags.c.repository_id == bindparam("repository")).order_by(tags.c.name)
)
_parent: Final = manifests.alias("parent")
_LISTS: Final = (
    select(_parent.c.digest.label("parent"), manifests.c.digest)
    .select_from(manifest_children.join(_parent, _parent.c.id == manifest_children.c.manifest_id))
    .join(manifests, (manifests.c.digest == manifest_children.c.digest))
    .where(_parent.c.repository_id == bindparam("repository"), manifests.c.repository_id == bindparam("repository"))
)
_kept: Final = manifest_children.alias("kept")
_IDS: Final = (
    select(manifests.c.id)
    .select_from(manifests.join(repositories))
    .where(repositories.c.name == bindparam("name"), manifests.c.digest.in_(bindparam("digests", expanding=True)))
)
_STAMP: Final = select(func.max(events.c.id)).where(events.c.repository.in_(bindparam("names", expanding=True)))


@dataclass(slots=True)
class Resident:
    """A manifest in a repository.

    Attributes:
        id: Its row number.
        tags: Tags that point to it.
        pushed_at: In the catalog's milliseconds.
        asked_at: When somebody asked for it last, if ever.
        about: Digests of what it is about: its subject, or what its tags say that it signs.
        lists: Digests of the manifests that it lists and that are there.
    """

    id: int
    digest: str
    pushed_at: int
    asked_at: int | None
    tags: list[str] = field(default_factory=list)
    about: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        """Tags that people gave it."""
        return [tag for tag in self.tags if about(tag) is None]


def about(tag: str) -> str | None:
    """Tell the digest that a tag of the fallback schemes is about."""
    found = _ABOUT.fullmatch(tag)
    return None if found is None else f"{found[1]}:{found[2]}"


def residents(connection: Connection, repository: int) -> list[Resident]:
    """List all manifests of a repository, those pushed last first."""
    found = {
        row.id: Resident(row.id, row.digest, row.pushed_at, row.pulled_at, about=_one(row.subject_digest))
        for row in connection.execute(_MANIFESTS, {"repository": repository})
    }
    for row in connection.execute(_TAGS, {"repository": repository}):
        resident = found[row.manifest_id]
        resident.tags.append(row.name)
        resident.about.update(_one(about(row.name)))
    by_digest = {resident.digest: resident for resident in found.values()}
    for parent, child in _listed(connection, repository):
        by_digest[parent].lists.add(child)
    return list(found.values())


def stamp(connection: Connection, names: list[str]) -> int:
    """Give a number that grows with whatever happens to these repositories and scopes."""
    found: int | None = connection.execute(_STAMP, {"names": names}).scalar()
    return found or 0


def freed(connection: Connection, name: str, digests: Sequence[Digest]) -> int:
    """Count the bytes that only these manifests of a repository name, in the whole hub."""
    gone = [
        row.id
        for batch in batches([str(digest) for digest in digests])
        for row in connection.execute(_IDS, {"name": name, "digests": batch})
    ]
    if not gone:
        return 0
    others = _kept.c.digest == manifest_children.c.digest, _kept.c.manifest_id.not_in(gone)
    named = (
        select(manifest_children.c.digest, func.max(manifest_children.c.size).label("size"))
        .where(manifest_children.c.manifest_id.in_(gone), ~exists().where(*others))
        .group_by(manifest_children.c.digest)
        .subquery()
    )
    found: int = connection.execute(select(func.coalesce(func.sum(named.c.size), 0))).scalar_one()
    return int(found)


def _listed(connection: Connection, repository: int) -> Iterator[tuple[str, str]]:
    for row in connection.execute(_LISTS, {"repository": repository}):
        yield row.parent, row.digest


def _one(digest: str | None) -> set[str]:
    return set() if digest is None else {digest}
