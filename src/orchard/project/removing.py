"""Removing versions from the local store."""

from dataclasses import dataclass

from orchard.oci import Digest, Reference
from orchard.project.versions import resolve_local
from orchard.store import Layout


@dataclass(frozen=True, slots=True)
class Removed:
    """A version, or only a name of it, that was removed.

    Attributes:
        reference: What was asked for.
        digest: The version.
        tags: Its tags that are gone.
        kept: Whether the version itself is still there, under other tags.
    """

    reference: Reference
    digest: Digest
    tags: tuple[str, ...]
    kept: bool


def remove(layout: Layout, reference: Reference, *, force: bool = False) -> Removed:
    """Remove a tag or, with a digest or ``force`` or the last tag, the version; ``sweep`` then frees its bytes.

    Raises:
        NotFoundError: If it is not in the local store.
    """
    digest = resolve_local(layout, reference).digest
    same = [entry for entry in layout.entries() if (entry.repository, entry.digest) == (reference.name, digest)]
    if reference.digest is None and not force and sum(entry.tag is not None for entry in same) > 1:
        layout.untag(reference.name, reference.target)
        return Removed(reference, digest, (reference.target,), kept=True)
    return Removed(reference, digest, tuple(layout.remove(reference.name, digest)), kept=False)
