from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest

from orchard.errors import DeniedError, IntegrityError, NotFoundError, RemoteError, StorageError
from orchard.oci import Descriptor, Readable
from orchard.remote import Chunking, RemoteRepository, Retry
from orchard.store import Bytes
from support.clients import Connect, Counting, Failing, FakeTime, blob, methods, ranges
from support.faultserver import FOREVER, Exchange, FaultServer, answer, challenge, drop, drop_after, status

DATA = bytes(range(256)) * 4096  # 1 MiB
SMALL = b"a small blob"
CHUNKED = Chunking(threshold=300_000, size=300_000, ceiling=300_000)
UPLOADS = "/v2/team/model/blobs/uploads/"


@pytest.fixture
def chunked(connect: Connect) -> RemoteRepository:
    return connect(chunking=CHUNKED).repository("team/model")


def test_push_in_chunks_when_the_connection_breaks_goes_on_from_what_the_registry_has(
    server: FaultServer, chunked: RemoteRepository, clock: FakeTime
) -> None:
    source = Counting(DATA)

    def second(exchange: Exchange) -> bool | None:
        first = exchange.seen.headers["content-range"].startswith("0-")
        return False if first else drop_after(100_000)(exchange)

    server.on("PATCH", "/uploads/", second, 2)

    chunked.push(blob(DATA), source)

    assert server.blobs == {str(blob(DATA).digest): DATA}
    assert ranges(server) == ["0-299999", "300000-599999", "400000-699999", "700000-999999", "1000000-1048575"]
    assert methods(server) == "HOAAGAAAU"
    assert source.opened == [0, 400_000]
    assert clock.slept == [1]


def test_push_in_one_piece_when_the_connection_breaks_goes_on_in_chunks(
    server: FaultServer, repo: RemoteRepository
) -> None:
    source = Counting(DATA)
    server.on("PUT", "/uploads/", drop_after(400_000))

    repo.push(blob(DATA), source)

    assert methods(server) == "HOUGAU"
    assert ranges(server) == ["400000-1048575"]
    assert server.blobs == {str(blob(DATA).digest): DATA}
    assert source.opened == [0, 400_000]


@pytest.mark.parametrize("kept", [0, 1])
def test_push_in_one_piece_when_nothing_arrived_is_sent_again(
    server: FaultServer, repo: RemoteRepository, kept: int
) -> None:
    server.on("PUT", "/uploads/", drop_after(kept, keep=False))

    repo.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOUGU"
    assert server.blobs == {str(blob(DATA).digest): DATA}


def test_push_when_the_answer_to_the_commit_is_lost_finds_the_blob(server: FaultServer, repo: RemoteRepository) -> None:
    def lost(exchange: Exchange) -> None:
        server.add_blob(exchange.body())
        server.uploads.clear()
        exchange.drop()

    server.on("PUT", "/uploads/", lost)

    repo.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOUGDH"


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_push_when_the_session_is_lost_starts_again(
    server: FaultServer, chunked: RemoteRepository, method: str
) -> None:
    def forget(exchange: Exchange) -> None:
        server.uploads.clear()
        status(404, "BLOB_UPLOAD_UNKNOWN")(exchange)

    server.on(method, "/uploads/", forget)

    chunked.push(blob(DATA), Bytes(DATA))

    assert methods(server).endswith("GDHOAAAAU")
    assert server.blobs == {str(blob(DATA).digest): DATA}


def test_push_to_a_host_without_chunks_starts_again_after_a_break(server: FaultServer, connect: Connect) -> None:
    server.on("PUT", "/uploads/", drop_after(400_000))
    registry = connect("ghcr.io", proxy=server.url, plain_http=True)

    registry.repository("team/model").push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOUGDHOU"
    assert server.blobs == {str(blob(DATA).digest): DATA}


@pytest.mark.parametrize("code", [416, 500, 503, 429])
def test_push_after_a_refused_chunk_asks_where_to_go_on(
    server: FaultServer, chunked: RemoteRepository, code: int
) -> None:
    server.on("PATCH", "/uploads/", status(code))

    chunked.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOAGAAAAU"
    assert server.blobs == {str(blob(DATA).digest): DATA}


def test_push_when_the_registry_keeps_less_than_was_sent_sends_the_rest_again(
    server: FaultServer, chunked: RemoteRepository, clock: FakeTime
) -> None:
    def part(exchange: Exchange) -> None:
        held = server.uploads[exchange.seen.path.rpartition("/")[2]]
        held += exchange.body()[:100_000]
        exchange.reply(202, {"Range": f"bytes=0-{len(held) - 1}"})

    server.on("PATCH", "/uploads/", part)

    chunked.push(blob(DATA), Bytes(DATA))

    assert ranges(server)[:2] == ["0-299999", "100000-399999"]
    assert server.blobs == {str(blob(DATA).digest): DATA}
    assert clock.slept == [1]


def test_push_to_a_registry_that_keeps_one_byte_a_chunk_is_given_up(
    server: FaultServer, chunked: RemoteRepository
) -> None:
    def miser(exchange: Exchange) -> None:
        held = server.uploads[exchange.seen.path.rpartition("/")[2]]
        held += exchange.body()[:1]
        exchange.reply(202, {"Range": f"0-{len(held) - 1}"})

    server.on("PATCH", "/uploads/", miser, FOREVER)

    with pytest.raises(RemoteError, match=r"kept \d+ of the \d+ bytes sent so far"):
        chunked.push(blob(DATA), Bytes(DATA))

    assert len(ranges(server)) <= 8
    assert server.uploads == {}


