"""The policy of a hub with accounts: what somebody's roles, and the limits of what was shown at the door, allow."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection, select

from orchard.hub.access.ledger import Epoch, Ledger
from orchard.hub.access.names import namespace_of
from orchard.hub.access.principal import Action, Kind, Principal, Role, Sight, Visibility
from orchard.hub.db import schema
from orchard.hub.db.people import grants, namespaces, team_members, users

V = TypeVar("V")

_PEOPLE: Final = 10_000  # remembered
_REPOSITORIES: Final = 100_000
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """What one account may do, wherever it has a role.

    Attributes:
        site_admin: Whether it may do everything.
        namespaces: Its highest role in each namespace where it has one.
        repositories: Its highest role in each repository where it was given one.
        teams: Those that it is in.
    """

    site_admin: bool
    namespaces: Mapping[str, Role]
    repositories: Mapping[str, Role]
    teams: frozenset[str] = frozenset()

    def role(self, repository: str) -> Role | None:
        """Give its role in a repository."""
        found = self.namespaces.get(namespace_of(repository)), self.repositories.get(repository)
        return max((role for role in found if role is not None), key=_rank, default=None)

    def may(self, action: Action, repository: str) -> bool:
        """Tell whether that is enough."""
        if self.site_admin:
            return True
        role = self.role(repository)
        return role is not None and role.may(action)


NOBODY: Final = Standing(site_admin=False, namespaces={}, repositories={})


class Rights:
    """The policy. What it finds out is remembered until somebody changes something (``Epoch``).

    Args:
        ledger: Where rights are kept.
        anonymous: Whether whoever has no account may read what is public.
    """

    def __init__(self, ledger: Ledger, *, anonymous: bool = True) -> None:
        self._ledger = ledger
        self._anonymous = anonymous
        self._standings: _Memory[Standing] = _Memory(ledger.epoch, _PEOPLE)
        self._public: _Memory[bool] = _Memory(ledger.epoch, _REPOSITORIES)

    def knows(self, who: Principal, action: Action, repository: str) -> bool | None:
        """Tell whether ``who`` may, if that takes no waiting; none if it does."""
        if not who.within(action, repository):
            return False
        standing = self._remembered(who, repository)
        if standing is None:
            return None
        if standing.may(action, repository):
            return True
        return self._public.get(repository) if self._may_be_public(who, action) else False

    def allows(self, who: Principal, action: Action, repository: str) -> bool:
        """Tell whether ``who`` may.

        Raises:
            StorageError: If the catalog fails.
        """
        if not who.within(action, repository):
            return False
        if self.standing(who, repository).may(action, repository):
            return True
        return self._may_be_public(who, action) and self._is_public(repository)

    def prepare(self, who: Principal, repositories: Collection[str]) -> None:
        """Get ready to be asked whether ``who`` may read many repositories, in one go.

        Raises:
            StorageError: If the catalog fails.
        """
        standing = self.standing(who, "")
        if standing.site_admin or not self._may_be_public(who, Action.PULL):
            return
        unknown = [
            name for name in repositories if not standing.may(Action.PULL, name) and self._public.get(name) is None
        ]
        for start in range(0, len(unknown), _BATCH):
            self._look_up(unknown[start : start + _BATCH])

    def sight(self, who: Principal) -> Sight | None:
        """Tell what ``who`` may read; none if that must be asked of each repository, for a token says more.

        Raises:
            StorageError: If the catalog fails.
        """
        limits = who.limits if who.ticket is None else (*who.limits, who.ticket)
        if not all(limit.is_open_to(Action.PULL) for limit in limits):
            return None
        standing = self.standing(who, who.namespace if who.kind is Kind.ROBOT else "")
        return Sight(
            everything=standing.site_admin,
            namespaces=frozenset(standing.namespaces),
            repositories=frozenset(standing.repositories),
            public=self._may_be_public(who, Action.PULL),
        )

    def standing(self, who: Principal, repository: str) -> Standing:
        """Find out where somebody has a role; of robots, as far as one repository is concerned.

        Raises:
            StorageError: If the catalog fails.
        """
        found = self._remembered(who, repository)
        if found is None:
            with self._ledger.database.read() as connection:
                epoch = self._ledger.epoch.read(connection)
                found = _standing(connection, who.name)
            self._standings.put(who.name, found, epoch)
        return found

    def _remembered(self, who: Principal, repository: str) -> Standing | None:
        if who.kind is Kind.USER:
            return self._standings.get(who.name)
        if who.kind is Kind.ROBOT and namespace_of(repository) == who.namespace:
            return _of_robots(who.namespace)
        return NOBODY

    def _may_be_public(self, who: Principal, action: Action) -> bool:
        return action is Action.PULL and (self._anonymous or who.kind is not Kind.ANONYMOUS)

    def _is_public(self, repository: str) -> bool:
        """Tell whether everybody may read it; what is not there looks like what must not be seen.

        Nothing is remembered of what is not there: a push makes a repository without a new epoch.
        """
        found = self._public.get(repository)
        return self._look_up([repository]).get(repository, False) if found is None else found

    def _look_up(self, names: list[str]) -> dict[str, bool]:
        with self._ledger.database.read() as connection:
            epoch = self._ledger.epoch.read(connection)
            found = _visibilities(connection, names)
        for name, public in found.items():
            self._public.put(name, public, epoch)
        return found


class _Memory(Generic[V]):
    """What was found out in one epoch; the least recently learnt is forgotten first."""

    def __init__(self, epoch: Epoch, limit: int) -> None:
        self._epoch = epoch
        self._limit = limit
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[V, int]] = OrderedDict()

    def get(self, key: str) -> V | None:
        found = self._known.get(key)
        return found[0] if found is not None and found[1] == self._epoch.current else None

    def put(self, key: str, value: V, epoch: int) -> None:
        with self._lock:
            self._known[key] = (value, epoch)
            self._known.move_to_end(key)
            while len(self._known) > self._limit:
                self._known.popitem(last=False)


def _rank(role: Role) -> int:
    return role.rank


@lru_cache(maxsize=1024)
def _of_robots(namespace: str) -> Standing:
    return Standing(site_admin=False, namespaces={namespace: Role.MAINTAINER}, repositories={})


def _standing(connection: Connection, name: str) -> Standing:
    user = connection.execute(select(users.c.site_admin, users.c.disabled).where(users.c.name == name)).first()
    if user is None or user.disabled:
        return NOBODY
    in_teams = {
        row.team_name: Role(row.role)
        for row in connection.execute(select(team_members).where(team_members.c.user_name == name))
    }
    if user.site_admin:
        return Standing(site_admin=True, namespaces={}, repositories={}, teams=frozenset(in_teams))
    everywhere: dict[str, Role] = {}
    somewhere: dict[str, Role] = {}
    owned = select(namespaces).where((namespaces.c.owner_user == name) | namespaces.c.owner_team.in_(list(in_teams)))
    for row in connection.execute(owned):
        _raise(everywhere, row.name, in_teams.get(row.owner_team or "", Role.OWNER))
    given = select(grants).where((grants.c.user_name == name) | grants.c.team_name.in_(list(in_teams)))
    for row in connection.execute(given):
        if row.repository is None:
            _raise(everywhere, row.namespace, Role(row.role))
        else:
            _raise(somewhere, row.repository, Role(row.role))
    return Standing(site_admin=False, namespaces=everywhere, repositories=somewhere, teams=frozenset(in_teams))


def _raise(roles: dict[str, Role], place: str, role: Role) -> None:
    before = roles.get(place)
    roles[place] = role if before is None or role.rank > before.rank else before


def _visibilities(connection: Connection, names: list[str]) -> dict[str, bool]:
    """Tell which of those repositories that are there everybody may read."""
    within = {namespace_of(name) for name in names}
    defaults = {
        row.name: row.visibility for row in connection.execute(select(namespaces).where(namespaces.c.name.in_(within)))
    }
    statement = select(schema.repositories.c.name, schema.repositories.c.visibility).where(
        schema.repositories.c.name.in_(names)
    )
    own = {row.name: row.visibility for row in connection.execute(statement)}
    return {name: (own[name] or defaults.get(namespace_of(name))) == Visibility.PUBLIC for name in own}
