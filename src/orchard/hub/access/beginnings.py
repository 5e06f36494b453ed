"""How far the people who run a new hub have come with setting it up, as far as accounts tell."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from orchard.hub.access.ledger import Ledger
from orchard.hub.access.mandate import Mandate
from orchard.hub.access.users import ADMIN
from orchard.hub.db.people import namespaces, teams, users
from orchard.hub.db.schema import events

_WHERE: Final = "*"  # what is about the whole hub; the index of events by repository finds it
_LEFT: Final = "setup.leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What has been done.

    Attributes:
        chosen: Whether the account that was made at the first start has another password than it was made with.
        joined: Whether anybody else has an account.
        shared: Whether there is a team, or a namespace beside those of accounts.
        left: Whether an administrator wants to hear no more of it.
    """

    chosen: bool
    joined: bool
    shared: bool
    left: bool


class Beginnings:
    """What a new hub still lacks."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def state(self) -> Beginning:
        """Tell what has been done.

        Raises:
            StorageError: If the catalog fails.
        """
        named = select(users.c.name)
        made = named.where(users.c.name == ADMIN, users.c.changed_at == users.c.created_at).exists()
        own = named.where(users.c.name == namespaces.c.name).exists()
        shared = select(teams.c.name).exists() | select(namespaces.c.name).where(~own).exists()
        left = select(events.c.id).where(events.c.repository == _WHERE, events.c.action == _LEFT).exists()
        statement = select(
            made.label("made"),
            named.where(users.c.name != ADMIN).exists().label("joined"),
            shared.label("shared"),
            left.label("left"),
        )
        with self._ledger.database.read() as connection:
            row = connection.execute(statement).one()
        return Beginning(chosen=not row.made, joined=bool(row.joined), shared=bool(row.shared), left=bool(row.left))

    def leave(self, by: Mandate) -> None:
        """Let nobody be reminded any more.

        Raises:
            DeniedError: If the mandate is not one over the site.
            StorageError: If the catalog fails.
        """
        by.require_site()
        with self._ledger.changing(by) as change:
            change.record(_LEFT, "", repository=_WHERE)
