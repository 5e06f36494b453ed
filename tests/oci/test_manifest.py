import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError, InvalidError, LimitExceededError
from orchard.oci import (
    JSON,
    MAX_CHILDREN,
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Index,
    Manifest,
    mediatype,
    parse_document,
    parse_manifest,
)

LAYER = Descriptor.of(b"layer", "text/plain")
CONFIG = Descriptor.of(b"{}", mediatype.OCI_EMPTY)


def manifest(**fields: JSON) -> bytes:
    document = {"schemaVersion": 2, "config": CONFIG.to_json(), "layers": [LAYER.to_json()], **fields}
    return json.dumps(document).encode()


def index(**fields: JSON) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": [LAYER.to_json()], **fields}).encode()


@pytest.mark.parametrize(
    ("own", "claimed"),
    [
        ("", ""),
        ("", mediatype.OCI_MANIFEST),
        (mediatype.OCI_MANIFEST, ""),
        (mediatype.OCI_MANIFEST, mediatype.OCI_MANIFEST),
        (mediatype.OCI_MANIFEST, f"{mediatype.OCI_MANIFEST}; charset=utf-8"),
    ],
)
def test_manifest_when_its_type_is_said_anywhere_then_read(own: str, claimed: str) -> None:
    raw = manifest(mediaType=own) if own else manifest()

    document = parse_document(raw, claimed)

    assert isinstance(document, Manifest)
    assert document.media_type == mediatype.OCI_MANIFEST
    assert document.children == (CONFIG, LAYER)


def test_manifest_keeps_all_that_it_says() -> None:
    subject = Descriptor.of(b"other", mediatype.OCI_MANIFEST)

    document = parse_manifest(manifest(artifactType="application/x", subject=subject.to_json(), annotations={"a": "b"}))

    assert document.artifact_type == "application/x"
    assert document.kind == "application/x"
    assert document.subject == subject
    assert document.annotations == {"a": "b"}
    assert subject not in document.children


def test_manifest_without_an_artifact_type_is_of_the_kind_of_its_config() -> None:
    assert parse_manifest(manifest(artifactType="")).kind == mediatype.OCI_EMPTY


@pytest.mark.parametrize("absent", ["layers", "annotations", "subject", "artifactType"])
def test_manifest_when_an_optional_field_is_null_then_it_is_absent(absent: str) -> None:
    document = parse_manifest(manifest(**{absent: None}))

    assert (document.layers == ()) == (absent == "layers")
    assert document.annotations == {}


def test_manifest_keeps_the_bytes_that_it_was_read_from() -> None:
    raw = b" \n" + manifest() + b"\n\n"

    document = parse_document(raw)

    assert document.raw == raw
    assert document.describe().digest == Digest.of(raw)
    assert document.describe("sha512").digest == Digest.of(raw, "sha512")
    assert document.describe().size == len(raw)
    assert document.describe().media_type == mediatype.OCI_MANIFEST


@pytest.mark.parametrize("kind", ["", mediatype.OCI_INDEX, mediatype.DOCKER_INDEX])
def test_index_is_read_and_described(kind: str) -> None:
    raw = index(annotations={"a": "b"}, artifactType="application/x")

    document = parse_document(raw, kind)

    assert isinstance(document, Index)
    assert document.media_type == kind or mediatype.OCI_INDEX
    assert document.children == (LAYER,)
    assert document.kind == "application/x"
    assert document.describe("sha512").digest == Digest.of(raw, "sha512")
    assert document.describe().annotations == {"a": "b"}


def test_index_when_a_manifest_is_needed_then_refused() -> None:
    with pytest.raises(InvalidDocumentError, match="an index of several manifests"):
        parse_manifest(index())


@pytest.mark.parametrize(
    ("media_type", "is_document"),
    [
        (mediatype.OCI_MANIFEST, True),
        (mediatype.OCI_INDEX, True),
        (mediatype.DOCKER_MANIFEST, True),
        (mediatype.DOCKER_INDEX, True),
        (mediatype.OCI_EMPTY, False),
        (mediatype.OCTET_STREAM, False),
        ("", False),
    ],
)
def test_documents_are_what_names_other_content(media_type: str, is_document: bool) -> None:  # noqa: FBT001 -- a table
    assert mediatype.is_document(media_type) == is_document


def test_docker_manifest_is_read() -> None:
    assert parse_document(manifest(mediaType=mediatype.DOCKER_MANIFEST)).media_type == mediatype.DOCKER_MANIFEST


