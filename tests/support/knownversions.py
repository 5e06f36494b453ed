"""Versions with what is known of them, in the catalog of a hub."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchard.hub import catalog
from orchard.hub.catalog import Fact
from orchard.oci import Digest
from support.hubinside import Inside

Known = Mapping[str, str | float | Sequence[str]]


@dataclass(frozen=True)
class Made:
    """A version that was pushed.

    Attributes:
        number: Its row.
    """

    number: int
    digest: Digest
    name: str
    repository: str = field(repr=False)


def push_version(hub: Inside, name: str, known: Known | None = None, *, card: str = "") -> Made:
    """Push ``repository:tag`` as whoever, and let the hub know something of it."""
    repository, _, tag = name.partition(":")
    raw = hub.push_image(repository, tag or "unnamed", name.encode())
    digest = Digest.of(raw)
    number = number_of(hub, repository, digest)
    with hub.database.write(repository) as connection:
        if known is not None:
            catalog.facts.put(connection, number, facts_of(known))
        if card:
            catalog.texts.tell(connection, number, card)
    if not tag:
        assert hub.request("DELETE", f"/v2/{repository}/manifests/unnamed").status == 202
    return Made(number, digest, name, repository)


def number_of(hub: Inside, repository: str, digest: Digest) -> int:
    with hub.database.read() as connection:
        found = catalog.repositories.find(connection, repository)
        assert found is not None
        number = catalog.manifests.find(connection, found, digest)
    assert number is not None
    return number


def facts_of(known: Known) -> list[Fact]:
    return [
        Fact(key, one if isinstance(one, str) else float(one))
        for key, value in known.items()
        for one in ([value] if isinstance(value, str | float | int) else value)
    ]
