import tracemalloc

import pytest

from orchard.errors import IntegrityError, NotFoundError, RemoteError, UsageError
from orchard.oci import Descriptor, dumps, mediatype
from orchard.remote import RemoteRepository, Retry
from support.clients import Connect, FakeTime, blob, pull
from support.faultserver import FOREVER, Exchange, FaultServer, answer, cut_after, drop, status

DATA = bytes(range(256)) * 4096  # 1 MiB
WANTED = blob(DATA)


def ranges(server: FaultServer) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.seen if seen.method == "GET"]


def test_open_gives_the_whole_blob(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)

    assert pull(repo, WANTED) == DATA
    assert server.lines() == [f"GET /v2/team/model/blobs/{WANTED.digest}"]


@pytest.mark.parametrize("offset", [1, 4096, len(DATA) - 1])
def test_open_at_an_offset_asks_for_the_rest(server: FaultServer, repo: RemoteRepository, offset: int) -> None:
    server.add_blob(DATA)

    assert pull(repo, WANTED, offset) == DATA[offset:]
    assert ranges(server) == [f"bytes={offset}-"]


def test_open_at_the_end_gives_nothing(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(b"")

    assert pull(repo, blob(b"")) == b""


@pytest.mark.parametrize("offset", [-1, len(DATA) + 1])
def test_open_beyond_the_end_is_refused(server: FaultServer, repo: RemoteRepository, offset: int) -> None:
    with pytest.raises(UsageError, match=f"none at offset {offset}"):
        pull(repo, WANTED, offset)

    assert server.seen == []


def test_open_when_it_is_not_there_raises_at_once(repo: RemoteRepository) -> None:
    with pytest.raises(NotFoundError, match=str(WANTED.digest)):
        repo.open(WANTED).__enter__()


@pytest.mark.parametrize("offset", [0, 1000])
def test_connection_that_breaks_is_continued_where_it_was(
    server: FaultServer, repo: RemoteRepository, clock: FakeTime, offset: int
) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", cut_after(300_000), 3)

    assert pull(repo, WANTED, offset) == DATA[offset:]
    assert ranges(server)[1:] == [f"bytes={offset + 300_000 * n}-" for n in (1, 2, 3)]
    assert clock.slept == [1, 1, 1]


def test_connection_that_breaks_after_the_last_byte_is_no_error(server: FaultServer, repo: RemoteRepository) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        exchange.wfile.write(b"%x\r\n%s\r\n" % (len(DATA), DATA))
        exchange.close_connection = True

    server.on("GET", "/blobs/", endless)

    assert pull(repo, WANTED) == DATA


def test_connection_that_breaks_without_progress_is_given_up(
    server: FaultServer, repo: RemoteRepository, clock: FakeTime
) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", cut_after(300_000))
    server.on("GET", "/blobs/", cut_after(0), FOREVER)

    with pytest.raises(RemoteError, match="the connection broke"):
        pull(repo, WANTED)

    assert clock.slept == [1, 2, 4]


def test_blob_that_ends_early_without_saying_so_is_continued(server: FaultServer, repo: RemoteRepository) -> None:
    def short(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Connection", "close")
        exchange.end_headers()
        exchange.wfile.write(DATA[:500])
        exchange.close_connection = True

    server.add_blob(DATA)
    server.on("GET", "/blobs/", short)

    assert pull(repo, WANTED) == DATA
    assert ranges(server) == [None, "bytes=500-"]


def test_blob_that_always_ends_early_says_where(server: FaultServer, repo: RemoteRepository) -> None:
    def short(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Connection", "close")
        exchange.end_headers()
        exchange.wfile.write(DATA[:500])
        exchange.close_connection = True

    server.on("GET", "/blobs/", short, FOREVER)

    with pytest.raises(RemoteError, match=f"ends after 500 of {len(DATA)} bytes"):
        pull(repo, WANTED)


def test_server_without_ranges_is_read_past(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", cut_after(300_000))
    server.on("GET", "/blobs/", answer(200, {}, DATA))

    assert pull(repo, WANTED) == DATA


@pytest.mark.parametrize(
    "header",
    [
        f"bytes 0-{len(DATA) - 1}/{len(DATA)}",
        f"bytes 1001-{len(DATA) - 1}/{len(DATA)}",
        f"bytes 1000-{len(DATA) - 1}/{len(DATA) + 1}",
        "nonsense \x7f",
        "",
    ],
)
def test_part_that_is_not_the_one_asked_for_is_refused(
    server: FaultServer, repo: RemoteRepository, header: str
) -> None:
    server.on("GET", "/blobs/", answer(206, {"Content-Range": header}, DATA[1000:]))

    with pytest.raises(RemoteError, match=f"from byte 1000 of {len(DATA)} on, got '"):
        pull(repo, WANTED, 1000)


def test_part_of_unknown_whole_is_accepted(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/blobs/", answer(206, {"Content-Range": f"bytes 1000-{len(DATA) - 1}/*"}, DATA[1000:]))

    assert pull(repo, WANTED, 1000) == DATA[1000:]


def test_part_that_nobody_asked_for_is_refused(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/blobs/", answer(206, {"Content-Range": f"bytes 0-{len(DATA) - 1}/*"}, DATA))

    with pytest.raises(RemoteError, match=": 206"):
        pull(repo, WANTED)


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_announced_size_that_is_not_the_promised_one_is_an_error_before_any_byte(
    server: FaultServer, repo: RemoteRepository, size: int
) -> None:
    server.blobs[str(WANTED.digest)] = bytes(size)

    with pytest.raises(IntegrityError, match=f"has {size} bytes there, {len(DATA)} were promised"):
        repo.open(WANTED).__enter__()


def test_wrong_bytes_are_found_by_who_verifies(server: FaultServer, repo: RemoteRepository) -> None:
    server.blobs[str(WANTED.digest)] = DATA[:-1] + b"?"

    with pytest.raises(IntegrityError, match="the content does not match"):
        pull(repo, WANTED)


def test_body_longer_than_promised_is_found_by_who_verifies(server: FaultServer, repo: RemoteRepository) -> None:
    def long(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Connection", "close")
        exchange.end_headers()
        exchange.wfile.write(DATA + b"more")
        exchange.close_connection = True

    server.on("GET", "/blobs/", long)

    with pytest.raises(IntegrityError, match="more than the promised"):
        pull(repo, WANTED)


def test_registry_that_is_busy_or_gone_for_a_while_is_waited_for(
    server: FaultServer, repo: RemoteRepository, clock: FakeTime
) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", status(503, Retry_After="7"))
    server.on("GET", "/blobs/", cut_after(300_000))
    server.on("GET", "/blobs/", drop, 2)

    assert pull(repo, WANTED) == DATA
    assert clock.slept == [7, 1, 2, 4]


def test_blob_that_vanishes_on_the_way_is_reported(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)
    server.on("GET", "/blobs/", cut_after(300_000))
    server.on("GET", "/blobs/", status(404, "BLOB_UNKNOWN"))

    with pytest.raises(NotFoundError, match="BLOB_UNKNOWN"):
        pull(repo, WANTED)


def test_descriptor_of_a_huge_size_allocates_nothing(server: FaultServer, connect: Connect) -> None:
    huge = Descriptor(media_type=mediatype.OCTET_STREAM, digest=WANTED.digest, size=1 << 62)
    server.on("GET", "/blobs/", cut_after(1000), FOREVER)
    server.blobs[str(WANTED.digest)] = DATA
    repo = connect(retry=Retry(attempts=1)).repository("team/model")

    tracemalloc.start()
    with pytest.raises(IntegrityError, match="were promised"):
        pull(repo, huge)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 << 20


def test_reader_that_stops_early_gives_the_connection_up(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(DATA)

    with repo.open(WANTED) as body:
        first = body.read(100)
    with repo.open(WANTED, len(DATA) - 10) as body:
        last = body.read(100)

    assert (first, last) == (DATA[:100], DATA[-10:])


def test_document_is_opened_at_the_manifests(server: FaultServer, repo: RemoteRepository) -> None:
    raw = dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": []})
    server.add_manifest(mediatype.OCI_INDEX, raw)
    wanted = replace_type(blob(raw))

    assert pull(repo, wanted) == raw
    assert pull(repo, wanted, 10) == raw[10:]
    assert {seen.headers["accept"] for seen in server.seen} == {f"{mediatype.OCI_INDEX}, */*"}
    assert ranges(server) == [None, None]


def replace_type(content: Descriptor) -> Descriptor:
    return Descriptor(media_type=mediatype.OCI_INDEX, digest=content.digest, size=content.size)


def test_retry_of_a_document_starts_from_the_beginning(server: FaultServer, repo: RemoteRepository) -> None:
    raw = dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": []})
    server.add_manifest(mediatype.OCI_INDEX, raw)
    server.blobs[str(blob(raw).digest)] = raw
    server.on("GET", "/manifests/", cut_after(20))

    assert pull(repo, replace_type(blob(raw))) == raw
