"""Rows of the table of versions: any order, part by part, on both engines."""

from dataclasses import replace

import pytest

from orchard.hub import catalog
from orchard.hub.access import ANONYMOUS
from orchard.hub.catalog import Fact, Order, SheetQuery
from support.hubinside import Inside
from support.pages import DIGITS, push

ENGINES = True
NAME = "team/model"
KNOWN = {
    "b": [Fact("metric.accuracy", 0.5), Fact("dataset", "train"), Fact("dataset", "test")],
    "a": [Fact("metric.accuracy", 0.9), Fact("dataset", "other")],
    "d": [Fact("metric.accuracy", "n/a")],
    "c": [],
}


@pytest.fixture(name="furnished")
def _furnished(hub: Inside) -> Inside:
    for tag, facts in KNOWN.items():
        digest = push(hub, NAME, replace(DIGITS, version=tag, tags=(tag,)))
        with hub.database.write(NAME) as connection:
            repository = catalog.repositories.find(connection, NAME)
            assert repository is not None
            number = catalog.manifests.find(connection, repository, digest)
            assert number is not None
            catalog.facts.put(connection, number, facts)
        hub.clock.time += 60
    signature = push(hub, NAME, replace(DIGITS, version="signature", tags=()))
    hub.push_manifest(NAME, hub.get(f"/v2/{NAME}/manifests/{signature}").body, f"sha256-{'0' * 64}.sig")
    return hub


def test_rows_come_in_any_order_and_parts_make_up_the_whole(furnished: Inside) -> None:
    grid = {
        Order("pushed"): "cdab",
        Order("pushed", descending=False): "badc",
        Order("tag", descending=False): "abcd",
        Order("tag"): "dcba",
        Order("metric.accuracy"): "abdc",
        Order("metric.accuracy", descending=False): "badc",
        Order("dataset", descending=False): "abdc",
        Order("by"): "cdab",
        Order("size"): "",
        Order("pulls"): "cdab",
        Order("nothing"): "cdab",
    }
    for order, wanted in grid.items():
        whole = "".join(tags_of(furnished, SheetQuery(order=order, limit=10)))
        assert not wanted or whole == wanted, order
        found, after = "", tuple[str | int | float, ...]()
        while lines := furnished.registry.tabling.lines(ANONYMOUS, NAME, SheetQuery(order=order, limit=2, after=after)):
            found += "".join(line.summary.tags[0] for line in lines)
            after = tuple(lines[-1].mark)
        assert found == whole, order


def test_rows_hold_the_facts_that_are_asked_for_and_meet_the_filter(furnished: Inside) -> None:
    query = SheetQuery(filter="metric.accuracy<0.6", limit=10, keys=["dataset"])
    (line,) = furnished.registry.tabling.lines(ANONYMOUS, NAME, query)

    assert (line.summary.tags, line.facts, line.pulls) == (("b",), {"dataset": ["train", "test"]}, 0)


def test_keys_tell_which_columns_there_can_be(furnished: Inside) -> None:
    keys = {one.key: one for one in furnished.registry.tabling.keys(ANONYMOUS, NAME)}

    assert (keys["metric.accuracy"].versions, keys["metric.accuracy"].numeric, keys["metric.accuracy"].varies) == (
        3,
        True,
        True,
    )
    assert not keys["dataset"].numeric


def tags_of(hub: Inside, query: SheetQuery) -> list[str]:
    return [line.summary.tags[0] for line in hub.registry.tabling.lines(ANONYMOUS, NAME, query)]
