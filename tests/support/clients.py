"""What the tests of a registry client share: small options, a clock that nobody waits for, blobs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from orchard.oci import CHUNK, JSON, Descriptor, Digest, Readable, Verifying, chunks, dumps, mediatype
from orchard.remote import Chunking, Options, Registry, RemoteRepository, Retry, Timeouts, Timing
from orchard.store import Bytes
from support.faultserver import FaultServer

# Small numbers, so that a few hundred KiB meet every path.
SMALL = Options(
    chunking=Chunking(threshold=1 << 30),
    retry=Retry(attempts=4, first=1, longest=60),
    timeouts=Timeouts(connect=5, read=5, commit=5),
)

Connect = Callable[..., Registry]


@dataclass
class FakeTime:
    """A clock that only sleeping moves, and chance that is always the middle."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    @property
    def timing(self) -> Timing:
        return Timing(monotonic=lambda: self.now, wall=lambda: self.now, sleep=self.sleep, random=lambda: 0.5)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def blob(data: bytes, algorithm: str = "sha256") -> Descriptor:
    """Describe a blob."""
    return Descriptor(media_type=mediatype.OCTET_STREAM, digest=Digest.of(data, algorithm), size=len(data))


def pull(repository: RemoteRepository, wanted: Descriptor, offset: int = 0) -> bytes:
    """Read content to its end; verified, if from its start."""
    with repository.open(wanted, offset) as body:
        return b"".join(chunks(body if offset else Verifying(body, wanted), CHUNK))


CONFIG = blob(b"{}")


def manifest(*layers: Descriptor, subject: Descriptor | None = None, kind: str = "") -> bytes:
    document: dict[str, JSON] = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "artifactType": kind or "application/vnd.test",
        "config": CONFIG.to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    if subject is not None:
        document["subject"] = subject.to_json()
    return dumps(document) + b"\n"  # white space that must survive


def named(raw: bytes) -> Descriptor:
    return Descriptor.of(raw, mediatype.OCI_MANIFEST)


def methods(server: FaultServer) -> str:
    """Give what was asked, one letter each: Head, pOst, pAtch, pUt, Get, Delete."""
    letters = {"HEAD": "H", "POST": "O", "PATCH": "A", "PUT": "U", "GET": "G", "DELETE": "D"}
    return "".join(letters[seen.method] for seen in server.seen)


def ranges(server: FaultServer) -> list[str]:
    return [seen.headers["content-range"] for seen in server.seen if seen.method == "PATCH"]


class Counting(Bytes):
    """A source that remembers where it was opened."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.opened: list[int] = []

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        self.opened.append(offset)
        return super().open(content, offset)


class Failing:
    """A source whose reader fails after some bytes."""

    def __init__(self, error: Exception, after: int = 0) -> None:
        self.error = error
        self.after = after

    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        del content, offset
        yield self

    def read(self, size: int, /) -> bytes:
        if self.after <= 0:
            raise self.error
        piece = bytes(min(size, self.after))
        self.after -= len(piece)
        return piece
