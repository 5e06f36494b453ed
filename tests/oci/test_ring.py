"""The ring: every byte once, hashed, in order; and no thread left behind, whatever happens."""

import threading
from collections.abc import Iterator

import pytest

from orchard.errors import StorageError
from orchard.oci import BLOCK, Digest, Hasher, Pieces, Ring


class Counting:
    """A body of known bytes that fails where it is told to."""

    def __init__(self, size: int, fails_at: int = -1) -> None:
        self.data = bytes(number * 7 % 251 for number in range(1021)) * (size // 1021 + 1)
        self.data = self.data[:size]
        self.at = 0
        self._fails_at = fails_at

    def readinto(self, buffer: memoryview, /) -> int:
        if 0 <= self._fails_at <= self.at:
            raise StorageError("the disk is gone")
        piece = self.data[self.at : self.at + len(buffer)]
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 20 * BLOCK, 20 * BLOCK + 3])
def test_ring_gives_every_byte_once_and_hashes_it(size: int) -> None:
    body, hasher, taken = Counting(size), Hasher(), bytearray()
    with Ring(body, hasher, blocks=3) as ring:
        for block in ring:
            taken += block
            ring.give_back(block)
    assert taken == body.data
    assert (hasher.size, hasher.digest) == (size, Digest.of(body.data))


def test_ring_when_no_block_comes_back_then_it_reads_no_further_than_its_blocks() -> None:
    body = Counting(20 * BLOCK)
    with Ring(body, Hasher(), blocks=3) as ring:
        held = [next(iter(ring)) for _ in range(3)]
        assert [bytes(block) for block in held] == [body.data[n * BLOCK : (n + 1) * BLOCK] for n in range(3)]
        assert body.at == 3 * BLOCK


@pytest.mark.parametrize("at", [0, 5 * BLOCK])
def test_ring_when_the_body_fails_then_the_error_comes_in_the_place_of_the_block(at: int) -> None:
    taken: list[int] = []

    def drain() -> None:
        with Ring(Counting(9 * BLOCK, at), Hasher()) as ring:
            for block in ring:
                taken.append(len(block))
                ring.give_back(block)

    with pytest.raises(StorageError, match="the disk is gone"):
        drain()
    assert sum(taken) == at


def test_ring_left_early_then_its_thread_ends() -> None:
    with Ring(Counting(30 * BLOCK), Hasher(), blocks=2) as ring:
        next(iter(ring))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_are_read_as_one_body(size: int) -> None:
    body, taken = Pieces(iter([b"ab", b"", b"cdefg", b"h"])), bytearray()
    buffer = memoryview(bytearray(size))
    while count := body.readinto(buffer):
        taken += buffer[:count]
    assert taken == b"abcdefgh"
