import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from orchard.errors import IntegrityError, OrchardError, RemoteError
from orchard.oci import Descriptor, Readable
from orchard.remote import Chunking, Credential, Given, RemoteRepository, Retry
from orchard.store import Bytes
from support.clients import Connect, Failing, blob, methods, ranges
from support.faultserver import FOREVER, Exchange, FaultServer, answer, challenge, drop, status

DATA = bytes(range(256)) * 4096  # 1 MiB
SMALL = b"a small blob"
CHUNKED = Chunking(threshold=300_000, size=300_000, ceiling=300_000)
UPLOADS = "/v2/team/model/blobs/uploads/"


@pytest.fixture
def chunked(connect: Connect) -> RemoteRepository:
    return connect(chunking=CHUNKED).repository("team/model")


@pytest.mark.parametrize("data", [b"", SMALL, DATA], ids=["empty", "small", "large"])
def test_push_sends_a_blob_in_one_piece(server: FaultServer, repo: RemoteRepository, data: bytes) -> None:
    wanted = blob(data)

    repo.push(wanted, Bytes(data))

    assert server.blobs == {str(wanted.digest): data}
    assert methods(server) == "HOU"
    assert server.seen[2].query == {"_state": ["secret-state"], "digest": [str(wanted.digest)]}
    assert server.seen[2].headers["content-length"] == str(len(data))


def test_push_of_what_is_there_sends_nothing(server: FaultServer, repo: RemoteRepository) -> None:
    server.add_blob(SMALL)

    repo.push(blob(SMALL), Failing(AssertionError("must not be opened")))

    assert methods(server) == "H"


def test_push_after_exists_does_not_ask_again(server: FaultServer, repo: RemoteRepository) -> None:
    assert repo.exists(blob(SMALL)) is False

    repo.push(blob(SMALL), Bytes(SMALL))

    assert methods(server) == "HOU"
    assert repo.exists(blob(SMALL)) is True


def test_push_by_sha512_tells_the_registry(server: FaultServer, repo: RemoteRepository) -> None:
    wanted = blob(SMALL, "sha512")

    repo.push(wanted, Bytes(SMALL))

    assert server.blobs == {str(wanted.digest): SMALL}
    assert server.seen[1].query == {"digest-algorithm": ["sha512"]}


def test_push_in_chunks_follows_each_location(server: FaultServer, chunked: RemoteRepository) -> None:
    chunked.push(blob(DATA), Bytes(DATA))

    assert server.blobs == {str(blob(DATA).digest): DATA}
    assert ranges(server) == ["0-299999", "300000-599999", "600000-899999", "900000-1048575"]
    assert methods(server) == "HOAAAAU"
    assert server.seen[-1].headers["content-length"] == "0"


def test_push_below_the_threshold_is_one_piece(server: FaultServer, chunked: RemoteRepository) -> None:
    chunked.push(blob(SMALL), Bytes(SMALL))

    assert methods(server) == "HOU"


def test_push_of_nothing_is_one_piece_even_if_all_is_chunked(server: FaultServer, connect: Connect) -> None:
    connect(chunking=Chunking(threshold=0, size=10)).repository("x").push(blob(b""), Bytes(b""))

    assert methods(server) == "HOU"


@pytest.mark.parametrize(
    ("least", "ceiling", "sent"),
    [
        ("500000", 500_000, ["0-499999", "500000-999999", "1000000-1048575"]),
        ("7", 300_000, ["0-299999", "300000-599999", "600000-899999", "900000-1048575"]),
        ("many", 300_000, ["0-299999", "300000-599999", "600000-899999", "900000-1048575"]),
        ("99999999999", 1 << 30, []),
    ],
)
def test_push_honours_the_least_chunk_length(
    server: FaultServer, connect: Connect, least: str, ceiling: int, sent: list[str]
) -> None:
    def opened(exchange: Exchange) -> None:
        exchange.reply(202, {"Location": UPLOADS + server.session(), "OCI-Chunk-Min-Length": least})

    server.on("POST", "/uploads/", opened)
    repo = connect(chunking=replace(CHUNKED, ceiling=ceiling)).repository("team/model")

    repo.push(blob(DATA), Bytes(DATA))

    assert ranges(server) == sent
    assert str(blob(DATA).digest) in server.blobs


