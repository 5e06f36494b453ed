"""Moving in from ``kit``: what its home holds, found and taken over.

    storage/<base64 of registry/repository>-index.json    the manifests of a repository
    storage/<base64 of registry/repository>-tags.json     its tags
    storage/blobs/<algorithm>/<hex>                       shared by all
    storage/<registry>/<repository>/index.json            before kit 1.0: an OCI layout for each repository

Nothing there is changed. Whatever was taken over before is not taken over again, so an interrupted run goes on.
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from orchard.errors import InvalidDocumentError, InvalidReferenceError, NotFoundError, OrchardError, StorageError
from orchard.oci import (
    JSON,
    MAX_MANIFEST,
    Descriptor,
    Document,
    Reference,
    check_tag,
    convert,
    loads,
    mediatype,
    parse_document,
    read_all,
)
from orchard.project.progress import Observer, Silent
from orchard.store import Layout, LocalRepository

STORAGE: Final = "storage"

_INDEX: Final = "-index.json"
_TAGS: Final = "-tags.json"
_REF_NAME: Final = "org.opencontainers.image.ref.name"
_MAX_INDEX: Final = 64 << 20  # bytes of an index of kit
_MAX_DEPTH: Final = 8  # indexes in indexes


@dataclass(frozen=True, slots=True)
class Foreign:
    """A version in a home of ``kit``.

    Attributes:
        repository: Registry and repository.
        descriptor: Its manifest.
        tags: Its tags there, sorted.
        storage: The directory with its blobs.
    """

    repository: str
    descriptor: Descriptor
    tags: tuple[str, ...]
    storage: Path


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a version.

    Attributes:
        foreign: What it was.
        tags: Its tags that are new here; one that names another version here stays as it is.
        new: Whether it was not here before.
        shared: Bytes of blobs that take no new room.
        copied: Bytes of blobs that were copied.
        problem: Why it was left; empty if it was not.
    """

    foreign: Foreign
    tags: tuple[str, ...] = ()
    new: bool = False
    shared: int = 0
    copied: int = 0
    problem: str = ""


def find_kit_home(environ: Mapping[str, str], platform: str, ours: Path) -> Path | None:
    """Find the home of ``kit``: ours, if it is that too, else where it looks itself; none without a storage in it.

    Args:
        environ: The environment.
        platform: As ``sys.platform``.
        ours: Our own home.
    """
    home = environ.get("HOME", "")
    data = environ.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    candidates = [str(ours), environ.get("KITOPS_HOME", ""), f"{data}/kitops" if data else ""]
    if platform == "darwin" and home:
        candidates.append(f"{home}/Library/Caches/kitops")
    found = (Path(candidate).absolute() for candidate in candidates if candidate)
    return next((path for path in found if (path / STORAGE).is_dir()), None)


def list_foreign(home: Path) -> list[Foreign]:
    """List the versions in a home of ``kit``, sorted by repository and digest.

    Raises:
        NotFoundError: If it is none.
        InvalidDocumentError: If an index in it cannot be understood.
        StorageError: If it cannot be read.
    """
    storage = home / STORAGE
    if not storage.is_dir():
        raise NotFoundError(f"{home}: not a home of kit: there is no directory {STORAGE!r} in it")
    try:
        found = [*_current(storage), *_nested(storage)]
    except OSError as error:
        raise StorageError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return sorted(found, key=lambda one: (one.repository, str(one.descriptor.digest)))


def move_in(foreign: Foreign, layout: Layout, *, dry_run: bool = False, observer: Observer | None = None) -> Moved:
    """Take a version over, with its tags; what cannot be is said in the result.

    Raises:
        StorageError: If our store cannot be written.
    """
    try:
        with nullcontext() if dry_run else layout.writing():
            return _Move(foreign, layout, observer or Silent(), dry_run=dry_run).run()
    except StorageError:
        raise
    except OrchardError as error:
        return Moved(foreign, problem=str(error))


