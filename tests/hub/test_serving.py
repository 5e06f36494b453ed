"""The hub as a process: starting, ending, restarting, running out of things (ADR 0004)."""

import asyncio
import signal
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from threading import Event

import pytest

from orchard.errors import NotFoundError, StorageError, UsageError
from orchard.hub import set_password
from orchard.hub.http.asgi import Receive, Scope, Send
from orchard.hub.http.serving import Place, serve
from orchard.oci import Digest, mediatype
from support.hubs import BLOB, Hub, basic, dice, manifest, nursery, running_hub, wait_until

NAME = "team/model"
DATA = b"0123456789"
MUCH = b"x" * 1_500_000  # more than waits in memory for a thread
OPEN = ".".join("0000")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


def port_of(hub: Hub) -> int:
    return int(hub.host.rpartition(":")[2])


def connect(hub: Hub) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port_of(hub)), timeout=30)


def send_head(connection: socket.socket, method: str, target: str, *headers: str) -> None:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode("latin-1"))


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


# Over a real server -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1 << 20, 5_000_001])
def test_blob_goes_in_and_comes_out(hub: Hub, size: int) -> None:
    data = dice(size).randbytes(size)
    digest = hub.push_blob(NAME, data)
    target = f"/v2/{NAME}/blobs/{digest}"
    got, asked = hub.get(target), hub.request("HEAD", target)
    assert (got.status, got.body) == (200, data)
    assert (asked.status, asked.headers["content-length"], asked.body) == (200, str(size), b"")
    if size > 1:
        part = hub.get(target, range=f"bytes=1-{size}")
        assert (part.status, part.body) == (206, data[1:])
        assert part.headers["content-range"] == f"bytes 1-{size - 1}/{size}"


def test_streamed_upload_of_unknown_length_is_stored(hub: Hub) -> None:
    data = dice(1).randbytes(3_000_000)
    location = hub.begin(NAME)
    pieces = (data[start : start + 70_001] for start in range(0, len(data), 70_001))
    answer = hub.request("PATCH", location, pieces, {"content-type": BLOB})
    assert (answer.status, answer.headers["range"]) == (202, f"0-{len(data) - 1}")
    digest = Digest.of(data)
    assert hub.request("PUT", f"{location}?digest={digest}").status == 201
    assert hub.get(f"/v2/{NAME}/blobs/{digest}").body == data


@pytest.mark.parametrize(
    "path",
    [
        "/v2/..%2f..%2fetc/passwd/manifests/v1",
        "/v2/%2e%2e/%2e%2e/etc/passwd/manifests/v1",
        "/v2/..%252f..%252fetc/manifests/v1",
        "/v2/team/%c0%ae%c0%ae/manifests/v1",
        "/v2/team%00/manifests/v1",
        "/v2/team/model/manifests/v1%0a",
        "/v2/team/model/blobs/sha256:..%2f..%2fuploads",
        "/v2/team/model/blobs/uploads/..%2f..%2fhub.lock",
        "/v2/team/model/blobs/uploads/%2e%2e",
        "/v2/../../../etc/passwd",
        "/v2/team/%ff%fe/tags/list",
        "/v2/team/%zz/tags/list",
        "/../hub.lock",
        "/%2e%2e/hub.lock",
        "/static/..%2f..%2fapp.py",
    ],
)
def test_path_that_climbs_out_finds_nothing(hub: Hub, path: str) -> None:
    answer = hub.get(path)
    assert answer.status in {400, 404}
    assert b"root:" not in answer.body


def test_refusal_reaches_a_client_that_is_still_sending(hub: Hub) -> None:
    location = hub.begin(NAME)
    body = (b"x" * 65_536 for _ in range(10))
    answer = hub.request("PATCH", location, body, {"content-range": "5-655364"})
    assert answer.status == 416
    large = hub.request("PUT", f"/v2/{NAME}/manifests/v1", b" " * (5 << 20), {"content-type": mediatype.OCI_MANIFEST})
    assert (large.status, large.code) == (413, "SIZE_INVALID")


def test_chunks_sent_at_once_are_taken_once(hub: Hub) -> None:
    chunks = [bytes([number]) * 200_000 for number in range(2)]
    location = hub.begin(NAME)
    for start, chunk in enumerate(chunks):
        first = start * 200_000

        def send(_: int, chunk: bytes = chunk, first: int = first) -> int:
            headers = {"content-range": f"{first}-{first + 199_999}", "content-type": BLOB}
            return hub.request("PATCH", location, chunk, headers).status

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(send, range(8))) == [202] + [416] * 7
    digest = Digest.of(b"".join(chunks))
    assert hub.request("PUT", f"{location}?digest={digest}").status == 201


def test_request_waits_in_vain_for_one_that_never_ends(hub: Hub) -> None:
    location = hub.begin(NAME)
    with closing(connect(hub)) as stalled:
        send_head(stalled, "PATCH", location, "Content-Length: 9999999")
        stalled.sendall(MUCH)
        hub.wait_for_upload()
        answer = hub.request("PATCH", location, DATA)
        assert (answer.status, answer.code) == (409, "BLOB_UPLOAD_INVALID")
    wait_until(lambda: hub.get(location).status == 204)
    assert hub.request("DELETE", location).status == 204


