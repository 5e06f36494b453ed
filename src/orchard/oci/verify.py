"""Verification that lives in the stream, so that nobody can forget it."""

from collections.abc import Iterator
from typing import Final, Protocol

from orchard.errors import IntegrityError, LimitExceededError
from orchard.oci.descriptor import Descriptor
from orchard.oci.digest import Hasher

# One call moves this many bytes. Measured: 64 to 256 KiB is best for writes through the page cache (4.5 GB/s), 1 MiB
# and more pays for page allocation (1.3 GB/s); reading and hashing do not care.
CHUNK: Final = 256 << 10

# One call on a socket receives up to this many bytes, where nothing is written through the page cache. Measured, 1 GiB
# received over loopback and hashed: 0.92 CPU-s with 256 KiB, 0.72 with 1 MiB, and no better with more.
STRIDE: Final = 1 << 20


class Readable(Protocol):
    """Bytes in order. ``read`` gives at least one byte until the end, then ``b""``; it may give fewer than asked."""

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        ...


class Verifying:
    """A reader that gives exactly the bytes a descriptor promises, or raises.

    The check happens on the read that meets the end, before that read returns ``b""``. A caller that publishes only
    after reading to the end can therefore not publish wrong bytes.
    """

    __slots__ = ("_body", "_hasher", "_wanted")

    def __init__(self, body: Readable, wanted: Descriptor) -> None:
        self._body = body
        self._wanted = wanted
        self._hasher = Hasher(wanted.digest.algorithm)

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes.

        Raises:
            IntegrityError: If the bytes turn out to be too many, too few or not the promised ones.
        """
        wanted = self._wanted
        chunk = self._body.read(size)
        if chunk:
            self._hasher.update(chunk)
            if self._hasher.size > wanted.size:
                raise IntegrityError(f"{wanted.digest}: more than the promised {wanted.size} bytes")
            return chunk
        if self._hasher.size < wanted.size:
            raise IntegrityError(f"{wanted.digest}: ends after {self._hasher.size} of {wanted.size} bytes")
        if self._hasher.hex != wanted.digest.hex:
            raise IntegrityError(f"{wanted.digest}: the content does not match; it is {self._hasher.digest}")
        return b""


def chunks(body: Readable, size: int = CHUNK) -> Iterator[bytes]:
    """Give the rest of a body in pieces of at most ``size`` bytes."""
    while chunk := body.read(size):
        yield chunk


def read_all(body: Readable, wanted: Descriptor, *, limit: int) -> bytes:
    """Read small, verified content into memory.

    Raises:
        LimitExceededError: If the descriptor promises more than ``limit`` bytes; nothing is read then.
        IntegrityError: If the bytes are not the promised ones.
    """
    if wanted.size > limit:
        raise LimitExceededError(f"{wanted.digest}: {wanted.size} bytes, at most {limit} are accepted here")
    return b"".join(chunks(Verifying(body, wanted)))


def read_up_to(body: Readable, size: int) -> bytes:
    """Read the next ``size`` bytes into memory; fewer if the body ends before."""
    parts: list[bytes] = []
    left = size
    while left and (chunk := body.read(min(CHUNK, left))):
        parts.append(chunk)
        left -= len(chunk)
    return b"".join(parts)


def read_bounded(body: Readable, *, limit: int, what: str) -> bytes:
    """Read content of unknown size into memory, one byte past the limit at most.

    Raises:
        LimitExceededError: If there are more than ``limit`` bytes.
    """
    data = read_up_to(body, limit + 1)
    if len(data) > limit:
        raise LimitExceededError(f"{what}: more than {limit} bytes")
    return data
