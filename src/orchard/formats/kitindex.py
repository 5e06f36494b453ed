"""A ModelKit index: one name for several ModelKits of a repository, told apart by labels. Values only.

It is an OCI index with an artifact type of KitOps. Each entry may have labels, in a key of its own that is not of the
OCI spec (``modelMetadata``), and annotations, two of which KitOps writes itself: the tag that the ModelKit was added
by, and the size of its layers.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from orchard.errors import InvalidDocumentError, InvalidReferenceError, NotAModelKitError, NotFoundError, UsageError
from orchard.oci import (
    JSON,
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Index,
    Reference,
    dumps,
    go_dumps,
    loads,
    mediatype,
    parse_document,
)

INDEX_TYPE: Final = "application/vnd.kitops.modelkit.index.v1+json"
ORIGINAL_TAG: Final = "ml.kitops.modelkit.original-tag"
SIZE: Final = "ml.kitops.modelkit.size"

_LABELS: Final = "modelMetadata"
_NAME: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_LABEL: Final = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/)?{_NAME}")
_MAX_VALUE: Final = 64 << 10  # bytes of a label's JSON
_SHOWN: Final = 20  # entries that an error names


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A ModelKit in an index.

    Attributes:
        descriptor: Its manifest.
        labels: What tells it apart; a text or any JSON value.
        annotations: Free texts.
        raw: The JSON object that says so, with what else its author wrote.
    """

    descriptor: Descriptor
    labels: dict[str, JSON] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    raw: dict[str, JSON] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> Digest:
        """The ModelKit."""
        return self.descriptor.digest

    @property
    def size(self) -> int | None:
        """Bytes of all layers of the ModelKit, if they were written down."""
        text = self.annotations.get(SIZE, "")
        return int(text) if text.isdecimal() and len(text) < 20 else None  # noqa: PLR2004 -- digits of 64 bits

    @property
    def pairs(self) -> list[str]:
        """The labels as people write them, sorted."""
        return [f"{key}={label_text(value)}" for key, value in sorted(self.labels.items())]

    def name(self, index: Reference) -> str | None:
        """Give the reference that it was added by, if it was not a digest."""
        try:
            return str(index.tagged(self.annotations[ORIGINAL_TAG]))
        except (KeyError, InvalidReferenceError):  # somebody else wrote the index
            return None


