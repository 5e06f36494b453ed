import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.oci import read_ahead


class Producer:
    """An iterator that remembers who used it and how it ended."""

    def __init__(self, count: int, *, fail_at: int | None = None, fail_on_close: bool = False) -> None:
        self._count = count
        self._fail_at = fail_at
        self._fail_on_close = fail_on_close
        self.produced = 0
        self.closed = False
        self.thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.thread = threading.current_thread()
        if self.produced == self._fail_at:
            raise OSError("the disk is gone")
        if self.produced == self._count:
            raise StopIteration
        self.produced += 1
        return b"%d" % self.produced

    def close(self) -> None:
        self.closed = True
        if self._fail_on_close:
            raise OSError("cannot close")

    def is_over(self) -> bool:
        return self.closed and self.thread is not None and not self.thread.is_alive()


@given(st.lists(st.binary(max_size=4), max_size=60), st.integers(1, 20))
def test_read_ahead_gives_all_items_in_order(items: list[bytes], depth: int) -> None:
    with read_ahead(items, depth=depth) as ahead:
        assert list(ahead) == items
        assert list(ahead) == []


def test_read_ahead_when_all_is_read_then_the_thread_is_gone_and_the_iterator_closed() -> None:
    producer = Producer(100)

    with read_ahead(producer) as ahead:
        assert len(list(ahead)) == 100

    assert producer.is_over()
    assert producer.thread is not threading.current_thread()


def test_read_ahead_when_the_iterator_fails_then_the_error_comes_in_its_place() -> None:
    producer = Producer(10, fail_at=3)
    got: list[bytes] = []

    with pytest.raises(OSError, match="the disk is gone"), read_ahead(producer) as ahead:
        got.extend(ahead)

    assert got == [b"1", b"2", b"3"]
    assert producer.is_over()


def test_read_ahead_when_the_error_is_no_exception_then_it_comes_too() -> None:
    def interrupted() -> Iterator[bytes]:
        yield b"1"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), read_ahead(interrupted()) as ahead:
        list(ahead)


@pytest.mark.parametrize("taken", [0, 1, 5])
@pytest.mark.parametrize("depth", [1, 2, 16])
def test_read_ahead_when_left_early_then_stops_soon_and_closes(taken: int, depth: int) -> None:
    producer = Producer(1_000_000)

    with read_ahead(producer, depth=depth) as ahead:
        for _ in range(taken):
            next(ahead)

    assert producer.is_over()
    assert producer.produced < 1_000_000


def test_read_ahead_when_the_user_fails_then_that_error_is_raised_and_the_thread_is_gone() -> None:
    producer = Producer(1_000_000)

    with pytest.raises(ValueError, match="mine"), read_ahead(producer) as ahead:
        int(next(ahead) + b"mine")

    assert producer.is_over()


def test_read_ahead_when_a_generator_is_left_early_then_its_files_are_closed_in_the_block() -> None:
    closed = []

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    with read_ahead(pieces()) as ahead:
        next(ahead)

    assert closed == [True]


def test_read_ahead_is_never_further_ahead_than_its_depth() -> None:
    used = 0
    furthest = 0

    def pieces() -> Iterator[bytes]:
        nonlocal furthest
        for number in range(200):
            furthest = max(furthest, number - used)
            yield b"x"

    with read_ahead(pieces(), depth=3) as ahead:
        for _ in ahead:
            used += 1

    assert furthest <= 3 + 2  # in the queue, in the producer's hand, and in ours not counted yet


def test_read_ahead_when_the_iterable_cannot_be_iterated_then_the_error_comes() -> None:
    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            raise OSError("cannot open")

    with pytest.raises(OSError, match="cannot open"), read_ahead(Broken()) as ahead:
        next(ahead)


def test_read_ahead_when_closing_fails_then_the_error_comes_after_the_items() -> None:
    producer = Producer(2, fail_on_close=True)

    with pytest.raises(OSError, match="cannot close"), read_ahead(producer) as ahead:
        list(ahead)

    assert producer.is_over()


def test_read_ahead_when_used_often_then_no_thread_is_left() -> None:
    before = threading.active_count()

    for _ in range(50):
        with read_ahead(iter([b"x"] * 20), depth=2) as ahead:
            next(ahead)

    assert threading.active_count() == before
