"""Webhooks as people keep them: made, changed, looked at, tested. Who may is decided here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from orchard.errors import DeniedError, InvalidError, NotFoundError
from orchard.hub.access import Action, Principal
from orchard.hub.catalog import deliveries, webhooks
from orchard.hub.catalog.deliveries import Delivery
from orchard.hub.catalog.webhooks import Webhook
from orchard.hub.db import Database
from orchard.hub.egress import Gate, Vault
from orchard.hub.jobs.delivering import Deliverer
from orchard.hub.jobs.signing import check_secret, make_secret
from orchard.hub.jobs.spreading import SCOPE
from orchard.hub.registry import Policy
from orchard.oci import check_repository

EVENTS: Final = (
    "manifest.push",
    "manifest.delete",
    "manifest.restore",
    "tag.set",
    "tag.delete",
    "tag.override",
    "tag.restore",
    "repository.delete",
    "repository.restore",
    "repository.visibility",
    "version.understood",
)
MOST: Final = 100  # hooks of one scope
_PATTERNS: Final = frozenset({"*", *EVENTS, *(f"{event.partition('.')[0]}.*" for event in EVENTS)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a webhook is to be; what is none stays as it is, or is chosen.

    Attributes:
        url: Where to send.
        events: Names of events and patterns (``tag.*``, ``*``).
        secret: Key of the signatures.
        active: Whether anything is sent.
    """

    url: str | None = None
    events: Sequence[str] | None = None
    secret: str | None = None
    active: bool | None = None


class HookKeeper:
    """The webhooks of one hub.

    Whoever may change the rules of a repository or a namespace keeps its webhooks; those of the whole hub are kept by
    its administrators.
    """

    def __init__(
        self,
        database: Database,
        policy: Policy,
        deliverer: Deliverer,
        *,
        vault: Vault,
        gate: Gate,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._policy = policy
        self._deliverer = deliverer
        self._vault = vault
        self._gate = gate
        self._now = now

    def create(self, who: Principal, scope: str, wish: Wish) -> tuple[Webhook, str]:
        """Make a webhook; give it, and its secret, which is told this once.

        Raises:
            InvalidError: If the scope, the address, an event or the secret is none.
            DeniedError: If ``who`` may not, or the hub may not go there.
            StorageError: If the catalog fails.
        """
        self._require(who, scope)
        secret = make_secret() if wish.secret is None else check_secret(wish.secret)
        url = str(self._gate.check(wish.url or ""))
        events = _checked(("*",) if wish.events is None else wish.events)
        sealed, at = self._vault.seal(secret), round(self._now() * 1000)
        with self._database.write(SCOPE) as connection:
            if len(webhooks.of_scope(connection, scope)) >= MOST:
                raise DeniedError(f"{scope or 'the hub'} has {MOST} webhooks; remove some first")
            number = webhooks.add(
                connection, scope=scope, url=url, events=events, secret=sealed, account=who.name, at=at
            )
        return self.get(who, number), secret

    def kept(self, who: Principal, scope: str | None = None) -> list[Webhook]:
        """List the webhooks of a scope; or all that ``who`` may keep.

        Raises:
            DeniedError: If ``who`` may not keep those of this scope.
            StorageError: If the catalog fails.
        """
        if scope is not None:
            self._require(who, scope)
        with self._database.read() as connection:
            found = webhooks.of_scope(connection, scope)
        return [one for one in found if scope is not None or self._may(who, one.scope)]

    def get(self, who: Principal, number: int) -> Webhook:
        """Find one webhook.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            StorageError: If the catalog fails.
        """
        with self._database.read() as connection:
            found = webhooks.get(connection, number)
        if found is None or not self._may(who, found.scope):
            raise NotFoundError(f"there is no webhook {number}")
        return found

    def change(self, who: Principal, number: int, wish: Wish) -> Webhook:
        """Change a webhook; one that is switched on begins anew.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            InvalidError: If the address, an event or the secret is none.
            DeniedError: If the hub may not go there.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        values: dict[str, object] = {}
        if wish.url is not None:
            values["url"] = str(self._gate.check(wish.url))
        if wish.events is not None:
            values["events"] = " ".join(_checked(wish.events))
        if wish.secret is not None:
            values["secret"] = self._vault.seal(check_secret(wish.secret))
        if wish.active is not None:
            values.update(active=wish.active, reason=None, failures=0, failing_since=None, due_at=0)
        if values:
            with self._database.write(SCOPE) as connection:
                webhooks.change(connection, number, **values)
        return self.get(who, number)

    def remove(self, who: Principal, number: int) -> None:
        """Forget a webhook with its log.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        with self._database.write(SCOPE) as connection:
            webhooks.remove(connection, number)

    def ping(self, who: Principal, number: int) -> Delivery:
        """Send a test message, once; give its entry in the log, which tells in a moment how it went.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        with self._database.write(SCOPE) as connection:
            made = self._deliverer.ping(connection, number, who.name)
        return self.delivery(who, number, made)

    def replay(self, who: Principal, number: int, delivery: int) -> Delivery:
        """Send a message once more; give its new entry in the log.

        Raises:
            NotFoundError: If there is no such webhook or message.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        with self._database.write(SCOPE) as connection:
            made = self._deliverer.replay(connection, number, delivery)
        return self.delivery(who, number, made)

    def log(self, who: Principal, number: int, *, before: int | None, limit: int) -> list[Delivery]:
        """List messages of a webhook, newest first.

        Raises:
            NotFoundError: If there is none that ``who`` may keep.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        with self._database.read() as connection:
            return deliveries.log(connection, number, before=before, limit=limit)

    def delivery(self, who: Principal, number: int, delivery: int) -> Delivery:
        """Find one message.

        Raises:
            NotFoundError: If there is no such webhook or message.
            StorageError: If the catalog fails.
        """
        self.get(who, number)
        with self._database.read() as connection:
            found = deliveries.get(connection, number, delivery)
        if found is None:
            raise NotFoundError(f"webhook {number} has no delivery {delivery}; it may be older than the log")
        return found

    def _may(self, who: Principal, scope: str) -> bool:
        return self._policy.allows(who, Action.GOVERN if scope else Action.OWN, scope)

    def _require(self, who: Principal, scope: str) -> None:
        """Refuse whoever may not keep webhooks.

        Raises:
            InvalidReferenceError: If the scope is no name.
            DeniedError: If ``who`` may not.
        """
        if scope:
            check_repository(scope)
        if not self._may(who, scope):
            raise DeniedError(f"{who.name} may not keep webhooks of {scope or 'the whole hub'}")


def _checked(events: Sequence[str]) -> tuple[str, ...]:
    """Refuse events that never happen.

    Raises:
        InvalidError: Naming those that do.
    """
    for event in events:
        if event not in _PATTERNS:
            raise InvalidError(f"{event[:64]!r} is no event; there are {', '.join(EVENTS)}, and tag.* or * for several")
    if not events:
        raise InvalidError("a webhook without events would never be told anything")
    return tuple(dict.fromkeys(events))
