"""Webhooks: who is told of what happens."""

from typing import Annotated, Any

from msgspec import Meta, field

from orchard.hub.access import Principal
from orchard.hub.catalog.deliveries import Delivery
from orchard.hub.catalog.webhooks import Webhook
from orchard.hub.db import moment
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Count, Created, Input, Moment, Output, PagedByNumber, Part, number_of
from orchard.hub.jobs import HookKeeper, Wish

WebhookId = Annotated[int, Meta(ge=1, le=(1 << 53) - 1, description="Number of a webhook.")]
DeliveryId = Annotated[int, Meta(ge=1, le=(1 << 53) - 1, description="Number of a delivery.")]
ScopeName = Annotated[
    str,
    Meta(
        max_length=255,
        description="A repository, or what the names of repositories begin with; empty: the whole hub.",
        examples=["team/model", "team", ""],
    ),
]
Address = Annotated[str, Meta(min_length=1, max_length=2048, examples=["https://ci.example.com/hook"])]
EventNames = Annotated[
    list[Annotated[str, Meta(max_length=64)]],
    Meta(min_length=1, max_length=32, examples=[["manifest.push", "tag.*"]]),
]
HookSecret = Annotated[str, Meta(min_length=1, max_length=200, description="`whsec_` and 24 to 64 bytes in base64.")]


class Hook(Output, frozen=True):
    """Somebody who is told of what happens. Its secret is never shown again.

    Attributes:
        id: Its number.
        scope: What it is about.
        url: Where messages are sent.
        events: Of which events.
        active: Whether anything is sent.
        reason: Why the hub switched it off; null if it did not.
        failures: Tries since the last success.
        failing_since: Since when nothing arrives; null if it does.
        created_at: When it was made.
        created_by: Who made it.
    """

    id: WebhookId
    scope: ScopeName
    url: Address
    events: list[str]
    active: bool
    reason: str | None
    failures: Count
    failing_since: Moment | None
    created_at: Moment
    created_by: str


class FreshHook(Hook, frozen=True):
    """A new webhook, with its secret.

    Attributes:
        secret: Key of the signatures; shown this once.
    """

    secret: HookSecret


class NewHook(Input, frozen=True):
    """Whom to tell of what.

    Attributes:
        url: Where to send messages.
        scope: What it is about.
        events: Of which events; all if nothing is said.
        secret: Key of the signatures; one is made if none is given.
    """

    url: Address
    scope: ScopeName = ""
    events: EventNames = field(default_factory=lambda: ["*"])
    secret: HookSecret | None = None


class HookChange(Input, frozen=True):
    """What is to be different; what is left out stays.

    Attributes:
        url: Where to send messages.
        events: Of which events.
        secret: Key of the signatures.
        active: Whether anything is sent; switched on, it begins anew.
    """

    url: Address | None = None
    events: EventNames | None = None
    secret: HookSecret | None = None
    active: bool | None = None


class HookDelivery(Output, frozen=True):
    """A message to a webhook, and how its last try went.

    Attributes:
        id: Its number.
        message: Its `webhook-id`, the same however often it is sent.
        event: What it tells of.
        body: What is sent.
        state: `pending`, `delivered` or `failed`.
        attempts: How often it was sent.
        created_at: When it was written.
        tried_at: When it was sent last; null if it was not yet.
        status: HTTP status of the answer; null if there was none.
        milliseconds: How long the try took; null if there was none.
        answer: The beginning of the answer's body; somebody else's text.
        error: Why it failed; null if it did not.
    """

    id: DeliveryId
    message: str
    event: str
    body: str
    state: Annotated[str, Meta(examples=["pending", "delivered", "failed"])]
    attempts: Count
    created_at: Moment
    tried_at: Moment | None
    status: int | None
    milliseconds: int | None
    answer: str | None
    error: str | None


class Scoped(Input, frozen=True):
    """Which webhooks are wanted.

    Attributes:
        scope: Only those of exactly this scope; all that one may keep if left out.
    """

    scope: ScopeName | None = None


