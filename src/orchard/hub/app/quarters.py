"""What the pages about people and their own things work with, chosen by the settings."""

from orchard.errors import UnauthenticatedError
from orchard.hub.app.people import Entrance
from orchard.hub.http.pages.account import Account, Means
from orchard.hub.registry import Registry
from orchard.hub.settings import Settings


def quarters(settings: Settings, registry: Registry, entrance: Entrance) -> Account:
    """Make the pages about people and their own things."""
    service = entrance.tickets
    return Account(
        Means(
            registry=registry,
            people=entrance.people,
            settings=settings,
            login=service is not None,
            check=_nobody if service is None else service.door.check,
            places={one.issuer: one.name for one in settings.oidc},
        )
    )


def _nobody(name: str, password: str, address: str) -> None:  # noqa: ARG001 -- as doors do
    """Know nobody, where there are no accounts.

    Raises:
        UnauthenticatedError: Always.
    """
    raise UnauthenticatedError("this hub has no accounts")
