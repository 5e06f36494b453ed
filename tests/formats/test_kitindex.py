"""ModelKit indexes: what KitOps writes is read, edits are what KitOps' words mean, and hostile ones are refused."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from orchard.errors import InvalidDocumentError, LimitExceededError, NotAModelKitError, NotFoundError, UsageError
from orchard.formats import (
    INDEX_TYPE,
    ORIGINAL_TAG,
    IndexEntry,
    KitIndex,
    edit_annotations,
    edit_labels,
    parse_selector,
    read_index,
    select_entry,
)
from orchard.oci import Descriptor, Digest, Reference, mediatype

NAME = Reference.parse("registry.example.com/team/model:all")
DIGESTS = [Digest.of(b"a"), Digest.of(b"b"), Digest.of(b"c")]


def _raw(*entries: Mapping[str, Any], **more: Any) -> bytes:  # noqa: ANN401 -- any JSON
    value = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_INDEX,
        "artifactType": INDEX_TYPE,
        "manifests": list(entries),
        **more,
    }
    return json.dumps(value, separators=(",", ":")).encode()


def _entry(number: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    return {"mediaType": mediatype.OCI_MANIFEST, "digest": str(DIGESTS[number]), "size": 5, **more}


def _labelled(number: int, **labels: Any) -> IndexEntry:  # noqa: ANN401 -- any JSON
    return IndexEntry(Descriptor(media_type=mediatype.OCI_MANIFEST, digest=DIGESTS[number], size=5), labels)


def test_index_that_is_read_is_written_byte_for_byte() -> None:
    raw = _raw(
        _entry(0, annotations={"a": "1", "b": "<&>"}, modelMetadata={"gpu": ["sm_80"], "q": "q4"}),
        _entry(1, artifactType="x/y", future=3),
        annotations={"k": "v"},
    ).replace(b"<&>", b"\\u003c\\u0026\\u003e")
    index = read_index(raw, what="x")
    assert index.to_bytes() == raw
    assert index.entries[0].labels == {"gpu": ["sm_80"], "q": "q4"}
    assert index.entries[0].pairs == ['gpu=["sm_80"]', "q=q4"]


def test_entry_is_replaced_by_its_digest_and_taken_out_by_it() -> None:
    index = KitIndex().with_entry(_labelled(0, q="1")).with_entry(_labelled(1)).with_entry(_labelled(0, q="2"))
    assert [(entry.digest, entry.labels) for entry in index.entries] == [(DIGESTS[0], {"q": "2"}), (DIGESTS[1], {})]
    assert [entry.digest for entry in index.without(DIGESTS[0]).entries] == [DIGESTS[1]]
    assert read_index(KitIndex().to_bytes(), what="x").entries == ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["q=q4_0", "vram=6GB"], {"old": "x", "q": "q4_0", "vram": "6GB"}),
        (['gpu:=["sm_80", "sm_90"]'], {"old": "x", "gpu": ["sm_80", "sm_90"]}),
        (["old-"], {}),
        (["old=", "example.com/n=a=b"], {"old": "", "example.com/n": "a=b"}),
        (["nothing-"], {"old": "x"}),
    ],
)
def test_labels_are_edited_as_words_say(words: Sequence[str], expected: dict[str, object]) -> None:
    assert edit_labels({"old": "x"}, words) == expected


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["bad"], "expected key=value to set, or key- to remove"),
        (["=x"], "key cannot be empty"),
        (["-"], "key cannot be empty"),
        (["a=1", "a-"], "each key can be specified only once"),
        (["a:={"], "value is not valid JSON"),
        (["a:=NaN"], "value is not valid JSON"),
        (["a:=" + "[" * 200 + "]" * 200], "levels"),
        (["_a=1"], "invalid label key"),
        (["a b=1"], "invalid label key"),
    ],
)
def test_labels_that_make_no_sense_are_refused(words: Sequence[str], problem: str) -> None:
    with pytest.raises((UsageError, LimitExceededError), match=problem):
        edit_labels({}, words)


def test_annotations_are_texts_only() -> None:
    assert edit_annotations({"a": "1", "b": "2"}, ["a-", "c=3"]) == {"b": "2", "c": "3"}
    with pytest.raises(UsageError, match="annotation values are strings"):
        edit_annotations({}, ["a:=1"])


@pytest.mark.parametrize("words", [["a"], ["=b"], ["a=1", "a=2"]])
def test_selector_is_words_of_key_and_value(words: Sequence[str]) -> None:
    with pytest.raises(UsageError, match="invalid label"):
        parse_selector(words)


def test_selection_needs_exactly_one_match_and_says_which_there_are() -> None:
    index = KitIndex((_labelled(0, q="q4", gpu=["a"]), _labelled(1, q="q8"), _labelled(2)))
    assert select_entry(index, {"q": "q8"}, NAME, hint="h").digest == DIGESTS[1]
    assert select_entry(index, {"gpu": '["a"]'}, NAME, hint="h").digest == DIGESTS[0]
    with pytest.raises(NotFoundError, match=r"no ModelKit in the index has q=q2, v=1. The index contains:\n  sha256:"):
        select_entry(index, {"q": "q2", "v": "1"}, NAME, hint="h")
    with pytest.raises(UsageError, match=r"3 ModelKits in the index match; h; add labels"):
        select_entry(index, {}, NAME, hint="h")
    assert select_entry(KitIndex((_labelled(2),)), {}, NAME, hint="h").digest == DIGESTS[2]
    with pytest.raises(NotFoundError, match="index contains no ModelKits"):
        select_entry(KitIndex(), {}, NAME, hint="h")


def test_entries_are_named_by_the_tag_that_they_were_added_by() -> None:
    entry = read_index(_raw(_entry(0, annotations={ORIGINAL_TAG: "q4"})), what="x").entries[0]
    assert entry.name(NAME) == "registry.example.com/team/model:q4"
    assert _labelled(0).name(NAME) is None
    hostile = read_index(_raw(_entry(0, annotations={ORIGINAL_TAG: "q4\x1b[31m"})), what="x").entries[0]
    assert hostile.name(NAME) is None


NESTED = {"mediaType": mediatype.OCI_INDEX, "digest": str(DIGESTS[0]), "size": 5}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (_raw(artifactType="application/x"), NotAModelKitError),
        (_raw(_entry(0)).replace(b'"artifactType"', b'"ArtifactType"'), InvalidDocumentError),
        (b'{"schemaVersion":2,"config":{},"layers":[]}', InvalidDocumentError),
        (_raw(NESTED), InvalidDocumentError),
        (_raw(_entry(0, modelMetadata=[1])), InvalidDocumentError),
        (_raw(_entry(0, digest="sha256:0")), InvalidDocumentError),
        (_raw(_entry(0, size=-1)), InvalidDocumentError),
        (_raw(*[_entry(0)] * 5000), LimitExceededError),
        (b"[" * 100000, LimitExceededError),
        (_raw() + b" " * (5 << 20), LimitExceededError),
    ],
    ids=["other", "case", "manifest", "index-in-index", "labels", "digest", "size", "many", "deep", "large"],
)
def test_index_that_is_hostile_is_refused(raw: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_index(raw, what="x")
