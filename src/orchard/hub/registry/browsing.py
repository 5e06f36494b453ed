"""The read model: what pages and the JSON API show."""

from dataclasses import dataclass, field
from typing import Final

from orchard.errors import InvalidDigestError, NotFoundError, OrchardError
from orchard.hub import catalog
from orchard.hub.access import Action, Principal
from orchard.hub.catalog import RepositorySummary, VersionSummary
from orchard.hub.registry.documents import read_blob
from orchard.hub.registry.reading import Page, Premises, ReadableRepository
from orchard.oci import Descriptor, Digest, Document, Manifest, convert, loads, parse_document

REFERRERS: Final = 200
_MAX_DESCRIPTOR: Final = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDetail:
    """One version, whole.

    Attributes:
        summary: As in the list of versions.
        document: The manifest or index, with its bytes as received.
        config: Bytes of the config; none if it is an index, or if the config is large or damaged.
        referrers: Manifests that are about this one, the first 200; also those that say so by a tag only.
    """

    summary: VersionSummary
    document: Document
    config: bytes | None = field(repr=False)
    referrers: tuple[Descriptor, ...]


def summaries(premises: Premises, who: Principal, page: Page, *, part: str) -> list[RepositorySummary]:
    """List repositories that ``who`` may see, by name: at most ``page.limit``, fewer only at the end.

    Only those whose name holds ``part``.

    Raises:
        StorageError: If the catalog fails.
    """
    found: list[RepositorySummary] = []
    after = page.after
    while len(found) < page.limit:
        with premises.database.read() as connection:
            rows = catalog.listing.summaries(connection, after=after, limit=page.limit, part=part)
        premises.policy.prepare(who, [row.name for row in rows])
        found.extend(row for row in rows if premises.policy.allows(who, Action.PULL, row.name))
        if len(rows) < page.limit:
            break
        after = rows[-1].name
    return found[: page.limit]


def names(premises: Premises, who: Principal, page: Page) -> list[str]:
    """List the names of repositories that ``who`` may see: at most ``page.limit``, fewer only at the end.

    Raises:
        StorageError: If the catalog fails.
    """
    found: list[str] = []
    after = page.after
    while len(found) < page.limit:
        with premises.database.read() as connection:
            rows = catalog.repositories.names(connection, after, page.limit)
        premises.policy.prepare(who, rows)
        found.extend(name for name in rows if premises.policy.allows(who, Action.PULL, name))
        if len(rows) < page.limit:
            break
        after = rows[-1]
    return found[: page.limit]


def versions(premises: Premises, repository: ReadableRepository, *, skip: int, limit: int) -> list[VersionSummary]:
    """List the versions of a repository, newest first.

    Raises:
        NotFoundError: If there is no such repository.
        StorageError: If the catalog fails.
    """
    with premises.database.read() as connection:
        if catalog.repositories.find(connection, repository.name) is None:
            raise NotFoundError(f"there is no repository {repository.name}")
        return catalog.listing.versions(connection, repository.name, skip=skip, limit=limit)


def version(premises: Premises, repository: ReadableRepository, reference: str | Digest) -> VersionDetail:
    """Show one version, named by a tag or a digest.

    Raises:
        NotFoundError: If there is none.
        StorageError: If the catalog fails.
    """
    name, wanted = repository.name, reference if isinstance(reference, Digest) else _digest(reference)
    with premises.database.read() as connection:
        if wanted is None:
            stored = catalog.manifests.by_tag(connection, name, str(reference))
        else:
            stored = catalog.manifests.by_digest(connection, name, wanted)
        if stored is None:
            raise NotFoundError(f"{name} has no manifest {reference}")
        summary = catalog.listing.version(connection, name, stored.digest)
        rows, _ = catalog.manifests.referrers(
            connection, name, stored.digest, artifact_type=None, after="", limit=REFERRERS
        )
        tagged = catalog.tags.stand_ins(connection, name, stored.digest)
    document = parse_document(stored.raw, stored.media_type)
    referrers = [descriptor(row) for row in rows]
    known = {one.digest for one in referrers}
    return VersionDetail(
        summary=summary,
        document=document,
        config=_config(premises, document),
        referrers=(*referrers, *(one for one in tagged if one.digest not in known)),
    )


def _config(premises: Premises, document: Document) -> bytes | None:
    """Read the config of a manifest that was accepted, and whose blobs are therefore linked."""
    if not isinstance(document, Manifest):
        return None
    try:
        return read_blob(premises, document.config)
    except OrchardError:  # large, rotten or gone: the rest of the version can be shown all the same
        return None


def descriptor(row: str) -> Descriptor:
    """Read a referrer as the catalog keeps it."""
    return convert(loads(row.encode(), what="referrer", limit=_MAX_DESCRIPTOR), Descriptor, what="referrer")


def _digest(reference: str) -> Digest | None:
    try:
        return Digest.parse(reference)
    except InvalidDigestError:
        return None
