"""One file that holds versions: a tar of an OCI image layout, as ``skopeo`` (``oci-archive:``) and ``oras`` read it.

    oci-layout                  {"imageLayoutVersion":"1.0.0"}
    index.json                  the versions with their names, and what refers to them
    blobs/<algorithm>/<hex>     documents first, then the rest, each sorted by digest

The same versions give the same bytes. Reading takes what other tools write, in any order; no name in it becomes a path,
and whatever is read is verified by whoever keeps it.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from orchard.archive import DEFAULTS, Limits, Member, SkippingReader, members
from orchard.errors import (
    IntegrityError,
    InvalidDigestError,
    InvalidDocumentError,
    InvalidError,
    InvalidReferenceError,
    NotFoundError,
    StorageError,
    UnsafeArchiveError,
    UsageError,
)
from orchard.oci import (
    LOCAL_REGISTRY,
    MAX_MANIFEST,
    UNNAMED,
    Descriptor,
    Digest,
    Index,
    Readable,
    Reference,
    dumps,
    loads,
    mediatype,
    parse_document,
)

LAYOUT: Final = "oci-layout"
INDEX: Final = "index.json"
BLOBS: Final = "blobs"
MARKER: Final = dumps({"imageLayoutVersion": "1.0.0"})

REF_NAME: Final = "org.opencontainers.image.ref.name"
REPOSITORY: Final = "ml.orchard.repository"
FULL_NAME: Final = "io.containerd.image.name"

_MAX_MARKER: Final = 4096  # bytes
_BLOB: Final = re.compile(r"blobs/([a-z0-9]+)/([0-9a-f]+)", re.ASCII)
_COMPRESSED: Final = {b"\x1f\x8b": "gunzip", b"\x28\xb5\x2f\xfd": "zstd -d", b"BZh": "bunzip2", b"\xfd7zX": "unxz"}


@dataclass(frozen=True, slots=True)
class Named:
    """One line of the index of an archive.

    Attributes:
        descriptor: The document.
        repository: Registry and repository; None if the archive does not say.
        tag: Its tag; None if it has none.
    """

    descriptor: Descriptor
    repository: str | None
    tag: str | None


def blob_name(digest: Digest) -> str:
    """Give the name of a blob in an archive."""
    return f"{BLOBS}/{digest.algorithm}/{digest.hex}"


def write_index(held: list[Named]) -> bytes:
    """Write ``index.json``: a tag that only one version has stands alone, as ``skopeo`` wants it; others in full."""
    tags = [one.tag for one in held if one.tag is not None]
    ordered = sorted(
        held, key=lambda one: (one.repository or "", one.tag is None, one.tag or "", one.descriptor.digest)
    )
    manifests = []
    for one in ordered:
        entry = one.descriptor.to_json()
        annotations = {REPOSITORY: one.repository} if one.repository else {}
        if one.tag is not None:
            full = f"{one.repository}:{one.tag}"
            annotations |= {REF_NAME: one.tag if tags.count(one.tag) == 1 else full, FULL_NAME: full}
        manifests.append({**entry, **({"annotations": annotations} if annotations else {})})
    return dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": manifests})


def read_index(raw: bytes, what: str) -> list[Named]:
    """Read ``index.json`` of any maker.

    Raises:
        InvalidError: If it is none.
    """
    try:
        document = parse_document(raw, mediatype.OCI_INDEX)
    except InvalidError as error:
        raise type(error)(f"{what}: {INDEX}: {error}") from error
    assert isinstance(document, Index)
    return [_held(descriptor) for descriptor in document.manifests]


def check_marker(raw: bytes, what: str) -> None:
    """Check ``oci-layout``.

    Raises:
        InvalidDocumentError: If it is of a later version than anybody knows, or none.
    """
    value = loads(raw, what=f"{what}: {LAYOUT}", limit=_MAX_MARKER)
    version = value.get("imageLayoutVersion") if isinstance(value, dict) else None
    if not isinstance(version, str) or not version.startswith("1."):
        raise InvalidDocumentError(f"{what}: {LAYOUT}: not a layout of version 1: {str(version)[:64]!r}")


def member_digest(name: str) -> Digest | None:
    """Read the name of a member that holds a blob; None for any other."""
    match = _BLOB.fullmatch(name)
    try:
        return None if match is None else Digest(match[1], match[2])
    except InvalidDigestError:
        return None


class Contents:
    """What has been met of an archive so far; a thing that is there twice is refused."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.held: list[Named] | None = None
        self._seen: set[str] = set()

    def meet(self, member: Member) -> Digest | None:
        """Take in a member, read it if it is not a blob, and give its digest if it is one.

        Raises:
            UnsafeArchiveError: If it is there twice.
            InvalidError: If it is not what its name says.
            LimitExceededError: If it is too large for what it is.
        """
        digest = member_digest(member.name)
        if member.is_directory or (digest is None and member.name not in {LAYOUT, INDEX}):
            return None
        if member.name in self._seen:
            raise UnsafeArchiveError(f"{self.what}: {member.name} stands twice; the second would replace the first")
        self._seen.add(member.name)
        if member.name == LAYOUT:
            check_marker(self._read(member, _MAX_MARKER), self.what)
        elif member.name == INDEX:
            self.held = read_index(self._read(member, MAX_MANIFEST), self.what)
        return digest

    def require(self) -> list[Named]:
        """Give the index, after the last member.

        Raises:
            InvalidDocumentError: If there is none.
        """
        if self.held is None or LAYOUT not in self._seen:
            raise InvalidDocumentError(
                f"{self.what}: no archive of an OCI layout: {INDEX if self.held is None else LAYOUT} is missing. "
                "`orchard export` and `skopeo copy … oci-archive:FILE` write such files"
            )
        return self.held

    def _read(self, member: Member, limit: int) -> bytes:
        if member.size > limit:
            raise InvalidDocumentError(f"{self.what}: {member.name}: {member.size} bytes, at most {limit} are accepted")
        return member.content.read_whole()


