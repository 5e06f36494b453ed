import json
import shutil
import subprocess
from pathlib import Path

import pytest

from orchard.errors import (
    IntegrityError,
    InvalidDigestError,
    InvalidDocumentError,
    InvalidReferenceError,
    LimitExceededError,
    NotFoundError,
)
from orchard.oci import MAX_MANIFEST, Descriptor, mediatype
from orchard.store import Bytes, Entry, Layout, LocalRepository
from support.stores import TEXT, describe, get, index_of, manifest_of, put, put_index, put_manifest

NAME = "example.com/team/model"
OTHER = "localhost/other"
NAMELESS = "localhost/_"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "store", now=lambda: 1_000_000_000.5)


@pytest.fixture
def repository(layout: Layout) -> LocalRepository:
    return layout.repository(NAME)


def listed(layout: Layout) -> list[tuple[str, str | None, str]]:
    return [(entry.repository, entry.tag, entry.descriptor.digest.short) for entry in layout.entries()]


def test_layout_when_only_looked_at_then_nothing_is_made(layout: Layout) -> None:
    repository = layout.repository(NAME)

    assert layout.entries() == []
    assert not repository.exists(describe(b"x"))
    assert not repository.exists(describe(b"{}", mediatype.OCI_MANIFEST))
    assert layout.path_of(describe(b"x")) is None
    assert list(layout.verify()) == []
    assert layout.sweep().blobs == 0
    with pytest.raises(NotFoundError, match=f"{NAME}:v1 is not in the local store"):
        repository.resolve("v1")
    assert not layout.path.exists()


@pytest.mark.parametrize(
    "name", ["", "model", "localhost/", "/model", "localhost/A", "a/../b", "x/y:z", "localhost/_x"]
)
def test_repository_when_the_name_is_none_then_refused(layout: Layout, name: str) -> None:
    with pytest.raises(InvalidReferenceError):
        layout.repository(name)


