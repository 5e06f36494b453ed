"""Who may come in, chosen by the settings."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from orchard.errors import NotFoundError, StorageError
from orchard.hub.access import ADMIN, Door, EverybodyInside, Mandate, OpenDoor, People, Principal, Tickets
from orchard.hub.db import Database
from orchard.hub.registry import Policy, Reach, boundless
from orchard.hub.settings import Settings

if TYPE_CHECKING:
    from orchard.hub.http import Access  # whose import costs a server

SERVICE: Final = "orchard"  # whom tickets are for, where the hub does not know its address
_POLL: Final = 1.0  # seconds between two looks at whether another process has changed who may do what
_DOUBT: Final = 10  # looks in vain after which nothing is trusted that was thought out before


@dataclass(frozen=True, slots=True)
class TokenService:
    """What the token endpoint works with.

    Attributes:
        door: Finds out who asks.
        issuer: Makes tickets.
    """

    door: Door
    issuer: Tickets


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may come in, and what they may do.

    Attributes:
        access: The door.
        policy: What is asked of whoever is inside.
        people: Accounts and rights, for those parts of the hub that show and change them.
        tickets: What the token endpoint works with, if there are logins.
    """

    access: "Access"
    policy: Policy
    people: People
    tickets: TokenService | None = None

    def reach(self, who: Principal, name: str) -> Reach:
        """Tell what somebody is in a repository or a namespace, for rules that name roles and teams.

        Whoever breaks rules does it as a person: no robot can, and no token that is limited to some repositories.

        Raises:
            StorageError: If the catalog fails.
        """
        if self.policy is not self.people.rights:
            return boundless(who, name)
        standing = self.people.rights.standing(who, name)
        whole = who.without_ticket().whole
        return Reach(site_admin=standing.site_admin and whole, role=standing.role(name), teams=standing.teams)


def people_of(settings: Settings, database: Database) -> People:
    """Make the services of accounts and rights over a catalog."""
    return People.of(database, time.time, anonymous=settings.anonymous, self_service=settings.self_service)


@contextmanager
def open_entrance(
    settings: Settings, database: Database, *, loopback: bool, url: str, announce: Callable[[str], None]
) -> Iterator[Entrance]:
    """Make the door, and see to it that somebody can come in.

    Args:
        settings: How the hub runs.
        database: Where accounts are kept.
        loopback: Whether only this machine can reach the hub.
        url: How whoever starts it can reach it.
        announce: Is told how to come in for the first time, once.

    Raises:
        InvalidError: If the password that is wanted for the admin account cannot be one.
        StorageError: If the catalog fails.
    """
    people = people_of(settings, database)
    if not settings.needs_login(loopback=loopback):
        yield Entrance(OpenDoor(), EverybodyInside(), people, None)
        return
    _prepare(people, settings.admin_password, url=url, announce=announce)
    tickets = Tickets(
        people.keys,
        people.rights,
        users=people.users,
        tokens=people.tokens,
        service=SERVICE if settings.url is None else settings.url.rpartition("/")[2],
        lifetime=settings.token_lifetime,
        now=time.time,
    )
    with _watching(people):
        door = Door(people, tickets, time.monotonic, url=settings.url, late=settings.upload_lifetime)
        yield Entrance(door, people.rights, people, TokenService(door, tickets))


def set_password(people: People, account: str, password: str) -> None:
    """Give an account a new password on behalf of whoever runs the hub; the account ``admin`` is made if need be.

    Raises:
        NotFoundError: If there is no such account.
        InvalidError: If the password cannot be one.
        StorageError: If the catalog fails.
    """
    by = Mandate.operator()
    try:
        people.users.set_password(by, account, password)
    except NotFoundError:
        if account != ADMIN:
            raise
        people.users.create(by, ADMIN, password=password, site_admin=True)


def _prepare(people: People, password: str | None, *, url: str, announce: Callable[[str], None]) -> None:
    """See to it that somebody can log in."""
    if password is not None:
        if people.users.verify(ADMIN, password) is None:
            set_password(people, ADMIN, password)
    elif not people.users.exist():
        made = secrets.token_urlsafe(18)
        set_password(people, ADMIN, made)
        announce(f"made the account {ADMIN!r} with the password {made} (it is shown this once)")
        invitation = people.invitations.create(Mandate.operator(), ADMIN)
        announce(f"choose another one and set this hub up in a browser: {url}/welcome/{invitation}?next=/setup")


@contextmanager
def _watching(people: People) -> Iterator[None]:
    """Learn within a second what other processes change, while the block runs."""
    ended = Event()

    def watch() -> None:
        vain = 0
        while not ended.wait(_POLL):
            try:
                people.epoch.poll()
                vain = 0
            except StorageError:
                vain += 1
                if vain == _DOUBT:
                    people.epoch.doubt()

    watcher = Thread(target=watch, name="hub-people", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
