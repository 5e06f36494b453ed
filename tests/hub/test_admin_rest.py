"""Namespaces, rules, webhooks, mirrors and events, for administrators."""

import re
from collections.abc import Iterator

import pytest

from orchard.hub.jobs import Deliverer, MirrorWish
from orchard.hub.registry import KeepRule, Quota
from support.hubfirm import Sender
from support.hubinside import MakeHub
from support.office import Office, office
from support.queues import take
from support.receivers import Receiver, receiving

HOSTILE = "<img src=x onerror=alert(1)>"
PATHS = (
    "/admin/namespaces",
    "/admin/namespaces/ml",
    "/admin/rules",
    "/admin/retention",
    "/admin/trash",
    "/admin/webhooks",
    "/admin/mirrors",
    "/admin/events",
)


@pytest.fixture
def desk(make_hub: MakeHub) -> Office:
    return office(make_hub, allow=("http://127.0.0.1:*",))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def push(desk: Office, name: str, tag: str, data: bytes) -> None:
    Sender(desk.hub, f"{name.partition('/')[0]}-owner").push_image(name, tag, data)


def keep(desk: Office, scope: str, *rules: KeepRule) -> None:
    desk.hub.registry.governed(desk.principal, scope).set_retention(rules)


def test_only_administrators_get_in(desk: Office) -> None:
    for path in PATHS:
        assert desk.get(path).status == 200
        assert desk.get(path, "ml-owner").status == 403
        assert desk.get(path, "").status == 303
        assert desk.post(path, "ml-owner", do="make").status in {403, 405}
    assert desk.post("/admin/rules", origin="http://evil.example", do="rule").status == 403


def test_hub_without_logins_has_these_pages_too(make_hub: MakeHub) -> None:
    desk = office(make_hub, login=False)
    desk.hub.push_image("lab/net", "v1", b"bytes")
    for path in (*PATHS[2:], "/admin/namespaces", "/admin/namespaces/lab"):
        assert desk.page(path).all("h1")
    assert "Space" in desk.done("/admin/namespaces/lab", do="quota", bytes="1 GiB", repositories="").text


# Namespaces ---------------------------------------------------------------------------------------------------------


def test_space_of_namespaces_is_shown_against_their_quotas(desk: Office) -> None:
    push(desk, "ml/net", "v1", b"x" * 900)
    desk.done("/admin/namespaces", do="quota", bytes="1 MiB", repositories="7")
    desk.done("/admin/namespaces/ml", do="quota", bytes="1000", repositories="")
    page = desk.page("/admin/namespaces?q=m")
    assert re.search(r"ml 1 [\d.]+ KiB of 1000 B full its own", page.text)
    assert page.all("rect", class_="over", width="100")
    assert "The namespace ml is full" in desk.page("/admin").text
    assert "of 1.00 MiB" in desk.page("/admin/namespaces/ops").text
    assert desk.page("/admin/namespaces/ml").all("input", name="bytes", value="1000 bytes")
    assert desk.page("/admin/namespaces").all("input", name="bytes", value="1 MiB")
    desk.done("/admin/namespaces/ml", do="quota", bytes="1000 bytes", repositories="")
    desk.done("/admin/namespaces/ml", do="quota", bytes="", repositories="")
    assert desk.hub.registry.allotment(desk.principal).get("ml")[1] == Quota(1 << 20, 7)


@pytest.mark.parametrize(("size", "said"), [("lots", "is no size"), ("-1", "is no size"), (HOSTILE, "is no size")])
def test_quota_that_is_none_says_why(desk: Office, size: str, said: str) -> None:
    answer = desk.post("/admin/namespaces/ml", do="quota", bytes=size, repositories="")
    assert (answer.status, said in answer.page.text) == (400, True)
    assert answer.page.all("input", name="bytes", value=size)
    assert not answer.page.all("img")


def test_namespace_is_made(desk: Office) -> None:
    assert "is made" in desk.done("/admin/namespaces", do="make", name="lab", owner="team:ml", visibility="public").text
    assert str(desk.people.namespaces.get("lab").owner) == "team:ml"
    assert desk.post("/admin/namespaces", do="make", name="lab", owner="", visibility="public").status == 409
    assert desk.post("/admin/namespaces", do="make", name="lab2", owner="", visibility="secret").status == 400
    assert desk.get("/admin/namespaces/nowhere").status == 404


def test_ci_service_is_trusted_and_no_more(desk: Office) -> None:
    wanted = {"do": "trust", "name": "ci", "issuer": "https://ci.example.com", "repositories": "", "scope": "push"}
    answer = desk.post("/admin/namespaces/ml", **wanted, claims="nonsense")
    assert (answer.status, "is no claim" in answer.page.text) == (400, True)
    page = desk.done("/admin/namespaces/ml", **wanted, claims="repository=acme/models\nref=refs/heads/main")
    assert "repository = acme/models" in page.text
    assert "repository = acme" not in desk.done("/admin/namespaces/ml", do="untrust", trust="ci").text


