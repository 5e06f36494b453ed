"""The desk of whoever runs a hub: what an administrator does, on the catalog itself, be a hub running or not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from orchard.errors import NotFoundError
from orchard.hub.access import (
    EverybodyInside,
    Mandate,
    Name,
    Party,
    Pattern,
    People,
    Role,
    Target,
    Visibility,
    Wanted,
    check_name,
)
from orchard.hub.app.drivers import catalog_file, open_catalog, open_files, open_queue
from orchard.hub.app.people import people_of
from orchard.hub.app.ruledesk import MANY, OPERATOR, RuleDesk, alone
from orchard.hub.db import Database
from orchard.hub.jobs.overseeing import Overseer
from orchard.hub.registry import Premises, Recall, Registry, RepositorySummary
from orchard.hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Desk:
    """What an administrator works with.

    Attributes:
        people: Accounts and rights.
        by: The mandate of whoever can open the database.
        settings: How the hub runs.
    """

    people: People
    by: Mandate
    settings: Settings
    _database: Database

    def repositories(self, part: str = "") -> list[RepositorySummary]:
        """List repositories whose names hold ``part``, by name.

        Raises:
            StorageError: If the catalog fails.
        """
        return self._registry().repositories(OPERATOR, limit=MANY, part=part)

    def delete_repository(self, name: str) -> None:
        """Put a repository into the trash.

        Raises:
            NotFoundError: If there is none of this name.
            ConflictError: If a hub runs that may remember what is in it.
            DeniedError: If a rule forbids that one of its tags is deleted.
            StorageError: If the catalog fails.
        """
        with alone(self.settings, name, f"DELETE /api/v1/repositories/{name}"):
            self._registry().deletable(OPERATOR, name).delete_repository(why="deleted by an administrator")

    @property
    def rules(self) -> RuleDesk:
        """Rules, retention, quotas and the trash."""
        return RuleDesk(self.settings, self._registry())

    def overseer(self) -> Overseer:
        """See how far the hub has come with understanding versions, and have it done again.

        Raises:
            ConflictError: If the bytes are elsewhere than the settings say.
            StorageError: If the storage cannot be used.
        """
        files = open_files(self.settings, self._database)
        premises = Premises(self._database, files, EverybodyInside(), recall=Recall(0), now=time.time)
        return Overseer(premises, open_queue(self._database))

    def _registry(self) -> Registry:
        files = open_files(self.settings, self._database)
        return Registry(Premises(self._database, files, EverybodyInside(), recall=Recall(0), now=time.time))

    @staticmethod
    def name(text: str, what: str = "an account name") -> Name:
        """Read the name of an account, a team or a namespace.

        Raises:
            InvalidError: If it cannot be one.
        """
        return check_name(text, what)

    @staticmethod
    def party(text: str) -> Party:
        """Read ``user:ana`` or ``team:research``; a bare name is a user.

        Raises:
            InvalidError: If it is neither.
        """
        return Party.parse(text)

    @staticmethod
    def target(text: str) -> Target:
        """Read a namespace, or a repository.

        Raises:
            InvalidError: If it is neither.
        """
        return Target.parse(text)

    @staticmethod
    def role(text: str) -> Role:
        """Read a role that is one."""
        return Role(text)

    @staticmethod
    def visibility(text: str) -> Visibility:
        """Read a visibility that is one."""
        return Visibility(text)

    @staticmethod
    def wanted(name: str, *, scopes: frozenset[str], patterns: tuple[str, ...], expires_at: datetime | None) -> Wanted:
        """Say what a token is to be.

        Raises:
            InvalidError: If a pattern is none.
        """
        found = tuple(Pattern.parse(text) for text in patterns or ("**",))
        return Wanted(name=name, scopes=scopes, patterns=found, expires_at=expires_at)


@contextmanager
def open_desk(settings: Settings) -> Iterator[Desk]:
    """Open the catalog of a hub for an administrator.

    Raises:
        NotFoundError: If no hub has used the data directory.
        ConflictError: If a newer Orchard made it.
        StorageError: If it cannot be used.
    """
    if settings.database is None and not catalog_file(settings.data).is_file():
        raise NotFoundError(
            f"{settings.data} is not the data directory of a hub; name it with --data, or start the hub there once"
        )
    with open_catalog(settings) as database:
        yield Desk(people_of(settings, database), Mandate.operator(), settings, database)
