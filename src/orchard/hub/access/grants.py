"""Grants: roles that accounts and teams have where they own nothing."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select

from orchard.errors import NotFoundError
from orchard.hub.access.ledger import Ledger
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import Name, Party, PartyKind, Repository, Target
from orchard.hub.access.principal import Role
from orchard.hub.db.people import grants, teams, users


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of one party in one place."""

    party: Party
    target: Target
    role: Role


class Grants:
    """The grants of one hub."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def list(self, *, namespace: str | None = None, party: Party | None = None) -> list[Grant]:
        """List grants: in one namespace, of one party, or all.

        Raises:
            StorageError: If the catalog fails.
        """
        statement = select(grants).order_by(grants.c.namespace, grants.c.repository, grants.c.id)
        if namespace is not None:
            statement = statement.where(grants.c.namespace == namespace)
        if party is not None:
            statement = statement.where(_of(party))
        with self._ledger.database.read() as connection:
            return [_grant(row) for row in connection.execute(statement)]

    def put(self, by: Mandate, party: Party, target: Target, *, role: Role) -> None:
        """Give a role, in place of the one that this party has there.

        Raises:
            NotFoundError: If there is no such account or team.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        _require(by, target)
        with self._ledger.changing(by) as change:
            column = users.c.name if party.kind is PartyKind.USER else teams.c.name
            if change.connection.execute(select(column).where(column == party.name)).first() is None:
                raise NotFoundError(f"there is no {party.kind} {party.name}")
            change.connection.execute(delete(grants).where(_of(party), _in(target)))
            values = {
                "user_name": party.name if party.kind is PartyKind.USER else None,
                "team_name": party.name if party.kind is PartyKind.TEAM else None,
                "namespace": target.namespace,
                "repository": target.repository,
                "role": role,
                "granted_at": change.at,
            }
            change.connection.execute(insert(grants), values)
            change.record("grant.put", str(party), repository=str(target), role=role)

    def remove(self, by: Mandate, party: Party, target: Target) -> None:
        """Take a role away.

        Raises:
            NotFoundError: If this party has none there.
            DeniedError: If the mandate is about something else.
            StorageError: If the catalog fails.
        """
        _require(by, target)
        with self._ledger.changing(by) as change:
            if not change.connection.execute(delete(grants).where(_of(party), _in(target))).rowcount:
                raise NotFoundError(f"{party} was given no role in {target}")
            change.record("grant.remove", str(party), repository=str(target))


def _require(by: Mandate, target: Target) -> None:
    """Refuse whoever may not say who may do what there.

    Raises:
        DeniedError: If that is so.
    """
    if target.repository is None:
        by.require(Over.NAMESPACE, target.namespace)
    else:
        by.require(Over.REPOSITORY, target.repository)


def _of(party: Party) -> ColumnElement[bool]:
    return (grants.c.user_name if party.kind is PartyKind.USER else grants.c.team_name) == party.name


def _in(target: Target) -> ColumnElement[bool]:
    return (grants.c.namespace == target.namespace) & grants.c.repository.is_not_distinct_from(target.repository)


def _grant(row: Row[Any]) -> Grant:
    party = Party.team(Name(row.team_name)) if row.user_name is None else Party.user(Name(row.user_name))
    repository = None if row.repository is None else Repository(row.repository)
    return Grant(party, Target(Name(row.namespace), repository), Role(row.role))
