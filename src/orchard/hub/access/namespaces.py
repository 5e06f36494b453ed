"""Namespaces: whose repositories are whose, and which of them everybody may read."""

import builtins
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, exists, insert, select, update

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.access.ledger import Change, Ledger
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import Name, Party, PartyKind
from orchard.hub.access.principal import Visibility
from orchard.hub.db.people import grants, namespaces, teams, tokens, users
from orchard.hub.db.schema import repositories


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """One namespace.

    Attributes:
        name: The first component of its repositories' names.
        owner: Whose it is; absent, only administrators of the site look after it.
        visibility: Of its repositories that have none of their own.
    """

    name: str
    owner: Party | None
    visibility: Visibility


class Namespaces:
    """The namespaces of one hub."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, name: str) -> Namespace:
        """Find one namespace.

        Raises:
            NotFoundError: If there is none of this name.
            StorageError: If the catalog fails.
        """
        with self._ledger.database.read() as connection:
            row = connection.execute(select(namespaces).where(namespaces.c.name == name)).first()
        if row is None:
            raise NotFoundError(f"there is no namespace {name}")
        return _namespace(row)

    def list(self, *, owner: Party | None = None, after: str = "", limit: int = 1000) -> list[Namespace]:
        """List namespaces by name; those of one owner only, if one is given.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(namespaces).where(namespaces.c.name > after).order_by(namespaces.c.name).limit(limit)
        if owner is not None:
            column = namespaces.c.owner_user if owner.kind is PartyKind.USER else namespaces.c.owner_team
            statement = statement.where(column == owner.name)
        with self._ledger.database.read() as connection:
            return [_namespace(row) for row in connection.execute(statement)]

    def named(self, names: Collection[str]) -> builtins.list[Namespace]:
        """List those of these namespaces that are there, by name.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(namespaces).where(namespaces.c.name.in_(names)).order_by(namespaces.c.name)
        with self._ledger.database.read() as connection:
            return [_namespace(row) for row in connection.execute(statement)]

    def create(
        self, by: Mandate, name: Name, *, owner: Party | None = None, visibility: Visibility = Visibility.PRIVATE
    ) -> Namespace:
        """Make a namespace.

        Raises:
            ConflictError: If there is one of this name.
            NotFoundError: If there is no such owner.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.CREATION, str(owner))
        with self._ledger.changing(by) as change:
            if (
                change.connection.execute(select(namespaces.c.name).where(namespaces.c.name == name)).first()
                is not None
            ):
                raise ConflictError(f"there is a namespace {name} already")
            values = {"name": name, "visibility": visibility, "created_at": change.at, **_owner(change, owner)}
            change.connection.execute(insert(namespaces), values)
            change.record("namespace.create", name, owner=str(owner), visibility=visibility)
        return self.get(name)

    def give(self, by: Mandate, name: str, owner: Party | None) -> None:
        """Give a namespace to another owner.

        Raises:
            NotFoundError: If there is no such namespace or owner.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.NAMESPACE, name)
        with self._ledger.changing(by) as change:
            self._update(change, name, **_owner(change, owner))
            change.record("namespace.give", name, owner=str(owner))

    def set_visibility(self, by: Mandate, name: str, visibility: Visibility) -> None:
        """Say who may read those repositories of a namespace that have no visibility of their own.

        Raises:
            NotFoundError: If there is no such namespace.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.NAMESPACE, name)
        with self._ledger.changing(by) as change:
            self._update(change, name, visibility=visibility)
            change.record("namespace.visibility", name, visibility=visibility)

    def delete(self, by: Mandate, name: str) -> None:
        """Do away with an empty namespace, the roles in it, and its robots.

        Raises:
            NotFoundError: If there is none of this name.
            ConflictError: If it holds repositories, or is that of an account's own name.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.NAMESPACE, name)
        with self._ledger.changing(by) as change:
            if change.connection.execute(select(users.c.name).where(users.c.name == name)).first() is not None:
                raise ConflictError(f"the namespace {name} goes when the account {name} goes")
            if holds_repositories(change, name):
                raise ConflictError(f"the namespace {name} holds repositories; delete them first")
            if not change.connection.execute(delete(namespaces).where(namespaces.c.name == name)).rowcount:
                raise NotFoundError(f"there is no namespace {name}")
            change.connection.execute(delete(grants).where(grants.c.namespace == name))
            change.connection.execute(delete(tokens).where(tokens.c.namespace == name))
            change.record("namespace.delete", name)

    def visibility(self, repository: str) -> Visibility | None:
        """Tell what visibility a repository has of its own; none if it follows its namespace.

        Raises:
            NotFoundError: If there is no such repository.
            StorageError: If the catalog fails.
        """
        with self._ledger.database.read() as connection:
            found = connection.execute(
                select(repositories.c.visibility).where(repositories.c.name == repository)
            ).first()
        if found is None:
            raise NotFoundError(f"there is no repository {repository}")
        return None if found.visibility is None else Visibility(found.visibility)

    def set_repository_visibility(self, by: Mandate, repository: str, visibility: Visibility | None) -> None:
        """Say who may read one repository; none lets it follow its namespace.

        Raises:
            NotFoundError: If there is no such repository.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        by.require(Over.REPOSITORY, repository)
        with self._ledger.changing(by) as change:
            statement = update(repositories).where(repositories.c.name == repository)
            if not change.connection.execute(statement, {"visibility": visibility}).rowcount:
                raise NotFoundError(f"there is no repository {repository}")
            change.record("repository.visibility", "", repository=repository, visibility=visibility)

    @staticmethod
    def _update(change: Change, name: str, **values: str | None) -> None:
        if not change.connection.execute(update(namespaces).where(namespaces.c.name == name), values).rowcount:
            raise NotFoundError(f"there is no namespace {name}")


def holds_repositories(change: Change, namespace: str) -> bool:
    """Tell whether a namespace holds any."""
    # "0" comes right after "/": all names of the namespace, by the index
    below = (repositories.c.name > f"{namespace}/") & (repositories.c.name < f"{namespace}0")
    return bool(change.connection.execute(select(exists().where((repositories.c.name == namespace) | below))).scalar())


def _owner(change: Change, owner: Party | None) -> dict[str, str | None]:
    """Give the columns of an owner.

    Raises:
        NotFoundError: If there is none such.
    """
    if owner is None:
        return {"owner_user": None, "owner_team": None}
    column = users.c.name if owner.kind is PartyKind.USER else teams.c.name
    if change.connection.execute(select(column).where(column == owner.name)).first() is None:
        raise NotFoundError(f"there is no {owner.kind} {owner.name}")
    user = owner.name if owner.kind is PartyKind.USER else None
    return {"owner_user": user, "owner_team": None if user else owner.name}


def _namespace(row: Row[Any]) -> Namespace:
    owner = None
    if row.owner_user is not None:
        owner = Party.user(Name(row.owner_user))
    elif row.owner_team is not None:
        owner = Party.team(Name(row.owner_team))
    return Namespace(name=row.name, owner=owner, visibility=Visibility(row.visibility))
