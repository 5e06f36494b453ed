"""Asking for versions to be looked into: a task in the transaction that brings them."""

from typing import Final

from orchard.hub import catalog
from orchard.hub.db import Transaction
from orchard.hub.registry.reading import Premises
from orchard.oci import Digest, check_tag

UNDERSTAND: Final = "understand"  # the kind of task, whose payload names a repository and a digest
_SETTLE: Final = 2.0  # seconds in which the other blobs of a version come, whose pull brings one after the other


def ask(
    premises: Premises,
    transaction: Transaction,
    repository: str,
    *,
    digest: Digest,
    kind: str,
    subject: Digest | str | None,
) -> None:
    """Ask for a version to be looked into, if there is something to find out about it.

    However often that is asked for, one task waits at most. Where nobody does tasks, as at an administrator's desk,
    nothing is asked for: the hub itself finds what nobody has looked into.
    """
    if premises.queue is not None and catalog.understood.speaks(kind, subject):
        put(premises, transaction, repository, digest=digest)


def ask_again(premises: Premises, transaction: Transaction, repository: str, *, blob: Digest) -> None:
    """Ask again for those versions that were looked into when this blob was not here yet."""
    if premises.queue is not None:
        for digest in catalog.understood.waiting_for(transaction, repository, blob):
            put(premises, transaction, repository, digest=digest, delay=_SETTLE)


def put(premises: Premises, transaction: Transaction, repository: str, *, digest: Digest, delay: float = 0.0) -> None:
    """Ask for a version to be looked into."""
    assert premises.queue is not None
    key = f"{UNDERSTAND}:{repository}@{digest}"
    payload = {"repository": repository, "digest": str(digest)}
    premises.queue.put(transaction, UNDERSTAND, payload, key=key, lock=key, delay=delay)


def reference_of(version: str) -> str | Digest:
    """Read a digest or a tag.

    Raises:
        InvalidDigestError: If it looks like a digest and is none.
        InvalidReferenceError: If it can be neither.
    """
    return Digest.parse(version) if ":" in version else check_tag(version)
