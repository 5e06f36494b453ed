"""Verifying: every byte of a version against the digests that promise it; nothing is kept on the way.

A version is sound if its documents, its config and its layers are there and are what their digests say, the layers
without their compression are what the config says (diffId), manifest and config fit together, and the same holds for
whatever refers to the version.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Final, Literal

from orchard.archive import decompress
from orchard.errors import (
    IntegrityError,
    InvalidError,
    LimitExceededError,
    NotAModelKitError,
    NotFoundError,
    OrchardError,
    StorageError,
    UnsupportedError,
)
from orchard.formats import Compression, Layer
from orchard.oci import (
    MAX_MANIFEST,
    Descriptor,
    Digest,
    Hasher,
    Manifest,
    Readable,
    Reference,
    Verifying,
    chunks,
    mediatype,
    parse_document,
    read_all,
)
from orchard.project.progress import Observer, Silent
from orchard.project.versions import Places, entry_name, locate, read_version
from orchard.store import Layout, Referring, Source, referrer_graph

MAX_DOCUMENTS: Final = 4096  # of one version: indexes, manifests and what refers to them

Fault = Literal["damaged", "missing", "invalid"]
_NAMES: Final[dict[Compression, Literal["gzip", "zstd"]]] = {Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        fault: The bytes are others than promised, or they are not there, or they are what was promised and make no
            sense.
        digest: Of the content.
        what: What it is in the version, such as ``model weights.bin``.
        message: What is wrong, for people.
        versions: Which versions need it, as far as that was looked at.
    """

    fault: Fault
    digest: Digest
    what: str
    message: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what was found.

    Attributes:
        contents: How many blobs and documents were read.
        size: Bytes of them.
        referrers: How many documents refer to the version.
        findings: What is wrong; nothing, if all is sound.
    """

    contents: int
    size: int
    referrers: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Content that has to be hashed."""

    content: Descriptor
    what: str
    layer: Layer | None = None


def verify_version(
    source: Referring,
    root: Descriptor,
    *,
    name: str = "",
    workers: int = 5,
    observer: Observer | None = None,
) -> Verified:
    """Read all of a version, and of what refers to it, and hash it.

    Args:
        source: Where it is.
        root: Its manifest or index.
        name: What findings call the version.
        workers: Contents that are read at a time.
        observer: Told of each of them.

    Raises:
        LimitExceededError: If more documents belong to it than anybody has.
        OrchardError: If the source cannot be asked; what it lacks is a finding.
    """
    survey = _Survey(source)
    survey.run(root)
    watch = observer or Silent()
    check = _Check(source, watch)
    found = [*survey.findings, *check.run(survey.parts.values(), workers)]
    findings = [replace(finding, versions=(name,) if name else ()) for finding in found]
    size = sum(part.content.size for part in survey.parts.values()) + survey.size
    return Verified(len(survey.parts) + survey.documents, size, survey.referrers, tuple(findings))


def verify_reference(
    places: Places, reference: Reference, *, remote: bool = False, workers: int = 5, observer: Observer | None = None
) -> tuple[Digest, Verified]:
    """Find a version in the local store, or in its registry, and verify it there.

    Returns:
        The digest of the version, and what was found.

    Raises:
        NotFoundError: If it is not there.
        OrchardError: As ``verify_version``.
    """
    root, store = locate(places, reference, remote=remote)
    return root.digest, verify_version(store, root, name=str(reference), workers=workers, observer=observer)


def verify_store(layout: Layout, *, observer: Observer | None = None) -> Verified:
    """Hash everything that is in the local store, and look for everything that its versions need.

    Raises:
        StorageError: If the index is damaged.
    """
    count = _Counted(observer or Silent())
    findings = [
        Finding(problem.fault, problem.digest, "content", problem.message, _needing(layout, problem.digest))
        for problem in layout.verify(count)
    ]
    return Verified(count.contents, count.size, 0, tuple(findings))


def repair(layout: Layout, findings: Iterable[Finding]) -> list[Digest]:
    """Delete what is damaged, so that the next pull brings it anew; what is missing or invalid stays as it is.

    Raises:
        StorageError: If something cannot be deleted.
    """
    damaged = list(dict.fromkeys(finding.digest for finding in findings if finding.fault == "damaged"))
    for digest in damaged:
        layout.discard(digest)
    return damaged


