"""Tags: movable names of manifests, and where each one has pointed."""

from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, select, update

from orchard.hub.catalog.records import TagMove
from orchard.hub.db import moment
from orchard.hub.db.schema import manifests, repositories, tag_history, tags
from orchard.oci import Descriptor, Digest

STAND_INS: Final = ("sig", "att", "sbom")  # endings of tags that cosign makes of the digest of a manifest

_NAMES: Final = (
    select(tags.c.name)
    .select_from(tags.join(repositories))
    .where(repositories.c.name == bindparam("repository"), tags.c.name > bindparam("after"))
    .order_by(tags.c.name)
    .limit(bindparam("limit"))
)
_CURRENT: Final = (
    select(manifests.c.digest)
    .select_from(manifests.join(tags))
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag"))
)

_MOVES: Final = (
    select(tag_history.c.id, tag_history.c.digest, tag_history.c.at, tag_history.c.account)
    .select_from(tag_history.join(repositories))
    .where(
        repositories.c.name == bindparam("repository"),
        tag_history.c.name == bindparam("tag"),
        tag_history.c.id < bindparam("before"),
    )
    .order_by(tag_history.c.id.desc())
    .limit(bindparam("limit"))
)

_OWN: Final = tag_history.alias()
# Every move of the tags that have ever pointed to a manifest: where they went from there is part of its story.
_ABOUT: Final = (
    select(tag_history.c.id, tag_history.c.name, tag_history.c.digest, tag_history.c.at, tag_history.c.account)
    .select_from(tag_history.join(repositories))
    .where(
        repositories.c.name == bindparam("repository"),
        tag_history.c.name.in_(
            select(_OWN.c.name).where(_OWN.c.repository_id == repositories.c.id, _OWN.c.digest == bindparam("digest"))
        ),
    )
    .order_by(tag_history.c.id.desc())
    .limit(bindparam("limit"))
)

_TARGET: Final = (
    select(manifests.c.digest)
    .select_from(manifests.join(tags).join(repositories, repositories.c.id == tags.c.repository_id))
    .where(repositories.c.name == bindparam("repository"), tags.c.name == bindparam("tag"))
)

_NAMED: Final = (
    select(tags.c.name, manifests.c.media_type, manifests.c.digest, manifests.c.size)
    .select_from(manifests.join(tags).join(repositories, repositories.c.id == tags.c.repository_id))
    .where(repositories.c.name == bindparam("repository"), tags.c.name.in_(bindparam("names", expanding=True)))
    .order_by(tags.c.name)
)


def names(connection: Connection, repository: str, *, after: str, limit: int) -> list[str]:
    """List tags in the order of their bytes."""
    values = {"repository": repository, "after": after, "limit": limit}
    return list(connection.execute(_NAMES, values).scalars())


def target(connection: Connection, repository: str, tag: str) -> str | None:
    """Tell the digest that a tag points to, if it is there."""
    found = connection.execute(_TARGET, {"repository": repository, "tag": tag}).scalar()
    return None if found is None else str(found)


def stand_ins(connection: Connection, repository: str, subject: Digest) -> list[Descriptor]:
    """List what clients attach to a manifest by a tag that is made of its digest, where they know no referrers API.

    Signatures, attestations and bills of materials of cosign, with the artifact types that it gives to referrers.
    """
    stem = f"{subject.algorithm}-{subject.hex[:64]}."
    rows = connection.execute(_NAMED, {"repository": repository, "names": [stem + kind for kind in STAND_INS]})
    return [
        Descriptor(
            media_type=row.media_type,
            digest=Digest.parse(row.digest),
            size=row.size,
            artifact_type=f"application/vnd.dev.cosign.artifact.{row.name.removeprefix(stem)}.v1+json",
        )
        for row in rows
    ]


def of_manifest(connection: Connection, manifest: int) -> list[str]:
    """List the tags of one manifest."""
    return list(connection.execute(select(tags.c.name).where(tags.c.manifest_id == manifest)).scalars())


def moves(connection: Connection, repository: str, tag: str, *, before: int, limit: int) -> list[TagMove]:
    """List where a tag has pointed, newest first, be it there still or not; only moves of a lower number."""
    values = {"repository": repository, "tag": tag, "before": before, "limit": limit}
    return [
        TagMove(row.id, None if row.digest is None else Digest.parse(row.digest), moment(row.at), row.account)
        for row in connection.execute(_MOVES, values)
    ]


def moves_about(connection: Connection, repository: str, digest: Digest, *, limit: int) -> list[tuple[str, TagMove]]:
    """List where the tags have pointed that ever pointed to a manifest, each by its name, newest first."""
    values = {"repository": repository, "digest": str(digest), "limit": limit}
    return [
        (
            row.name,
            TagMove(row.id, None if row.digest is None else Digest.parse(row.digest), moment(row.at), row.account),
        )
        for row in connection.execute(_ABOUT, values)
    ]


class TagBook:
    """The tags of one repository, written by one account at one time; every change goes into the history."""

    def __init__(self, connection: Connection, repository: int, *, account: str, at: int) -> None:
        self._connection = connection
        self._repository = repository
        self._account = account
        self._at = at

    def current(self, tag: str) -> str | None:
        """Tell the digest that a tag points to, if it is there."""
        found: str | None = self._connection.execute(_CURRENT, {"repository": self._repository, "tag": tag}).scalar()
        return found

    def point(self, tag: str, manifest: int, digest: Digest) -> bool:
        """Let a tag point to a manifest, wherever it pointed; tell whether that changes anything."""
        current = self.current(tag)
        if current == str(digest):
            return False
        target = {"manifest_id": manifest, "updated_at": self._at, "updated_by": self._account}
        if current is None:
            values = {"repository_id": self._repository, "name": tag, **target}
            self._connection.execute(insert(tags), values)
        else:
            self._connection.execute(update(tags).where(self._is(tag)), target)
        self._record(tag, str(digest))
        return True

    def remove(self, tag: str) -> bool:
        """Forget a tag; tell whether it was there."""
        done = self._connection.execute(delete(tags).where(self._is(tag)))
        if done.rowcount:
            self._record(tag, None)
        return done.rowcount > 0

    def _is(self, tag: str) -> ColumnElement[bool]:
        return and_(tags.c.repository_id == self._repository, tags.c.name == tag)

    def _record(self, tag: str, digest: str | None) -> None:
        values = {"repository_id": self._repository, "name": tag, "digest": digest, "at": self._at}
        self._connection.execute(insert(tag_history), {**values, "account": self._account})