@pytest.mark.parametrize("last", ["999999999", "0"])
def test_push_when_the_registry_miscounts_does_not_believe_it(
    server: FaultServer, chunked: RemoteRepository, last: str
) -> None:
    def miscount(exchange: Exchange) -> None:
        server.uploads[exchange.seen.path.rpartition("/")[2]] += exchange.body()
        exchange.reply(202, {"Range": f"0-{last}"})

    server.on("PATCH", "/uploads/", miscount)

    chunked.push(blob(DATA), Bytes(DATA))

    assert server.blobs == {str(blob(DATA).digest): DATA}


def test_push_when_the_registry_claims_more_than_was_read_starts_again(
    server: FaultServer, chunked: RemoteRepository
) -> None:
    server.on("PATCH", "/uploads/", drop)
    server.on("GET", "/uploads/", answer(204, {"Range": "0-999999"}))

    chunked.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOAGDHOAAAAU"
    assert server.blobs == {str(blob(DATA).digest): DATA}


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_push_that_never_succeeds_is_given_up_and_cleaned_up(
    server: FaultServer, chunked: RemoteRepository, method: str
) -> None:
    server.on(method, "/uploads/", drop, FOREVER)

    with pytest.raises(RemoteError, match="the connection broke"):
        chunked.push(blob(DATA), Bytes(DATA))

    assert methods(server)[-1] == "D"
    assert server.uploads == {}


def test_push_refused_for_good_is_not_repeated(server: FaultServer, repo: RemoteRepository, clock: FakeTime) -> None:
    server.on("PUT", "/uploads/", status(403, "DENIED", "quota exceeded"))

    with pytest.raises(DeniedError, match="quota exceeded"):
        repo.push(blob(DATA), Bytes(DATA))

    assert methods(server) == "HOUD"
    assert clock.slept == []


@pytest.mark.parametrize("size", [len(SMALL), len(DATA)], ids=["small", "large"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:-1] + b"?", "the content does not match"),
        (lambda data: data + b"?", "more than the promised"),
        (lambda data: data[:-1], "ends after"),
    ],
    ids=["changed", "longer", "shorter"],
)
def test_push_of_wrong_bytes_never_completes(
    server: FaultServer, connect: Connect, change: object, *, reason: str, size: int
) -> None:
    data = DATA[:size]
    assert callable(change)
    for chunking in (Chunking(threshold=1 << 30), Chunking(threshold=1, size=300_000)):
        repo = connect(chunking=chunking, retry=Retry(attempts=1)).repository("team/model")
        with pytest.raises(IntegrityError, match=reason):
            repo.push(blob(data), Bytes(change(data)))

    assert server.blobs == {}
    assert server.uploads == {}
    puts = [seen.received for seen in server.seen if seen.method == "PUT"]
    assert all(received < size for received in puts)


def test_push_when_the_source_fails_says_so_and_cleans_up(server: FaultServer, repo: RemoteRepository) -> None:
    with pytest.raises(NotFoundError, match="gone"):
        repo.push(blob(DATA), Failing(NotFoundError("gone"), after=500_000))

    assert methods(server)[-1] == "D"
    assert server.uploads == {}


def test_push_when_the_disk_fails_is_not_taken_for_the_network(
    server: FaultServer, repo: RemoteRepository, clock: FakeTime
) -> None:
    with pytest.raises(StorageError, match="cannot be read: Input/output error"):
        repo.push(blob(DATA), Failing(OSError(5, "Input/output error"), after=500_000))

    assert clock.slept == []
    assert methods(server) in {"HOUD", "HODU", "HOU"}  # the server may notice the end before what broke off


def test_push_from_a_registry_that_fails_does_not_repeat_its_tries(connect: Connect, clock: FakeTime) -> None:
    with FaultServer() as other:
        other.on("GET", "/blobs/", drop, FOREVER)
        source = connect(other.host).repository("team/model")

        with pytest.raises(RemoteError, match=other.host):
            connect().repository("team/model").push(blob(DATA), source)

    assert clock.slept == [1, 2, 4]


def test_push_when_the_source_shrinks_between_two_tries_is_an_error(
    server: FaultServer, repo: RemoteRepository
) -> None:
    class Shrinking:
        opened = 0

        @contextmanager
        def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
            del content
            self.opened += 1
            yield BytesIO(DATA[offset:] if self.opened == 1 else b"")

    server.on("PUT", "/uploads/", drop_after(400_000))

    with pytest.raises(IntegrityError, match="has become shorter"):
        repo.push(blob(DATA), Shrinking())


def test_push_whose_token_runs_out_on_the_way_gets_a_new_one(server: FaultServer, connect: Connect) -> None:
    tokens = iter(range(100))

    def token(exchange: Exchange) -> None:
        exchange.reply(200, {}, b'{"token": "t%d", "expires_in": 3600}' % next(tokens))

    bearer = f'Bearer realm="{server.url}/token",service="s",scope="repository:*:*"'
    server.on("GET", "^/token", token, FOREVER)
    uses: dict[str, int] = {}

    def worn_out(exchange: Exchange) -> bool | None:
        token = exchange.seen.headers.get("authorization", "")
        uses[token] = uses.get(token, 0) + 1
        return False if token and uses[token] <= 2 else challenge(bearer)(exchange)

    server.on("*", "/blobs/", worn_out, FOREVER)
    repo = connect(chunking=CHUNKED).repository("team/model")

    repo.push(blob(DATA), Bytes(DATA))

    assert server.blobs == {str(blob(DATA).digest): DATA}
    scopes = [seen.query["scope"] for seen in server.seen if seen.path == "/token"]
    assert scopes[0] == ["repository:team/model:pull"]
    assert {tuple(scope) for scope in scopes[1:]} == {("repository:team/model:pull,push",)}
    assert sum(seen.received for seen in server.seen if seen.method == "PATCH") > len(DATA)
