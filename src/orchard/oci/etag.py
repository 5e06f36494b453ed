"""ETags of object stores: how they promise content (Amazon S3, "Object", ETag)."""

import hashlib
import re
from typing import Final

_MD5: Final = re.compile(r"[0-9a-f]{32}")


class EntityTag:
    """The MD5 of some bytes, which is what the ETag of an object that was sent in one piece is.

    Of one that was sent in parts it is the MD5 of their MD5s, with ``-`` and the number of parts: nobody who does not
    know where the parts ended can check that. MD5 protects against accidents, not against the owner of the store.
    """

    def __init__(self) -> None:
        self._hash = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        self._hash.update(data)

    @property
    def text(self) -> str:
        """The tag of all bytes so far, without quotes."""
        return self._hash.hexdigest()

    @staticmethod
    def promises(etag: str) -> bool:
        """Tell whether an ETag, without quotes, is one that can be checked."""
        return _MD5.fullmatch(etag) is not None
