"""Pushing what is still being made: hashed on the way, sent once, and made again only where a registry lost it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orchard.errors import ConflictError, DeniedError, IntegrityError, RemoteError
from orchard.oci import Digest, Fillable, Pieces
from orchard.remote import Chunking, Credential, Given, RemoteRepository, stream
from orchard.store import Ingested
from support.clients import Connect, FakeTime, methods, ranges
from support.faultserver import Exchange, FaultServer, answer, challenge, drop, drop_after, status

MIB = 1 << 20
PATTERN = bytes(range(251)) * 4177  # 1 MiB and a bit
DATA = PATTERN * 36
CHUNK = 16 * MIB
EVEN = Chunking(size=CHUNK, ceiling=CHUNK)
TYPE = "application/vnd.test"


class Made:
    """Content that counts how often, and from where on, it was made."""

    def __init__(self, data: bytes = DATA, *, sized: bool = True) -> None:
        self.data = data
        self.size = len(data) if sized else None
        self.opened: list[int] = []

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[Fillable]:
        self.opened.append(offset)
        yield Pieces(iter([self.data[offset:]]))


@pytest.fixture
def repo(connect: Connect) -> RemoteRepository:
    """Send chunks that do not grow, so that the content takes three."""
    return connect(chunking=EVEN).repository("team/model")


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = {thread for thread in threading.enumerate() if thread.name == "ring"}
    yield
    assert {thread for thread in threading.enumerate() if thread.name == "ring"} == before


def arrived(server: FaultServer, taken: Ingested, data: bytes = DATA) -> bool:
    content = taken.descriptor
    whole = (content.digest, content.size, content.media_type) == (Digest.of(data), len(data), TYPE)
    return whole and server.blobs == {str(content.digest): data} and not server.uploads


@pytest.mark.parametrize("sized", [True, False])
def test_stream_sends_every_byte_once_and_names_it_at_the_end(
    server: FaultServer, repo: RemoteRepository, *, sized: bool
) -> None:
    content = Made(sized=sized)
    assert arrived(server, stream(repo, content, TYPE))
    assert (methods(server), content.opened) == ("OAAAU", [0])
    assert ranges(server)[0] == f"0-{CHUNK - 1}"
    assert sum(seen.received for seen in server.seen) == len(DATA)


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, CHUNK, CHUNK + 1])
def test_stream_of_any_size_of_unknown_length_arrives(server: FaultServer, repo: RemoteRepository, size: int) -> None:
    assert arrived(server, stream(repo, Made(DATA[:size], sized=False), TYPE), DATA[:size])


def test_stream_of_small_content_asks_whether_it_is_there_first(server: FaultServer, repo: RemoteRepository) -> None:
    data = DATA[: 2 * MIB]
    assert stream(repo, Made(data), TYPE).new
    assert not stream(repo, Made(data), TYPE).new
    assert methods(server) == "HOUH"


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize("kept", [0, 1, MIB + 7])
def test_stream_when_the_connection_breaks_goes_on_from_what_the_registry_has(
    server: FaultServer, repo: RemoteRepository, clock: FakeTime, kept: int, *, sized: bool
) -> None:
    def second(exchange: Exchange) -> bool | None:
        return False if exchange.seen.headers["content-range"].startswith("0-") else drop_after(kept)(exchange)

    server.on("PATCH", "/uploads/", second, 2)
    content = Made(sized=sized)
    assert arrived(server, stream(repo, content, TYPE))
    assert content.opened == ([0, CHUNK + kept] if sized else [0])
    assert ranges(server)[2] == f"{CHUNK + kept}-{(kept if sized else 0) + 2 * CHUNK - 1}"
    assert clock.slept == [1]


@pytest.mark.parametrize("sized", [True, False])
def test_stream_when_a_registry_keeps_a_part_of_a_chunk_sends_the_rest(
    server: FaultServer, repo: RemoteRepository, *, sized: bool
) -> None:
    def keep(exchange: Exchange) -> None:
        data = exchange.body()[: 3 * MIB]
        exchange.registry.uploads[exchange.seen.path.rpartition("/")[2]] += data
        exchange.reply(202, {"Range": f"0-{3 * MIB - 1}", "Location": exchange.path})

    server.on("PATCH", "/uploads/", keep)
    content = Made(sized=sized)
    assert arrived(server, stream(repo, content, TYPE))
    again = (f"{3 * MIB}-{CHUNK + 3 * MIB - 1}", [0, 3 * MIB]) if sized else (f"{3 * MIB}-{CHUNK - 1}", [0])
    assert (ranges(server)[1], content.opened) == again


def _forget(exchange: Exchange) -> bool:
    exchange.body()
    exchange.registry.uploads.clear()
    exchange.refuse(404, "BLOB_UPLOAD_UNKNOWN")
    return True


@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_stream_when_the_registry_loses_the_upload_then_it_is_made_again(
    server: FaultServer, repo: RemoteRepository, chunk: int
) -> None:
    def lose(exchange: Exchange) -> bool | None:
        mine = exchange.seen.headers["content-range"].startswith(f"{chunk * CHUNK}-")
        return _forget(exchange) if mine and len(server.seen) < 6 else False

    server.on("PATCH", "/uploads/", lose, 20)
    content = Made()
    assert arrived(server, stream(repo, content, TYPE))
    assert content.opened == [0, 0]


def test_stream_when_the_upload_is_lost_again_and_again_gives_up(server: FaultServer, repo: RemoteRepository) -> None:
    def lose(exchange: Exchange) -> bool | None:
        return False if exchange.seen.headers["content-range"].startswith("0-") else _forget(exchange)

    server.on("PATCH", "/uploads/", lose, 1000)
    content = Made()
    with pytest.raises(RemoteError, match="lost"):
        stream(repo, content, TYPE)
    assert len(content.opened) <= 4
    assert not server.blobs


def test_stream_when_the_answer_to_the_commit_is_lost_finds_the_blob(
    server: FaultServer, repo: RemoteRepository
) -> None:
    def lost(exchange: Exchange) -> None:
        server.add_blob(bytes(server.uploads.popitem()[1]))
        exchange.drop()

    server.on("PUT", "/uploads/", lost)
    content = Made()
    assert arrived(server, stream(repo, content, TYPE))
    assert content.opened == [0]


@pytest.mark.parametrize("fault", [drop, status(503)], ids=["dropped", "overloaded"])
def test_stream_when_the_commit_fails_commits_again(server: FaultServer, repo: RemoteRepository, fault: object) -> None:
    server.on("PUT", "/uploads/", fault)  # type: ignore[arg-type]  # both are faults
    content = Made()
    assert arrived(server, stream(repo, content, TYPE))
    assert content.opened == [0]


@pytest.mark.parametrize("code", [400, 405, 413, 501, 201])
def test_stream_to_a_registry_without_chunks_hashes_first_and_sends_in_one_piece(
    server: FaultServer, repo: RemoteRepository, code: int
) -> None:
    server.on("PATCH", "/uploads/", answer(code), 100)
    content = Made()
    assert arrived(server, stream(repo, content, TYPE))
    assert content.opened == [0, 0, 0]
    assert methods(server) == "OADHOU"


@pytest.mark.parametrize("host", ["ghcr.io", "europe-docker.pkg.dev", "1.dkr.ecr.eu-west-1.amazonaws.com"])
def test_stream_to_registries_known_to_take_no_chunks_hashes_first(
    server: FaultServer, connect: Connect, host: str
) -> None:
    content = Made()
    repository = connect(host, proxy=server.url, plain_http=True).repository("team/model")
    assert arrived(server, stream(repository, content, TYPE))
    assert methods(server) == "ODHOU"


def _wanting(server: FaultServer, least: int) -> None:
    def wants(exchange: Exchange) -> None:
        location = f"/v2/team/model/blobs/uploads/{server.session()}"
        exchange.reply(202, {"Location": location, "OCI-Chunk-Min-Length": str(least)})

    server.on("POST", "/uploads/", wants)


@pytest.mark.parametrize(("sized", "least"), [(True, (1 << 30) + 1), (False, 41 * MIB)])
def test_stream_to_a_registry_that_wants_huge_chunks_hashes_first(
    server: FaultServer, connect: Connect, *, sized: bool, least: int
) -> None:
    _wanting(server, least)
    assert arrived(server, stream(connect().repository("team/model"), Made(sized=sized), TYPE))
    assert "A" not in methods(server)


@pytest.mark.parametrize("sized", [True, False])
def test_stream_to_a_registry_that_wants_larger_chunks_sends_such(
    server: FaultServer, connect: Connect, *, sized: bool
) -> None:
    _wanting(server, 20 * MIB)
    repository = connect(chunking=Chunking(size=CHUNK, ceiling=20 * MIB)).repository("team/model")
    assert arrived(server, stream(repository, Made(sized=sized), TYPE))
    assert ranges(server)[0] == f"0-{20 * MIB - 1}"


@pytest.mark.parametrize("sized", [True, False])
def test_stream_when_a_login_is_needed_on_the_way_sends_the_chunk_again(
    server: FaultServer, connect: Connect, *, sized: bool
) -> None:
    asked: list[str] = []

    def expire(exchange: Exchange) -> bool:
        asked.append(exchange.seen.headers.get("authorization", ""))
        return challenge('Basic realm="x"')(exchange) is not False if len(asked) == 2 else False

    server.on("PATCH", "/uploads/", expire, 100)
    known = Given(server.host, Credential("ada", "secret"))
    content = Made(sized=sized)
    repository = connect(credentials=known, chunking=EVEN).repository("team/model")
    assert arrived(server, stream(repository, content, TYPE))
    assert content.opened == ([0, CHUNK] if sized else [0])
    assert len(asked) == 4


def test_stream_that_is_refused_says_so_and_leaves_nothing(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("PATCH", "/uploads/", status(403, "DENIED", "quota exceeded"))
    with pytest.raises(DeniedError, match="quota exceeded"):
        stream(repo, Made(), TYPE)
    assert not server.uploads


@pytest.mark.parametrize("sized", [True, False])
def test_stream_of_content_that_changes_leaves_nothing(
    server: FaultServer, repo: RemoteRepository, *, sized: bool
) -> None:
    class Breaking(Made):
        @contextmanager
        def open(self, offset: int = 0) -> Iterator[Fillable]:
            del offset

            def pieces() -> Iterator[bytes]:
                yield self.data[: 20 * MIB]
                raise ConflictError("it changed")

            yield Pieces(pieces())

    with pytest.raises(ConflictError, match="it changed"):
        stream(repo, Breaking(sized=sized), TYPE)
    assert (server.blobs, server.uploads) == ({}, {})


@pytest.mark.parametrize(("said", "message"), [(-5, "longer"), (5, "shorter")])
def test_stream_of_content_that_is_not_as_long_as_it_said_leaves_nothing(
    server: FaultServer, repo: RemoteRepository, said: int, message: str
) -> None:
    content = Made()
    content.size = len(DATA) + said
    with pytest.raises(ConflictError, match=message):
        stream(repo, content, TYPE)
    assert (server.blobs, server.uploads) == ({}, {})


def test_stream_when_asked_to_wait_waits_as_long(server: FaultServer, repo: RemoteRepository, clock: FakeTime) -> None:
    server.on("PATCH", "/uploads/", status(429, "TOOMANYREQUESTS", Retry_After="7"))
    assert arrived(server, stream(repo, Made(), TYPE))
    assert clock.slept == [7]


def test_stream_to_a_registry_that_names_another_digest_says_so(server: FaultServer, repo: RemoteRepository) -> None:
    wrong = {"Docker-Content-Digest": str(Digest.of(b"other"))}
    server.on("PUT", "/uploads/", answer(201, wrong))
    with pytest.raises(IntegrityError, match="says that"):
        stream(repo, Made(), TYPE)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_stream_that_is_sent_to_another_host_stops(server: FaultServer, repo: RemoteRepository, method: str) -> None:
    server.on(method, "/uploads/", answer(202, {"Location": "https://elsewhere.example.com/x", "Range": "0-1"}))
    with pytest.raises(RemoteError, match=r"elsewhere\.example\.com.*refused"):
        stream(repo, Made(), TYPE)


def test_stream_to_a_registry_that_says_it_has_more_than_was_sent_begins_anew(
    server: FaultServer, repo: RemoteRepository
) -> None:
    server.on("PATCH", "/uploads/", answer(202, {"Range": f"0-{10 * CHUNK}"}))
    content = Made()
    assert arrived(server, stream(repo, content, TYPE))
    assert content.opened == [0, 0]


def test_stream_to_a_registry_that_says_nothing_of_what_it_has_goes_on(
    server: FaultServer, repo: RemoteRepository
) -> None:
    def mute(exchange: Exchange) -> None:
        exchange.registry.uploads[exchange.seen.path.rpartition("/")[2]] += exchange.body()
        exchange.reply(202)

    server.on("PATCH", "/uploads/", mute, 100)
    assert arrived(server, stream(repo, Made(), TYPE))
