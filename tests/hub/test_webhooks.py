import hmac
import signal
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from orchard.errors import InvalidError
from orchard.hub.catalog import deliveries, webhooks
from orchard.hub.catalog.deliveries import Delivery
from orchard.hub.catalog.webhooks import Webhook
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.egress import Gate, Vault
from orchard.hub.jobs import Courier, Deliverer, Spreader, signing
from orchard.oci import Digest
from support.hubclient import manifest
from support.hubinside import CATALOG, Inside
from support.hubs import Nursery, dice, wait_until
from support.receivers import Handler, Receiver, receiving

ENGINES = True
HOUR = 3600
SECRET = "whsec_" + b64encode(b"k" * 32).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@dataclass
class Station:
    """Webhooks of a hub inside the test."""

    hub: Inside
    receiver: Receiver
    deliverer: Deliverer
    spreader: Spreader
    vault: Vault

    def add(self, *events: str, scope: str = "", url: str | None = None) -> int:
        with self.hub.database.write() as connection:
            return webhooks.add(
                connection,
                scope=scope,
                url=url or self.receiver.url,
                events=events or ("*",),
                secret=self.vault.seal(SECRET),
                account="ana",
                at=round(self.hub.clock() * 1000),
            )

    def run(self) -> None:
        """Tell of all that happened, once."""
        self.spreader.spread()
        for leased in self.deliverer.lease(100):
            self.deliverer.deliver(leased)

    def hook(self, number: int) -> Webhook:
        with self.hub.database.read() as connection:
            found = webhooks.get(connection, number)
        assert found is not None
        return found

    def log(self, number: int) -> list[Delivery]:
        with self.hub.database.read() as connection:
            return deliveries.log(connection, number, before=None, limit=100)

    def later(self, seconds: float) -> None:
        self.hub.clock.time += seconds

    @property
    def told(self) -> list[tuple[str, str | None]]:
        return [(got.json["event"], got.json["tag"]) for got in self.receiver.got]


@pytest.fixture
def station(hub: Inside, receiver: Receiver) -> Station:
    vault = Vault(None, hub.data / "vault.key")
    gate = Gate.of(["http://127.0.0.1:*"], ["443"])
    deliverer = Deliverer(hub.database, vault, gate, now=hub.clock, url="https://hub.example.com")
    return Station(hub, receiver, deliverer, Spreader(hub.database, [deliverer.listen]), vault)


def test_a_push_is_told_with_what_where_who_and_when(station: Station) -> None:
    station.add()
    raw = station.hub.push_image("team/model", "v1", b"layer")
    station.run()
    pushed, tagged = (got.json for got in station.receiver.got)
    assert pushed == {
        "version": 1,
        "id": pushed["id"],
        "event": "manifest.push",
        "hub": "https://hub.example.com",
        "sequence": pushed["sequence"],
        "at": "2027-01-15T08:00:00.000Z",
        "account": "anonymous",
        "repository": "team/model",
        "digest": str(Digest.of(raw)),
        "tag": None,
        "previous": None,
    }
    assert (tagged["event"], tagged["tag"], tagged["previous"]) == ("tag.set", "v1", None)
    assert tagged["sequence"] > pushed["sequence"]


def test_a_tag_that_moves_and_goes_says_where_it_pointed(station: Station) -> None:
    station.add("tag.*")
    first = Digest.of(station.hub.push_image("team/model", "v1", b"one"))
    second = Digest.of(station.hub.push_image("team/model", "v1", b"two"))
    assert station.hub.request("DELETE", "/v2/team/model/manifests/v1").status == 202
    station.run()
    seen = [(got.json["event"], got.json["digest"], got.json["previous"]) for got in station.receiver.got]
    assert seen == [
        ("tag.set", str(first), None),
        ("tag.set", str(second), str(first)),
        ("tag.delete", None, str(second)),
    ]


#   scope          events                                told
FILTERS = [
    ("", ("*",), ["manifest.push", "tag.set", "manifest.push", "tag.set"]),
    ("team", ("*",), ["manifest.push", "tag.set"]),
    ("team/model", ("tag.set",), ["tag.set"]),
    ("team/mod", ("*",), []),
    ("teams", ("*",), ["manifest.push", "tag.set"]),
    ("", ("tag.delete", "manifest.delete"), []),
    ("", ("manifest.*",), ["manifest.push", "manifest.push"]),
]


@pytest.mark.parametrize(("scope", "events", "told"), FILTERS)
def test_a_hook_hears_of_its_scope_and_its_events_only(
    station: Station, scope: str, events: tuple[str, ...], told: list[str]
) -> None:
    station.add(*events, scope=scope)
    station.hub.push_image("team/model", "v1", b"one")
    station.hub.push_image("teams/model", "v1", b"two")
    station.run()
    assert [event for event, _ in station.told] == told