class ArchiveFile:
    """An archive in a file that can be read from any place: a source. Safe to use from many threads.

    Attributes:
        held: What is in it, by name.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULTS) -> None:
        """Open a file and find out what it holds; only headers and the index are read.

        Raises:
            NotFoundError: If there is no such file.
            UsageError: If it cannot be read from any place.
            InvalidError: If it is no such archive.
            StorageError: If it cannot be read.
        """
        self._path = path
        self._file = _open(path)
        try:
            self._places: dict[Digest, tuple[int, int]] = {}
            self.held = self._scan(limits)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return os.fstat(self._file).st_size

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        """Open content for reading, from ``offset`` bytes on.

        Raises:
            NotFoundError: If it is not there.
            IntegrityError: If it has another size than it should.
        """
        place = self._places.get(content.digest)
        if place is None:
            raise NotFoundError(f"{content.digest} is not in {self._path}")
        start, size = place
        if size != content.size:
            raise IntegrityError(f"{content.digest}: {size} bytes in {self._path}, {content.size} are promised")
        yield _Part(self, start + offset, size - offset)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read exactly these bytes of the file.

        Raises:
            StorageError: If the disk fails, or the file has become shorter.
        """
        parts = []
        while size:
            try:
                part = os.pread(self._file, size, offset)
            except OSError as error:
                raise StorageError(f"{self._path}: {error.strerror}") from error
            if not part:
                raise StorageError(f"{self._path}: became shorter while it was read")
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return b"".join(parts)

    def _scan(self, limits: Limits) -> list[Named]:
        refuse_compressed(self.read_at(0, min(self.size, 8)), str(self._path))
        contents = Contents(str(self._path))
        for member in members(SkippingReader(self.read_at, self.size), limits, what=str(self._path)):
            digest = contents.meet(member)
            if digest is not None:
                self._places[digest] = member.offset, member.size
        return contents.require()


def refuse_compressed(first: bytes, what: str) -> None:
    """Refuse an archive that somebody has compressed: weights hardly shrink, and it cannot be read from any place then.

    Raises:
        InvalidError: Naming what undoes it.
    """
    for magic, program in _COMPRESSED.items():
        if first.startswith(magic):
            raise InvalidError(f"{what}: is compressed; undo that first: {program}")


class _Part:
    """Some bytes of an archive."""

    __slots__ = ("_archive", "_left", "_offset")

    def __init__(self, archive: ArchiveFile, offset: int, size: int) -> None:
        self._archive = archive
        self._offset = offset
        self._left = size

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        size = min(size, self._left)
        data = self._archive.read_at(self._offset, size)
        self._offset += size
        self._left -= size
        return data


def _open(path: Path) -> int:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise UsageError(f"{path}: not a regular file; give a stream to standard input, as in: orchard load - < {path}")
    return file


def _held(descriptor: Descriptor) -> Named:
    """Make sense of the names that any tool gave: a full one, a tag alone, or none."""
    annotations = descriptor.annotations
    repository, name = annotations.get(REPOSITORY), annotations.get(REF_NAME)
    full = _parsed(annotations.get(FULL_NAME)) or _parsed(name if name and ("/" in name or ":" in name) else None)
    plain = Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        artifact_type=descriptor.artifact_type,
    )
    if repository is not None:
        tag = None if name is None else name.removeprefix(f"{repository}:")
        return Named(plain, _named(repository), _tagged(tag))
    if full is not None:
        return Named(plain, full.name, full.tag)
    return Named(plain, None, _tagged(name))


def _parsed(name: str | None) -> Reference | None:
    try:
        reference = None if name is None else Reference.parse(name)
    except InvalidReferenceError:
        return None
    return reference if reference is not None and reference.repository != UNNAMED else None


def _named(repository: str) -> str | None:
    registry, _, name = repository.partition("/")
    try:
        return None if name == UNNAMED else Reference(registry, name).name
    except InvalidReferenceError:
        return None


def _tagged(tag: str | None) -> str | None:
    try:
        return None if tag is None else Reference(LOCAL_REGISTRY, "x", tag).tag
    except InvalidReferenceError:
        return None
