import tracemalloc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO

import pytest

from orchard.errors import DeniedError, IntegrityError, NotFoundError, OrchardError, RemoteError, StorageError
from orchard.oci import Descriptor, Readable
from orchard.remote import Chunking, Credential, Given, RemoteRepository, Retry
from orchard.store import Bytes
from support.faultserver import (
    FOREVER,
    Connect,
    Exchange,
    FakeTime,
    FaultServer,
    answer,
    blob,
    challenge,
    drop,
    drop_after,
    status,
)

DATA = bytes(range(256)) * 4096  # 1 MiB
SMALL = b"a small blob"
CHUNKED = Chunking(threshold=300_000, size=300_000)
UPLOADS = "/v2/team/model/blobs/uploads/"


@pytest.fixture
def chunked(connect: Connect) -> RemoteRepository:
    return connect(chunking=CHUNKED).repository("team/model")


def methods(server: FaultServer) -> str:
    """Give what was asked, one letter each: Head, pOst, pAtch, pUt, Get, Delete."""
    letters = {"HEAD": "H", "POST": "O", "PATCH": "A", "PUT": "U", "GET": "G", "DELETE": "D"}
    return "".join(letters[seen.method] for seen in server.seen)


def ranges(server: FaultServer) -> list[str]:
    return [seen.headers["content-range"] for seen in server.seen if seen.method == "PATCH"]


class Counting(Bytes):
    """A source that remembers where it was opened."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.opened: list[int] = []

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        self.opened.append(offset)
        return super().open(content, offset)


class Failing:
    """A source whose reader fails after some bytes."""

    def __init__(self, error: Exception, after: int = 0) -> None:
        self.error = error
        self.after = after

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        del content, offset
        yield self

    def read(self, size: int, /) -> bytes:
        if self.after <= 0:
            raise self.error
        piece = bytes(min(size, self.after))
        self.after -= len(piece)
        return piece


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
    ("least", "sent"),
    [
        ("500000", ["0-499999", "500000-999999", "1000000-1048575"]),
        ("7", ["0-299999", "300000-599999", "600000-899999", "900000-1048575"]),
        ("many", ["0-299999", "300000-599999", "600000-899999", "900000-1048575"]),
        ("99999999999", []),
    ],
)
def test_push_honours_the_least_chunk_length(
    server: FaultServer, chunked: RemoteRepository, least: str, sent: list[str]
) -> None:
    def opened(exchange: Exchange) -> None:
        exchange.reply(202, {"Location": UPLOADS + server.session(), "OCI-Chunk-Min-Length": least})

    server.on("POST", "/uploads/", opened)

    chunked.push(blob(DATA), Bytes(DATA))

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


def test_push_in_chunks_when_the_connection_breaks_goes_on_from_what_the_registry_has(
    server: FaultServer, chunked: RemoteRepository, clock: FakeTime
) -> None:
    source = Counting(DATA)

    def second(exchange: Exchange) -> bool:
        if exchange.seen.headers["content-range"].startswith("0-"):
            return False
        drop_after(100_000)(exchange)
        return True

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
    assert methods(server) in {"HOUD", "HOU"}


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
