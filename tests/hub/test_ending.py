"""The end of a hub, foreseen or not, and what it remembers when it starts again (ADR 0004)."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from random import Random
from threading import Event

import pytest

from orchard.oci import Digest
from support.hubs import BLOB, Hub, Nursery, Twin, dice, manifest, read_all, send_head, wait_until

NAME = "team/model"
DATA = b"0123456789"
MUCH = b"x" * 1_500_000  # more than waits in memory for a thread


# Ending and starting again ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_hub_that_is_asked_to_stop_ends_well(hubs: Nursery, tmp_path: Path, number: signal.Signals) -> None:
    with hubs.hub(tmp_path / "data") as hub, closing(hub.connect()) as idle:
        send_head(idle, "GET", "/v2/")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        hub.signal(number)
        assert hub.wait() == 0


def test_running_request_is_answered_before_the_hub_ends(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data") as hub, closing(hub.connect()) as connection:
        target = f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(MUCH + DATA)}"
        send_head(connection, "POST", target, f"Content-Length: {len(MUCH + DATA)}")
        connection.sendall(MUCH)
        hub.wait_for_upload()
        hub.signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(hub))
        connection.sendall(DATA)
        assert read_all(connection).startswith(b"HTTP/1.1 201")
        assert hub.wait() == 0
    with hubs.hub(tmp_path / "data") as hub:
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(MUCH + DATA)}").body == MUCH + DATA


def refuses_connections(hub: Hub) -> bool:
    try:
        hub.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_request_that_does_not_end_is_cut_off(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data", grace=0.3) as hub, closing(hub.connect()) as connection:
        location = hub.begin(NAME)
        send_head(connection, "PATCH", location, "Content-Length: 9999999")
        connection.sendall(MUCH)
        hub.wait_for_upload()
        hub.signal(signal.SIGTERM)
        assert hub.wait() == 0
    with hubs.hub(tmp_path / "data") as hub:
        kept = int(hub.get(location).headers["range"].removeprefix("0-")) + 1
        digest = Digest.of(MUCH)
        assert 0 < kept <= len(MUCH)
        assert hub.request("PUT", f"{location}?digest={digest}", MUCH[kept:]).status == 201


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_upload_goes_on_after_a_restart(hubs: Nursery, tmp_path: Path, end: str) -> None:
    data = dice(4).randbytes(2_000_000)
    with hubs.hub(tmp_path / "data") as hub:
        location = hub.begin(NAME)
        assert hub.request("PATCH", location, data[:900_000], {"content-range": "0-899999"}).status == 202
        hub.signal(signal.SIGKILL if end == "kill" else signal.SIGTERM)
    with hubs.hub(tmp_path / "data") as hub:
        assert hub.get(location).headers["range"] == "0-899999"
        assert hub.request("PATCH", location, data[900_000:], {"content-range": "900000-1999999"}).status == 202
        assert hub.request("PUT", f"{location}?digest={Digest.of(data)}").status == 201
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(data)}").body == data


def test_expired_uploads_are_forgotten_when_the_hub_starts(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data") as hub:
        location = hub.begin(NAME)
    with hubs.hub(tmp_path / "data", upload_lifetime=0.0) as hub:
        wait_until(lambda: not hub.uploads())
        assert hub.get(location).status == 404


def test_full_disk_is_told_and_the_hub_recovers(hubs: Nursery, tmp_path: Path) -> None:
    large = dice(5).randbytes(6_000_000)
    with hubs.hub(tmp_path / "data", file_size=4_000_000) as hub:
        image = hub.push_image(NAME, "v1", b"small")
        location = hub.begin(NAME)
        answer = hub.request("PATCH", location, large, {"content-type": BLOB})
        assert (answer.status, answer.code) == (507, "DENIED")
        assert "disk full" in answer.json["errors"][0]["message"]
        assert hub.request("DELETE", location).status == 204
        assert hub.uploads() == {}
        single = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(large)}", large)
        assert single.status == 507
        assert hub.uploads() == {}
        assert hub.get(f"/v2/{NAME}/manifests/v1").body == image
        hub.push_image(NAME, "v2", b"another")
    with hubs.hub(tmp_path / "data") as hub:
        assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == ["v1", "v2"]
        assert hub.get(f"/v2/{NAME}/blobs/{hub.push_blob(NAME, large)}").body == large


# kill -9 ----------------------------------------------------------------------------------------------------------


class Pusher:
    """A client that pushes without end and writes down what was acknowledged."""

    def __init__(self, hub: Hub, seed: int) -> None:
        self._hub = hub
        self._random = dice(seed)
        self.acknowledged: dict[str, bytes] = {}

    def run(self) -> None:
        """Push until the hub is gone."""
        with suppress(OSError, HTTPException):
            while True:
                self._push()

    def _push(self) -> None:
        layer = self._random.randbytes(self._random.choice([10, 5_000, 400_000]))
        name = f"team/n{self._random.randrange(3)}"
        for data in (b"{}", layer):
            self.acknowledged[f"/v2/{name}/blobs/{self._hub.push_blob(name, data)}"] = data
        raw = manifest(b"{}", layer)
        tag = f"t{self._random.randrange(10**9)}"
        digest = self._hub.push_manifest(name, raw, tag)
        self.acknowledged[f"/v2/{name}/manifests/{tag}"] = raw
        self.acknowledged[f"/v2/{name}/manifests/{digest}"] = raw


def push_until_killed(hub: Twin, chance: Random) -> dict[str, bytes]:
    """Push by two clients, kill the hub at a random moment, and tell what it had acknowledged."""
    pushers = [Pusher(hub, chance.randrange(10**9)) for _ in range(2)]
    enough = chance.randrange(1, 9)
    with ThreadPoolExecutor(2) as pool:
        for pusher in pushers:
            pool.submit(pusher.run)
        wait_until(lambda: sum(len(pusher.acknowledged) for pusher in pushers) >= enough)
        Event().wait(chance.uniform(0.0, 0.05))
        hub.signal(signal.SIGKILL)
    return pushers[0].acknowledged | pushers[1].acknowledged


def assert_has(hub: Hub, acknowledged: dict[str, bytes]) -> None:
    """See that all of it is there, and that every tag leads somewhere."""
    for target, data in acknowledged.items():
        answer = hub.get(target)
        assert (answer.status, answer.body) == (200, data), target
    names = hub.get("/v2/_catalog").json["repositories"]
    tags = [(name, tag) for name in names for tag in hub.get(f"/v2/{name}/tags/list").json["tags"]]
    assert all(hub.get(f"/v2/{name}/manifests/{tag}").status == 200 for name, tag in tags)


@pytest.mark.slow
@pytest.mark.timeout(0 if os.environ.get("ORCHARD_SOAK") == "1" else 300)
def test_what_was_acknowledged_survives_kill_at_any_moment(hubs: Nursery, tmp_path: Path) -> None:
    chance = dice(7)
    acknowledged: dict[str, bytes] = {}
    for _ in range(200 if os.environ.get("ORCHARD_SOAK") == "1" else 10):
        with hubs.hub(tmp_path / "data") as hub:
            acknowledged |= push_until_killed(hub, chance)
    assert len(acknowledged) > 10
    with hubs.hub(tmp_path / "data") as hub:
        assert_has(hub, acknowledged)
