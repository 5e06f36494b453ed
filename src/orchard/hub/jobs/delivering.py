"""Webhooks: what is sent, how it is signed, and what happens when it does not arrive.

A hook is told of its events one after the other, in their order, by one worker at a time. Where it does not answer, the
whole hook waits, longer each time; the next events wait behind. So a dead receiver costs one connection now and then,
and whatever a receiver gets, it gets in order.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from orchard.errors import NotFoundError, OrchardError
from orchard.hub.catalog import deliveries, webhooks
from orchard.hub.catalog.deliveries import Delivery
from orchard.hub.catalog.outbox import News
from orchard.hub.catalog.webhooks import Webhook
from orchard.hub.db import Database, Transaction
from orchard.hub.egress import Gate, Vault
from orchard.hub.jobs.signing import sign
from orchard.hub.jobs.spreading import SCOPE
from orchard.oci import JSON, dumps
from orchard.remote import Answer, Retry, Timeouts, Url, Web

VERSION: Final = 1  # of what is sent
PING: Final = "ping"
EXCERPT: Final = 1024  # bytes of an answer that are kept
LEASE: Final = 60.0  # seconds; a try takes 30 at most
AT_ONCE: Final = 25  # messages to one hook before others get their turn
WAIT: Final = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)  # seconds after the first failure, the second, …
GIVE_UP: Final = 24 * 3600.0  # seconds after which a message is tried no more
SWITCH_OFF: Final = 3 * 24 * 3600.0  # seconds without any success after which a hook is
REFUSALS: Final = 3  # tries of a message that the receiver does not want
KEEP: Final = 30 * 24 * 3600.0  # seconds that the log goes back
KEEP_MOST: Final = 1000  # messages of one hook in the log

_TIMEOUTS: Final = Timeouts(connect=10.0, read=10.0, commit=10.0, stall=5.0)
_LATER: Final = frozenset({408, 425, 429})  # refusals that are none
_GONE: Final = 410
_FIRST_BAD: Final = 300
_FIRST_FAILURE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a try went.

    Attributes:
        status: HTTP status, if there was an answer.
        milliseconds: How long it took.
        answer: The beginning of the answer.
        error: Why it failed; nothing if it did not.
        wait: Seconds that the receiver asks for.
    """

    status: int | None = None
    milliseconds: int = 0
    answer: str | None = None
    error: str | None = None
    wait: float | None = None

    @property
    def refused(self) -> bool:
        """Whether the receiver does not want this message, and would not want it later."""
        return self.status is not None and _FIRST_BAD <= self.status < _FIRST_FAILURE and self.status not in _LATER


@dataclass(frozen=True, slots=True)
class Leased:
    """A hook that one worker has for now.

    Attributes:
        hook: As it was when it was leased.
        token: Proves it.
    """

    hook: Webhook
    token: str

    def write(self, connection: Transaction, **values: object) -> bool:
        """Write columns of the hook, if it is still ours; tell whether it is."""
        return webhooks.hold(connection, self.hook.id, lease=self.token, values=values)


