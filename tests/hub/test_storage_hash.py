"""A sha256 that can be saved and gone on with in another process."""

import ctypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDigestError
from orchard.hub.storage import resumable
from orchard.oci import Digest


def state(data: bytes) -> bytes:
    hashing = resumable.begin("sha256")
    hashing.update(data)
    saved = resumable.state_of(hashing, len(data))
    if saved is None:
        pytest.skip("MISSING PEER: libcrypto is not there; uploads are read again at their end")
    return saved


@given(data=st.binary(max_size=500), middle=st.integers(0, 500))
def test_hash_that_was_saved_goes_on(data: bytes, middle: int) -> None:
    middle = min(middle, len(data))
    hashing = resumable.resume(state(data[:middle]), middle)
    assert hashing is not None
    hashing.update(data[middle:])
    assert (hashing.digest, hashing.size) == (Digest.of(data), len(data))
    assert hashing.digest == hashing.digest


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + b"\0", lambda s: b"x" + s[1:], lambda _: b""])
def test_state_that_is_not_whole_is_none(change) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 -- four functions above
    assert resumable.resume(change(state(b"data")), 4) is None


def test_state_of_another_size_is_none() -> None:
    assert resumable.resume(state(b"data"), 5) is None
    assert resumable.state_of(resumable.begin("sha256"), 1) is None
    assert resumable.resume(None, 0) is None


def test_state_whose_block_is_longer_than_there_is_room_is_none() -> None:
    saved = bytearray(state(b"data"))
    saved[-8:-4] = (4000).to_bytes(4, "little")
    assert resumable.resume(bytes(saved), 4) is None


def test_other_hashes_cannot_be_saved() -> None:
    hashing = resumable.begin("sha512")
    hashing.update(b"data")
    assert hashing.digest == Digest.of(b"data", "sha512")
    assert resumable.state_of(hashing, 4) is None
    with pytest.raises(InvalidDigestError, match="md5"):
        resumable.begin("md5")


def test_library_that_does_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        argtypes: list[object]

        def __call__(self, *arguments: object) -> int:
            return len(arguments)

    class Wrong:
        def __init__(self, name: str) -> None:
            if name.endswith("1.1"):
                raise OSError(name)
            self.SHA256_Init, self.SHA256_Update, self.SHA256_Final = Nothing(), Nothing(), Nothing()

    resumable.find_library.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", Wrong)
    try:
        hashing = resumable.begin("sha256")
        hashing.update(b"data")
        assert hashing.digest == Digest.of(b"data")
        assert resumable.state_of(hashing, 4) is None
        assert resumable.resume(b"anything", 4) is None
    finally:
        resumable.find_library.cache_clear()
