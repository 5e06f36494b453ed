"""Git's names for content: the SHA-1 of a file with its size in front of it."""

import hashlib
from typing import Final

from orchard.oci import CHUNK

ALGORITHM: Final = "sha1"


class GitHasher:
    """The name of a file in Git, in the making.

    Args:
        size: Bytes of the whole file; Git hashes the size first.
    """

    __slots__ = ("_hash",)

    def __init__(self, size: int) -> None:
        self._hash = hashlib.new(ALGORITHM, b"blob %d\0" % size, usedforsecurity=False)

    def update(self, data: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self._hash.update(data)

    @property
    def hex(self) -> str:
        """The name, in lower-case hexadecimal."""
        return self._hash.hexdigest()


def git_name(data: bytes) -> str:
    """Give the name of a small file."""
    hasher = GitHasher(len(data))
    for start in range(0, len(data), CHUNK):
        hasher.update(data[start : start + CHUNK])
    return hasher.hex