class Webhooks:
    """Webhooks: who is told of what happens."""

    def __init__(self, keeper: HookKeeper) -> None:
        self._keeper = keeper

    @operation("GET", "/webhooks")
    def list_webhooks(self, who: Principal, *, query: Scoped) -> Part[Hook]:
        """List the webhooks that one may keep."""
        return Part([_hook(one) for one in self._keeper.kept(who, query.scope)], None)

    @operation("POST", "/webhooks")
    def create_webhook(self, who: Principal, *, body: NewHook) -> Created[FreshHook]:
        """Let somebody be told of what happens."""
        wish = Wish(url=body.url, events=body.events, secret=body.secret)
        made, secret = self._keeper.create(who, body.scope, wish)
        return Created(FreshHook(**_facts(made), secret=secret), f"/webhooks/{made.id}")

    @operation("GET", "/webhooks/{webhook}")
    def get_webhook(self, who: Principal, *, webhook: WebhookId) -> Hook:
        """Show a webhook."""
        return _hook(self._keeper.get(who, webhook))

    @operation("PATCH", "/webhooks/{webhook}")
    def change_webhook(self, who: Principal, *, webhook: WebhookId, body: HookChange) -> Hook:
        """Change a webhook."""
        wish = Wish(url=body.url, events=body.events, secret=body.secret, active=body.active)
        return _hook(self._keeper.change(who, webhook, wish))

    @operation("DELETE", "/webhooks/{webhook}")
    def delete_webhook(self, who: Principal, *, webhook: WebhookId) -> None:
        """Forget a webhook with its deliveries."""
        self._keeper.remove(who, webhook)

    @operation("POST", "/webhooks/{webhook}/ping", status=202)
    def ping_webhook(self, who: Principal, *, webhook: WebhookId) -> HookDelivery:
        """Send a test message, once."""
        return _delivery(self._keeper.ping(who, webhook))

    @operation("GET", "/webhooks/{webhook}/deliveries")
    def list_deliveries(self, who: Principal, *, webhook: WebhookId, query: PagedByNumber) -> Part[HookDelivery]:
        """List the messages to a webhook, newest first."""
        before = number_of(query.after)
        found = self._keeper.log(who, webhook, before=before, limit=query.limit + 1)
        return Part.of([_delivery(one) for one in found], query.limit, lambda last: str(last.id))

    @operation("GET", "/webhooks/{webhook}/deliveries/{delivery}")
    def get_delivery(self, who: Principal, *, webhook: WebhookId, delivery: DeliveryId) -> HookDelivery:
        """Show a message to a webhook."""
        return _delivery(self._keeper.delivery(who, webhook, delivery))

    @operation("POST", "/webhooks/{webhook}/deliveries/{delivery}/replay", status=202)
    def replay_delivery(self, who: Principal, *, webhook: WebhookId, delivery: DeliveryId) -> HookDelivery:
        """Send a message once more."""
        return _delivery(self._keeper.replay(who, webhook, delivery))


def _hook(found: Webhook) -> Hook:
    return Hook(**_facts(found))


def _facts(found: Webhook) -> dict[str, Any]:
    return {
        "id": found.id,
        "scope": found.scope,
        "url": found.url,
        "events": list(found.events),
        "active": found.active,
        "reason": found.reason,
        "failures": found.failures,
        "failing_since": None if found.failing_since is None else moment(found.failing_since),
        "created_at": moment(found.created_at),
        "created_by": found.created_by,
    }


def _delivery(found: Delivery) -> HookDelivery:
    return HookDelivery(
        id=found.id,
        message=found.message,
        event=found.event,
        body=found.body,
        state=found.state,
        attempts=found.attempts,
        created_at=moment(found.created_at),
        tried_at=None if found.tried_at is None else moment(found.tried_at),
        status=found.status,
        milliseconds=found.milliseconds,
        answer=found.answer,
        error=found.error,
    )