def test_a_receiver_knows_by_the_signature_that_a_message_is_ours(station: Station) -> None:
    station.add("tag.set")
    station.hub.push_image("team/model", "v1", b"layer")
    station.run()
    (got,) = station.receiver.got
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key = b64decode(SECRET.removeprefix("whsec_"))
    expected = "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert got.headers["webhook-signature"] == expected
    assert got.headers["webhook-id"] == got.json["id"]
    assert got.headers["webhook-timestamp"] == "1800000000"
    assert got.headers["x-orchard-event"] == "tag.set"
    assert got.headers["content-type"] == "application/json"


def test_the_example_of_the_specification_is_signed_as_there() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, spec, "Signature scheme"
    body = b'{"test": 2432232314}'
    headers = signing.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", at=1614265330, body=body
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "short", "whsec_", "whsec_AAAA", "whsec_!!!!", SECRET.removeprefix("whsec_")])
def test_what_cannot_be_a_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidError, match="the secret of a webhook is whsec_"):
        signing.check_secret(secret)


def test_a_made_secret_is_one_and_never_the_same() -> None:
    assert signing.check_secret(signing.make_secret()) != signing.make_secret()


def test_nothing_is_told_of_a_push_that_was_refused(station: Station) -> None:
    station.add()
    station.hub.push_blob("team/model", b"{}")
    raw = manifest(b"{}", b"never pushed")
    headers = {"content-type": "application/vnd.oci.image.manifest.v1+json"}
    assert station.hub.request("PUT", "/v2/team/model/manifests/v1", raw, headers).status == 404
    station.run()
    assert station.receiver.got == []


def test_nothing_is_told_twice_when_all_went_well(station: Station) -> None:
    number = station.add()
    station.hub.push_image("team/model", "v1", b"layer")
    station.run()
    station.run()
    assert len(station.receiver.got) == 2
    assert [delivery.state for delivery in station.log(number)] == ["delivered", "delivered"]


def test_the_log_says_how_a_delivery_went(station: Station) -> None:
    number = station.add("tag.set")
    station.receiver.answers(500, b"<script>alert(1)</script>\x1b[31m\r\nno\x00" + b"x" * 5000)
    station.hub.push_image("team/model", "v1", b"layer")
    station.run()
    (delivery,) = station.log(number)
    assert (delivery.state, delivery.attempts, delivery.status) == ("pending", 1, 500)
    assert delivery.error == "the receiver answered 500"
    assert delivery.answer is not None
    assert delivery.answer.startswith(
        "<script>alert(1)</script>\N{REPLACEMENT CHARACTER}[31m\nno\N{REPLACEMENT CHARACTER}x"
    )
    assert len(delivery.answer) <= 1024
    assert delivery.milliseconds is not None
    assert delivery.tried_at == round(station.hub.clock() * 1000)


def test_a_receiver_that_fails_is_tried_again_later_and_later_with_the_same_message(station: Station) -> None:
    number = station.add("tag.set")
    station.receiver.answers(503)
    station.hub.push_image("team/model", "v1", b"layer")
    station.run()
    for tries, wait in enumerate([5, 15, 60, 300, 900, 3600, 3600], start=1):
        station.later(wait - 1)
        station.run()
        assert len(station.receiver.got) == tries
        station.later(1)
        station.run()
        assert len(station.receiver.got) == tries + 1
    assert len({got.headers["webhook-id"] for got in station.receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in station.receiver.got}) == 8
    station.receiver.answers(200)
    station.later(HOUR)
    station.run()
    assert station.log(number)[0].state == "delivered"
    assert (station.hook(number).failures, station.hook(number).failing_since) == (0, None)


def test_a_receiver_may_ask_to_be_left_alone_for_a_while(station: Station) -> None:
    station.add("tag.set")
    station.receiver.answers(429, Retry_After="120")
    station.hub.push_image("team/model", "v1", b"layer")
    station.run()
    station.later(119)
    station.run()
    assert len(station.receiver.got) == 1
    station.later(1)
    station.run()
    assert len(station.receiver.got) == 2


def test_what_waits_behind_a_failure_comes_in_order(station: Station) -> None:
    station.add("tag.set")
    station.receiver.answers(500)
    for tag in ("v1", "v2", "v3"):
        station.hub.push_image("team/model", tag, tag.encode())
    station.run()
    assert station.told == [("tag.set", "v1")]
    station.receiver.answers(200)
    station.later(5)
    station.run()
    assert station.told == [("tag.set", "v1"), ("tag.set", "v1"), ("tag.set", "v2"), ("tag.set", "v3")]