@dataclass(slots=True)
class _Move:
    foreign: Foreign
    layout: Layout
    observer: Observer
    dry_run: bool
    shared: int = 0
    copied: int = 0
    documents: list[Descriptor] = field(default_factory=list)

    def run(self) -> Moved:
        theirs = Layout(self.foreign.storage).repository(self.foreign.repository)
        ours = self.layout.repository(self.foreign.repository)
        root = self.foreign.descriptor
        new = not ours.exists(root)
        if new:
            self._survey(theirs, root, 0)
            for document in reversed(self.documents):
                if not self.dry_run:
                    ours.push(document, theirs)
        tags = tuple(tag for tag in self.foreign.tags if _is_free(ours, tag))
        for tag in tags if not self.dry_run else ():
            ours.tag(root, tag)
        return Moved(self.foreign, tags, new, self.shared, self.copied)

    def _survey(self, theirs: LocalRepository, content: Descriptor, depth: int) -> None:
        """Take over the blobs of a document, and remember it for later: documents come after what they name.

        Raises:
            InvalidDocumentError: If indexes nest too deep.
        """
        if depth > _MAX_DEPTH:
            raise InvalidDocumentError(f"{content.digest}: indexes are nested deeper than {_MAX_DEPTH} levels")
        if content in self.documents:
            return
        self.documents.append(content)
        for child in _read(theirs, content).children:
            if mediatype.is_document(child.media_type):
                self._survey(theirs, child, depth + 1)
            else:
                self._take(theirs, child)

    def _take(self, theirs: LocalRepository, blob: Descriptor) -> None:
        """Take over a blob.

        Raises:
            NotFoundError: If it is not there.
        """
        if self.layout.path_of(blob) is not None:
            return
        path = theirs.path_of(blob)
        if path is None:
            raise NotFoundError(f"{blob.digest} is missing, or has not the size that its manifest promises")
        if self.dry_run:
            self.shared += blob.size
            return
        label = f"blob {blob.digest.short}"
        self.observer.started(label, blob.size)
        ours = self.layout.repository(self.foreign.repository)
        if ours.adopt(blob, path):
            self.shared += blob.size
        else:
            ours.push(blob, theirs)
            self.copied += blob.size
        self.observer.advanced(label, blob.size)
        self.observer.finished(label)


def _is_free(repository: LocalRepository, tag: str) -> bool:
    try:
        repository.resolve(tag)
    except NotFoundError:
        return True
    return False


def _read(source: LocalRepository, content: Descriptor) -> Document:
    with source.open(content) as body:
        return parse_document(read_all(body, content, limit=MAX_MANIFEST), content.media_type)


def _current(storage: Path) -> Iterator[Foreign]:
    for path in sorted(storage.glob(f"*{_INDEX}")):
        encoded = path.name.removesuffix(_INDEX)
        try:
            repository = urlsafe_b64decode(encoded).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue  # not of kit
        names: dict[str, list[str]] = {}
        for tag, value in _load(storage / f"{encoded}{_TAGS}").items():
            names.setdefault(str(_descriptor(value, path).digest), []).append(tag)
        seen = set()
        for document in _manifests(path):
            if document.digest not in seen:
                seen.add(document.digest)
                tags = _tags(names.get(str(document.digest), []))
                yield Foreign(repository, document, tags, storage)


def _nested(storage: Path) -> Iterator[Foreign]:
    """Find the layouts of old versions, one for each repository, in directories that are called like it."""
    for path in sorted(storage.glob("*/**/index.json")):
        repository = path.parent.relative_to(storage).as_posix()
        found: dict[Descriptor, list[str]] = {}
        for document in _manifests(path):
            tag = document.annotations.get(_REF_NAME)
            found.setdefault(msgspec.structs.replace(document, annotations={}), []).extend([tag] if tag else [])
        for document, tags in found.items():
            yield Foreign(repository, document, _tags(tags), path.parent)


def _tags(tags: list[str]) -> tuple[str, ...]:
    return tuple(sorted(filter(_is_tag, tags)))


def _is_tag(tag: str) -> bool:
    """Leave out what ``kit`` takes for a tag and is none, such as a digest."""
    try:
        check_tag(tag)
    except InvalidReferenceError:
        return False
    return True


def _manifests(path: Path) -> list[Descriptor]:
    manifests = _load(path).get("manifests")
    return [_descriptor(value, path) for value in manifests] if isinstance(manifests, list) else []


def _descriptor(value: JSON, path: Path) -> Descriptor:
    return convert(value, Descriptor, what=str(path))


def _load(path: Path) -> dict[str, JSON]:
    """Read an index of ``kit``; one that is not there is empty.

    Raises:
        InvalidDocumentError: If it is not a JSON object.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_INDEX + 1)
    except FileNotFoundError:
        return {}
    value = loads(raw, what=str(path), limit=_MAX_INDEX)
    if not isinstance(value, dict):
        raise InvalidDocumentError(f"{path}: not a JSON object")
    return value


def shown_name(foreign: Foreign) -> str:
    """Write the repository as people do."""
    registry, _, repository = foreign.repository.partition("/")
    return str(Reference(registry, repository))
