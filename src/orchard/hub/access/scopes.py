"""Scopes, in which clients of registries say what they want a token for (``repository:team/model:pull,push``)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from orchard.errors import InvalidReferenceError
from orchard.hub.access.principal import Action
from orchard.oci import check_repository

REPOSITORY: Final = "repository"
CATALOG: Final = "registry:catalog:*"
ACTIONS: Final = (Action.PULL, Action.PUSH, Action.DELETE)
MAX_SCOPES: Final = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody wants to do with one repository.

    Attributes:
        repository: Its name.
        actions: What, in the order of ``ACTIONS``.
    """

    repository: str
    actions: tuple[Action, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a scope; nothing if it is of another type, or can mean nothing here: that is not an error.

        The type ends at the first colon and the actions begin after the last, for a name may hold a host with a port.
        """
        kind, _, rest = text.partition(":")
        name, colon, actions = rest.rpartition(":")
        wanted = set(actions.split(","))
        if kind != REPOSITORY or not colon:
            return None
        try:
            check_repository(name)
        except InvalidReferenceError:
            return None
        return cls(name, tuple(action for action in ACTIONS if action in wanted or "*" in wanted))

    def __str__(self) -> str:
        return f"{REPOSITORY}:{self.repository}:{','.join(self.actions)}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that somebody wants one token for.

    Attributes:
        scopes: Repositories.
        catalog: Whether it is for the list of them.
    """

    scopes: tuple[Scope, ...] = ()
    catalog: bool = False

    @classmethod
    def parse(cls, values: Iterable[str]) -> Self:
        """Read the values of all parameters called ``scope``; each may hold several, apart by spaces."""
        words = [word for value in values for word in value.split()][:MAX_SCOPES]
        found = (Scope.parse(word) for word in words)
        return cls(tuple(scope for scope in found if scope is not None), catalog=CATALOG in words)


def challenge(realm: str, service: str, scopes: Sequence[str], *, error: str | None = None) -> str:
    """Say where a token is to be had and what it must be for (distribution's token specification).

    Args:
        realm: Address of the token service.
        service: Whom the token is for.
        scopes: What it must be for; nothing says that being known is enough.
        error: What was wrong with the token that was shown: ``invalid_token`` or ``insufficient_scope``.
    """
    parameters = {"realm": realm, "service": service}
    if scopes:
        parameters["scope"] = " ".join(scopes)
    if error is not None:
        parameters["error"] = error
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in parameters.items())
