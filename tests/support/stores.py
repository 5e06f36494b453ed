"""Every kind of store that must keep the contract, and what tests of stores need.

To put another kind under ``tests/store/test_contract.py``, add it to ``STORES`` before the tests are collected.
"""

import atexit
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock

from orchard.errors import RemoteError
from orchard.oci import (
    ALGORITHMS,
    JSON,
    Descriptor,
    Digest,
    Hasher,
    Readable,
    Verifying,
    chunks,
    dumps,
    mediatype,
)
from orchard.remote import Registry
from orchard.store import Bytes, Layout, MemoryStore, Source, Store
from support.hubs import running_hub
from support.registries import docker_registry

TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class Kind:
    """How to make an empty store, and what it cannot do.

    Attributes:
        make: Opens an empty store; the path is a directory of its own that it may use.
        algorithms: The digests that it takes.
        holds_in_memory: Whether content takes memory of this process.
        program: The real peer that it needs, if any.
    """

    make: Callable[[Path], AbstractContextManager[Store]]
    algorithms: tuple[str, ...] = ALGORITHMS
    holds_in_memory: bool = False
    program: str = ""


@contextmanager
def memory(_path: Path) -> Iterator[Store]:
    yield MemoryStore()


@contextmanager
def layout(path: Path) -> Iterator[Store]:
    yield Layout(path / "layout").repository("example.com/team/model")


@cache
def _server(name: str) -> str:
    """Start a registry that all tests of this process share, and give its host."""
    stack = ExitStack()
    atexit.register(stack.close)
    data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchard-contract-")))
    if name == "hub":
        return stack.enter_context(running_hub(data / "data")).host
    return stack.enter_context(docker_registry(data)).host


def remote(name: str) -> Callable[[Path], AbstractContextManager[Store]]:
    """Make stores that are repositories of a real registry, a fresh one each time."""

    @contextmanager
    def make(_path: Path) -> Iterator[Store]:
        with Registry(_server(name)) as registry:
            yield registry.repository(f"contract/{secrets.token_hex(8)}")

    return make


STORES: dict[str, Kind] = {
    "memory": Kind(memory, holds_in_memory=True),
    "layout": Kind(layout),
    "our hub": Kind(remote("hub")),
    "docker-registry": Kind(remote("docker-registry"), algorithms=("sha256",), program="docker-registry"),
}


@dataclass(slots=True)
class Recorder:
    """A source that writes down how it was opened; it may break off after so many bytes, or change what it gives."""

    inner: Source
    breaks_after: int | None = None
    change: Callable[[bytes], bytes] = bytes
    opened: list[tuple[Digest, int]] = field(default_factory=list)

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        self.opened.append((content.digest, offset))
        with self.inner.open(content, offset) as body:
            yield _Changed(self, body, offset)


@dataclass(slots=True)
class _Changed:
    recorder: Recorder
    body: Readable
    position: int

    def read(self, size: int, /) -> bytes:
        end = self.recorder.breaks_after
        if end is not None:
            if self.position >= end:
                raise RemoteError("the connection broke")
            size = min(size, end - self.position)
        chunk = self.body.read(size)
        self.position += len(chunk)
        return self.recorder.change(chunk) if chunk else chunk


class Pattern:
    """A source of large content that nobody has to hold: one piece again and again."""

    def __init__(self, size: int, *, seed: bytes = b"orchard") -> None:
        self._piece = (seed * (1 + (64 << 10) // len(seed)))[: 64 << 10]
        self._size = size

    def pieces(self, offset: int = 0) -> Iterator[bytes]:
        while offset < self._size:
            start = offset % len(self._piece)
            piece = self._piece[start : start + self._size - offset]
            yield piece
            offset += len(piece)

    def describe(self, algorithm: str = "sha256") -> Descriptor:
        hasher = Hasher(algorithm)
        for piece in self.pieces():
            hasher.update(piece)
        return Descriptor(media_type=TEXT, digest=hasher.digest, size=hasher.size)

    @contextmanager
    def open(self, _content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        yield _Pieces(self.pieces(offset))


class _Pieces:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        self._rest = self._rest or next(self._pieces, b"")
        chunk, self._rest = self._rest[:size], self._rest[size:]
        return chunk


@dataclass(slots=True)
class Target:
    """A sink in memory that writes down what happens to it, and can be told to fail."""

    inner: MemoryStore = field(default_factory=MemoryStore)
    asked: list[Digest] = field(default_factory=list)
    pushed: list[Descriptor] = field(default_factory=list)
    before_push: Callable[[Descriptor, Source], None] = lambda _content, _source: None
    lock: Lock = field(default_factory=Lock)

    def exists(self, content: Descriptor) -> bool:
        with self.lock:
            self.asked.append(content.digest)
        return self.inner.exists(content)

    def push(self, content: Descriptor, source: Source) -> None:
        self.before_push(content, source)
        self.inner.push(content, source)
        with self.lock:
            self.pushed.append(content)

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        return self.inner.open(content, offset)


@dataclass(slots=True)
class Watcher:
    """An observer that adds up what it is told."""

    started_: list[Digest] = field(default_factory=list)
    finished_: dict[Digest, bool] = field(default_factory=dict)
    sizes: dict[Digest, int] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def started(self, content: Descriptor, /) -> None:
        with self.lock:
            self.started_.append(content.digest)

    def advanced(self, content: Descriptor, size: int, /) -> None:
        with self.lock:
            self.sizes[content.digest] = self.sizes.get(content.digest, 0) + size
            self.steps.append(size)

    def finished(self, content: Descriptor, /, *, skipped: bool) -> None:
        with self.lock:
            self.finished_[content.digest] = skipped


def describe(data: bytes, media_type: str = TEXT, algorithm: str = "sha256") -> Descriptor:
    return Descriptor(media_type=media_type, digest=Digest.of(data, algorithm), size=len(data))


def put(store: Store, data: bytes, media_type: str = TEXT) -> Descriptor:
    """Push bytes, and give their name."""
    content = describe(data, media_type)
    store.push(content, Bytes(data))
    return content


def get(source: Source, content: Descriptor) -> bytes:
    """Read and verify content."""
    with source.open(content) as body:
        return b"".join(chunks(Verifying(body, content)))


def manifest_of(layers: Iterable[Descriptor], config: Descriptor, **fields: JSON) -> bytes:
    """Write a manifest."""
    document: dict[str, JSON] = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "config": config.to_json(),
        "layers": [layer.to_json() for layer in layers],
        **fields,
    }
    return dumps(document)


def index_of(manifests: Iterable[Descriptor], **fields: JSON) -> bytes:
    """Write an index."""
    entries: list[JSON] = [manifest.to_json() for manifest in manifests]
    return dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": entries, **fields})


def put_manifest(store: Store, *layers: bytes, **fields: JSON) -> Descriptor:
    """Push a whole artifact of such layers, and give the name of its manifest."""
    config = put(store, b"{}", mediatype.OCI_EMPTY)
    raw = manifest_of([put(store, layer) for layer in layers], config, **fields)
    return put(store, raw, mediatype.OCI_MANIFEST)


def put_index(store: Store, *manifests: Descriptor, **fields: JSON) -> Descriptor:
    """Push an index of such manifests, and give its name."""
    return put(store, index_of(manifests, **fields), mediatype.OCI_INDEX)
