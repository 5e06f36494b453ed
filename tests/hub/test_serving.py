"""The hub as a process: over a real server, starting, logging in (ADR 0004)."""

import asyncio
import signal
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from orchard.errors import NotFoundError, UsageError
from orchard.hub import Settings, open_desk
from orchard.hub.http.asgi import Receive, Scope, Send
from orchard.hub.http.serving import Ending, Place, serve
from orchard.oci import Digest, mediatype
from support.hubs import BLOB, Hub, Nursery, Twin, basic, dice, running_hub, send_head, wait_until

NAME = "team/model"
DATA = b"0123456789"
MUCH = b"x" * 1_500_000  # more than waits in memory for a thread
OPEN = ".".join("0000")
AT_ONCE = Ending(drain=0, grace=1, begins=lambda: None)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


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
    with closing(hub.connect()) as stalled:
        send_head(stalled, "PATCH", location, "Content-Length: 9999999")
        stalled.sendall(MUCH)
        hub.wait_for_upload()
        answer = hub.request("PATCH", location, DATA)
        assert (answer.status, answer.code) == (409, "BLOB_UPLOAD_INVALID")
    wait_until(lambda: hub.get(location).status == 204)
    assert hub.request("DELETE", location).status == 204


def test_client_that_goes_away_in_an_upload_finds_its_bytes(hub: Hub) -> None:
    location = hub.begin(NAME)
    with closing(hub.connect()) as connection:
        send_head(connection, "PATCH", location, "Content-Length: 10")
        connection.sendall(DATA[:4])
    wait_until(lambda: hub.get(location).headers.get("range") == "0-3")
    answer = hub.request("PATCH", location, DATA[4:], {"content-range": "4-9"})
    assert answer.status == 202
    assert hub.request("PUT", f"{location}?digest={Digest.of(DATA)}").status == 201


def test_client_that_goes_away_in_a_download_leaves_the_hub_well(hub: Hub) -> None:
    digest = hub.push_blob(NAME, dice(2).randbytes(30_000_000))
    for header in ("", "Range: bytes=1-"):
        with closing(hub.connect()) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            send_head(connection, "GET", f"/v2/{NAME}/blobs/{digest}", *filter(None, [header]))
            assert connection.recv(100)
    assert hub.get("/v2/").status == 200


def resident(hub: Twin) -> int:
    status = Path(f"/proc/{hub.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_memory_does_not_grow_with_what_is_sent(hubs: Nursery, tmp_path: Path) -> None:
    chunk = dice(3).randbytes(1 << 20)
    with hubs.hub(tmp_path / "data") as hub:
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


def test_hub_shows_its_pages(hub: Hub) -> None:
    hub.push_image("shown/model", "v1", b"layer")
    answer = hub.get("/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"shown/model" in answer.body


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
    assert "UsageError: cannot listen on 127.0.0.1, port" in fails(tmp_path / "data", port=hub.port)
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
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = Place("127.0.0.1", other.getsockname()[1])
        with pytest.raises(UsageError, match="cannot listen on http://127"):
            asyncio.run(serve(nothing, place, ending=AT_ONCE, announce=print))


def test_who_works_beside_the_server_is_told_when_it_begins_to_end() -> None:
    told: list[str] = []

    def stop(line: str) -> None:
        told.append(line)
        signal.raise_signal(signal.SIGTERM)

    place = Place.find("127.0.0.1", 0)
    ending = replace(AT_ONCE, begins=lambda: told.append("ending"))
    asyncio.run(serve(nothing, place, ending=ending, announce=stop))
    assert told == [f"listening on {place.url}", "ending"]


def test_hub_listens_on_ipv6(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data", host="::1") as hub:
        assert hub.announced[0].startswith("listening on http://[::1]:")
        connection = HTTPConnection("::1", hub.port)
        connection.request("GET", "/v2/")
        assert connection.getresponse().status == 200
        connection.close()


# Logins -----------------------------------------------------------------------------------------------------------


def test_first_start_for_others_makes_an_account_and_tells_its_password_once(hubs: Nursery, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with hubs.hub(data, host=OPEN) as hub:
        told, link, _ = hub.announced
        assert f" http://localhost:{hub.port}/welcome/" in link
        password = told.split("password ")[1].split(" ")[0]
        assert hub.get("/v2/").status == 401
        hub.authorization = basic("admin", password)
        assert hub.get("/v2/").status == 200
        hub.push_blob(NAME, DATA)
    with hubs.hub(data, host=OPEN) as hub:
        assert len(hub.announced) == 1
        hub.authorization = basic("admin", password)
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").body == DATA
    assert password.encode() not in (data / "catalog.sqlite3").read_bytes()


def test_first_start_can_be_done_in_a_browser_whole(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data", host=OPEN, access_log=True) as hub:
        told, link, _ = hub.announced
        target = link.partition(str(hub.port))[2]
        assert b"Choose a password" in hub.get(target).body
        form = {"content-type": "application/x-www-form-urlencoded"}
        chosen = hub.request("POST", target, b"password=my+own+words&again=my+own+words", form)
        assert (chosen.status, chosen.headers["location"]) == (303, "/setup")
        session = {"cookie": chosen.headers["set-cookie"].partition(";")[0]}
        assert b"has a password that somebody chose" in hub.request("GET", "/setup", headers=session).body
        assert hub.get(target).status == 404
        for password, status in ((told.split("password ")[1].split(" ")[0], 401), ("my own words", 200)):
            hub.authorization = basic("admin", password)
            assert hub.get("/v2/").status == status


def test_password_of_the_admin_can_be_given(hubs: Nursery, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for password in ("first", "second", "second"):
        with hubs.hub(data, host=OPEN, admin_password=password) as hub:
            assert len(hub.announced) == 1
            hub.authorization = basic("admin", password)
            assert hub.get("/v2/").status == 200
            hub.authorization = basic("admin", "other")
            assert hub.get("/v2/").status == 401


def test_password_can_be_changed_while_the_hub_runs(hubs: Nursery, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with hubs.hub(data, host=OPEN, admin_password="first") as hub:
        with open_desk(Settings(data=data)) as desk:
            desk.people.users.set_password(desk.by, "admin", "second")
        hub.authorization = basic("admin", "second")
        assert hub.get("/v2/").status == 200


def test_password_of_no_hub_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is not the data directory of a hub"), open_desk(Settings(data=tmp_path)):
        raise AssertionError(tmp_path)
    assert list(tmp_path.iterdir()) == []
