"""The wire format of Protocol Buffers, walked: fields one after the other, and no field read that nobody asks for."""

from collections.abc import Iterator
from typing import Final

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.access import Cursor

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
MAX_FIELDS: Final = 2_000_000  # of one file; each costs a microsecond or two

_WIDTHS: Final = {FIXED64: 8, FIXED32: 4}
_MAX_VARINT: Final = 10  # bytes


class Wire:
    """The fields of a message in a file.

    Args:
        cursor: Where the file is read.
    """

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self._left = MAX_FIELDS

    def fields(self, end: int) -> Iterator[tuple[int, int, int]]:
        """Give number, wire type and value of each field up to ``end``.

        The value of ``BYTES`` is their length, of a fixed number its width, and the cursor is before the content then;
        what the caller leaves of it is passed over.

        Raises:
            InvalidDocumentError: If it is not a sequence of fields.
            LimitExceededError: If there are too many.
        """
        cursor = self.cursor
        while cursor.position < end:
            self._left -= 1
            if self._left < 0:
                raise LimitExceededError(f"{cursor.what}: more than {MAX_FIELDS} fields")
            key = self.varint()
            number, kind = key >> 3, key & 7
            if kind == VARINT:
                yield number, kind, self.varint()
                continue
            length = self.varint() if kind == BYTES else _WIDTHS.get(kind, -1)
            after = cursor.position + length
            if length < 0 or after > end or not number:
                raise InvalidDocumentError(f"{cursor.what}: no message of Protocol Buffers at byte {cursor.position}")
            yield number, kind, length
            cursor.skip(after - cursor.position)

    def varint(self) -> int:
        """Read an unsigned number of 7 bits a byte.

        Raises:
            InvalidDocumentError: If it has no end.
        """
        value = shift = 0
        for _ in range(_MAX_VARINT):
            byte = self.cursor.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 -- the bit that says that more follows
                return value & 0xFFFF_FFFF_FFFF_FFFF
            shift += 7
        raise InvalidDocumentError(f"{self.cursor.what}: a number has no end at byte {self.cursor.position}")

    def text(self, length: int, limit: int) -> str:
        """Read a text of a length that a field claims.

        Raises:
            LimitExceededError: If it is too long.
        """
        if length > limit:
            raise LimitExceededError(f"{self.cursor.what}: {length} bytes of text, at most {limit} are accepted")
        return self.cursor.take(length).decode("utf-8", "replace")


def signed(value: int) -> int:
    """Read an ``int64`` that was written as a varint."""
    return value - (1 << 64) if value >> 63 else value
