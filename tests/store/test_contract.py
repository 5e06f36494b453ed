"""What every store does, whatever it is made of."""

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Protocol

import pytest

from orchard.errors import IntegrityError, NotFoundError, RemoteError, UsageError
from orchard.oci import Descriptor, Digest, chunks, mediatype
from orchard.store import Bytes, Ranged, Referring, Store
from support.stores import (
    STORES,
    TEXT,
    Kind,
    Pattern,
    Recorder,
    describe,
    get,
    manifest_of,
    put,
    put_index,
    put_manifest,
)

DATA = bytes(range(256)) * 40
WRONG = describe(DATA)


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.peer(kind.program)] if kind.program else [])
        for name, kind in sorted(STORES.items())
    ]
)
def kind(request: pytest.FixtureRequest) -> Kind:
    return STORES[str(request.param)]


class Ranging(Store, Ranged, Protocol):
    """A store that gives parts, as all of ours do."""


class Related(Store, Referring, Protocol):
    """A store that knows what its documents are about, as all of ours do."""


@pytest.fixture
def store(kind: Kind, tmp_path: Path) -> Iterator[Store]:
    with kind.make(tmp_path) as store:
        yield store


def names(one: Descriptor, other: Descriptor) -> bool:
    return (one.digest, one.size, one.media_type) == (other.digest, other.size, other.media_type)


@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["nothing", "a byte", "some bytes"])
def test_content_when_pushed_then_it_is_there_and_the_same(store: Store, data: bytes) -> None:
    content = describe(data)
    assert not store.exists(content)

    store.push(content, Bytes(data))

    assert store.exists(content)
    assert get(store, content) == data


def test_content_named_by_any_digest_is_taken(kind: Kind, store: Store) -> None:
    for algorithm in kind.algorithms:
        content = describe(DATA, algorithm=algorithm)

        store.push(content, Bytes(DATA))

        assert store.exists(content)
        assert get(store, content) == DATA


def test_content_when_pushed_again_then_it_stays(store: Store) -> None:
    content = put(store, DATA)

    put(store, DATA)

    assert get(store, content) == DATA


@pytest.mark.parametrize("offset", [0, 1, 255, len(DATA) - 1, len(DATA)])
def test_content_when_opened_at_an_offset_then_gives_the_rest(store: Store, offset: int) -> None:
    content = put(store, DATA)

    with store.open(content, offset) as body:
        assert b"".join(chunks(body, 1000)) == DATA[offset:]


@pytest.mark.parametrize(
    ("offset", "size"),
    [(0, len(DATA)), (0, 1), (1, 254), (255, 5000), (len(DATA) - 1, 1), (3, 0), (len(DATA), 0)],
)
def test_content_when_read_in_part_then_gives_exactly_these_bytes(store: Ranging, offset: int, size: int) -> None:
    content = put(store, DATA)

    assert store.read_range(content, offset, size) == DATA[offset : offset + size]


@pytest.mark.parametrize(("offset", "size"), [(-1, 2), (0, -1), (0, len(DATA) + 1), (len(DATA), 1), (5, 1 << 62)])
def test_content_when_a_part_lies_beyond_it_then_refused(store: Ranging, offset: int, size: int) -> None:
    content = put(store, DATA)

    with pytest.raises(UsageError, match=f"not {size} at offset {offset}"):
        store.read_range(content, offset, size)


def test_content_when_it_is_not_there_then_reading_a_part_says_so(store: Ranging) -> None:
    content = describe(b"nobody pushed this")

    with pytest.raises(NotFoundError, match=content.digest.hex):
        store.read_range(content, 3, 5)


def test_document_when_read_in_part_then_gives_exactly_these_bytes(store: Ranging) -> None:
    document = put_manifest(store, DATA)

    assert store.read_range(document, 5, 30) == get(store, document)[5:35]


def test_content_when_it_is_not_there_then_opening_says_so(store: Store) -> None:
    content = describe(b"nobody pushed this")

    assert not store.exists(content)
    with pytest.raises(NotFoundError, match=content.digest.hex), store.open(content):
        pass


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(DATA[:-1] + b"!", id="last byte flipped"),
        pytest.param(b"!" + DATA[1:], id="first byte flipped"),
        pytest.param(DATA[:-1], id="truncated"),
        pytest.param(b"", id="nothing"),
        pytest.param(DATA + b"!", id="appended"),
    ],
)
def test_content_when_it_is_wrong_then_refused_and_invisible_and_a_right_push_succeeds(
    store: Store, given: bytes
) -> None:
    with pytest.raises(IntegrityError, match=WRONG.digest.hex):
        store.push(WRONG, Bytes(given))

    assert not store.exists(WRONG)
    with pytest.raises(NotFoundError), store.open(WRONG):
        pass
    store.push(WRONG, Bytes(DATA))
    assert get(store, WRONG) == DATA


