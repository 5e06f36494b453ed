"""Digests: the names of content (OCI image spec, descriptor.md, "Digests")."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from orchard.errors import InvalidDigestError

ALGORITHMS: Final = ("sha256", "sha512")

# Lower-case hex of the exact length and nothing else: a digest becomes part of a path and of a URL.
_GRAMMAR: Final = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")


@dataclass(frozen=True, slots=True)
class Digest:
    """The name of some bytes, written ``algorithm:hex``.

    Attributes:
        algorithm: One of ``ALGORITHMS``.
        hex: Lower-case hexadecimal hash, 64 or 128 characters.
    """

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        if _GRAMMAR.fullmatch(f"{self.algorithm}:{self.hex}") is None:
            raise InvalidDigestError(_complaint(f"{self.algorithm}:{self.hex}"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha256:<64 hex>`` or ``sha512:<128 hex>``.

        Raises:
            InvalidDigestError: If the text is anything else, be it only an upper-case letter or a trailing newline.
        """
        algorithm, colon, value = text.partition(":")
        if not colon:
            raise InvalidDigestError(_complaint(text))
        return cls(algorithm, value)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Self:
        """Hash bytes that are already in memory.

        Raises:
            InvalidDigestError: If the algorithm is not one of ``ALGORITHMS``.
        """
        hasher = Hasher(algorithm)
        hasher.update(data)
        return cls(algorithm, hasher.hex)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @property
    def short(self) -> str:
        """The first twelve characters of the hash, for people."""
        return self.hex[:12]


class Hasher:
    """A digest in the making, with a count of the bytes it has seen.

    ``update`` releases the interpreter lock for all but tiny inputs, so hashing overlaps with reading and writing.

    Raises:
        InvalidDigestError: If the algorithm is not one of ``ALGORITHMS``.
    """

    __slots__ = ("_algorithm", "_hash", "size")

    def __init__(self, algorithm: str = "sha256") -> None:
        if algorithm not in ALGORITHMS:
            raise InvalidDigestError(f"{algorithm[:32]!r} is not a supported digest algorithm (sha256, sha512)")
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self.size = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take in the next bytes."""
        self._hash.update(data)
        self.size += len(data)

    @property
    def hex(self) -> str:
        """The hash of all bytes so far, in lower-case hexadecimal."""
        return self._hash.hexdigest()

    @property
    def digest(self) -> Digest:
        """The digest of all bytes so far."""
        return Digest(self._algorithm, self.hex)


def _complaint(text: str) -> str:
    return f"{text[:160]!r} is not a digest (sha256:<64 lower-case hex> or sha512:<128>)"