def test_a_message_that_the_receiver_does_not_want_makes_room_for_the_next(station: Station) -> None:
    number = station.add("tag.set")

    def choosy(handler: Handler) -> None:
        handler.answer(422 if b'"v1"' in handler.server.receiver.got[-1].body else 200)

    station.receiver.reply = choosy
    station.hub.push_image("team/model", "v1", b"one")
    station.hub.push_image("team/model", "v2", b"two")
    for _ in range(4):
        station.run()
        station.later(HOUR)
    assert [(delivery.state, delivery.attempts) for delivery in station.log(number)] == [
        ("delivered", 1),
        ("failed", 3),
    ]


def test_a_message_is_given_up_after_a_day_and_the_hook_after_three(station: Station) -> None:
    number = station.add("tag.set")
    station.receiver.answers(500)
    station.hub.push_image("team/model", "v1", b"one")
    for _ in range(25):
        station.run()
        station.later(HOUR)
    assert station.log(number)[0].state == "failed"
    station.hub.push_image("team/model", "v2", b"two")
    for _ in range(48):
        station.run()
        station.later(HOUR)
    station.hub.push_image("team/model", "v3", b"three")
    station.run()
    hook = station.hook(number)
    assert not hook.active
    assert hook.reason == "nothing has arrived since 2027-01-15T08:00:00.000Z"
    assert [delivery.state for delivery in station.log(number)] == ["failed", "failed", "failed"]
    tries = len(station.receiver.got)
    station.hub.push_image("team/model", "v4", b"four")
    station.run()
    assert len(station.receiver.got) == tries


def test_a_receiver_that_is_gone_for_good_is_believed(station: Station) -> None:
    number = station.add("tag.set")
    station.receiver.answers(410)
    station.hub.push_image("team/model", "v1", b"one")
    station.hub.push_image("team/model", "v2", b"two")
    station.run()
    assert not station.hook(number).active
    assert [delivery.error for delivery in station.log(number)] == [
        "the webhook was switched off: the receiver answered 410, which says that it is gone for good"
    ] * 2


def test_a_redirect_is_a_failure_and_is_not_followed(station: Station) -> None:
    number = station.add("tag.set")
    station.receiver.answers(307, Location=f"{station.receiver.url}/elsewhere")
    station.hub.push_image("team/model", "v1", b"one")
    station.run()
    assert [got.path for got in station.receiver.got] == ["/hook"]
    assert station.log(number)[0].error == "the receiver answered 307"


def test_a_hook_never_reaches_what_the_hub_may_not_reach(hub: Inside, receiver: Receiver) -> None:
    vault = Vault(None, hub.data / "vault.key")
    deliverer = Deliverer(hub.database, vault, Gate.of([], ["443"]), now=hub.clock)
    station = Station(hub, receiver, deliverer, Spreader(hub.database, [deliverer.listen]), vault)
    number = station.add("tag.set")
    hub.push_image("team/model", "v1", b"one")
    station.run()
    assert receiver.got == []
    error = station.log(number)[0].error
    assert error is not None
    assert error.startswith(f"the hub may not connect to http://127.0.0.1:{receiver.port}: it is not on the public")


def test_a_dead_hook_is_no_matter_to_another(station: Station) -> None:
    dead = station.add("tag.set", url="http://127.0.0.1:1/")
    alive = station.add("tag.set")
    station.hub.push_image("team/model", "v1", b"one")
    station.run()
    assert station.log(alive)[0].state == "delivered"
    error = station.log(dead)[0].error
    assert error is not None
    assert "connection refused" in error


def test_a_ping_is_tried_once_and_tells_who_asked(station: Station) -> None:
    number = station.add("tag.set")
    with station.hub.database.write() as connection:
        station.deliverer.ping(connection, number, "ana")
    station.receiver.answers(500)
    station.run()
    (got,) = station.receiver.got
    assert (got.json["event"], got.json["account"]) == ("ping", "ana")
    assert station.log(number)[0].state == "failed"


def test_a_message_can_be_sent_once_more_with_the_same_name(station: Station) -> None:
    number = station.add("tag.set")
    station.hub.push_image("team/model", "v1", b"one")
    station.run()
    with station.hub.database.write() as connection:
        station.deliverer.replay(connection, number, station.log(number)[0].id)
    station.run()
    first, second = station.receiver.got
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [delivery.state for delivery in station.log(number)] == ["delivered", "delivered"]


def test_a_hook_that_somebody_is_telling_is_left_to_him_until_his_lease_ends(station: Station) -> None:
    station.add("tag.set")
    station.hub.push_image("team/model", "v1", b"one")
    station.spreader.spread()
    assert len(station.deliverer.lease(10)) == 1
    assert station.deliverer.lease(10) == []
    station.later(61)
    station.run()
    assert len(station.receiver.got) == 1


