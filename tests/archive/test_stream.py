import pytest

from orchard.archive import ChunkReader
from orchard.oci import CHUNK, chunks, read_ahead
from support.archive_tars import Trickle

PIECES = [b"abc", b"", b"d", b"efghij", b""]


def test_chunk_reader_when_read_gives_all_bytes_in_order() -> None:
    reader = ChunkReader(PIECES)

    assert b"".join(chunks(reader, 2)) == b"abcdefghij"
    assert reader.offset == 10
    assert reader.read(1) == b""


def test_chunk_reader_when_asked_for_nothing_gives_nothing_and_stays() -> None:
    reader = ChunkReader(PIECES)

    assert reader.read(0) == b""
    assert reader.read_exact(0) == b""
    assert reader.read(100) == b"abc"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 10])
def test_read_exact_when_there_is_enough_gives_exactly_that(size: int) -> None:
    assert ChunkReader(PIECES).read_exact(size) == b"abcdefghij"[:size]


def test_read_exact_when_the_end_comes_first_gives_fewer() -> None:
    reader = ChunkReader(PIECES)
    reader.skip(8)

    assert reader.read_exact(5) == b"ij"
    assert reader.offset == 10


def test_pieces_when_given_are_views_of_the_source() -> None:
    source = bytes(1000)

    (view,) = ChunkReader([source]).pieces(1000)

    assert view.obj is source


def test_skip_when_the_end_comes_first_tells_how_many_there_were() -> None:
    assert ChunkReader(PIECES).skip(99) == 10


def test_over_when_the_body_is_one_already_takes_it_as_it_is() -> None:
    reader = ChunkReader(PIECES)

    assert ChunkReader.over(reader) is reader
    assert ChunkReader.over(Trickle(b"xyz", 1)).read_exact(3) == b"xyz"


def test_chunk_reader_over_read_ahead_gives_the_same_bytes() -> None:
    with read_ahead([bytes(CHUNK), b"x"]) as ahead:
        assert ChunkReader(ahead).read_exact(CHUNK + 1) == bytes(CHUNK) + b"x"
