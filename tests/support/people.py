"""Accounts and rights for tests: a small firm with two tenants."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import insert

from orchard.hub.access import Mandate, Name, Party, People, Principal, Role, Target
from orchard.hub.access.passwords import hash_password
from orchard.hub.db import Database
from orchard.hub.db.people import users
from orchard.hub.db.schema import repositories
from support.hubinside import Clock, fresh_catalog, new_door, new_tickets, quick_directory

__all__ = ["OPERATOR", "PASSWORD", "firm", "give", "new_door", "new_tickets", "people", "repository", "with_password"]

OPERATOR: Final = Mandate.operator()
PASSWORD: Final = "correct horse: battery staple"


@contextmanager
def people(*, anonymous: bool = True, self_service: bool = False) -> Iterator[People]:
    """Make the services over a catalog of their own."""
    with quick_directory() as directory:
        database = fresh_catalog(directory)
        yield People.of(database, Clock(), anonymous=anonymous, self_service=self_service)
        database.close()


def firm(found: People) -> None:
    """Two teams that must not see each other, each with one account a role, and an administrator."""
    found.users.create(OPERATOR, Name("root"), site_admin=True)
    for team in ("ml", "ops"):
        found.teams.create(OPERATOR, Name(team))
        found.namespaces.create(OPERATOR, Name(team), owner=Party.team(Name(team)))
        for role in Role:
            name = Name(f"{team}-{role}")
            found.users.create(OPERATOR, name)
            found.teams.put_member(OPERATOR, team, name, role=role)
    found.users.create(OPERATOR, Name("eve"))


def give(found: People, party: str, target: str, role: Role) -> None:
    found.grants.put(OPERATOR, Party.parse(party), Target.parse(target), role=role)


def repository(database: Database, name: str) -> None:
    """Let a repository be there, without a push."""
    with database.write() as connection:
        connection.execute(insert(repositories), {"name": name, "created_at": 1})


def with_password(found: People, name: str, password: str = PASSWORD) -> Principal:
    """Give an account a password that takes a tenth of the time to look at."""
    with found.ledger.database.write() as connection:
        connection.execute(users.update().where(users.c.name == name).values(password_hash=hash_password(password)))
    return Principal(name)
