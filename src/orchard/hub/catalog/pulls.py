"""When versions were asked for, and how often they were pulled."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, text

from orchard.hub.db import moment
from orchard.hub.db.rules import manifest_pulls
from orchard.hub.db.schema import manifests, repositories
from orchard.oci import Digest

# Both engines understand it. A manifest that is gone meanwhile adds nothing.
_ADD: Final = text(
    "INSERT INTO manifest_pulls (manifest_id, pulls, pulled_at)"
    " SELECT m.id, :pulls, :at FROM manifests m JOIN repositories r ON r.id = m.repository_id"
    " WHERE r.name = :name AND m.digest = :digest"
    " ON CONFLICT (manifest_id) DO UPDATE SET pulls = manifest_pulls.pulls + excluded.pulls,"
    " pulled_at = CASE WHEN excluded.pulled_at > manifest_pulls.pulled_at"
    " THEN excluded.pulled_at ELSE manifest_pulls.pulled_at END"
)
_OF: Final = (
    select(manifest_pulls.c.pulls, manifest_pulls.c.pulled_at)
    .select_from(manifest_pulls.join(manifests).join(repositories))
    .where(repositories.c.name == bindparam("name"), manifests.c.digest == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class Pulls:
    """How much a version is wanted.

    Attributes:
        count: How often it was pulled.
        last: When it was asked for last; none if never.
    """

    count: int
    last: datetime | None


def add(connection: Connection, counted: Iterable[tuple[str, str, int, int]]) -> None:
    """Add what was counted: repository, digest, pulls, time of the last one."""
    rows = [{"name": name, "digest": digest, "pulls": pulls, "at": at} for name, digest, pulls, at in counted]
    if rows:
        connection.execute(_ADD, rows)


def put_back(connection: Connection, manifest: int, *, pulls: int, at: int | None) -> None:
    """Give a manifest that comes back the counts that it had."""
    if at is not None:
        connection.execute(insert(manifest_pulls), {"manifest_id": manifest, "pulls": pulls, "pulled_at": at})


def of(connection: Connection, name: str, digest: Digest) -> Pulls:
    """Tell how much a version is wanted."""
    row = connection.execute(_OF, {"name": name, "digest": str(digest)}).first()
    return Pulls(0, None) if row is None else Pulls(row.pulls, moment(row.pulled_at))