class Deliverer:
    """Sends what hooks are to be told.

    Args:
        database: The catalog's.
        vault: Knows the keys of signatures.
        gate: Says where messages may go.
        now: Seconds since 1970.
        url: How clients reach this hub, if that is known.
    """

    def __init__(
        self, database: Database, vault: Vault, gate: Gate, *, now: Callable[[], float], url: str | None = None
    ) -> None:
        self._database = database
        self._vault = vault
        self._gate = gate
        self._now = now
        self._url = url

    def listen(self, connection: Transaction, events: Sequence[News]) -> None:
        """Write a message to each hook that wants to know of an event; a ``Listener``."""
        hooks = webhooks.listening(connection)
        for event in events:
            for hook in hooks:
                if hook.wants(event.action, event.repository):
                    self._write(connection, hook.id, event.action, about=_told(event))

    def ping(self, connection: Transaction, hook: int, account: str) -> int:
        """Write a message that only tests the way; give its number."""
        about = {"account": account, "at": _moment(round(self._now() * 1000))}
        return self._write(connection, hook, PING, about=about)

    def replay(self, connection: Transaction, hook: int, number: int) -> int:
        """Let a message be sent once more, under the name that it had; give the number of the new delivery.

        Raises:
            NotFoundError: If there is no such message.
        """
        old = deliveries.get(connection, hook, number)
        if old is None:
            raise NotFoundError(f"webhook {hook} has no delivery {number}; it may be older than the log")
        at = round(self._now() * 1000)
        return deliveries.add(connection, hook, message=old.message, event=old.event, body=old.body, at=at)

    def lease(self, limit: int) -> "list[Leased]":
        """Take hooks for which something waits; to be given to ``deliver``.

        Raises:
            StorageError: If the catalog fails.
        """
        token, now = secrets.token_hex(16), self._now()
        with self._database.read() as connection:
            if not webhooks.ready(connection, round(now * 1000)):
                return []
        with self._database.write(SCOPE) as connection:
            until = round((now + LEASE) * 1000)
            hooks = webhooks.lease(connection, lease=token, now=round(now * 1000), until=until, limit=limit)
        return [Leased(hook, token) for hook in hooks]

    def deliver(self, leased: "Leased") -> None:
        """Send what waits for a hook that we have leased, until something fails or others get their turn.

        Raises:
            StorageError: If the catalog fails; what was sent is sent once more then.
        """
        for _ in range(AT_ONCE):
            with self._database.read() as connection:
                delivery = deliveries.head(connection, leased.hook.id)
            if delivery is None:
                break
            if not self._settle(leased, delivery, self._send(leased.hook, delivery)):
                return
        with self._database.write(SCOPE) as connection:
            leased.write(connection, lease=None, leased_until=0)

    def begin_anew(self) -> None:
        """Take back all hooks from a process that has died; only where there can be no other.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.write(SCOPE) as connection:
            webhooks.end_leases(connection)

    def prune(self) -> int:
        """Forget what was sent long ago; tell how much.

        Raises:
            StorageError: If the catalog fails.
        """
        with self._database.write(SCOPE) as connection:
            return deliveries.prune(connection, before=round((self._now() - KEEP) * 1000), keep=KEEP_MOST)

    def _write(self, connection: Transaction, hook: int, event: str, *, about: Mapping[str, JSON]) -> int:
        message = f"msg_{secrets.token_hex(16)}"
        body: dict[str, JSON] = {"version": VERSION, "id": message, "event": event, "hub": self._url, **about}
        at = round(self._now() * 1000)
        return deliveries.add(connection, hook, message=message, event=event, body=dumps(body).decode(), at=at)

    def _send(self, hook: Webhook, delivery: Delivery) -> Outcome:
        began = time.monotonic()
        try:
            answer = self._post(hook, delivery)
        except OrchardError as error:
            return Outcome(milliseconds=_since(began), error=str(error)[:EXCERPT])
        fine = answer.status < _FIRST_BAD
        return Outcome(
            status=answer.status,
            milliseconds=_since(began),
            answer=readable(answer.body),
            error=None if fine else f"the receiver answered {answer.status}",
            wait=_asked(answer),
        )

    def _post(self, hook: Webhook, delivery: Delivery) -> Answer:
        """Send a message once.

        Raises:
            OrchardError: If there is no answer.
        """
        url, body, at = Url.parse(hook.url), delivery.body.encode(), int(self._now())
        headers = {
            "Content-Type": "application/json",
            "X-Orchard-Event": delivery.event,
            **sign(self._vault.unseal(hook.secret), delivery.message, at=at, body=body),
        }
        options = self._gate.options(scheme=url.origin.scheme, timeouts=_TIMEOUTS, retry=Retry(attempts=1))
        with Web(str(url.origin), options=options) as web:
            return web.post(url, body, headers, limit=EXCERPT)

    def _settle(self, leased: "Leased", delivery: Delivery, outcome: Outcome) -> bool:
        """Write down how a try went; tell whether to go on with this hook."""
        now = self._now()
        attempts = delivery.attempts + 1
        over = outcome.error is None or self._is_over(delivery, outcome, attempts=attempts)
        failed = deliveries.FAILED if over else webhooks.PENDING
        with self._database.write(SCOPE) as connection:
            deliveries.settle(
                connection,
                delivery.id,
                state=deliveries.DELIVERED if outcome.error is None else failed,
                attempts=attempts,
                tried_at=round(now * 1000),
                status=outcome.status,
                milliseconds=outcome.milliseconds,
                answer=outcome.answer,
                error=outcome.error,
            )
            if outcome.error is None:
                until = round((now + LEASE) * 1000)
                return leased.write(connection, failures=0, failing_since=None, leased_until=until)
            self._set_back(connection, leased, outcome)
        return False

    def _is_over(self, delivery: Delivery, outcome: Outcome, *, attempts: int) -> bool:
        """Tell whether a message that did not arrive is tried no more."""
        old = self._now() - delivery.created_at / 1000 >= GIVE_UP
        return old or (outcome.refused and attempts >= REFUSALS) or delivery.event == PING

    def _set_back(self, connection: Transaction, leased: "Leased", outcome: Outcome) -> None:
        """Let a hook wait, or switch it off."""
        # Read again: it may have succeeded, or been changed, since it was leased
        hook, now = webhooks.get(connection, leased.hook.id), self._now()
        if hook is None:
            return
        since = round(now * 1000) if hook.failing_since is None else hook.failing_since
        pause = WAIT[min(hook.failures, len(WAIT) - 1)]
        wait = min(max(pause, outcome.wait or 0.0), WAIT[-1])
        state = {"failures": hook.failures + 1, "failing_since": since, "lease": None, "leased_until": 0}
        held = leased.write(connection, **state, due_at=round((now + wait) * 1000))
        why = _why_off(outcome, since / 1000, now)
        if held and why is not None:
            webhooks.change(connection, hook.id, active=False, reason=why)
            deliveries.give_up(connection, hook.id, f"the webhook was switched off: {why}")


def _why_off(outcome: Outcome, since: float, now: float) -> str | None:
    if outcome.status == _GONE:
        return "the receiver answered 410, which says that it is gone for good"
    if now - since >= SWITCH_OFF:
        return f"nothing has arrived since {_moment(round(since * 1000))}"
    return None


def _told(event: News) -> dict[str, JSON]:
    return {
        "sequence": event.id,
        "at": _moment(event.at),
        "account": event.account,
        "repository": event.repository,
        "digest": event.digest,
        "tag": event.tag,
        "previous": event.previous,
    }


def _asked(answer: Answer) -> float | None:
    """Read how long the receiver asks to be left alone; a date is not looked at."""
    text = answer.headers.get("Retry-After", "").strip()
    return float(text[:6]) if text.isascii() and text.isdigit() else None


def readable(raw: bytes) -> str:
    """Cut a stranger's answer to what can be shown anywhere: no control characters but line ends."""
    text = raw[:EXCERPT].decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def _since(began: float) -> int:
    return round(1000 * (time.monotonic() - began))


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
