"""Proxies: repositories that stand for those of another registry, and when their tags were last compared."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from orchard.hub.db.outgoing import proxied_tags, proxies
from orchard.hub.db.schema import manifest_children


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """What repositories stand for.

    Attributes:
        namespace: What their names begin with here.
        remote: What they begin with there: ``https://registry.example.com/prefix``.
        username: Account there.
        password: Its password, sealed.
        ttl: Seconds for which a tag is believed.
        largest: Bytes of the largest blob that is fetched, if there is a limit.
    """

    namespace: str
    remote: str
    username: str | None
    password: str | None = field(repr=False)
    ttl: int
    largest: int | None
    created_at: int
    created_by: str


def put(connection: Connection, new: Proxy) -> None:
    """Make a proxy, in the place of one of the same namespace."""
    remove(connection, new.namespace)
    values = {
        "namespace": new.namespace,
        "remote": new.remote,
        "username": new.username,
        "password": new.password,
        "ttl": new.ttl,
        "largest": new.largest,
        "created_at": new.created_at,
        "created_by": new.created_by,
    }
    connection.execute(insert(proxies), values)


def remove(connection: Connection, namespace: str) -> bool:
    """Forget a proxy, but not what it has fetched; tell whether it was there."""
    return connection.execute(delete(proxies).where(proxies.c.namespace == namespace)).rowcount > 0


def every(connection: Connection) -> list[Proxy]:
    """List all proxies."""
    return [_proxy(row) for row in connection.execute(select(proxies).order_by(proxies.c.namespace))]


def checked_at(connection: Connection, repository: int, tag: str) -> int | None:
    """Tell when a tag was last compared."""
    where = proxied_tags.c.repository_id == repository, proxied_tags.c.name == tag
    found: int | None = connection.execute(select(proxied_tags.c.checked_at).where(*where)).scalar()
    return found


def check(connection: Connection, repository: int, tag: str, *, at: int) -> None:
    """Write down that a tag was compared."""
    where = proxied_tags.c.repository_id == repository, proxied_tags.c.name == tag
    if connection.execute(update(proxied_tags).where(*where), {"checked_at": at}).rowcount == 0:
        connection.execute(insert(proxied_tags), {"repository_id": repository, "name": tag, "checked_at": at})


def named_size(connection: Connection, repository: int, digest: str) -> int | None:
    """Tell how large a blob is by what the manifests of a repository say."""
    children = manifest_children
    where = children.c.repository_id == repository, children.c.digest == digest
    found: int | None = connection.execute(select(children.c.size).where(*where).limit(1)).scalar()
    return found


def _proxy(row: Row[Any]) -> Proxy:
    return Proxy(
        namespace=row.namespace,
        remote=row.remote,
        username=row.username,
        password=row.password,
        ttl=row.ttl,
        largest=row.largest,
        created_at=row.created_at,
        created_by=row.created_by,
    )
