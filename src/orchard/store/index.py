"""``index.json`` of a layout: which documents belong to which repository, and their tags.

Every entry says its repository in an annotation of ours; a tagged one also has the annotation of the image spec, with
the full name, as ``skopeo`` and ``oras`` read and write it. There is one entry for each tag of a repository, and one
without a tag for a document that has none there. An entry of ours also says when it was made, and which tags its
document had there before they moved on. What other tools wrote is kept as they wrote it.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from orchard.errors import InvalidDocumentError, InvalidError, InvalidReferenceError, StorageError
from orchard.oci import JSON, LOCAL_REGISTRY, UNNAMED, Descriptor, Digest, Reference, convert, dumps, loads, mediatype
from orchard.store.disk import guarded, replace_file
from orchard.store.locks import locked

REF_NAME: Final = "org.opencontainers.image.ref.name"
REPOSITORY: Final = "ml.orchard.repository"
ADDED: Final = "ml.orchard.added"
FORMER_TAGS: Final = "ml.orchard.former-tags"
NAMELESS: Final = f"{LOCAL_REGISTRY}/{UNNAMED}"

_MARKER: Final = dumps({"imageLayoutVersion": "1.0.0"})
_LIMIT: Final = 256 << 20  # bytes; some 500 000 entries
_MAX_FORMER: Final = 16  # tags that are remembered; a tag such as "latest" counts once
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the index.

    Attributes:
        repository: Registry and repository.
        tag: The tag, if it has one.
        descriptor: The document.
        added: When the entry was made, in seconds since 1970; None if it does not say so.
        former_tags: Tags that named the document here before they moved on or were taken away, the oldest first.
    """

    repository: str
    tag: str | None
    descriptor: Descriptor
    added: float | None = field(default=None, compare=False)
    former_tags: tuple[str, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> Digest:
        """The digest of the document."""
        return self.descriptor.digest


class Row(msgspec.Struct, frozen=True):
    """An entry, and the JSON object that says so."""

    entry: Entry
    raw: dict[str, JSON]


class Listing:
    """All entries at one moment; every change gives another listing."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = tuple(rows)

    @property
    def entries(self) -> list[Entry]:
        """The entries, oldest first."""
        return [row.entry for row in self.rows]

    def tagged(self, repository: str, tag: str) -> Descriptor | None:
        """Find what a tag names."""
        entry = self._tags.get((repository, tag))
        return None if entry is None else entry.descriptor

    def listed(self, repository: str, digest: Digest) -> Descriptor | None:
        """Find a document of a repository."""
        return self._documents.get((repository, digest))

    def known(self, digest: Digest) -> Descriptor | None:
        """Find a document of any repository."""
        return next((entry.descriptor for entry in self.entries if entry.digest == digest), None)

    def link(self, repository: str, document: Descriptor) -> "Listing":
        """Let a document belong to a repository."""
        if (repository, document.digest) in self._documents:
            return self
        return Listing((*self.rows, _row(repository, None, document)))

    def tag(self, repository: str, document: Descriptor, tag: str) -> "Listing":
        """Let a tag name a document; the one that it named before stays, without the tag."""
        before = self._tags.get((repository, tag))
        if before is not None and before.digest == document.digest:
            return self

        def replaced(entry: Entry) -> bool:
            return entry.tag is None and (entry.repository, entry.digest) == (repository, document.digest)

        former = next((entry.former_tags for entry in self.entries if replaced(entry)), ())
        rest = self._without(lambda entry: entry == before or replaced(entry))
        after = Listing((*rest, _row(repository, tag, document, former=former)))
        return after if before is None else after._left_by(before)

    def untag(self, repository: str, tag: str) -> "Listing":
        """Take a tag away; the document that it named stays."""
        before = self._tags.get((repository, tag))
        if before is None:
            return self
        after = Listing(self._without(lambda entry: entry == before))
        return after._left_by(before)

    def remove(self, repository: str, digests: frozenset[Digest]) -> "Listing":
        """Let documents no longer belong to a repository, with all their tags."""
        return Listing(self._without(lambda entry: entry.repository == repository and entry.digest in digests))

    def drop(self, entries: Collection[Entry]) -> "Listing":
        """Take these very entries out; one that says something else by now stays."""
        return Listing(self._without(lambda entry: entry in entries))

    def _left_by(self, gone: Entry) -> "Listing":
        """Let a document stay that has lost a tag: it remembers the tag, and when it came."""
        key = (gone.repository, gone.digest)
        rows = list(self.rows)
        if key not in self._documents:
            row = _row(gone.repository, None, gone.descriptor)
            rows.append(row if gone.added is None else _stamped(row, gone.added))
        tags = (*gone.former_tags, *filter(None, [gone.tag]))
        return Listing(_remembering(r, tags) if (r.entry.repository, r.entry.digest) == key else r for r in rows)

    def _without(self, unwanted: Callable[[Entry], bool]) -> list[Row]:
        return [row for row in self.rows if not unwanted(row.entry)]

    @cached_property
    def _tags(self) -> dict[tuple[str, str], Entry]:
        return {(entry.repository, entry.tag): entry for entry in self.entries if entry.tag is not None}

    @cached_property
    def _documents(self) -> dict[tuple[str, Digest], Descriptor]:
        return {(entry.repository, entry.digest): entry.descriptor for entry in self.entries}


class _Content(msgspec.Struct, frozen=True):
    """What the file says.

    Attributes:
        raw: Its bytes.
        head: All of it but the entries.
        listing: The entries.
    """

    raw: bytes = b""
    head: dict[str, JSON] = msgspec.field(
        default_factory=lambda: {"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX}
    )
    listing: Listing = msgspec.field(default_factory=Listing)

    def changed(self, listing: Listing) -> "_Content":
        """Say something else."""
        document = {**self.head, "manifests": [row.raw for row in listing.rows]}
        return _Content(dumps(document), self.head, listing)


class IndexFile:
    """The file, parsed again only when it has changed, and changed by one at a time."""

    def __init__(self, root: Path, now: Callable[[], float] = time.time) -> None:
        self._path = root / "index.json"
        self._now = now
        self._marker = root / "oci-layout"
        self._lock = root / "index.lock"
        self._last: _Content | None = None

    def read(self) -> Listing:
        """Give the entries; none where there is no layout yet.

        Raises:
            StorageError: If the file is damaged, or has gone missing from a layout.
        """
        return self._read().listing

    def create(self) -> None:
        """Make this a layout, unless it is one.

        Raises:
            StorageError: If it cannot be made.
        """
        with guarded(self._marker):
            if self._marker.exists():
                return
        with locked(self._lock):
            if not self._path.exists():
                replace_file(self._path, _Content().changed(Listing()).raw)
            replace_file(self._marker, _MARKER)  # last: a marker without an index means that the index was lost

    def change(self, edit: Callable[[Listing], Listing]) -> Listing:
        """Replace the entries by what ``edit`` makes of them, while nobody else does; give those before.

        Raises:
            StorageError: If the file is damaged, or cannot be written; it stays as it was.
        """
        self.create()
        with locked(self._lock):
            before = self._read()
            listing = edit(before.listing)
            if listing.rows != before.listing.rows:
                after = before.changed(self._stamped(listing, before.listing))
                replace_file(self._path, after.raw)
                self._last = after
        return before.listing

    def _stamped(self, listing: Listing, before: Listing) -> Listing:
        """Write the time into the entries that are new."""
        known = set(before.entries)
        added = round(self._now(), 3)  # enough to tell one command from the next
        return Listing(
            row if row.entry in known or row.entry.added is not None else _stamped(row, added) for row in listing.rows
        )

    def _read(self) -> _Content:
        """Read the file, but parse it only if its bytes are new: no time stamp tells that for certain.

        Raises:
            StorageError: If it is damaged or missing.
        """
        raw = self._read_bytes()
        if raw is None:
            return _Content()
        last = self._last
        if last is None or raw != last.raw:
            last = self._last = self._parse(raw)
        return last

    def _read_bytes(self) -> bytes | None:
        with guarded(self._path):
            try:
                return self._path.read_bytes()
            except FileNotFoundError:
                if not self._marker.exists():
                    return None
        raise StorageError(f"{self._path} is missing; put it back, or remove oci-layout to start anew")

    def _parse(self, raw: bytes) -> _Content:
        try:
            head = loads(raw, what="index", limit=_LIMIT)
            rows = head.pop("manifests", None) if isinstance(head, dict) else None
            if not isinstance(head, dict) or not isinstance(rows, list):
                raise InvalidDocumentError("it holds no list of manifests")
            return _Content(raw, head, Listing(_row_of(row, number) for number, row in enumerate(rows)))
        except InvalidError as error:
            raise StorageError(f"{self._path} is damaged: {error}; put a sound copy back") from error


def check_name(repository: str) -> str:
    """Give a full repository name back if it is one.

    Raises:
        InvalidReferenceError: If it is not a registry, a slash and a repository.
    """
    registry, _, name = repository.partition("/")
    return Reference(registry, name).name


def _row_of(raw: JSON, number: int) -> Row:
    descriptor = convert(raw, Descriptor, what=f"entry {number}")
    assert isinstance(raw, dict)
    annotations = dict(descriptor.annotations)
    repository = annotations.pop(REPOSITORY, None)
    name = annotations.pop(REF_NAME, None)
    if repository is None:
        repository, tag = _foreign_name(name)
    else:
        tag = None if name is None else name.removeprefix(f"{repository}:")
    added, former = _read_time(annotations.get(ADDED)), annotations.get(FORMER_TAGS, "")
    return Row(Entry(repository, tag, _plain(descriptor), added, tuple(filter(None, former.split(",")))), raw)


def _foreign_name(name: str | None) -> tuple[str, str | None]:
    """Make sense of the name that another tool gave an entry: a full one, or a tag alone."""
    if name is None:
        return NAMELESS, None
    try:
        reference = Reference.parse(name)
    except InvalidReferenceError:
        return NAMELESS, name
    return (reference.name, reference.tag) if reference.tag else (NAMELESS, name)


def _plain(document: Descriptor) -> Descriptor:
    """Leave out what the document says itself; a copy of all its annotations would only make the index slow."""
    return Descriptor(
        media_type=document.media_type,
        digest=document.digest,
        size=document.size,
        artifact_type=document.artifact_type,
    )


def _row(repository: str, tag: str | None, document: Descriptor, *, former: tuple[str, ...] = ()) -> Row:
    plain = _plain(document)
    raw = plain.to_json()
    name: dict[str, JSON] = {} if tag is None else {REF_NAME: f"{repository}:{tag}"}
    raw["annotations"] = {REPOSITORY: repository, **name}
    return _remembering(Row(Entry(repository, tag, plain), raw), former)


def _remembering(row: Row, tags: tuple[str, ...]) -> Row:
    """Add to the tags that a document had, each once and the last ones only."""
    former = tuple(dict.fromkeys(reversed((*row.entry.former_tags, *tags))))[:_MAX_FORMER][::-1]
    if former == row.entry.former_tags:
        return row
    return _annotated(row, FORMER_TAGS, ",".join(former), entry=replace(row.entry, former_tags=former))


def _stamped(row: Row, added: float) -> Row:
    text = datetime.fromtimestamp(added, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _annotated(row, ADDED, text, entry=replace(row.entry, added=added))


def _annotated(row: Row, key: str, value: str, *, entry: Entry) -> Row:
    annotations = row.raw.get("annotations")
    known = annotations if isinstance(annotations, dict) else {}
    return Row(entry, {**row.raw, "annotations": {**known, key: value}})


def _read_time(text: str | None) -> float | None:
    """Read the time of an entry; another tool may have written anything there."""
    if text is None or _TIME.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
