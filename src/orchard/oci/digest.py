"""Digests: the names of content (OCI image spec, descriptor.md, "Digests")."""

import hashlib
import re
from typing import Final, NoReturn, Self

from orchard.errors import InvalidDigestError

ALGORITHMS: Final = ("sha256", "sha512")

# Lower-case hex of the exact length and nothing else: a digest becomes part of a path and of a URL.
_GRAMMAR: Final = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")


class Digest:
    """The name of some bytes, written ``algorithm:hex``. Immutable; equal digests are interchangeable.

    Not a dataclass, because msgspec would then read it from an object and not from its text.

    Attributes:
        algorithm: One of ``ALGORITHMS``.
        hex: Lower-case hexadecimal hash, 64 or 128 characters.

    Raises:
        InvalidDigestError: If the two do not make a digest.
    """

    __slots__ = ("_text", "algorithm", "hex")

    algorithm: str
    hex: str
    _text: str

    def __init__(self, algorithm: str, value: str) -> None:
        text = f"{algorithm}:{value}"
        if _GRAMMAR.fullmatch(text) is None:
            raise InvalidDigestError(_complaint(text))
        object.__setattr__(self, "algorithm", algorithm)
        object.__setattr__(self, "hex", value)
        object.__setattr__(self, "_text", text)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a digest cannot change: {name}")

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (self.algorithm, self.hex)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Digest) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._text)

    def __lt__(self, other: "Digest") -> bool:
        return self._text < other._text

    def __repr__(self) -> str:
        return f"Digest({self._text!r})"

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
        return self._text

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
