"""Mirrors as people keep them: made, looked at, run, tried. Who may is decided here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from orchard.errors import DeniedError, InvalidError, NotFoundError
from orchard.hub.access import Action, Principal
from orchard.hub.catalog import mirrors
from orchard.hub.catalog.mirrors import Mirror, NewMirror
from orchard.hub.catalog.patterns import TagPattern
from orchard.hub.db import Database
from orchard.hub.egress import Gate, Vault
from orchard.hub.jobs.mirroring import PULL, PUSH, Mirroring, Report
from orchard.hub.jobs.spreading import SCOPE
from orchard.hub.registry import Policy
from orchard.oci import check_repository
from orchard.remote import Url

LEAST: Final = 60  # seconds between two runs
MOST: Final = 100  # mirrors of one repository


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorWish:
    """What is to be kept like what.

    Attributes:
        direction: ``pull`` or ``push``.
        repository: Here.
        remote: There: ``https://registry.example.com/team/model``.
        tags: Which tags, as a pattern.
        every: Seconds between two runs.
        on_push: Whether a push here starts a run.
        referrers: Whether signatures come along.
        deletions: Whether tags that are gone are taken away.
        username: Account there.
        password: Its password.
    """

    direction: str
    repository: str
    remote: str
    tags: str = "*"
    every: int | None = None
    on_push: bool = False
    referrers: bool = True
    deletions: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class MirrorKeeper:
    """The mirrors of one hub, kept by whoever may change the rules of a repository.

    They act with the rights of whoever made them, at the time when they run.
    """

    def __init__(
        self,
        database: Database,
        policy: Policy,
        mirroring: Mirroring,
        *,
        vault: Vault,
        gate: Gate,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._policy = policy
        self._mirroring = mirroring
        self._vault = vault
        self._gate = gate
        self._now = now

    def create(self, who: Principal, wish: MirrorWish) -> Mirror:
        """Make a mirror.

        Raises:
            InvalidError: If something it says makes no sense.
            DeniedError: If ``who`` may not, or the hub may not go there.
            StorageError: If the catalog fails.
        """
        check_repository(wish.repository)
        self._require(who, wish)
        remote = _remote(self._gate.check(wish.remote))
        TagPattern.parse(wish.tags)
        _check(wish)
        new = NewMirror(
            direction=wish.direction,
            repository=wish.repository,
            remote=remote,
            tags=wish.tags,
            every=wish.every,
            on_push=wish.on_push,
            referrers=wish.referrers,
            deletions=wish.deletions,
            username=wish.username,
            password=None if wish.password is None else self._vault.seal(wish.password),
        )
        with self._database.write(SCOPE) as connection:
            if len(mirrors.every(connection, wish.repository)) >= MOST:
                raise DeniedError(f"{wish.repository} has {MOST} mirrors; remove some first")
            number = mirrors.add(connection, new, account=who.name, at=round(self._now() * 1000))
        return self.get(who, number)

    def kept(self, who: Principal) -> list[Mirror]:
        """List the mirrors that ``who`` may keep.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            found = mirrors.every(connection)
        return [one for one in found if self._policy.allows(who, Action.GOVERN, one.repository)]

    def get(self, who: Principal, number: int) -> Mirror:
        """Find a mirror.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            found = mirrors.get(connection, number)
        if found is None or not self._policy.allows(who, Action.GOVERN, found.repository):
            raise NotFoundError(f"there is no mirror {number}")
        return found

    def remove(self, who: Principal, number: int) -> None:
        """Forget a mirror, but not what it has copied.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        with self._database.write(SCOPE) as connection:
            mirrors.remove(connection, number)

    def run(self, who: Principal, number: int) -> str:
        """Ask for a run now; give the number of its task.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        with self._database.write(SCOPE) as connection:
            return self._mirroring.ask(connection, number)

    def plan(self, who: Principal, number: int) -> Report:
        """Tell what a run would do now.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            OrchardError: As one of the two sides raises it.
        """
        return self._mirroring.plan(self.get(who, number))

    def _require(self, who: Principal, wish: MirrorWish) -> None:
        """Refuse whoever may not do himself what the mirror will do.

        Raises:
            DeniedError: If ``who`` may not.
        """
        needed = {Action.GOVERN, Action.PULL}
        if wish.direction == PULL:
            needed |= {Action.PUSH, Action.DELETE} if wish.deletions else {Action.PUSH}
        for action in sorted(needed):
            if not self._policy.allows(who, action, wish.repository):
                raise DeniedError(f"{who.name} may not keep mirrors of {wish.repository}: that takes {action} there")


def _remote(url: Url) -> str:
    """Give an address as it is kept.

    Raises:
        InvalidError: If it names no repository.
    """
    if url.query:
        raise InvalidError(f"{url.where} has a query; name a repository: https://registry.example.com/team/model")
    return f"{url.origin}/{check_repository(url.path.strip('/'))}"


def _check(wish: MirrorWish) -> None:
    """Refuse what makes no sense together.

    Raises:
        InvalidError: Saying why.
    """
    if wish.direction not in {PULL, PUSH}:
        raise InvalidError(f"a mirror pulls or pushes; {wish.direction[:32]!r} is neither")
    if wish.every is not None and wish.every < LEAST:
        raise InvalidError(f"every {wish.every} seconds is too often; at least {LEAST} are needed")
    if wish.on_push and wish.direction == PULL:
        raise InvalidError("a mirror that pulls is not started by a push here; say how often it runs")
    if (wish.username is None) != (wish.password is None):
        raise InvalidError("an account and its password belong together; one of them is missing")