# Rules ----------------------------------------------------------------------------------------------------------------


def test_rules_of_the_whole_hub_are_added_and_removed(desk: Office) -> None:
    page = desk.done("/admin/rules", do="rule", pattern="v*", kind="immutable", role="", users="", teams="")
    assert "immutable" in page.text
    desk.done("/admin/rules", do="rule", pattern="prod", kind="protected", role="owner", users="eve, root", teams="")
    first, second = desk.hub.registry.governed(desk.principal, "*").tag_rules()
    assert {first.pattern.text, second.pattern.text} == {"v*", "prod"}
    desk.done("/admin/rules", do="unrule", number=str(first.id))
    assert desk.post("/admin/rules", do="unrule", number=str(first.id)).status == 404
    assert desk.post("/admin/rules", do="rule", pattern="x", kind="lazy").status == 400


def test_what_is_kept_is_said_and_taken_back(desk: Office) -> None:
    desk.done("/admin/rules", do="keep", tags="v*", last="3", pushed="", pulled="30")
    found = desk.hub.registry.governed(desk.principal, "*").retention()
    assert found is not None
    assert found.rules == (KeepRule(tags="v*", last=3, pulled_days=30.0),)
    assert desk.post("/admin/rules", do="unkeep", rule="another").status == 409
    assert "Everything stays." in desk.done("/admin/rules", do="unkeep", rule=str(found.rules[0])).text
    assert desk.post("/admin/rules", do="keep", tags="", last="many", pushed="", pulled="").status == 400


def test_dry_run_tells_what_goes_and_what_is_freed_and_changes_nothing(desk: Office) -> None:
    shared = b"s" * 5000
    for number in range(3):
        owner = Sender(desk.hub, "ml-owner")
        owner.push_image("ml/net", f"v{number}", b"x" * (1000 + number), shared)
        desk.hub.clock.time += 60
    push(desk, "ops/net", "v1", b"other")
    push(desk, "ml/single", "v1", b"single")
    keep(desk, "ml", KeepRule(last=1))
    page = desk.page("/admin/retention")
    assert "2 manifests of 3 would go, because no rule of ml keeps them; 1.95 KiB would be freed" in page.text
    assert "ops/net" not in page.text
    assert "Nothing would go from the 1 repository" in desk.page("/admin/retention?scope=ml/single").text
    assert "No rule speaks of any repository there" in desk.page("/admin/retention?scope=ops").text
    assert "2 manifests" in desk.page("/admin/retention?scope=ml/net").text
    assert desk.get("/admin/retention?scope=" + HOSTILE.replace(" ", "+")).status == 400
    assert desk.hub.registry.overview.totals().tags == 5


def test_retention_is_applied_as_a_job(desk: Office) -> None:
    for number in range(2):
        push(desk, "ml/net", f"v{number}", b"x" * (10 + number))
        desk.hub.clock.time += 60
    keep(desk, "*", KeepRule(last=1))
    answer = desk.post("/admin/retention", do="run", scope="ml")
    lease = take(desk.queue, "retention")
    assert answer.headers["location"] == f"/admin/jobs/{lease.task.id}?done=again"
    assert lease.task.payload == {"scope": "ml"}
    assert desk.post("/admin/retention", do="run", scope="*").status == 303
    assert desk.post("/admin/retention", do="run", scope=HOSTILE).status == 400


def test_dry_run_of_many_repositories_goes_on(desk: Office) -> None:
    for number in range(22):
        for tag in ("v1", "v2"):
            push(desk, f"ml/net{number:02}", tag, tag.encode())
        desk.hub.clock.time += 60
    keep(desk, "*", KeepRule(tags="none"))
    (further,) = desk.page("/admin/retention").all("a", rel="next")
    assert further["href"] == "/admin/retention?after=ml%2Fnet19"
    assert "ml/net21" in desk.page(further["href"]).text


def test_trash_of_all_repositories_is_listed_and_restored(desk: Office) -> None:
    push(desk, "ml/net", "v1", b"bytes")
    Sender(desk.hub, "ml-owner").request("DELETE", "/v2/ml/net/manifests/v1")
    page = desk.page("/admin/trash")
    assert "ml/net" in page.text
    (number,) = [field["value"] for field in page.all("input", name="number")]
    desk.done("/admin/trash", do="restore", repository="ml/net", number=number)
    assert Sender(desk.hub, "ml-owner").get("/v2/ml/net/manifests/v1").status == 200
    assert desk.post("/admin/trash", do="restore", repository="ml/net", number="99").status == 404


# Webhooks -------------------------------------------------------------------------------------------------------------


def deliver(desk: Office) -> None:
    deliverer = Deliverer(desk.hub.database, desk.hub.vault, desk.hub.gate, now=desk.hub.clock)
    for leased in deliverer.lease(10):
        deliverer.deliver(leased)