def test_client_that_goes_away_in_an_upload_finds_its_bytes(hub: Hub) -> None:
    location = hub.begin(NAME)
    with closing(connect(hub)) as connection:
        send_head(connection, "PATCH", location, "Content-Length: 10")
        connection.sendall(DATA[:4])
    wait_until(lambda: hub.get(location).headers.get("range") == "0-3")
    answer = hub.request("PATCH", location, DATA[4:], {"content-range": "4-9"})
    assert answer.status == 202
    assert hub.request("PUT", f"{location}?digest={Digest.of(DATA)}").status == 201


def test_client_that_goes_away_in_a_download_leaves_the_hub_well(hub: Hub) -> None:
    digest = hub.push_blob(NAME, dice(2).randbytes(30_000_000))
    for header in ("", "Range: bytes=1-"):
        with closing(connect(hub)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            send_head(connection, "GET", f"/v2/{NAME}/blobs/{digest}", *filter(None, [header]))
            assert connection.recv(100)
    assert hub.get("/v2/").status == 200


def resident(hub: Hub) -> int:
    status = Path(f"/proc/{hub.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_memory_does_not_grow_with_what_is_sent(tmp_path: Path) -> None:
    chunk = dice(3).randbytes(1 << 20)
    with running_hub(tmp_path / "data") as hub:
        hub.push_blob(NAME, b"warm")
        before = resident(hub)
        with ThreadPoolExecutor(4) as pool:

            def upload(_: int) -> Digest:
                location = hub.begin(NAME)
                body = (chunk for _ in range(64))
                assert hub.request("PATCH", location, body, {"content-type": BLOB}).status == 202
                digest = Digest.of(chunk * 64)
                answer = hub.request("PUT", f"{location}?digest={digest}")
                assert answer.status == 201
                return digest

            (digest,) = set(pool.map(upload, range(4)))
        assert hub.get(f"/v2/{NAME}/blobs/{digest}", range="bytes=1-").body[-1:] == chunk[-1:]
        assert resident(hub) - before < 64 << 20


# Starting ---------------------------------------------------------------------------------------------------------


def test_hub_says_where_it_is_once_it_answers(hub: Hub) -> None:
    assert hub.announced == [f"listening on http://{hub.host}"]
    assert hub.get("/healthz").body == b"ok\n"


def fails(data: Path, **settings: object) -> str:
    with pytest.raises(AssertionError, match="did not start") as caught, running_hub(data, **settings):
        pass
    return str(caught.value)


def test_second_hub_on_the_same_directory_does_not_start(hub: Hub) -> None:
    assert "ConflictError: another hub is running on" in fails(hub.data)
    assert hub.get("/healthz").status == 200


def test_hub_does_not_start_on_a_port_that_is_taken(hub: Hub, tmp_path: Path) -> None:
    assert "UsageError: cannot listen on 127.0.0.1, port" in fails(tmp_path / "data", port=port_of(hub))
    assert hub.get("/healthz").status == 200


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 300, "\N{SNOWMAN}" * 70])
def test_hub_does_not_start_on_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(UsageError, match="cannot listen on"):
        Place.find(host, 0)


@pytest.mark.parametrize(
    ("host", "loopback", "url"),
    [
        ("127.0.0.1", True, "http://127.0.0.1:"),
        ("localhost", True, "http://"),
        ("::1", True, "http://[::1]:"),
        (OPEN, False, "http://0"),
    ],
)
def test_place_is_found_by_name_or_address(host: str, url: str, *, loopback: bool) -> None:
    place = Place.find(host, 0)
    assert place.loopback is loopback
    assert place.url.startswith(url)
    assert place.port > 0


async def nothing(_: Scope, __: Receive, ___: Send) -> None:
    raise AssertionError


def test_server_that_cannot_listen_says_so() -> None:
    with pytest.raises(UsageError, match="cannot listen on http://192.0.2.1:1"):
        asyncio.run(serve(nothing, Place("192.0.2.1", 1), grace=1.0, announce=print, chore=asyncio.Event().wait))


def test_chore_that_fails_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    announced: list[str] = []

    async def fail() -> None:
        raise StorageError("the disk is on strike")

    def stop(line: str) -> None:
        announced.append(line)
        signal.raise_signal(signal.SIGTERM)

    asyncio.run(serve(nothing, Place.find("127.0.0.1", 0), grace=1.0, announce=stop, chore=fail))
    assert announced
    assert "could not clean up: the disk is on strike" in caplog.text


