"""What an administrator says at the desk about tags, about what is kept and how much, and takes out of the trash."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from orchard.errors import ConflictError
from orchard.hub.access import Principal
from orchard.hub.registry import Allotment, GovernedScope, Plan, Registry, Restored, Trashed
from orchard.hub.settings import Settings
from orchard.hub.storage.directory import claim

OPERATOR: Final = Principal("operator")
MANY: Final = 1_000_000


class RuleDesk:
    """Rules, retention, quotas and the trash, for an administrator."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry

    def governed(self, scope: str) -> GovernedScope:
        """Open a repository, a namespace or the whole hub (``*``), to say what holds there.

        Raises:
            InvalidReferenceError: If this cannot be one.
        """
        return self._registry.governed(OPERATOR, scope)

    def allotment(self) -> Allotment:
        """Open the quotas of all namespaces."""
        return self._registry.allotment(OPERATOR)

    def retain(self, name: str, mark: str | None) -> Plan:
        """Put into the trash what no rule keeps in a repository.

        Raises:
            NotFoundError: If there is no such repository.
            ConflictError: If another plan was agreed to, or a hub runs that may remember what is in it.
            StorageError: If the catalog fails.
        """
        with alone(self._settings, name, f"POST /api/v1/repositories/{name}/-/retention/run"):
            return self.governed(name).retain(mark=mark)

    def trash(self, name: str) -> list[Trashed]:
        """List what was deleted in a repository and can come back, the newest first.

        Raises:
            StorageError: If the catalog fails.
        """
        return self._registry.deletable(OPERATOR, name).trash(limit=MANY)

    def restore(self, name: str, number: int) -> Restored:
        """Put back what was deleted.

        Raises:
            NotFoundError: If there is no such entry.
            ConflictError: If its bytes are gone, or a hub runs that may remember what is in the repository.
            QuotaError: If the namespace may not keep that much.
            StorageError: If the catalog fails.
        """
        with alone(self._settings, name, f"POST /api/v1/repositories/{name}/-/trash/{number}/restore"):
            return self._registry.deletable(OPERATOR, name).restore(number)


@contextmanager
def alone(settings: Settings, name: str, instead: str) -> Iterator[None]:
    """Keep hubs away that would remember what was in a repository.

    Args:
        settings: How the hub runs.
        name: The repository.
        instead: What can be asked of a hub that runs.

    Raises:
        ConflictError: If one runs.
    """
    with ExitStack() as stack:
        if settings.database is None:  # else hubs remember nothing that others may change
            try:
                stack.enter_context(claim(settings.data))
            except ConflictError as error:
                raise ConflictError(
                    f"a hub is running on {settings.data} and remembers what is in {name}: "
                    f"do it there ({instead}), or stop the hub first"
                ) from error
        yield