def test_content_when_the_size_is_wrong_then_refused(store: Store) -> None:
    larger = Descriptor(media_type=TEXT, digest=Digest.of(DATA), size=len(DATA) + 1)

    with pytest.raises(IntegrityError, match=larger.digest.hex):
        store.push(larger, Bytes(DATA))

    assert not store.exists(larger)


def test_content_when_the_source_breaks_then_the_error_comes_and_nothing_is_visible(store: Store) -> None:
    with pytest.raises(RemoteError, match="the connection broke"):
        store.push(WRONG, Recorder(Bytes(DATA), breaks_after=5000))

    assert not store.exists(WRONG)


def test_content_when_many_push_the_same_then_all_succeed(store: Store) -> None:
    data = b"shared" * 300_000
    content = describe(data)
    barrier = Barrier(4)

    def push(_number: int) -> None:
        barrier.wait()
        store.push(content, Bytes(data))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, range(4)))

    assert get(store, content) == data


def test_content_when_it_is_large_then_memory_stays_small(kind: Kind, store: Store) -> None:
    large = Pattern(64 << 20)
    content = large.describe()
    tracemalloc.start()

    store.push(content, large)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.exists(content)
    assert peak < 16 << 20 or kind.holds_in_memory
    with store.open(content, content.size - 7) as body:
        assert b"".join(chunks(body)) == b"".join(large.pieces(content.size - 7))


def test_document_when_pushed_then_found_by_its_digest(store: Store) -> None:
    document = put_manifest(store, DATA)

    assert names(store.resolve(str(document.digest)), document)
    assert store.exists(document)


def test_document_when_written_oddly_then_every_byte_is_kept(store: Store) -> None:
    config = put(store, b"{}", mediatype.OCI_EMPTY)
    raw = manifest_of([], config).replace(b",", b" ,\n\t ") + b"\n\n"
    document = put(store, raw, mediatype.OCI_MANIFEST)

    assert get(store, store.resolve(str(document.digest))) == raw


def test_document_when_tagged_then_found_by_its_tag(store: Store) -> None:
    document = put_manifest(store, DATA)

    store.tag(document, "v1")
    store.tag(document, "v1")
    store.tag(document, "latest")

    assert names(store.resolve("v1"), document)
    assert names(store.resolve("latest"), document)


def test_index_when_pushed_then_found_as_an_index(store: Store) -> None:
    document = put_index(store, put_manifest(store, b"one"), put_manifest(store, b"two"))

    store.tag(document, "both")

    assert names(store.resolve("both"), document)


def test_tag_when_moved_then_names_the_other_and_the_first_stays(store: Store) -> None:
    first, second = put_manifest(store, b"one"), put_manifest(store, b"two")
    store.tag(first, "v1")

    store.tag(second, "v1")

    assert names(store.resolve("v1"), second)
    assert names(store.resolve(str(first.digest)), first)


@pytest.mark.parametrize("target", ["v1", f"sha256:{'a' * 64}", f"sha512:{'a' * 128}"])
def test_document_when_it_is_not_there_then_not_found(store: Store, target: str) -> None:
    put_manifest(store, DATA)

    with pytest.raises(NotFoundError, match=target):
        store.resolve(target)


def test_document_when_it_is_not_there_then_it_cannot_be_tagged(store: Store) -> None:
    absent = describe(b"{}", mediatype.OCI_MANIFEST)

    with pytest.raises(NotFoundError, match=absent.digest.hex):
        store.tag(absent, "v1")
    with pytest.raises(NotFoundError, match="v1"):
        store.resolve("v1")


def test_tags_are_all_listed(store: Related) -> None:
    first, second = put_manifest(store, b"one"), put_manifest(store, b"two")
    for document, tag in [(first, "v1"), (second, "v2"), (second, "latest")]:
        store.tag(document, tag)

    assert sorted(store.tags()) == ["latest", "v1", "v2"]


def test_document_that_is_about_another_is_found_as_its_referrer(store: Related) -> None:
    subject, other = put_manifest(store, b"one"), put_manifest(store, b"two")

    signed = [put_manifest(store, mark, subject=subject.to_json()) for mark in (b"signature", b"attestation")]
    store.tag(signed[0], "tagged-too")

    assert {found.digest for found in store.referrers(subject.digest)} == {document.digest for document in signed}
    assert list(store.referrers(other.digest)) == []


def test_blob_is_no_document(kind: Kind, store: Store) -> None:
    blob = put(store, DATA)

    # docker-registry 2.8 answers 500 to this, so that peer can only be asked to fail
    expected = RemoteError if kind.program == "docker-registry" else NotFoundError
    with pytest.raises(expected, match=blob.digest.hex):
        store.resolve(str(blob.digest))


def test_tags_when_set_by_many_then_none_is_lost(store: Store) -> None:
    document = put_manifest(store, DATA)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.tag(document, f"v{number}"), range(20)))

    assert all(names(store.resolve(f"v{number}"), document) for number in range(20))
