"""Who may come in: accounts, what they show at the door, and the policy that says what somebody inside may do."""

from orchard.hub.access.beginnings import Beginning
from orchard.hub.access.directory import Directory
from orchard.hub.access.doors import TOKEN_PATH, Door, OpenDoor, read_basic
from orchard.hub.access.grants import Grant
from orchard.hub.access.limits import Limit, Pattern
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import Name, Party, PartyKind, Target, check_name, checked_repository, namespace_of
from orchard.hub.access.namespaces import Namespace
from orchard.hub.access.passwords import check_chosen
from orchard.hub.access.people import People
from orchard.hub.access.principal import ANONYMOUS, Action, EverybodyInside, Kind, Principal, Role, Sight, Visibility
from orchard.hub.access.scopes import Asked, Scope
from orchard.hub.access.sessions import Session
from orchard.hub.access.teams import Team
from orchard.hub.access.tickets import Ticket, Tickets
from orchard.hub.access.tokens import Token, Wanted
from orchard.hub.access.users import ADMIN, User
from orchard.hub.access.welcomes import Identity

__all__ = [
    "ADMIN",
    "ANONYMOUS",
    "TOKEN_PATH",
    "Action",
    "Asked",
    "Beginning",
    "Directory",
    "Door",
    "EverybodyInside",
    "Grant",
    "Identity",
    "Kind",
    "Limit",
    "Mandate",
    "Name",
    "Namespace",
    "OpenDoor",
    "Over",
    "Party",
    "PartyKind",
    "Pattern",
    "People",
    "Principal",
    "Role",
    "Scope",
    "Session",
    "Sight",
    "Target",
    "Team",
    "Ticket",
    "Tickets",
    "Token",
    "User",
    "Visibility",
    "Wanted",
    "check_chosen",
    "check_name",
    "checked_repository",
    "namespace_of",
    "read_basic",
]
