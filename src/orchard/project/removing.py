"""Removing versions, from the local store or from a registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.errors import UnsupportedError
from orchard.oci import Digest, Reference
from orchard.project.versions import resolve_local
from orchard.store import Layout

if TYPE_CHECKING:
    from orchard.remote import RemoteRepository


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


def remove_names(layout: Layout, names: Sequence[Reference], *, force: bool = False) -> list[Removed]:
    """Remove several names, all of them or none; ``sweep`` then frees the bytes.

    Raises:
        NotFoundError: If one of them is not in the local store; nothing was removed then.
    """
    wanted = [(name, resolve_local(layout, name).digest) for name in names]
    removed: list[Removed] = []
    for name, digest in wanted:
        gone = any(one.digest == digest and not one.kept for one in removed)
        removed.append(Removed(name, digest, (), kept=False) if gone else remove(layout, name, force=force))
    return removed


def remove_remote(
    repository: "RemoteRepository", reference: Reference, *, force: bool = False, dry_run: bool = False
) -> Digest:
    """Remove a tag from a registry or, with a digest or ``force``, the version with all its tags; or only look for it.

    Where the registry cannot remove a tag alone, the version goes with it if no other tag names it.

    Returns:
        The digest of what was removed or untagged.

    Raises:
        NotFoundError: If it is not there.
        UnsupportedError: If the registry deletes nothing, or if it cannot remove a tag and others name the version.
        OrchardError: As the registry client raises it.
    """
    digest = repository.resolve(reference.target).digest
    if dry_run:  # whether the registry deletes anything, only a deletion would tell
        return digest
    if reference.digest is not None or force:
        repository.delete(str(digest))
        return digest
    try:
        repository.delete(reference.target)
    except UnsupportedError as error:
        others = [
            tag for tag in repository.tags() if tag != reference.target and repository.resolve(tag).digest == digest
        ]
        if others:
            shown = ", ".join(others[:3]) + (" and more" if len(others) > 3 else "")  # noqa: PLR2004 -- enough to see
            raise UnsupportedError(
                f"{reference}: {reference.registry} does not support untagging, and {shown} name the same version; "
                "use --force to remove it with all its tags"
            ) from error
        repository.delete(str(digest))
    return digest