def test_webhook_is_made_tested_and_its_messages_sent_again(desk: Office, receiver: Receiver) -> None:
    made = desk.post("/admin/webhooks", do="make", url=receiver.url, scope="ml", event="manifest.push")
    assert (made.status, made.headers["cache-control"]) == (200, "no-store")
    (secret,) = re.findall(r"whsec_[\w+/=]+", made.text)
    assert secret not in desk.get("/admin/webhooks/1").text
    page = desk.done("/admin/webhooks/1", do="ping")
    assert page.all("div", id="message", data_live="/live/admin/webhooks/1")
    deliver(desk)
    sent = desk.page("/admin/webhooks/1/1")
    assert "delivered" in sent.text
    assert "event: ended" in desk.get("/live/admin/webhooks/1").text
    again = desk.done("/admin/webhooks/1/1", do="replay")
    assert "message 2" in again.text
    deliver(desk)
    assert "delivered" in desk.page("/admin/webhooks/1").text
    assert desk.get("/live/admin/webhooks/1", "eve").status == 403


def test_webhook_is_changed_switched_and_deleted(desk: Office, receiver: Receiver) -> None:
    desk.post("/admin/webhooks", do="make", url=receiver.url, scope="")
    assert "switched off" in desk.done("/admin/webhooks/1", do="off").text
    assert "· on" in desk.done("/admin/webhooks/1", do="on").text
    desk.done("/admin/webhooks/1", do="change", url=f"{receiver.url}/other", event="tag.set")
    assert "None yet." in desk.done("/admin/webhooks/1", do="delete").text
    assert desk.get("/admin/webhooks/1").status == 404
    assert desk.get("/admin/webhooks/x").status == 404


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "https://10.0.0.1/hook"}, "10.0.0.1"),
        ({"url": HOSTILE}, "img src=x"),
        ({"url": "https://ci.example.com", "event": "apple.fall"}, "is no event"),
    ],
)
def test_webhook_that_cannot_be_says_why(desk: Office, fields: dict[str, str], said: str) -> None:
    answer = desk.post("/admin/webhooks", do="make", **fields)
    assert answer.status == 400
    assert said in answer.page.text
    assert not answer.page.all("img")


# Mirrors and proxies ------------------------------------------------------------------------------------------------


def test_mirrors_and_proxies_are_listed_run_and_removed(desk: Office) -> None:
    keepers = desk.keepers
    keepers.mirrors.create(
        desk.principal,
        MirrorWish(direction="pull", repository="ml/copy", remote="https://registry.example.com/team/model"),
    )
    desk.hub.proxy("hub.example", "https://registry.example.com", login=("ana", "sesame"))
    page = desk.page("/admin/mirrors")
    assert "https://registry.example.com/team/model" in page.text
    assert "sesame" not in page.text
    assert desk.post("/admin/mirrors", do="run", mirror="1").headers["location"].startswith("/admin/jobs/")
    assert take(desk.queue, "mirror").task.payload == {"mirror": 1}
    assert desk.post("/admin/mirrors", do="run", mirror=HOSTILE).status == 404
    assert "event: ended" in desk.get("/live/admin/mirrors").text
    desk.done("/admin/mirrors", do="delete", mirror="1")
    desk.done("/admin/mirrors", do="unproxy", namespace="hub.example")
    assert desk.page("/admin/mirrors").text.count("None.") == 2


# Events ---------------------------------------------------------------------------------------------------------------


def test_events_are_found_by_who_what_where_and_when(desk: Office) -> None:
    push(desk, "ml/net", "v1", b"bytes")
    desk.hub.clock.time += 86400 * 40
    push(desk, "ops/net", "v1", b"bytes")
    everything = desk.page("/admin/events").text
    assert "manifest.push" in everything
    assert "user.create" in everything
    by_name = desk.page("/admin/events?account=ml-owner").text
    assert ("ml/net" in by_name, "ops/net" in by_name) == (True, False)
    assert "manifest.push" not in desk.page("/admin/events?action=user.*").text
    assert "ops/net" not in desk.page("/admin/events?repository=ml").text
    assert "ml/net" not in desk.page("/admin/events?since=2027-02-01&action=tag.set").text
    assert "ops/net" not in desk.page("/admin/events?until=2027-02-01T12:00&action=tag.set").text
    assert "Nothing of this kind" in desk.page("/admin/events?account=nobody").text


def test_events_go_on_and_nonsense_is_refused(desk: Office) -> None:
    for number in range(60):
        desk.done("/admin/rules", do="rule", pattern=f"v{number}", kind="immutable")
    (further,) = desk.page("/admin/events?action=tag-rule.add").all("a", rel="next")
    assert "v0" in desk.page(further["href"]).text
    answer = desk.get("/admin/events?since=" + HOSTILE.replace(" ", "+"))
    assert (answer.status, "is no day" in answer.page.text) == (400, True)
    assert not answer.page.all("img")
