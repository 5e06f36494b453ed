"""Everything about accounts and rights of one hub, put together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from orchard.hub.access.authority import Authority
from orchard.hub.access.beginnings import Beginnings
from orchard.hub.access.directory import Directory
from orchard.hub.access.grants import Grants
from orchard.hub.access.keys import Keys
from orchard.hub.access.ledger import Epoch, Ledger
from orchard.hub.access.namespaces import Namespaces
from orchard.hub.access.rights import Rights
from orchard.hub.access.sessions import Sessions
from orchard.hub.access.teams import Teams
from orchard.hub.access.tokens import Tokens
from orchard.hub.access.users import Users
from orchard.hub.access.welcomes import Identities, Invitations
from orchard.hub.db import Database

LONGEST_TICKET: Final = 900.0  # seconds that a registry token can be good for


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What pages, programs and commands call to see and change who may do what.

    Attributes:
        epoch: Tells when something has changed.
        rights: The policy.
        authority: From somebody who came in to a mandate.
        directory: What somebody may see.
    """

    ledger: Ledger
    epoch: Epoch
    rights: Rights
    authority: Authority
    directory: Directory
    users: Users
    teams: Teams
    namespaces: Namespaces
    grants: Grants
    tokens: Tokens
    sessions: Sessions
    invitations: Invitations
    identities: Identities
    keys: Keys
    beginnings: Beginnings

    @classmethod
    def of(
        cls, database: Database, now: Callable[[], float], *, anonymous: bool = True, self_service: bool = False
    ) -> Self:
        """Make the services over a catalog.

        Args:
            database: The catalog.
            now: The time, in seconds since 1970.
            anonymous: Whether whoever has no account may read what is public.
            self_service: Whether everybody with an account may make teams and namespaces.
        """
        epoch = Epoch(database)
        ledger = Ledger(database, now, epoch)
        rights = Rights(ledger, anonymous=anonymous)
        authority = Authority(ledger, rights, self_service=self_service)
        users, teams, tokens = Users(ledger), Teams(ledger), Tokens(ledger)
        namespaces, grants = Namespaces(ledger), Grants(ledger)
        directory = Directory(
            rights, authority, users=users, teams=teams, namespaces=namespaces, grants=grants, tokens=tokens
        )
        return cls(
            ledger=ledger,
            epoch=epoch,
            rights=rights,
            authority=authority,
            directory=directory,
            users=users,
            teams=teams,
            namespaces=namespaces,
            grants=grants,
            tokens=tokens,
            sessions=Sessions(ledger),
            invitations=Invitations(ledger, users),
            identities=Identities(ledger),
            keys=Keys(ledger, overlap=LONGEST_TICKET),
            beginnings=Beginnings(ledger),
        )