def test_hub_listens_on_ipv6(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data", host="::1") as hub:
        assert hub.announced[0].startswith("listening on http://[::1]:")
        connection = HTTPConnection("::1", port_of(hub))
        connection.request("GET", "/v2/")
        assert connection.getresponse().status == 200
        connection.close()


# Logins -----------------------------------------------------------------------------------------------------------


def test_first_start_for_others_makes_an_account_and_tells_its_password_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_hub(data, host=OPEN) as hub:
        told, _ = hub.announced
        password = told.split("password ")[1].split(" ")[0]
        assert hub.get("/v2/").status == 401
        hub.authorization = basic("admin", password)
        assert hub.get("/v2/").status == 200
        hub.push_blob(NAME, DATA)
    with running_hub(data, host=OPEN) as hub:
        assert len(hub.announced) == 1
        hub.authorization = basic("admin", password)
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").body == DATA
    assert password.encode() not in (data / "catalog.sqlite3").read_bytes()


def test_password_of_the_admin_can_be_given(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for password in ("first", "second", "second"):
        with running_hub(data, host=OPEN, admin_password=password) as hub:
            assert len(hub.announced) == 1
            hub.authorization = basic("admin", password)
            assert hub.get("/v2/").status == 200
            hub.authorization = basic("admin", "other")
            assert hub.get("/v2/").status == 401


def test_password_can_be_changed_while_the_hub_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_hub(data, host=OPEN, admin_password="first") as hub:
        set_password(data, "admin", "second")
        hub.authorization = basic("admin", "second")
        assert hub.get("/v2/").status == 200


def test_password_of_no_hub_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is not the data directory of a hub"):
        set_password(tmp_path, "admin", "password")
    assert list(tmp_path.iterdir()) == []


# Ending and starting again ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_hub_that_is_asked_to_stop_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    with running_hub(tmp_path / "data") as hub, closing(connect(hub)) as idle:
        send_head(idle, "GET", "/v2/")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        hub.process.send_signal(number)
        assert hub.process.wait(10) == 0


def test_running_request_is_answered_before_the_hub_ends(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub, closing(connect(hub)) as connection:
        target = f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(MUCH + DATA)}"
        send_head(connection, "POST", target, f"Content-Length: {len(MUCH + DATA)}")
        connection.sendall(MUCH)
        hub.wait_for_upload()
        hub.process.terminate()
        wait_until(lambda: refuses_connections(hub))
        connection.sendall(DATA)
        assert read_all(connection).startswith(b"HTTP/1.1 201")
        assert hub.process.wait(10) == 0
    with running_hub(tmp_path / "data") as hub:
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(MUCH + DATA)}").body == MUCH + DATA


def refuses_connections(hub: Hub) -> bool:
    try:
        connect(hub).close()
    except ConnectionRefusedError:
        return True
    return False


def test_request_that_does_not_end_is_cut_off(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data", grace=0.3) as hub, closing(connect(hub)) as connection:
        location = hub.begin(NAME)
        send_head(connection, "PATCH", location, "Content-Length: 9999999")
        connection.sendall(MUCH)
        hub.wait_for_upload()
        hub.process.terminate()
        assert hub.process.wait(10) == 0
    with running_hub(tmp_path / "data") as hub:
        kept = int(hub.get(location).headers["range"].removeprefix("0-")) + 1
        digest = Digest.of(MUCH)
        assert 0 < kept <= len(MUCH)
        assert hub.request("PUT", f"{location}?digest={digest}", MUCH[kept:]).status == 201


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_upload_goes_on_after_a_restart(tmp_path: Path, end: str) -> None:
    data = dice(4).randbytes(2_000_000)
    with running_hub(tmp_path / "data") as hub:
        location = hub.begin(NAME)
        assert hub.request("PATCH", location, data[:900_000], {"content-range": "0-899999"}).status == 202
        hub.kill() if end == "kill" else hub.stop()
    with running_hub(tmp_path / "data") as hub:
        assert hub.get(location).headers["range"] == "0-899999"
        assert hub.request("PATCH", location, data[900_000:], {"content-range": "900000-1999999"}).status == 202
        assert hub.request("PUT", f"{location}?digest={Digest.of(data)}").status == 201
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(data)}").body == data


def test_expired_uploads_are_forgotten_when_the_hub_starts(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        location = hub.begin(NAME)
    with running_hub(tmp_path / "data", upload_lifetime=0.0) as hub:
        wait_until(lambda: not hub.uploads())
        assert hub.get(location).status == 404


def test_full_disk_is_told_and_the_hub_recovers(tmp_path: Path) -> None:
    large = dice(5).randbytes(6_000_000)
    with running_hub(tmp_path / "data", file_size=4_000_000) as hub:
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
    with running_hub(tmp_path / "data") as hub:
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


def push_until_killed(hub: Hub, chance: Random) -> dict[str, bytes]:
    """Push by two clients, kill the hub at a random moment, and tell what it had acknowledged."""
    pushers = [Pusher(hub, chance.randrange(10**9)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for pusher in pushers:
            pool.submit(pusher.run)
        Event().wait(chance.uniform(0.01, 0.2))
        hub.kill()
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
def test_what_was_acknowledged_survives_kill_at_any_moment(tmp_path: Path) -> None:
    chance = dice(7)
    acknowledged: dict[str, bytes] = {}
    with nursery() as hubs:
        for _ in range(40):
            with hubs.hub(tmp_path / "data") as hub:
                acknowledged |= push_until_killed(hub, chance)
        assert len(acknowledged) > 40
        with hubs.hub(tmp_path / "data") as hub:
            assert_has(hub, acknowledged)
