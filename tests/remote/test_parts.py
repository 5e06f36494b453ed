import pytest

from orchard.errors import IntegrityError, RemoteError, UnsupportedError
from orchard.oci import Descriptor, mediatype
from orchard.remote import RemoteRepository
from support.clients import FakeTime, blob
from support.faultserver import FOREVER, Exchange, FaultServer, answer, cut_after, drop, redirect, status

DATA = bytes(range(256)) * 4096  # 1 MiB
WANTED = blob(DATA)
PARTS = f"GET /v2/team/model/blobs/{WANTED.digest}"


def asked(server: FaultServer) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.seen]


def test_part_is_one_request_for_exactly_these_bytes(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)

    assert repo.read_range(WANTED, 1000, 24) == DATA[1000:1024]
    assert (server.lines(), asked(server)) == ([PARTS], ["bytes=1000-1023"])


def test_part_from_the_start_is_asked_for_as_a_part(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)

    assert repo.read_range(WANTED, 0, 24) == DATA[:24]
    assert asked(server) == ["bytes=0-23"]


def test_part_that_is_nothing_asks_nothing(server: FaultServer, repo: RemoteRepository) -> None:
    assert repo.read_range(WANTED, 5, 0) == b""
    assert server.seen == []


def test_parts_share_a_connection(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)

    for offset in range(0, 1000, 100):
        repo.read_range(WANTED, offset, 10)

    assert server.connections == 1


@pytest.mark.parametrize("offset", [0, 1000])
def test_server_that_gives_the_whole_is_read_up_to_the_part_and_no_further(
    server: FaultServer, repo: RemoteRepository, offset: int
) -> None:
    server.on("GET", "/blobs/", answer(200, {}, DATA))

    assert repo.read_range(WANTED, offset, 24) == DATA[offset : offset + 24]


def test_server_that_gives_the_whole_is_not_read_for_gigabytes(server: FaultServer, repo: RemoteRepository) -> None:
    large = Descriptor(media_type=mediatype.OCTET_STREAM, digest=WANTED.digest, size=4 << 30)
    sent: list[int] = []

    def whole(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Length", str(large.size))
        exchange.end_headers()
        exchange.close_connection = True
        while True:
            sent.append(exchange.wfile.write(bytes(64 << 10)))

    server.on("GET", "/blobs/", whole)

    with pytest.raises(UnsupportedError, match=r"gives no parts of sha256:.*; pull it to read from it"):
        repo.read_range(large, 3 << 30, 24)

    assert sum(sent) < 32 << 20


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"bytes 0-23/{len(DATA)}", id="the start"),
        pytest.param(f"bytes 1001-1024/{len(DATA)}", id="one further"),
        pytest.param(f"bytes 1000-1023/{len(DATA) + 1}", id="of another size"),
        pytest.param("", id="not said"),
    ],
)
def test_part_that_is_not_the_one_asked_for_is_refused(
    server: FaultServer, repo: RemoteRepository, header: str
) -> None:
    server.on("GET", "/blobs/", answer(206, {"Content-Range": header}, DATA[1000:1024]))

    with pytest.raises(RemoteError, match=f"from byte 1000 of {len(DATA)} on, got '"):
        repo.read_range(WANTED, 1000, 24)


def test_part_that_is_longer_than_asked_for_is_cut(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/blobs/", answer(206, {"Content-Range": f"bytes 1000-1999/{len(DATA)}"}, DATA[1000:2000]))

    assert repo.read_range(WANTED, 1000, 24) == DATA[1000:1024]


def test_part_that_is_shorter_than_asked_for_is_completed(
    server: FaultServer, repo: RemoteRepository, clock: FakeTime
) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", answer(206, {"Content-Range": f"bytes 1000-1009/{len(DATA)}"}, DATA[1000:1010]))

    assert repo.read_range(WANTED, 1000, 24) == DATA[1000:1024]
    assert asked(server) == ["bytes=1000-1023", "bytes=1010-1023"]
    assert clock.slept == [1]


def test_part_whose_connection_breaks_is_completed(
    server: FaultServer, repo: RemoteRepository, clock: FakeTime
) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", status(503, Retry_After="7"))
    server.on("GET", "/blobs/", drop)
    server.on("GET", "/blobs/", cut_after(1000))

    assert repo.read_range(WANTED, 1000, 5000) == DATA[1000:6000]
    assert asked(server)[-1] == "bytes=2000-5999"
    assert clock.slept == [7, 2, 4]


def test_part_that_never_comes_is_one_error(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", drop, FOREVER)

    with pytest.raises(RemoteError, match="the connection broke"):
        repo.read_range(WANTED, 1000, 5000)


def test_part_of_content_that_has_another_size_there_is_refused(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/blobs/", answer(200, {}, DATA[:-1]))

    with pytest.raises(IntegrityError, match=f"{len(DATA)} were promised"):
        repo.read_range(WANTED, 1000, 24)


def test_part_at_a_storage_that_the_registry_names_is_read_there(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)
    with FaultServer() as storage:
        storage.on("GET", "/signed", answer(206, {"Content-Range": f"bytes 10-19/{len(DATA)}"}, DATA[10:20]))
        server.on("GET", "/blobs/", redirect(f"{storage.url}/signed?key=x"))

        assert repo.read_range(WANTED, 10, 10) == DATA[10:20]
        assert asked(storage) == ["bytes=10-19"]