@pytest.mark.parametrize(
    "host", ["ghcr.io", "gcr.io", "eu.gcr.io", "europe-docker.pkg.dev", "1.dkr.ecr.eu-west-1.amazonaws.com"]
)
def test_push_to_registries_that_take_no_chunks_is_one_piece(server: FaultServer, connect: Connect, host: str) -> None:
    registry = connect(host, proxy=server.url, plain_http=True, chunking=CHUNKED)

    registry.repository("team/model").push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOU"


def test_push_when_one_piece_is_too_large_goes_on_in_chunks(server: FaultServer, connect: Connect) -> None:
    server.on("PUT", "/uploads/", status(413))
    repo = connect(chunking=Chunking(threshold=1 << 30, size=600_000)).repository("team/model")

    repo.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOUDOAAU"
    assert server.blobs == {str(blob(DATA).digest): DATA}


@pytest.mark.parametrize(("host", "calls"), [("ghcr.io", "HOUD"), ("r.example", "HOUDOAD")])
def test_push_when_nothing_fits_says_so(server: FaultServer, connect: Connect, host: str, calls: str) -> None:
    server.on("PUT", "/uploads/", status(413), FOREVER)
    server.on("PATCH", "/uploads/", status(413), FOREVER)
    registry = connect(host, proxy=server.url, plain_http=True)

    with pytest.raises(RemoteError, match=r"bytes are too many|413"):
        registry.repository("team/model").push(blob(DATA), Bytes(DATA))

    assert methods(server) == calls


@pytest.mark.parametrize("location", ["https", "elsewhere", "port"])
def test_push_whose_session_is_elsewhere_is_refused(server: FaultServer, connect: Connect, location: str) -> None:
    with FaultServer() as other:
        places = {
            "https": f"https://evil.example{UPLOADS}x",
            "elsewhere": f"http://localhost:{server.port}{UPLOADS}x",
            "port": f"{other.url}{UPLOADS}x",
        }
        server.on("POST", "/uploads/", answer(202, {"Location": places[location]}))
        repo = connect(credentials=Given(server.host, Credential("ana", "canary"))).repository("team/model")

        with pytest.raises(RemoteError, match=r"wants the upload to go on at .*; refused"):
            repo.push(blob(SMALL), Bytes(SMALL))

    assert other.seen == []
    assert methods(server) == "HO"


def test_push_behind_a_proxy_that_forgets_the_port_goes_on_where_it_was(
    server: FaultServer, repo: RemoteRepository
) -> None:
    def opened(exchange: Exchange) -> None:
        exchange.reply(202, {"Location": f"http://127.0.0.1{UPLOADS}{server.session()}"})

    server.on("POST", "/uploads/", opened)

    repo.push(blob(SMALL), Bytes(SMALL))

    assert str(blob(SMALL).digest) in server.blobs


