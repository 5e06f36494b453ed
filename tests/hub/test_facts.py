"""Typed keys and values of versions."""

import pytest

from orchard.hub import catalog
from orchard.hub.catalog import Fact
from support.hubinside import Inside

ENGINES = True
KNOWN = [Fact("params", 7_241_732_096.0), Fact("dataset", "train"), Fact("dataset", "test"), Fact("param.lr", 2e-5)]


@pytest.fixture
def manifest(hub: Inside) -> int:
    hub.push_image("team/model", "v1", b"layer")
    with hub.database.read() as connection:
        found = catalog.repositories.find(connection, "team/model")
        assert found is not None
        stored = catalog.manifests.by_tag(connection, "team/model", "v1")
        assert stored is not None
        number = catalog.manifests.find(connection, found, stored.digest)
    assert number is not None
    return number


def test_numbers_stay_numbers_and_values_keep_their_order(hub: Inside, manifest: int) -> None:
    with hub.database.write("team/model") as connection:
        catalog.facts.put(connection, manifest, KNOWN)
    with hub.database.read() as connection:
        found = catalog.facts.of(connection, [manifest])[manifest]
        some = catalog.facts.of(connection, [manifest], ["dataset"])[manifest]
    assert sorted(found, key=lambda fact: fact.key) == sorted(KNOWN, key=lambda fact: fact.key)
    assert some == [Fact("dataset", "train"), Fact("dataset", "test")]


def test_what_is_known_replaces_what_was_known(hub: Inside, manifest: int) -> None:
    with hub.database.write("team/model") as connection:
        catalog.facts.put(connection, manifest, KNOWN)
        catalog.facts.put(connection, manifest, [Fact("license", "MIT")])
    with hub.database.read() as connection:
        assert catalog.facts.of(connection, [manifest]) == {manifest: [Fact("license", "MIT")]}
        assert catalog.facts.names(connection, "team/model") == {"license": 1}


def test_facts_go_with_their_version(hub: Inside, manifest: int) -> None:
    with hub.database.write("team/model") as connection:
        catalog.facts.put(connection, manifest, KNOWN)
        catalog.manifests.remove(connection, manifest, at=0)
    with hub.database.read() as connection:
        assert catalog.facts.of(connection, [manifest]) == {}