def test_layout_is_an_image_layout_of_the_spec(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer", artifactType="application/x")
    repository.tag(document, "v1")

    assert json.loads((layout.path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((layout.path / "index.json").read_bytes()) == {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_INDEX,
        "manifests": [
            {
                "mediaType": mediatype.OCI_MANIFEST,
                "digest": str(document.digest),
                "size": document.size,
                "annotations": {
                    "ml.orchard.repository": NAME,
                    "org.opencontainers.image.ref.name": f"{NAME}:v1",
                    "ml.orchard.added": "2001-09-09T01:46:40.500Z",
                },
            }
        ],
    }
    assert (layout.path / "blobs/sha256" / describe(b"layer").digest.hex).read_bytes() == b"layer"


@pytest.mark.peer("skopeo")
def test_layout_when_read_by_skopeo_then_the_same(layout: Layout, repository: LocalRepository, tmp_path: Path) -> None:
    document = put_manifest(repository, b"layer")
    repository.tag(document, "v1")
    skopeo = str(shutil.which("skopeo"))
    place = f"oci:{layout.path}:{NAME}:v1"

    raw = subprocess.run([skopeo, "inspect", "--raw", place], check=True, capture_output=True).stdout
    copy = ["--insecure-policy", "copy", "--preserve-digests", place, f"oci:{tmp_path / 'copy'}:{NAME}:v1"]
    subprocess.run([skopeo, *copy], check=True, capture_output=True)

    assert raw == get(repository, document)
    (entry,) = Layout(tmp_path / "copy").entries()
    assert (entry.repository, entry.tag, entry.digest) == (NAME, "v1", document.digest)


def test_document_when_pushed_then_listed_without_a_tag_once(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")
    put_manifest(repository, b"layer")

    assert layout.entries() == [Entry(NAME, None, document)]


def test_document_belongs_only_to_the_repositories_it_was_pushed_to(
    layout: Layout, repository: LocalRepository
) -> None:
    document = put_manifest(repository, b"layer")
    other = layout.repository(OTHER)

    assert not other.exists(document)
    with pytest.raises(NotFoundError, match=f"{OTHER}@{document.digest}"):
        other.resolve(str(document.digest))
    with pytest.raises(NotFoundError, match=f"{OTHER}@{document.digest}"):
        other.tag(document, "v1")

    other.push(document, repository)

    assert other.exists(document)
    assert other.resolve(str(document.digest)) == document


def test_document_of_any_repository_is_found_without_a_name_by_its_digest(
    layout: Layout, repository: LocalRepository
) -> None:
    document = put_manifest(repository, b"layer")
    repository.tag(document, "v1")
    nameless = layout.repository(NAMELESS)

    assert nameless.resolve(str(document.digest)) == document
    assert not nameless.exists(document)
    with pytest.raises(NotFoundError, match=f"{NAMELESS}:v1"):
        nameless.resolve("v1")


def test_target_when_it_is_neither_tag_nor_digest_then_refused(repository: LocalRepository) -> None:
    with pytest.raises(InvalidDigestError, match="is not a digest"):
        repository.resolve("sha256:short")


def test_tag_when_it_breaks_the_grammar_then_refused(repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")

    with pytest.raises(InvalidReferenceError, match="is not a tag"):
        repository.tag(document, "a/b")


def test_tag_when_moved_then_the_previous_document_stays_without_a_tag(
    layout: Layout, repository: LocalRepository
) -> None:
    first, second = put_manifest(repository, b"one"), put_manifest(repository, b"two")
    repository.tag(first, "v1")

    repository.tag(second, "v1")

    assert listed(layout) == [(NAME, "v1", second.digest.short), (NAME, None, first.digest.short)]


def test_tag_when_moved_from_a_document_with_another_tag_then_that_stays_alone(
    layout: Layout, repository: LocalRepository
) -> None:
    first, second = put_manifest(repository, b"one"), put_manifest(repository, b"two")
    repository.tag(first, "v1")
    repository.tag(first, "stable")

    repository.tag(second, "v1")

    assert listed(layout) == [(NAME, "stable", first.digest.short), (NAME, "v1", second.digest.short)]


def test_tag_of_one_repository_does_not_touch_another(layout: Layout, repository: LocalRepository) -> None:
    other = layout.repository(OTHER)
    first, second = put_manifest(repository, b"one"), put_manifest(other, b"two")
    repository.tag(first, "v1")
    other.tag(second, "v1")

    assert layout.untag(OTHER, "v1") == second

    assert listed(layout) == [(NAME, "v1", first.digest.short), (OTHER, None, second.digest.short)]


def test_untag_gives_the_document_which_stays(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")
    repository.tag(document, "v1")
    repository.tag(document, "v2")

    assert layout.untag(NAME, "v1") == document
    assert listed(layout) == [(NAME, "v2", document.digest.short)]
    assert layout.untag(NAME, "v2") == document
    assert listed(layout) == [(NAME, None, document.digest.short)]


def test_untag_when_there_is_no_such_tag_then_not_found(layout: Layout, repository: LocalRepository) -> None:
    put_manifest(repository, b"layer")

    with pytest.raises(NotFoundError, match=f"{NAME}:v1 is not in the local store"):
        layout.untag(NAME, "v1")


def test_remove_gives_the_tags_and_leaves_other_repositories_alone(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")
    layout.repository(OTHER).push(document, repository)
    repository.tag(document, "v1")
    repository.tag(document, "v2")

    assert layout.remove(NAME, document.digest) == ["v1", "v2"]
    assert listed(layout) == [(OTHER, None, document.digest.short)]
    assert layout.remove(OTHER, document.digest) == []
    assert layout.entries() == []


def test_remove_when_it_is_not_there_then_not_found(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")

    with pytest.raises(NotFoundError, match=f"{OTHER}@{document.digest}"):
        layout.remove(OTHER, document.digest)


def test_remove_takes_untagged_documents_along_that_are_about_it(layout: Layout, repository: LocalRepository) -> None:
    kit = put_manifest(repository, b"kit")
    signature = put_manifest(repository, b"signature", subject=kit.to_json())
    put_manifest(repository, b"signature of the signature", subject=signature.to_json())
    kept = put_manifest(repository, b"tagged signature", subject=kit.to_json())
    repository.tag(kept, "keep")
    other = put_manifest(repository, b"other")
    damaged = put_manifest(repository, b"damaged")
    layout.discard(damaged.digest)

    layout.remove(NAME, kit.digest)

    assert [entry.descriptor for entry in layout.entries()] == [kept, other, damaged]


@pytest.mark.parametrize(
    ("raw", "media_type", "error"),
    [
        pytest.param(b"no json", mediatype.OCI_MANIFEST, InvalidDocumentError, id="not a document"),
        pytest.param(index_of([]), mediatype.OCI_MANIFEST, InvalidDocumentError, id="of another type"),
        pytest.param(b" " * (MAX_MANIFEST + 1), mediatype.OCI_MANIFEST, LimitExceededError, id="too large"),
    ],
)
def test_document_when_it_is_none_then_nothing_is_kept(
    layout: Layout, repository: LocalRepository, raw: bytes, media_type: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        put(repository, raw, media_type)

    assert layout.entries() == []
    assert layout.path_of(describe(raw)) is None


def test_document_when_its_blobs_were_lost_then_it_is_not_there_until_they_are(
    layout: Layout, repository: LocalRepository
) -> None:
    inner = put_manifest(repository, b"layer")
    outer = put_index(repository, inner)
    assert repository.exists(outer)

    layout.discard(describe(b"layer").digest)

    assert not repository.exists(inner)
    assert not repository.exists(outer)
    put(repository, b"layer")
    assert repository.exists(outer)


def test_document_when_damaged_then_a_push_mends_it(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")
    raw = get(repository, document)
    path = layout.path_of(document)
    assert path is not None
    path.write_bytes(b"x" * document.size)
    assert not repository.exists(document)

    repository.push(document, Bytes(raw))

    assert repository.exists(document)
    assert get(repository, document) == raw


def test_blob_of_another_size_is_not_there(layout: Layout, repository: LocalRepository) -> None:
    content = put(repository, b"some bytes")
    claimed = Descriptor(media_type=TEXT, digest=content.digest, size=3)

    assert repository.path_of(content) == layout.path / "blobs/sha256" / content.digest.hex
    assert repository.path_of(claimed) is None
    assert not repository.exists(claimed)
    with pytest.raises(IntegrityError, match="more than the promised 3 bytes"):
        repository.push(claimed, repository)
    assert get(repository, content) == b"some bytes"


def test_blobs_are_shared_by_all_repositories(layout: Layout, repository: LocalRepository) -> None:
    content = put(repository, b"shared")

    assert layout.repository(OTHER).exists(content)
    assert get(layout.repository(OTHER), content) == b"shared"


def test_document_named_by_sha512_is_found(repository: LocalRepository) -> None:
    config = put(repository, b"{}", mediatype.OCI_EMPTY)
    raw = manifest_of([], config)
    document = describe(raw, mediatype.OCI_MANIFEST, "sha512")

    repository.push(document, Bytes(raw))

    assert repository.resolve(str(document.digest)) == document