def test_push_without_a_location_says_so(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("POST", "/uploads/", answer(202))

    with pytest.raises(RemoteError, match="did not say where"):
        repo.push(blob(SMALL), Bytes(SMALL))


def test_push_accepts_an_early_201(server: FaultServer, chunked: RemoteRepository) -> None:
    def early(exchange: Exchange) -> None:
        server.uploads[exchange.seen.path.rpartition("/")[2]] += exchange.body()
        exchange.reply(201)

    server.on("PATCH", "/uploads/", early, FOREVER)

    chunked.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOAAAAU"
    assert str(blob(DATA).digest) in server.blobs


def test_push_accepts_that_the_last_chunk_was_all(server: FaultServer, connect: Connect) -> None:
    def done(exchange: Exchange) -> None:
        exchange.reply(201, {"Docker-Content-Digest": server.add_blob(exchange.body())})

    server.on("PATCH", "/uploads/", done)
    repo = connect(chunking=Chunking(threshold=0, size=1 << 30)).repository("team/model")

    repo.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOA"


def test_push_accepts_a_commit_without_location_or_digest(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("PUT", "/uploads/", answer(204))

    repo.push(blob(SMALL), Bytes(SMALL))

    assert methods(server) == "HOU"


@pytest.mark.parametrize(("header", "reason"), [("sha256:" + "0" * 64, "says that"), ("md5:0", "an impossible digest")])
def test_push_when_the_registry_names_another_digest_is_an_error(
    server: FaultServer, repo: RemoteRepository, header: str, reason: str
) -> None:
    server.on("PUT", "/uploads/", answer(201, {"Docker-Content-Digest": header}))

    with pytest.raises(IntegrityError, match=reason):
        repo.push(blob(SMALL), Bytes(SMALL))


def test_push_accepts_the_digest_of_another_algorithm(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("PUT", "/uploads/", answer(201, {"Docker-Content-Digest": "sha512:" + "0" * 128}))

    repo.push(blob(SMALL), Bytes(SMALL))


def test_push_authenticates_before_any_byte_of_the_blob(server: FaultServer, connect: Connect) -> None:
    basic = "Basic YW5hOmNhbmFyeQ=="
    server.on("*", "/", challenge('Basic realm="x"', unless=basic), FOREVER)
    repo = connect(credentials=Given(server.host, Credential("ana", "canary"))).repository("team/model")

    repo.push(blob(DATA), Bytes(DATA))

    assert [seen.headers.get("authorization") for seen in server.seen] == [None, basic, basic, basic]


def test_push_mounts_what_a_sibling_has(server: FaultServer, connect: Connect) -> None:
    server.add_blob(DATA)
    server.on("HEAD", "/v2/team/model/", status(404))
    registry = connect()

    registry.repository("team/model").push(blob(DATA), registry.repository("team/other"))

    assert methods(server) == "HO"
    assert server.seen[1].query == {"mount": [str(blob(DATA).digest)], "from": ["team/other"]}


def test_push_when_mounting_is_not_done_uses_the_session_it_got(server: FaultServer, connect: Connect) -> None:
    registry = connect()
    server.on("GET", "/v2/team/other/", answer(200, {}, DATA))

    registry.repository("team/model").push(blob(DATA), registry.repository("team/other"))

    assert sorted(methods(server)) == sorted("HOGU")  # reading runs ahead of sending
    assert server.blobs == {str(blob(DATA).digest): DATA}


@pytest.mark.parametrize("code", [400, 404, 405, 500])
def test_push_when_mounting_fails_uploads(server: FaultServer, connect: Connect, code: int) -> None:
    registry = connect(retry=Retry(attempts=1))
    server.on("POST", "/uploads/", status(code))
    server.on("GET", "/v2/team/other/", answer(200, {}, DATA))

    registry.repository("team/model").push(blob(DATA), registry.repository("team/other"))

    assert server.blobs == {str(blob(DATA).digest): DATA}


@pytest.mark.parametrize("who", ["another account", "another registry", "itself"])
def test_push_mounts_nothing_that_is_not_a_siblings(server: FaultServer, connect: Connect, who: str) -> None:
    server.on("GET", "/blobs/", answer(200, {}, DATA))
    server.on("HEAD", "/blobs/", status(404))
    with FaultServer(blobs={str(blob(DATA).digest): DATA}) as other:
        mine = connect().repository("team/model")
        sources = {
            "another account": connect(credentials=Given(server.host, Credential("b", "b"))).repository("team/other"),
            "another registry": connect(other.host).repository("team/other"),
            "itself": connect().repository("team/model"),
        }

        mine.push(blob(DATA), sources[who])

    assert [seen.query for seen in server.seen if seen.method == "POST"] == [{}]


def test_push_of_a_large_blob_needs_little_memory(server: FaultServer, connect: Connect) -> None:
    size = 64 << 20
    wanted = blob(bytes(size))

    class Zeros:
        @contextmanager
        def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
            yield _Zeros(content.size - offset)

    def discard(exchange: Exchange) -> None:
        while exchange.rfile.read(min(1 << 16, size - exchange.seen.received)):
            exchange.seen.received += min(1 << 16, size - exchange.seen.received)
        exchange.reply(201)

    server.on("PUT", "/uploads/", discard)
    repo = connect().repository("team/model")
    tracemalloc.start()

    repo.push(wanted, Zeros())

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert server.seen[-1].received == size
    assert peak < 12 << 20


class _Zeros:
    def __init__(self, left: int) -> None:
        self.left = left

    def read(self, size: int, /) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


def test_failed_cleaning_up_does_not_hide_the_error(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("DELETE", "/uploads/", drop, FOREVER)
    server.on("PUT", "/uploads/", status(403, "DENIED", "quota"))

    with pytest.raises(OrchardError, match="quota"):
        repo.push(blob(DATA), Bytes(DATA))
