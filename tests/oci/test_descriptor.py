import pytest

from orchard.errors import InvalidDocumentError
from orchard.oci import JSON, Descriptor, Digest, Platform, convert

HEX = "a" * 64
DIGEST = f"sha256:{HEX}"


def wire(**fields: JSON) -> JSON:
    return {"mediaType": "text/plain", "digest": DIGEST, "size": 3, **fields}


def test_descriptor_when_converted_and_written_then_the_same() -> None:
    full = wire(annotations={"a": "b"}, platform={"architecture": "amd64", "os": "linux"}, artifactType="application/x")

    descriptor = convert(full, Descriptor, what="it")

    assert descriptor.digest == Digest("sha256", HEX)
    assert descriptor.platform == Platform(architecture="amd64", os="linux")
    assert descriptor.to_json() == full


def test_descriptor_when_nothing_optional_is_there_then_nothing_is_written() -> None:
    assert convert(wire(), Descriptor, what="it").to_json() == wire()


def test_descriptor_when_it_has_urls_or_data_then_they_are_ignored() -> None:
    descriptor = convert(wire(urls=["http://127.0.0.1/"], data="Zm9v", strange=1), Descriptor, what="it")

    assert descriptor == convert(wire(), Descriptor, what="it")


def test_descriptor_of_bytes_names_them() -> None:
    descriptor = Descriptor.of(b"abc", "text/plain", annotations={"a": "b"})

    assert descriptor.digest == Digest.of(b"abc")
    assert descriptor.size == 3
    assert descriptor.annotations == {"a": "b"}
    assert Descriptor.of(b"abc", "text/plain").annotations == {}


def test_descriptor_can_stand_in_a_set() -> None:
    assert len({Descriptor.of(b"", "a/b"), Descriptor.of(b"", "a/b"), Descriptor.of(b"", "c/d")}) == 2


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        pytest.param({"size": -1}, r"size", id="negative size"),
        pytest.param({"size": 2**63}, r"size", id="size over an int64"),
        pytest.param({"size": 1.0}, r"size", id="float size"),
        pytest.param({"size": True}, r"size", id="true as size"),
        pytest.param({"size": "3"}, r"size", id="text as size"),
        pytest.param({"size": None}, r"size", id="no size"),
        pytest.param({"digest": DIGEST.upper()}, r"digest", id="upper-case digest"),
        pytest.param({"digest": f"sha512:{HEX}"}, r"digest", id="short digest"),
        pytest.param({"digest": 5}, r"a digest must be a string.*digest", id="number as digest"),
        pytest.param({"digest": {"algorithm": "sha256", "hex": HEX}}, r"digest", id="object as digest"),
        pytest.param({"mediaType": ""}, r"mediaType", id="empty type"),
        pytest.param({"mediaType": "x" * 256}, r"mediaType", id="long type"),
        pytest.param({"annotations": {"a": 1}}, r"annotations", id="number as annotation"),
        pytest.param({"annotations": []}, r"annotations", id="list of annotations"),
    ],
)
def test_descriptor_when_a_field_is_wrong_then_the_place_is_named(fields: dict[str, JSON], place: str) -> None:
    with pytest.raises(InvalidDocumentError, match=rf"^it: .*{place}"):
        convert(wire(**fields), Descriptor, what="it")


@pytest.mark.parametrize("field", ["mediaType", "digest", "size"])
def test_descriptor_when_a_field_is_missing_then_named(field: str) -> None:
    value = wire()
    assert isinstance(value, dict)
    del value[field]

    with pytest.raises(InvalidDocumentError, match=f"missing required field `{field}`"):
        convert(value, Descriptor, what="it")


def test_convert_when_asked_for_a_kind_that_json_cannot_hold_then_it_is_our_mistake() -> None:
    with pytest.raises(NotImplementedError, match="complex"):
        convert("1", complex, what="it")
