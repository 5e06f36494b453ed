"""What administrators see of all repositories at once, on every engine."""

from datetime import UTC, datetime

import pytest

from orchard.errors import DeniedError
from orchard.hub.access import Mandate, Name, Over
from orchard.hub.catalog import EventFilter
from orchard.hub.registry import KeepRule, Quota
from support.hubinside import Inside
from support.people import OPERATOR

ENGINES = True


def test_space_of_namespaces_is_listed_by_name(hub: Inside) -> None:
    hub.people.namespaces.create(OPERATOR, Name("empty"))
    hub.push_image("ml/net", "v1", b"x" * 1000)
    allotment = hub.registry.allotment(hub.who)
    allotment.set("ml", Quota(5000, None))
    empty, full = allotment.holdings(limit=10)
    assert (empty.namespace, empty.bytes, empty.repositories, empty.quota) == ("empty", 0, 0, None)
    assert (full.namespace, full.repositories, full.quota) == ("ml", 1, Quota(5000, None))
    assert full.bytes > 1000
    assert [one.namespace for one in allotment.holdings(part="m", after="empty", limit=1)] == ["ml"]
    assert allotment.holdings(part="%", limit=10) == []


def test_dry_run_counts_only_what_nothing_else_names(hub: Inside) -> None:
    survey = hub.registry.survey(OPERATOR)
    for number in range(3):
        hub.push_image("ml/net", f"v{number}", b"x" * (1000 + number), b"s" * 5000)
        hub.clock.time += 60
    hub.push_image("ops/net", "v1", b"x" * 1000)
    assert survey.losses("*", limit=10).looked_at == 0
    hub.registry.governed(hub.who, "ml").set_retention([KeepRule(last=1)])
    losses = survey.losses("*", limit=10)
    (loss,) = losses.found
    assert (loss.plan.repository, len(loss.plan.goes), loss.freed) == ("ml/net", 2, 1001)  # ops/net has the other one
    assert (losses.looked_at, losses.after) == (1, "")
    assert survey.losses("ml", limit=10).found == survey.losses("ml/net", limit=10).found == losses.found
    assert survey.losses("ops", limit=10).found == []
    assert survey.losses("nowhere", limit=10).found == []


def test_dry_run_goes_on_where_it_stopped(hub: Inside) -> None:
    for name in ("ml/a", "ml/b", "ml/c"):
        for tag in ("v1", "v2"):
            hub.push_image(name, tag, f"{name}{tag}".encode())
            hub.clock.time += 60
    hub.registry.governed(hub.who, "*").set_retention([KeepRule(last=1)])
    survey = hub.registry.survey(OPERATOR)
    first = survey.losses("*", limit=2)
    assert ([one.plan.repository for one in first.found], first.after) == (["ml/a", "ml/b"], "ml/b")
    rest = survey.losses("*", after=first.after, limit=2)
    assert ([one.plan.repository for one in rest.found], rest.after) == (["ml/c"], "")


def test_trash_of_all_repositories_is_listed_newest_first(hub: Inside) -> None:
    for name in ("ml/a", "ml/b"):
        hub.push_image(name, "v1", name.encode())
        hub.request("DELETE", f"/v2/{name}/manifests/v1")
    survey = hub.registry.survey(OPERATOR)
    found = survey.trash(before=None, limit=10)
    assert [one.repository for one in found] == ["ml/b", "ml/a"]
    assert [one.repository for one in survey.trash(before=found[0].id, limit=10)] == ["ml/a"]
    with pytest.raises(DeniedError, match="does not administer this hub"):
        hub.registry.survey(Mandate("eve", Over.ACCOUNT, "eve"))


def test_events_are_filtered(hub: Inside) -> None:
    hub.push_image("ml/net", "v1", b"bytes")
    hub.clock.time += 86400
    hub.push_image("mlops", "v1", b"bytes")
    hub.people.namespaces.create(OPERATOR, Name("lab"))

    def found(**wanted: object) -> set[tuple[str, str]]:
        events = hub.registry.overview.all_events(
            OPERATOR,
            before=None,
            limit=100,
            wanted=EventFilter(**wanted),  # type: ignore[arg-type] # its attributes
        )
        return {(event.action, event.repository) for event in events}

    later = datetime.fromtimestamp(hub.clock.time - 60, UTC)
    assert found(action="tag.*") == {("tag.set", "ml/net"), ("tag.set", "mlops")}
    assert found(action="tag.set", repository="ml") == {("tag.set", "ml/net")}
    assert found(action="tag.set", since=later) == {("tag.set", "mlops")}
    assert found(action="tag.set", until=later) == {("tag.set", "ml/net")}
    assert found(account="nobody") == set()
    assert {action for action, _ in found(account="operator")} == {"namespace.create"}
