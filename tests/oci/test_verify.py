from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import IntegrityError, LimitExceededError
from orchard.oci import CHUNK, Descriptor, Digest, Verifying, chunks, read_all, read_bounded

DATA = bytes(range(256)) * 3


class Dripping:
    """A body that gives fewer bytes than asked for, and counts them."""

    def __init__(self, data: bytes, step: int = 7) -> None:
        self._data = BytesIO(data)
        self._step = step
        self.given = 0

    def read(self, size: int, /) -> bytes:
        chunk = self._data.read(min(size, self._step))
        self.given += len(chunk)
        return chunk


def described(data: bytes, algorithm: str = "sha256") -> Descriptor:
    return Descriptor(media_type="a/b", digest=Digest.of(data, algorithm), size=len(data))


@given(st.binary(max_size=500), st.integers(1, 50), st.sampled_from(["sha256", "sha512"]))
def test_verifying_when_the_bytes_are_right_then_gives_them_all(data: bytes, step: int, algorithm: str) -> None:
    body = Verifying(Dripping(data, step), described(data, algorithm))

    assert b"".join(chunks(body, 11)) == data
    assert body.read(1) == b""


@pytest.mark.parametrize(
    ("got", "why"),
    [
        pytest.param(DATA[:-1] + b"!", "does not match; it is sha256:", id="last byte flipped"),
        pytest.param(b"!" + DATA[1:], "does not match", id="first byte flipped"),
        pytest.param(DATA[:-1], "ends after 767 of 768 bytes", id="truncated"),
        pytest.param(b"", "ends after 0 of 768 bytes", id="nothing"),
        pytest.param(DATA + b"!", "more than the promised 768 bytes", id="appended"),
        pytest.param(DATA * 2, "more than the promised 768 bytes", id="twice"),
    ],
)
def test_verifying_when_the_bytes_are_wrong_then_raises_before_the_end(got: bytes, why: str) -> None:
    body = Verifying(Dripping(got), described(DATA))

    with pytest.raises(IntegrityError, match=why):
        list(chunks(body))


def test_verifying_when_too_many_bytes_come_then_reads_at_most_one_piece_too_many() -> None:
    body = Dripping(b"x" * 100_000, step=10)

    with pytest.raises(IntegrityError, match="more than"):
        list(chunks(Verifying(body, described(DATA))))

    assert body.given <= len(DATA) + 10


def test_verifying_when_the_size_is_absurd_then_nothing_is_allocated() -> None:
    absurd = Descriptor(media_type="a/b", digest=Digest.of(b"x"), size=2**62)

    with pytest.raises(IntegrityError, match=f"ends after 1 of {2**62}"):
        list(chunks(Verifying(BytesIO(b"x"), absurd)))


def test_read_all_reads_what_fits() -> None:
    assert read_all(Dripping(DATA), described(DATA), limit=len(DATA)) == DATA


def test_read_all_when_more_is_promised_than_fits_then_nothing_is_read() -> None:
    body = Dripping(DATA)

    with pytest.raises(LimitExceededError, match="768 bytes, at most 767"):
        read_all(body, described(DATA), limit=767)

    assert body.given == 0


def test_read_all_when_the_bytes_are_wrong_then_raises() -> None:
    with pytest.raises(IntegrityError, match="does not match"):
        read_all(Dripping(DATA[::-1]), described(DATA), limit=1000)


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_read_bounded_when_it_fits_then_gives_all(size: int) -> None:
    assert read_bounded(Dripping(b"x" * size), limit=100, what="answer") == b"x" * size


def test_read_bounded_when_it_does_not_fit_then_reads_one_byte_too_many() -> None:
    body = Dripping(b"x" * 1000)

    with pytest.raises(LimitExceededError, match="answer: more than 100 bytes"):
        read_bounded(body, limit=100, what="answer")

    assert body.given == 101


def test_chunks_are_at_most_of_the_size_asked_for() -> None:
    assert [len(chunk) for chunk in chunks(BytesIO(b"x" * (CHUNK + 1)))] == [CHUNK, 1]
    assert [len(chunk) for chunk in chunks(BytesIO(b"x" * 10), 4)] == [4, 4, 2]