@dataclass(slots=True)
class _Survey:
    """Finds what belongs to a version: documents are read here, the rest is left to ``_Check``."""

    source: Referring
    parts: dict[Digest, _Part] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    documents: int = 0
    size: int = 0
    referrers: int = 0

    def run(self, root: Descriptor) -> None:
        waiting = [(root, "manifest"), *self._referrers(root)]
        seen = {content.digest for content, _ in waiting}
        while waiting:
            content, what = waiting.pop()
            self._count(content)
            children = [(child, label) for child, label in self._children(content, what) if child.digest not in seen]
            waiting += children
            seen |= {child.digest for child, _ in children}

    def _count(self, content: Descriptor) -> None:
        self.documents += 1
        self.size += content.size
        if self.documents > MAX_DOCUMENTS:
            raise LimitExceededError(f"more than {MAX_DOCUMENTS} documents belong to this version")

    def _children(self, content: Descriptor, what: str) -> list[tuple[Descriptor, str]]:
        try:
            with self.source.open(content) as body:
                document = parse_document(read_all(body, content, limit=MAX_MANIFEST), content.media_type)
        except (IntegrityError, InvalidError, NotFoundError, StorageError) as error:
            self.findings.append(_finding(error, content, what))
            return []
        if isinstance(document, Manifest):
            layers = self._layers(content, document)
            self.parts.setdefault(document.config.digest, _Part(document.config, "config"))
            for layer in document.layers:
                known = layers.get(layer.digest)
                label = f"{known.kind.value} {known.path}" if known else f"layer of {content.digest.short}"
                self.parts.setdefault(layer.digest, _Part(layer, label, known))
            return []
        return [(child, "manifest") for child in document.children if mediatype.is_document(child.media_type)]

    def _layers(self, content: Descriptor, manifest: Manifest) -> dict[Digest, Layer]:
        """Read what the layers are; where the config cannot say, they are hashed all the same."""
        try:
            kit = read_version(self.source, content).kit
        except (IntegrityError, NotFoundError, StorageError):
            return {}  # the check of the config itself tells
        except NotAModelKitError:
            return {}
        except InvalidError as error:
            self.findings.append(_finding(error, manifest.config, "config"))
            return {}
        return {layer.descriptor.digest: layer for layer in kit.layers}

    def _referrers(self, root: Descriptor) -> list[tuple[Descriptor, str]]:
        found: list[tuple[Descriptor, str]] = []
        # What prevents the walk is found again where the document itself is looked at.
        with suppress(IntegrityError, InvalidError, NotFoundError, StorageError, UnsupportedError):
            for related in referrer_graph(self.source, root):
                if related.subject is not None:
                    one = related.descriptor
                    found.append((one, f"referrer {one.artifact_type or related.tag or one.media_type}"))
        self.referrers += len(found)
        return found


class _Check:
    """Reads contents and hashes them, some at a time; a failure of the source itself ends all of them."""

    def __init__(self, source: Source, observer: Observer) -> None:
        self._source = source
        self._observer = observer
        self._stop = Event()

    def run(self, parts: Iterable[_Part], workers: int) -> list[Finding]:
        # The largest first, so that none is left to run alone at the end.
        ordered = sorted(parts, key=lambda part: part.content.size, reverse=True)
        with ThreadPoolExecutor(workers, thread_name_prefix="verify") as pool:
            futures = [pool.submit(self._look, part) for part in ordered]
            try:
                return [finding for future in futures if (finding := future.result()) is not None]
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _look(self, part: _Part) -> Finding | None:
        label = f"{part.what} {part.content.digest.short}"
        self._observer.started(label, part.content.size)
        try:
            self._read(part, label)
        except (IntegrityError, InvalidError, NotFoundError, StorageError) as error:
            return _finding(error, part.content, part.what)
        finally:
            self._observer.finished(label)
        return None

    def _read(self, part: _Part, label: str) -> None:
        with self._source.open(part.content) as body:
            verified = Verifying(_Watched(body, lambda size: self._advanced(label, size)), part.content)
            kind = part.layer.type.compression if part.layer else Compression.NONE
            if part.layer is not None and part.layer.diff_id is not None and kind is not Compression.NONE:
                self._read_plain(verified, part.layer, part.layer.diff_id)
            for _ in chunks(verified):
                continue

    def _read_plain(self, verified: Verifying, layer: Layer, diff_id: Digest) -> None:
        hasher = Hasher(diff_id.algorithm)
        try:
            for chunk in chunks(decompress(verified, _NAMES[layer.type.compression], what=layer.path)):
                hasher.update(chunk)
        except InvalidError:
            # Bytes that are not the promised ones may look like bad data first: the rest of them tells.
            for _ in chunks(verified):
                continue
            raise
        if hasher.digest != diff_id:
            raise IntegrityError(f"diffId {diff_id}: the uncompressed layer does not match; it is {hasher.digest}")

    def _advanced(self, label: str, size: int) -> None:
        if self._stop.is_set():
            raise OrchardError("stopped, because the source failed")
        self._observer.advanced(label, size)


class _Watched:
    """A body that tells how far it was read."""

    __slots__ = ("_body", "_tell")

    def __init__(self, body: Readable, tell: Callable[[int], None]) -> None:
        self._body = body
        self._tell = tell

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        chunk = self._body.read(size)
        self._tell(len(chunk))
        return chunk


class _Counted:
    """An observer of the store's own check, which adds up and passes on."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.contents = 0
        self.size = 0

    def started(self, content: Descriptor) -> None:
        """A blob begins."""
        self.contents += 1
        self.size += content.size
        self._observer.started(f"blob {content.digest.short}", content.size)

    def advanced(self, content: Descriptor, size: int) -> None:
        """Some of it is read."""
        self._observer.advanced(f"blob {content.digest.short}", size)

    def finished(self, content: Descriptor, *, skipped: bool) -> None:
        """It is read."""
        self._observer.finished(f"blob {content.digest.short}", skipped=skipped)


def _finding(error: OrchardError, content: Descriptor, what: str) -> Finding:
    fault: Fault = "damaged"
    if isinstance(error, NotFoundError):
        fault = "missing"
    elif isinstance(error, InvalidError):
        fault = "invalid"
    return Finding(fault, content.digest, what, str(error))


def _needing(layout: Layout, digest: Digest) -> tuple[str, ...]:
    return tuple(sorted({entry_name(entry) for entry in layout.needing(digest)}))
