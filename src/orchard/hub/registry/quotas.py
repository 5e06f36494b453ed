"""How much a namespace may keep: asked in the transaction that adds to it, so that nobody gets past it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from orchard.errors import QuotaError
from orchard.hub import catalog
from orchard.hub.catalog import Quota, Upload, Usage
from orchard.hub.db import Transaction
from orchard.hub.registry.reading import Premises

_SMALL: Final = 1 << 20
_STEP: Final = 64 << 20
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


@contextmanager
def within_quota(connection: Transaction, repository: str) -> Iterator[None]:
    """Refuse what happens inside if the namespace of the repository keeps more than it may afterwards.

    What adds nothing is never refused, however full it is. Others that change what the namespace keeps wait meanwhile.

    Raises:
        QuotaError: Naming the quota, what is used, and what can be done.
    """
    namespace = catalog.usage.namespace_of(repository)
    quota = catalog.usage.quota(connection, namespace)
    if quota is None:
        yield
        return
    catalog.usage.hold(connection, namespace)
    before = catalog.usage.current(connection, namespace)
    yield
    _require(namespace, quota, before=before, after=catalog.usage.current(connection, namespace))


class Room:
    """What a quota keeps free for one upload.

    An upload whose size is known is refused before its first byte; any other one as soon as it is too large. What is
    received without having room is 1 MiB at most: less is not worth a transaction, and ending the upload asks anyway.
    """

    def __init__(self, premises: Premises, upload: Upload) -> None:
        self._premises = premises
        self._upload = upload
        self._reserved = 0
        self._limited: bool | None = None

    def reserve(self, total: int) -> None:
        """Keep room for so many bytes in all.

        Raises:
            QuotaError: If the namespace may not keep that much.
            StorageError: If the catalog fails.
        """
        if total <= max(self._reserved, _SMALL) or not self._is_limited():
            return
        name = self._upload.repository
        with self._premises.database.write(name) as connection, within_quota(connection, name):
            catalog.uploads.reserve(connection, self._upload, total)
        self._reserved = total

    def grow(self, total: int) -> None:
        """Keep room for an upload whose end nobody knows, and for some more.

        Raises:
            QuotaError: If the namespace may not keep that much.
            StorageError: If the catalog fails.
        """
        if total <= max(self._reserved, _SMALL) or not self._is_limited():
            return
        try:
            self.reserve(total + _STEP)
        except QuotaError:
            self.reserve(total)

    def leave(self) -> None:
        """Take note that the upload has ended, and nothing is kept free for it any more."""
        self._reserved = 0

    def give_back(self) -> None:
        """End the upload, as far as room is kept free for it.

        Raises:
            StorageError: If the catalog fails.
        """
        if self._reserved:
            with self._premises.database.write(self._upload.repository) as connection:
                catalog.uploads.remove(connection, self._upload.id)
            self.leave()

    def _is_limited(self) -> bool:
        if self._limited is None:
            with self._premises.database.read() as connection:
                namespace = catalog.usage.namespace_of(self._upload.repository)
                self._limited = catalog.usage.quota(connection, namespace) is not None
        return self._limited


def _require(namespace: str, quota: Quota, *, before: Usage, after: Usage) -> None:
    """Refuse growth beyond the quota.

    Raises:
        QuotaError: If there is any.
    """
    had, has = before.bytes + before.reserved, after.bytes + after.reserved
    if quota.bytes is not None and has > had and has > quota.bytes:
        raise QuotaError(
            f"the quota of namespace {namespace} is {size(quota.bytes)}: {size(before.bytes)} are used, running uploads"
            f" hold {size(before.reserved)}, and this needs {size(has - had)} more; delete versions, or ask an"
            " administrator of the hub for a larger quota"
        )
    if quota.repositories is not None and before.repositories < after.repositories > quota.repositories:
        raise QuotaError(
            f"the quota of namespace {namespace} is {quota.repositories} repositories; it has {before.repositories}:"
            " delete one, or ask an administrator of the hub for a larger quota"
        )


def size(number: float) -> str:
    """Say a number of bytes."""
    for unit in _UNITS[:-1]:
        if abs(number) < 1024:  # noqa: PLR2004 -- a KiB
            return f"{number:.4g} {unit}"
        number /= 1024
    return f"{number:.4g} {_UNITS[-1]}"
