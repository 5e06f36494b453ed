import pytest

from orchard.errors import DeniedError, LimitExceededError
from orchard.oci import Descriptor, Digest, mediatype
from orchard.store import MemoryStore, Related, referrer_graph, referring
from support.stores import describe, put_index, put_manifest


class Claiming(MemoryStore):
    """A store whose lists of referrers say what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.claimed: dict[Digest, list[Descriptor]] = {}
        self.lists_tags = True

    def referrers(self, subject: Digest) -> "list[Descriptor]":  # type: ignore[override]  # any iterable will do
        return [*super().referrers(subject), *self.claimed.get(subject, [])]

    def tags(self) -> "list[str]":  # type: ignore[override]  # likewise
        if not self.lists_tags:
            raise DeniedError("no lists here")
        return list(super().tags())


@pytest.fixture
def store() -> Claiming:
    return Claiming()


def digests(store: MemoryStore, root: Descriptor) -> list[Digest]:
    return [related.descriptor.digest for related in referrer_graph(store, root)]


def about(store: MemoryStore, subject: Descriptor, mark: bytes) -> Descriptor:
    return put_manifest(store, mark, subject=subject.to_json())


def tag_of(subject: Descriptor, end: str) -> str:
    return f"sha256-{subject.digest.hex}{end}"


def test_document_alone_is_given_alone(store: Claiming) -> None:
    root = put_manifest(store, b"model")
    put_manifest(store, b"another")

    assert list(referrer_graph(store, root)) == [Related(root)]


def test_blob_is_given_alone(store: Claiming) -> None:
    blob = describe(b"bytes")

    assert list(referrer_graph(store, blob)) == [Related(blob)]


def test_referrers_come_after_their_subject_and_their_own_after_them(store: Claiming) -> None:
    root = put_manifest(store, b"model")
    signature = about(store, root, b"signature")
    countersignature = about(store, signature, b"countersignature")

    assert digests(store, root) == [root.digest, signature.digest, countersignature.digest]


def test_index_is_given_with_what_is_about_its_parts(store: Claiming) -> None:
    one, two = put_manifest(store, b"one"), put_manifest(store, b"two")
    index = put_index(store, one, put_index(store, two))
    signed = [about(store, document, b"signature") for document in (index, one, two)]

    found = digests(store, index)

    assert found[0] == index.digest
    assert set(found[1:]) == {document.digest for document in signed}


@pytest.mark.parametrize("end", [".sig", ".att", ".sbom", ".cosign-bundle.v2"])
def test_digest_tag_is_followed(store: Claiming, end: str) -> None:
    root, signature, other = (put_manifest(store, mark) for mark in (b"model", b"signature", b"other"))
    store.tag(signature, tag_of(root, end))
    store.tag(other, tag_of(other, end))
    bundle = about(store, signature, b"of the signature")

    assert list(referrer_graph(store, root)) == [
        Related(root),
        Related(signature, root.digest, tag_of(root, end)),
        Related(bundle, signature.digest),
    ]


def test_usual_digest_tags_are_tried_where_none_are_listed(store: Claiming) -> None:
    root, signature = put_manifest(store, b"model"), put_manifest(store, b"signature")
    store.tag(signature, tag_of(root, ".sig"))
    store.lists_tags = False

    assert digests(store, root) == [root.digest, signature.digest]


def test_document_that_is_found_twice_is_given_once(store: Claiming) -> None:
    root = put_manifest(store, b"model")
    signature = about(store, root, b"signature")
    store.tag(signature, tag_of(root, ".sig"))
    store.claimed[root.digest] = [signature, signature]

    assert digests(store, root) == [root.digest, signature.digest]


def test_circle_of_referrers_ends(store: Claiming) -> None:
    root = put_manifest(store, b"model")
    one, two = about(store, root, b"one"), about(store, root, b"two")
    store.claimed = {one.digest: [two, one, root], two.digest: [one, root], root.digest: [root]}

    assert sorted(digests(store, root)) == sorted([root.digest, one.digest, two.digest])


def test_referrers_without_end_are_refused() -> None:
    class Endless(Claiming):
        def referrers(self, subject: Digest) -> list[Descriptor]:  # type: ignore[override]  # any iterable will do
            return [Descriptor(media_type=mediatype.OCI_MANIFEST, digest=Digest.of(subject.hex.encode()), size=5)]

    with pytest.raises(LimitExceededError, match="more than 16 documents each refer to the next"):
        list(referrer_graph(Endless(), describe(b"{}", mediatype.OCI_MANIFEST)))


def test_too_many_referrers_are_refused(store: Claiming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referring, "MAX_RELATED", 50)
    root = put_manifest(store, b"model")
    store.claimed[root.digest] = [describe(str(number).encode(), mediatype.OCI_MANIFEST) for number in range(60)]

    with pytest.raises(LimitExceededError, match="more than 50 documents refer to it"):
        list(referrer_graph(store, root))