@dataclass(frozen=True, slots=True)
class KitIndex:
    """A ModelKit index.

    Attributes:
        entries: The ModelKits, in the order in which they were added.
        raw: The JSON object, with what else its author wrote.
    """

    entries: tuple[IndexEntry, ...] = ()
    raw: dict[str, JSON] = field(default_factory=dict, repr=False)

    def find(self, digest: Digest) -> IndexEntry | None:
        """Find the entry of a ModelKit."""
        return next((entry for entry in self.entries if entry.digest == digest), None)

    def with_entry(self, entry: IndexEntry) -> "KitIndex":
        """Put an entry into the place of the one of the same ModelKit, or at the end."""
        if self.find(entry.digest) is None:
            return KitIndex((*self.entries, entry), self.raw)
        return KitIndex(tuple(entry if one.digest == entry.digest else one for one in self.entries), self.raw)

    def without(self, digest: Digest) -> "KitIndex":
        """Leave out a ModelKit."""
        return KitIndex(tuple(one for one in self.entries if one.digest != digest), self.raw)

    def to_bytes(self) -> bytes:
        """Write the document as KitOps does, keys in the order of the spec."""
        base: dict[str, JSON] = {"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "artifactType": INDEX_TYPE}
        rest = {key: value for key, value in self.raw.items() if key not in {*base, "manifests"}}
        return go_dumps({**base, "manifests": [_written(entry) for entry in self.entries], **rest})


def read_index(raw: bytes, *, what: str) -> KitIndex:
    """Read a ModelKit index.

    Raises:
        NotAModelKitError: If it is another kind of document.
        InvalidDocumentError: If it is not valid, or holds an index in the place of a ModelKit.
        LimitExceededError: If it is over 4 MiB or lists more than 4096 ModelKits.
    """
    document = parse_document(raw)
    if not isinstance(document, Index) or document.artifact_type != INDEX_TYPE:
        hint = "; name one of its manifests by its digest" if isinstance(document, Index) else ""
        raise NotAModelKitError(f"{what}: artifact is not a ModelKit index{hint}")
    value = loads(raw, what=what, limit=MAX_MANIFEST)
    assert isinstance(value, dict)
    manifests = value.get("manifests") or []
    assert isinstance(manifests, list)
    entries = zip(document.manifests, manifests, strict=True)
    return KitIndex(tuple(_entry(descriptor, one, what) for descriptor, one in entries), value)


def _entry(descriptor: Descriptor, raw: JSON, what: str) -> IndexEntry:
    assert isinstance(raw, dict)
    if descriptor.media_type not in mediatype.MANIFESTS:
        raise InvalidDocumentError(f"{what}: {descriptor.digest} is no ModelKit: an index may hold ModelKits only")
    labels = raw.get(_LABELS) or {}
    if not isinstance(labels, dict):
        raise InvalidDocumentError(f"{what}: {descriptor.digest}: {_LABELS} must be an object")
    return IndexEntry(descriptor, dict(labels), dict(descriptor.annotations), raw)


def _written(entry: IndexEntry) -> JSON:
    known = {**entry.raw, "mediaType": entry.descriptor.media_type, "digest": str(entry.digest)}
    known["size"] = entry.descriptor.size
    known["annotations"] = dict(sorted(entry.annotations.items()))
    known[_LABELS] = dict(sorted(entry.labels.items()))
    order = ("mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType", _LABELS)
    rest = [key for key in known if key not in order]
    empty: tuple[JSON, ...] = ({}, None)
    return {key: known[key] for key in (*order, *rest) if key in known and known[key] not in empty}


def edit_labels(labels: Mapping[str, JSON], words: Sequence[str]) -> dict[str, JSON]:
    """Change labels: ``key=value`` sets a text, ``key:=json`` any value, ``key-`` takes one away.

    Raises:
        UsageError: If a word is none of them, a key is not one, or comes twice.
    """

    def value_of(key: str, text: str, *, is_json: bool) -> JSON:
        if _LABEL.fullmatch(key) is None:
            raise UsageError(
                f"invalid label key {key!r}: letters, digits, '-', '_' and '.', with a letter or digit at both ends; "
                "a domain and '/' may stand before it, as in example.com/gpu"
            )
        return _json(key, text) if is_json else text

    return _edited(labels, words, value_of, kind="label")


def edit_annotations(annotations: Mapping[str, str], words: Sequence[str]) -> dict[str, str]:
    """Change annotations: ``key=value`` sets one, ``key-`` takes one away.

    Raises:
        UsageError: If a word is neither, or a key comes twice.
    """

    def value_of(key: str, text: str, *, is_json: bool) -> JSON:
        if is_json:
            raise UsageError(f"invalid annotation {key}:={text}: annotation values are strings; use key=value")
        return text

    return {key: str(value) for key, value in _edited(dict(annotations), words, value_of, kind="annotation").items()}


def _edited(
    before: Mapping[str, JSON], words: Sequence[str], value_of: Callable[..., JSON], *, kind: str
) -> dict[str, JSON]:
    after, seen = dict(before), set()
    for word in words:
        key, sets, text = word.partition("=")
        if not sets and not word.endswith("-"):
            raise UsageError(f"invalid {kind} {word!r}: expected key=value to set, or key- to remove")
        is_json = bool(sets) and key.endswith(":")
        key = key[:-1] if is_json or not sets else key
        if not key:
            raise UsageError(f"invalid {kind} {word!r}: key cannot be empty")
        if key in seen:
            raise UsageError(f"invalid {kind} {word!r}: each key can be specified only once")
        seen.add(key)
        if sets:
            after[key] = value_of(key, text, is_json=is_json)
        else:
            after.pop(key, None)
    return after


def _json(key: str, text: str) -> JSON:
    try:
        return loads(text.encode(), what=f"label {key}", limit=_MAX_VALUE)
    except InvalidDocumentError as error:
        raise UsageError(f"invalid label {key}:={text[:80]}: value is not valid JSON") from error


def parse_selector(words: Iterable[str]) -> dict[str, str]:
    """Read ``key=value`` words that choose a ModelKit.

    Raises:
        UsageError: If a word is not one, or a key comes twice.
    """
    selector: dict[str, str] = {}
    for word in words:
        key, sets, text = word.partition("=")
        if not key or not sets:
            raise UsageError(f"invalid label {word!r}: expected key=value")
        if key in selector:
            raise UsageError(f"invalid label {word!r}: {key} is already set to {selector[key]!r}")
        selector[key] = text
    return selector


def select_entry(index: KitIndex, selector: Mapping[str, str], name: Reference, *, hint: str) -> IndexEntry:
    """Find the only entry that has all these labels.

    Args:
        index: Where to look.
        selector: The labels; none chooses every entry.
        name: What the index is called.
        hint: What to do where several match.

    Raises:
        NotFoundError: If there is none, saying which there are.
        UsageError: If there are several, saying which.
    """
    matching = [entry for entry in index.entries if _matches(entry, selector)]
    if len(matching) == 1:
        return matching[0]
    if not index.entries:
        raise NotFoundError(f"{name}: index contains no ModelKits")
    if not matching:
        wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
        listed = _described(index.entries, name)
        raise NotFoundError(f"{name}: no ModelKit in the index has {wanted}. The index contains:\n{listed}")
    raise UsageError(
        f"{name}: {len(matching)} ModelKits in the index match; {hint}; add labels to select one of:\n"
        + _described(matching, name)
    )


def _matches(entry: IndexEntry, selector: Mapping[str, str]) -> bool:
    return all(key in entry.labels and label_text(entry.labels[key]) == text for key, text in selector.items())


def _described(entries: Sequence[IndexEntry], index: Reference) -> str:
    lines = [f"  {entry.name(index) or entry.digest}  ({', '.join(entry.pairs) or 'no labels'})" for entry in entries]
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*(line[:200] for line in lines[:_SHOWN]), *more])


def label_text(value: JSON) -> str:
    """Write a label's value as it is typed: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else dumps(value).decode()
