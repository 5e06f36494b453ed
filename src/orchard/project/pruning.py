"""Pruning the local store by policy: which versions go, and why the others stay.

What a kept version needs stays whatever the policy says: the versions that hold its model and its datasets, the
manifests of an index, and the signatures and other documents about it. Those go when their subject goes.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from orchard.errors import NotFoundError, OrchardError, UsageError
from orchard.formats import is_reference, lock_of, model_reference
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Document, Reference, mediatype, parse_document, read_all
from orchard.project.versions import read_version, resolve_local
from orchard.store import Entry, Layout

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE: Final = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)
# The tag scheme of referrers and of older signatures: the name says the subject.
_ABOUT: Final = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(?:\..+)?", re.ASCII)

_Key = tuple[str, Digest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which versions may go; without anything, those that have no tag.

    Attributes:
        tagged: Whether versions with tags may go too.
        keep_last: How many of the newest versions of each repository stay; versions with tags may go then too.
        older_than: Seconds; younger versions stay.
        keep: Patterns of names that stay, such as ``team/*:v*``; ``*`` stands for anything, ``/`` too.
    """

    tagged: bool = False
    keep_last: int | None = None
    older_than: int | None = None
    keep: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stale:
    """A version that goes.

    Attributes:
        repository: Registry and repository.
        descriptor: Its manifest.
        tags: Its tags, sorted.
        added: When it, or the last of its tags, came; seconds since 1970, if known.
        entries: Its lines in the index.
    """

    repository: str
    descriptor: Descriptor
    tags: tuple[str, ...]
    added: float | None
    entries: tuple[Entry, ...] = field(repr=False)


def parse_age(text: str) -> int:
    """Read an age such as ``30d``, ``12h`` or ``2w``, in seconds.

    Raises:
        UsageError: If it is none.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text[:64]!r} is not an age: write a number and s, m, h, d or w, as in 30d")
    return int(match[1]) * _SECONDS[match[2]]


def stale(layout: Layout, policy: Policy, *, now: float) -> list[Stale]:
    """Find the versions that a policy lets go, by repository, the oldest first; nothing is changed.

    Args:
        layout: The local store.
        policy: What may go.
        now: Seconds since 1970.

    Raises:
        StorageError: If the index is damaged.
    """
    shelf = _Shelf(layout)
    kept = _Kept(shelf)
    for key in _chosen(shelf, policy, now):
        kept.add(key)
    gone = [one for key, one in shelf.versions.items() if key not in kept.keys]
    return sorted(gone, key=lambda one: (one.repository, one.added or 0))


class _Shelf:
    """All versions of the store, and what is about what."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        rows: dict[_Key, list[Entry]] = {}
        for entry in layout.entries():
            rows.setdefault((entry.repository, entry.digest), []).append(entry)
        self.versions = {key: self._version(entries) for key, entries in rows.items()}
        self.subjects = {key: about for key, one in self.versions.items() if (about := self._subject(one)) is not None}

    def document(self, one: Stale) -> Document | None:
        """Read a document; None if it is damaged."""
        try:
            with self.layout.repository(one.repository).open(one.descriptor) as body:
                return parse_document(read_all(body, one.descriptor, limit=MAX_MANIFEST), one.descriptor.media_type)
        except OrchardError:
            return None

    def _version(self, entries: list[Entry]) -> Stale:
        first = entries[0]
        tags = tuple(sorted(entry.tag for entry in entries if entry.tag is not None))
        times = [entry.added for entry in entries if entry.added is not None]
        return Stale(first.repository, first.descriptor, tags, max(times, default=self._written(first)), tuple(entries))

    def _written(self, entry: Entry) -> float | None:
        """Tell when a document came that does not say so itself: when its file was written."""
        path = self.layout.path_of(entry.descriptor)
        try:
            return None if path is None else path.stat().st_mtime
        except OSError:
            return None

    def _subject(self, one: Stale) -> _Key | None:
        """Tell which version of the store this one is about, by what it says or by its tag."""
        named = [_ABOUT.fullmatch(tag) for tag in one.tags]
        document = None if one.tags else self.document(one)
        digests = [f"{match[1]}:{match[2]}" for match in named if match is not None]
        if document is not None and document.subject is not None:
            digests.append(str(document.subject.digest))
        known = {str(digest): (name, digest) for name, digest in self.versions if name == one.repository}
        return next((known[digest] for digest in digests if digest in known), None)


def _chosen(shelf: _Shelf, policy: Policy, now: float) -> Iterator[_Key]:
    """Give what the policy keeps."""
    seen: dict[str, int] = {}
    newest = sorted(shelf.versions.items(), key=lambda item: item[1].added or 0, reverse=True)
    for key, one in newest:
        if key in shelf.subjects:
            continue  # it stays with its subject
        seen[one.repository] = seen.get(one.repository, 0) + 1
        if _stays(one, policy, rank=seen[one.repository], now=now):
            yield key


def _stays(one: Stale, policy: Policy, *, rank: int, now: float) -> bool:
    """Tell whether a policy keeps a version that is the so many newest of its repository."""
    tagged = policy.tagged or policy.keep_last is not None
    young = policy.older_than is not None and (one.added is None or now - one.added < policy.older_than)
    return (
        rank <= (policy.keep_last or 0)
        or (bool(one.tags) and not tagged)
        or young
        or any(fnmatchcase(name, pattern) for name in _names(one) for pattern in policy.keep)
    )


class _Kept:
    """What stays, with all that it needs."""

    def __init__(self, shelf: _Shelf) -> None:
        self.keys: set[_Key] = set()
        self._shelf = shelf
        self._about: dict[_Key, list[_Key]] = {}
        for key, subject in shelf.subjects.items():
            self._about.setdefault(subject, []).append(key)

    def add(self, key: _Key) -> None:
        """Keep a version, and what it needs, and what is about it."""
        waiting = [key]
        while waiting:
            here = waiting.pop()
            if here in self.keys or here not in self._shelf.versions:
                continue
            self.keys.add(here)
            waiting += [*self._about.get(here, ()), *self._needs(self._shelf.versions[here])]

    def _needs(self, one: Stale) -> Iterator[_Key]:
        if one.descriptor.media_type in mediatype.INDEXES:
            document = self._shelf.document(one)
            yield from ((one.repository, child.digest) for child in (document.children if document else ()))
            return
        yield from _referred(self._shelf.layout, one)


def _referred(layout: Layout, one: Stale) -> Iterator[_Key]:
    """Find the versions that this one refers to and that are here: at the digests it pins, and as they are named."""
    try:
        version = read_version(layout.repository(one.repository), one.descriptor)
        pins = lock_of(version.manifest, what=str(one.descriptor.digest)).kits
    except OrchardError:
        return  # damaged, or no project: it refers to nothing that anybody knows of
    kitfile = version.kit.kitfile
    texts = [model_reference(kitfile), *(dataset.remote_path for dataset in kitfile.datasets), *pins]
    for text in dict.fromkeys(filter(None, texts)):
        if is_reference(text):
            reference = Reference.parse_tags(text)[0]
            if text in pins:
                yield reference.name, pins[text]
            with suppress(NotFoundError):
                yield reference.name, resolve_local(layout, reference).digest


def _names(one: Stale) -> Iterable[str]:
    registry, _, repository = one.repository.partition("/")
    name = Reference(registry, repository)
    return (str(name), *(f"{name}:{tag}" for tag in one.tags), str(name.at(one.descriptor.digest)))
