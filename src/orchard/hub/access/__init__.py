"""Who may come in: accounts, passwords, and the policy that says what somebody inside may do."""

from orchard.hub.access.accounts import ADMIN, Accounts
from orchard.hub.access.doors import OpenDoor, PasswordDoor
from orchard.hub.access.principal import ANONYMOUS, Action, EverybodyInside, Principal

__all__ = ["ADMIN", "ANONYMOUS", "Accounts", "Action", "EverybodyInside", "OpenDoor", "PasswordDoor", "Principal"]
