"""What one engine could hide from the other: writers at once, sums, order, what cannot be stored."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from orchard.hub.catalog import usage
from orchard.oci import Digest
from support.hubclient import manifest
from support.hubinside import Inside

ENGINES = True


def at_once(hub: Inside, *targets: str) -> list[int]:
    """Push the same blob to several repositories in the same moment."""
    ready = Barrier(len(targets))

    def push(name: str) -> int:
        ready.wait(60.0)
        return hub.request("POST", f"/v2/{name}/blobs/uploads/?digest={Digest.of(b'same')}", b"same").status

    with ThreadPoolExecutor(len(targets)) as pool:
        return list(pool.map(push, targets))


@pytest.mark.parametrize("round_", range(3))
def test_same_blob_pushed_at_once_is_taken_everywhere(hub: Inside, round_: int) -> None:
    names = [f"team/model-{round_}-{number}" for number in range(6)]
    assert at_once(hub, *names) == [201] * 6
    for name in names:
        assert hub.get(f"/v2/{name}/blobs/{Digest.of(b'same')}").body == b"same"
    with hub.database.read() as connection:
        assert usage.current(connection, "team") == usage.recount(connection, "team")


def test_same_blob_pushed_at_once_to_one_repository_is_taken_once(hub: Inside) -> None:
    assert at_once(hub, *["team/model"] * 6) == [201] * 6
    with hub.database.read() as connection:
        assert usage.current(connection, "team").bytes == 4


def test_names_are_listed_in_the_order_of_their_bytes(hub: Inside) -> None:
    names = ["a/b", "a-b/c", "a.b/c", "a0/x", "a_b/c", "a/b-c", "a/b/c", "b/a"]
    for name in names:
        hub.push_image(name, "v1", b"layer")
    assert hub.get("/v2/_catalog").json["repositories"] == sorted(names)
    for tag in ("B", "a", "_", "A", "b", "1", "0.9", "V1"):
        hub.push_manifest("a/b", manifest(b"{}"), tag)
    assert hub.get("/v2/a/b/tags/list").json["tags"] == sorted(["B", "a", "_", "A", "b", "1", "0.9", "V1", "v1"])


def test_sums_of_sizes_are_whole_numbers(hub: Inside) -> None:
    hub.push_image("team/model", "v1", b"layer")
    with hub.database.read() as connection:
        assert type(usage.current(connection, "team").reserved) is int
        assert type(usage.recount(connection, "team").bytes) is int
    (found,) = hub.registry.repositories(hub.who)
    assert type(found.size_bytes) is int