def test_who_has_lost_his_lease_writes_nothing_down_for_the_next(station: Station) -> None:
    number = station.add("tag.set")
    station.hub.push_image("team/model", "v1", b"one")
    station.hub.push_image("team/model", "v2", b"two")
    station.spreader.spread()
    (late,) = station.deliverer.lease(10)
    station.later(61)
    (owner,) = station.deliverer.lease(10)
    station.deliverer.deliver(late)
    assert len(station.receiver.got) == 1
    station.deliverer.deliver(owner)
    assert station.told == [("tag.set", "v1"), ("tag.set", "v2")]
    assert station.hook(number).failures == 0


def test_the_log_is_pruned_by_age_and_by_number(station: Station) -> None:
    number = station.add("tag.set")
    station.hub.push_image("team/model", "v1", b"one")
    station.run()
    station.later(31 * 24 * HOUR)
    station.receiver.answers(500)
    station.hub.push_image("team/model", "v2", b"two")
    station.run()
    station.deliverer.prune()
    assert [delivery.state for delivery in station.log(number)] == ["pending"]
    with station.hub.database.write() as connection:
        for count in range(5):
            body = f"{count}"
            made = deliveries.add(connection, number, message=body, event="ping", body=body, at=10**13)
            deliveries.settle(connection, made, state="delivered")
        assert deliveries.prune(connection, before=0, keep=3) == 2
    assert [delivery.body for delivery in station.log(number)][:3] == ["4", "3", "2"]


def test_a_hook_that_is_taken_away_takes_its_log_along(station: Station) -> None:
    number = station.add("tag.set")
    station.hub.push_image("team/model", "v1", b"one")
    station.run()
    with station.hub.database.write() as connection:
        assert webhooks.remove(connection, number)
        assert not webhooks.remove(connection, number)
    assert station.log(number) == []


def test_secrets_are_nowhere_in_the_catalog(station: Station) -> None:
    station.add("tag.set")
    raw = b"".join(path.read_bytes() for path in Path(station.hub.data).glob("catalog.sqlite3*"))
    assert SECRET.encode() not in raw
    assert SECRET.removeprefix("whsec_").encode() not in raw


def test_pushes_do_not_wait_for_receivers_and_hooks_not_for_each_other(station: Station) -> None:
    with receiving() as sleeper:
        sleeper.hang()
        for _ in range(3):
            station.add("tag.set", url=sleeper.url)
        station.add("tag.set")
        with Courier(station.spreader, station.deliverer, poll=0.01):
            station.hub.push_image("team/model", "v1", b"one")
            wait_until(lambda: len(station.receiver.got) == 1 and len(sleeper.got) == 3)
            station.hub.push_image("team/model", "v2", b"two")
            wait_until(lambda: len(station.receiver.got) == 2)
            sleeper.never.set()


def test_two_processes_on_one_catalog_tell_everything_once_and_in_order(station: Station) -> None:
    station.add("tag.set")
    couriers = [Courier(station.spreader, station.deliverer, poll=0.005) for _ in range(2)]
    with couriers[0], couriers[1]:
        for number in range(20):
            station.hub.push_image("team/model", f"v{number}", b"layer")
        wait_until(lambda: len(station.receiver.got) >= 20)
    assert station.told == [("tag.set", f"v{number}") for number in range(20)]


def test_no_event_is_lost_when_the_hub_is_killed(tmp_path: Path, hubs: Nursery, receiver: Receiver) -> None:
    chance = dice(61)
    settings = {"egress_allow": [f"http://127.0.0.1:{receiver.port}"]}
    with hubs.hub(tmp_path, **settings):
        pass
    database = open_sqlite(tmp_path / CATALOG)
    with database.write() as connection:
        webhooks.add(
            connection,
            scope="",
            url=receiver.url,
            events=("tag.set",),
            secret=Vault(None, tmp_path / "vault.key").seal(SECRET),
            account="ana",
            at=0,
        )
    pushed = []
    for turn in range(4):
        with hubs.hub(tmp_path, **settings) as hub:
            for number in range(4):
                hub.push_image("team/model", f"v{turn}-{number}", b"layer")
                pushed.append(f"v{turn}-{number}")
            Event().wait(chance.random() * 0.6)
            hub.signal(signal.SIGKILL)
    with hubs.hub(tmp_path, **settings):
        wait_until(lambda: {got.json["tag"] for got in receiver.got} == set(pushed))
    order = list(dict.fromkeys(got.json["tag"] for got in receiver.got))
    assert order == pushed
    with database.read() as connection:
        assert {delivery.state for delivery in deliveries.log(connection, 1, before=None, limit=99)} == {"delivered"}
    database.close()