@pytest.mark.parametrize(
    ("raw", "claimed", "why"),
    [
        pytest.param(manifest(manifests=[]), "", "both layers and manifests", id="both at once"),
        pytest.param(
            json.dumps({"schemaVersion": 2, "manifests": [], "layers": []}).encode(), "", "both", id="both, no config"
        ),
        pytest.param(manifest(), mediatype.OCI_INDEX, "not those of", id="manifest sent as index"),
        pytest.param(index(), mediatype.OCI_MANIFEST, "not those of", id="index sent as manifest"),
        pytest.param(
            manifest(mediaType=mediatype.OCI_MANIFEST), mediatype.DOCKER_MANIFEST, "sent as", id="Content-Type differs"
        ),
        pytest.param(manifest(mediaType=mediatype.OCI_INDEX), "", "not those of", id="mediaType lies"),
        pytest.param(manifest(mediaType="application/json"), "", "not a manifest", id="strange mediaType"),
        pytest.param(manifest(), "text/html", "not a manifest", id="strange Content-Type"),
        pytest.param(manifest(mediaType=5), "", "not a manifest", id="number as mediaType"),
        pytest.param(manifest(mediaType=[]), "", "mediaType", id="empty list as mediaType"),
        pytest.param(manifest(mediaType={"a": 1}), "", "not a manifest", id="object as mediaType"),
        pytest.param(manifest(Layers=[]), "", "must be written 'layers'", id="Layers"),
        pytest.param(manifest(MEDIATYPE=""), "", "must be written 'mediaType'", id="MEDIATYPE"),
        pytest.param(index(Manifests=[]), "", "must be written 'manifests'", id="Manifests"),
        pytest.param(
            manifest(config={**CONFIG.to_json(), "Digest": "x"}),
            "",
            "config: .*written 'digest'",
            id="Digest in config",
        ),
        pytest.param(
            manifest(layers=[LAYER.to_json(), {**LAYER.to_json(), "SIZE": 1}]),
            "",
            "layers: .*written 'size'",
            id="SIZE in a layer",
        ),
        pytest.param(
            index(manifests=[{**LAYER.to_json(), "platform": {"OS": "x"}}]), "", "written 'os'", id="OS in a platform"
        ),
        pytest.param(manifest()[:-1] + b',"layers":[]}', "", "stands twice", id="layers twice"),
        pytest.param(manifest(schemaVersion=1), "", "schemaVersion", id="schema 1"),
        pytest.param(manifest(schemaVersion=2.0), "", "schemaVersion", id="schema 2.0"),
        pytest.param(manifest(fsLayers=[]), "", "schema 1", id="Docker schema 1"),
        pytest.param(manifest(history=[]), "", "schema 1", id="Docker schema 1, history"),
        pytest.param(manifest(config=None), "", "config", id="no config"),
        pytest.param(manifest(layers={}), "", "layers", id="layers is an object"),
        pytest.param(manifest(layers=["x"]), "", r"layers\[0\]", id="layer is a text"),
        pytest.param(manifest(annotations={"a": None}), "", "annotations", id="annotation is null"),
        pytest.param(b"[]", "", "not a JSON object", id="a list"),
        pytest.param(b"null", "", "not a JSON object", id="null"),
        pytest.param(b"<html>", "", "not JSON", id="HTML"),
        pytest.param(b"{}", "", "schemaVersion|config", id="empty object"),
    ],
)
def test_document_when_it_can_be_taken_for_two_things_or_none_then_refused(raw: bytes, claimed: str, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=why):
        parse_document(raw, claimed)


def test_document_at_the_size_limit_is_read_and_one_byte_more_is_refused() -> None:
    raw = manifest()
    full = raw + b" " * (MAX_MANIFEST - len(raw))

    assert parse_document(full).raw == full
    with pytest.raises(LimitExceededError, match="at most 4194304"):
        parse_document(full + b" ")


@pytest.mark.parametrize("name", ["layers", "manifests"])
def test_document_at_the_limit_of_children_is_read_and_one_more_is_refused(name: str) -> None:
    make = manifest if name == "layers" else index
    tiny: JSON = {"mediaType": "a/b", "digest": str(LAYER.digest), "size": 1}

    assert len(parse_document(make(**{name: [tiny] * MAX_CHILDREN})).children) >= MAX_CHILDREN
    with pytest.raises(LimitExceededError, match="at most 4096"):
        parse_document(make(**{name: [tiny] * (MAX_CHILDREN + 1)}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(str(LAYER.digest)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schemaVersion", "config", "layers", "manifests", "mediaType", "digest", "size", "x"]),
                inner,
                max_size=6,
            )
        ),
        max_leaves=12,
    )
)
def test_document_of_any_json_is_read_or_refused_with_an_error_of_ours(value: JSON) -> None:
    with suppress(InvalidError):
        parse_document(json.dumps(value).encode())
