"""Chunks grow while they arrive, and shrink where they are refused or break."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from orchard.errors import RemoteError
from orchard.oci import Digest, Fillable, Pieces
from orchard.remote import Chunking, RemoteRepository, stream
from orchard.remote.sizes import FLOOR, PROMPT, Sizes
from orchard.store import Bytes
from support.clients import Connect, Counting, FakeTime, blob, methods, ranges
from support.faultserver import FOREVER, Exchange, Fault, FaultServer, drop_after, status

MIB = 1 << 20
DATA = bytes(range(256)) * 4096  # 1 MiB
LONG = bytes(range(251)) * 4177 * 60
TYPE = "application/vnd.test"


class Made:
    """Content of a known size that counts how much of it was made, and from where on."""

    size = len(LONG)

    def __init__(self) -> None:
        self.made = 0
        self.opened: list[int] = []

    @contextmanager
    def open(self, offset: int = 0) -> Iterator[Fillable]:
        self.opened.append(offset)
        yield Pieces(self._pieces(offset))

    def _pieces(self, offset: int) -> Iterator[bytes]:
        for start in range(offset, self.size, MIB):
            self.made += MIB
            yield LONG[start : start + MIB]


@pytest.fixture
def growing(connect: Connect) -> RemoteRepository:
    return connect(chunking=Chunking(threshold=1, size=100_000, ceiling=400_000)).repository("team/model")


def _at_most(size: int) -> Fault:
    def fault(exchange: Exchange) -> bool | None:
        large = int(exchange.headers["Content-Length"]) > size
        return status(413)(exchange) if large else False

    return fault


def _spans(server: FaultServer) -> list[int]:
    ends = [tuple(map(int, span.split("-"))) for span in ranges(server)]
    return [last - first + 1 for first, last in ends]


def test_chunks_double_up_to_the_ceiling(server: FaultServer, growing: RemoteRepository) -> None:
    growing.push(blob(DATA), Bytes(DATA))

    assert _spans(server) == [100_000, 200_000, 400_000, len(DATA) - 700_000]
    assert server.blobs == {str(blob(DATA).digest): DATA}


def test_chunks_that_take_long_do_not_grow(server: FaultServer, growing: RemoteRepository, clock: FakeTime) -> None:
    def slow(exchange: Exchange) -> bool:
        clock.now += PROMPT + 1
        return exchange.command != "PATCH"

    server.on("PATCH", "/uploads/", slow, FOREVER)

    growing.push(blob(DATA), Bytes(DATA))

    assert set(_spans(server)[:-1]) == {100_000}


def test_push_when_a_larger_chunk_is_refused_goes_back_to_those_that_were_taken(
    server: FaultServer, growing: RemoteRepository, clock: FakeTime
) -> None:
    server.on("PATCH", "/uploads/", _at_most(250_000), FOREVER)
    source = Counting(DATA)

    growing.push(blob(DATA), source)

    assert _spans(server) == [100_000, 200_000, 400_000, 200_000, 200_000, 200_000, len(DATA) - 900_000]
    assert server.blobs == {str(blob(DATA).digest): DATA}
    assert clock.slept == []


def test_push_when_the_smallest_chunk_is_refused_says_so(server: FaultServer, growing: RemoteRepository) -> None:
    server.on("PATCH", "/uploads/", _at_most(50_000), FOREVER)

    with pytest.raises(RemoteError, match="a chunk of 100000 bytes is too large"):
        growing.push(blob(DATA), Bytes(DATA))

    assert (server.blobs, server.uploads) == ({}, {})


def test_push_through_a_line_that_breaks_large_chunks_goes_on_with_smaller_ones(
    server: FaultServer, growing: RemoteRepository
) -> None:
    def fragile(exchange: Exchange) -> bool | None:
        return drop_after(0)(exchange) if int(exchange.headers["Content-Length"]) > 250_000 else False

    server.on("PATCH", "/uploads/", fragile, FOREVER)

    growing.push(blob(DATA), Bytes(DATA))

    assert server.blobs == {str(blob(DATA).digest): DATA}


def test_push_that_advances_between_breaks_is_never_given_up(
    server: FaultServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchard.remote.upload.FLOOR", 100_000)
    repository = connect(chunking=Chunking(threshold=1, size=1 << 30)).repository("team/model")
    server.on("PATCH", "/uploads/", drop_after(110_000), 8)

    repository.push(blob(DATA), Bytes(DATA))

    assert methods(server).count("A") == 9
    assert server.blobs == {str(blob(DATA).digest): DATA}


def test_stream_that_advances_between_breaks_is_never_given_up(
    server: FaultServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchard.remote.streaming.FLOOR", 4 * MIB)
    server.on("PATCH", "/uploads/", drop_after(5 * MIB), 8)
    content = Made()

    taken = stream(connect().repository("team/model"), content, TYPE)

    assert content.opened == [number * 5 * MIB for number in range(9)]
    assert server.blobs == {str(taken.descriptor.digest): LONG}
    assert taken.descriptor.digest == Digest.of(LONG)


def test_stream_sends_growing_chunks(server: FaultServer, connect: Connect) -> None:
    repository = connect(chunking=Chunking(size=3 * MIB + 1, ceiling=24 * MIB)).repository("team/model")
    content = Made()

    stream(repository, content, TYPE)

    assert _spans(server)[:4] == [3 * MIB + 1, 6 * MIB + 2, 12 * MIB + 4, 24 * MIB]
    assert content.opened == [0]
    assert server.blobs == {str(Digest.of(LONG)): LONG}


def test_stream_when_a_chunk_is_refused_makes_it_again_in_smaller_ones(server: FaultServer, connect: Connect) -> None:
    server.on("PATCH", "/uploads/", _at_most(20 * MIB), FOREVER)
    content = Made()

    stream(connect(chunking=Chunking(size=40 * MIB)).repository("team/model"), content, TYPE)

    assert _spans(server)[:4] == [40 * MIB, 20 * MIB, 20 * MIB, len(LONG) - 40 * MIB]
    assert content.opened == [0, 0]
    assert server.blobs == {str(Digest.of(LONG)): LONG}


def test_stream_holds_little_of_a_large_chunk_in_memory(server: FaultServer, connect: Connect) -> None:
    content = Made()
    seen: list[int] = []

    def stuck(_: Exchange) -> bool:
        Event().wait(0.5)
        seen.append(content.made)
        return False

    server.on("PATCH", "/uploads/", stuck)

    stream(connect().repository("team/model"), content, TYPE)

    assert _spans(server) == [len(LONG)]
    assert seen[0] < 30 * MIB  # blocks that wait, and what the sockets hold


def test_sizes_go_back_to_half_of_what_broke_and_grow_again() -> None:
    sizes = Sizes(4 * FLOOR, 16 * FLOOR, lambda: 0.0)
    sizes.begin(1 << 40, 0)
    sizes.broke()
    assert sizes.begin(1 << 40, 0) == 2 * FLOOR
    sizes.arrived()
    assert sizes.begin(1 << 40, 0) == 4 * FLOOR


def test_sizes_below_the_floor_are_not_tried() -> None:
    sizes = Sizes(2 * FLOOR, 16 * FLOOR, lambda: 0.0)
    sizes.begin(1 << 40, 0)
    assert sizes.refused()
    assert sizes.begin(1 << 40, 0) == FLOOR
    assert not sizes.refused()


def test_sizes_are_at_least_what_the_registry_wants() -> None:
    sizes = Sizes(100, 100, lambda: 0.0)
    assert [sizes.begin(1000, 300), sizes.begin(200, 300)] == [300, 200]
