import copy
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDigestError
from orchard.oci import ALGORITHMS, Digest, Hasher

A64 = "a" * 64
A128 = "a" * 128


@given(st.binary(max_size=4096), st.sampled_from(ALGORITHMS))
def test_digest_of_bytes_is_what_hashlib_says(data: bytes, algorithm: str) -> None:
    digest = Digest.of(data, algorithm)

    assert str(digest) == f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        A64,
        f"sha256:{A64}\n",
        f" sha256:{A64}",
        f"sha256:{A64[1:]}",
        f"sha256:{A64}a",
        f"sha256:{A64.upper()}",
        f"SHA256:{A64}",
        f"sha256:{'g' * 64}",
        f"sha256:{chr(0x661) * 64}",  # a digit, but not of ours
        f"sha256:{A128}",
        f"sha512:{A64}",
        f"sha384:{'a' * 96}",
        f"md5:{'a' * 32}",
        f"sha256+b64:{A64}",
        f"sha256:../../{A64}"[:71],
        f"sha256:{A64}/../x",
        f"sha256:{A64}\0",
        f"sha256:sha256:{A64}",
        f"blake3:{A64}",
    ],
)
def test_digest_when_text_is_anything_else_then_refused(text: str) -> None:
    with pytest.raises(InvalidDigestError, match="is not a digest"):
        Digest.parse(text)


@given(st.text(max_size=150) | st.from_regex(r"sha256:[0-9a-fA-F]{62,65}") | st.just(f"sha512:{A128}"))
def test_digest_of_any_text_is_refused_or_stays_the_same(text: str) -> None:
    try:
        again = str(Digest.parse(text))
    except InvalidDigestError as error:
        again = text
        complaint = str(error)
    else:
        complaint = "none"

    assert again == text
    assert complaint.isprintable()


def test_digest_when_complaint_is_about_a_long_text_then_it_is_cut() -> None:
    with pytest.raises(InvalidDigestError) as caught:
        Digest.parse("x:" + "y" * 1_000_000)

    assert len(str(caught.value)) < 300


def test_digest_when_changed_then_refused() -> None:
    digest = Digest("sha256", A64)

    with pytest.raises(AttributeError, match="cannot change"):
        digest.hex = "b" * 64


def test_digest_when_copied_then_equal() -> None:
    digest = Digest("sha512", A128)

    assert copy.copy(digest) == digest
    assert copy.deepcopy(digest) == digest


def test_digest_is_a_value() -> None:
    one, same, other = Digest("sha256", A64), Digest.parse(f"sha256:{A64}"), Digest("sha256", "b" * 64)

    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != str(one)
    assert sorted([other, one]) == [one, other]
    assert repr(one) == f"Digest('sha256:{A64}')"
    assert one.short == "a" * 12


@pytest.mark.parametrize("algorithm", ["", "md5", "SHA256", "sha256\n", "x" * 1000])
def test_hasher_when_algorithm_is_unknown_then_refused(algorithm: str) -> None:
    with pytest.raises(InvalidDigestError, match="is not a supported digest algorithm"):
        Hasher(algorithm)


@given(st.lists(st.binary(max_size=64), max_size=16))
def test_hasher_when_fed_in_pieces_then_counts_and_hashes_all(pieces: list[bytes]) -> None:
    hasher = Hasher()
    for piece in pieces:
        hasher.update(memoryview(piece))

    assert hasher.size == sum(map(len, pieces))
    assert hasher.digest == Digest.of(b"".join(pieces))
    assert hasher.hex == hasher.digest.hex
