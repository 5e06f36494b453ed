"""The grammar of tar: header blocks, numbers in them, PAX records (POSIX.1-2001, pax; GNU tar, "Basic Tar Format").

Strict where two readers could understand the same bytes differently, because a scanner and an extractor would then see
different files.
"""

import re
from typing import Final, NamedTuple

from orchard.archive.names import shown
from orchard.errors import InvalidError, UnsafeArchiveError

BLOCK: Final = 512
ZEROS: Final = bytes(BLOCK)

_OCTAL: Final = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_MAX_SIZE: Final = 2**63 - 1
_USTAR: Final = b"ustar\00000"
_CHECKSUM: Final = slice(148, 156)
_SPACES: Final = 8 * ord(" ")  # the checksum field counts as spaces
_BASE_256: Final = 0x80

# Records by which GNU tar, star and Solaris say that the content is a map of a sparse file.
_SPARSE: Final = (b"GNU.sparse.", b"SCHILY.realsize", b"SUN.holesdata")


class Block(NamedTuple):
    """What a header block says.

    Attributes:
        name: Prefix and name, undecoded.
        mode: Permission bits.
        size: Bytes of content.
        kind: The type flag.
    """

    name: bytes
    mode: int
    size: int
    kind: bytes


def parse_block(block: bytes, *, what: str) -> Block:
    """Read a header block.

    Raises:
        InvalidError: If it is none.
    """
    expected = sum(block) - sum(block[_CHECKSUM]) + _SPACES
    if len(block) < BLOCK or _number(block[_CHECKSUM], what) != expected:
        raise InvalidError(f"{what}: not a tar header, its checksum is wrong")
    name = _text(block[:100])
    # Only POSIX has a prefix there; GNU ("ustar  ") keeps times in the same place, and the first tar had nothing.
    prefix = _text(block[345:500]) if block[257:265] == _USTAR else b""
    return Block(
        prefix + b"/" + name if prefix else name,
        _number(block[100:108], what) & 0o7777,
        _number(block[124:136], what),
        block[156:157],
    )


def parse_records(data: bytes, *, what: str) -> dict[str, bytes]:
    """Read the records of a PAX header; the last of two with one key counts.

    Raises:
        InvalidError: If one of them breaks the grammar.
        UnsafeArchiveError: If they describe a sparse file.
    """
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        length, key, value = _record(data, at, what)
        if key.startswith(_SPARSE):
            raise UnsafeArchiveError(f"{what}: a sparse file; pack it again without sparse files")
        records[key.decode("utf-8", "backslashreplace")] = value
        at += length
    return records


def parse_size(digits: bytes, *, what: str) -> int:
    """Read the ``size`` of a PAX header.

    Raises:
        InvalidError: If it is no decimal number that fits 63 bits.
    """
    if not digits.isdigit() or len(digits) > len(str(_MAX_SIZE)) or int(digits) > _MAX_SIZE:
        raise InvalidError(f"{what}: a size must be a number, not {shown(digits)}")
    return int(digits)


def _record(data: bytes, at: int, what: str) -> tuple[int, bytes, bytes]:
    """Read one record, ``length key=value`` and a newline, where the length counts all of it.

    Raises:
        InvalidError: If it is anything else.
    """
    digits, _, _ = data[at : at + 20].partition(b" ")
    length = int(digits) if digits.isdigit() else 0
    record = data[at : at + length]
    key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
    if len(record) < length or not record.endswith(b"\n") or not equals or not key:
        raise InvalidError(f"{what}: a record of an extended header is broken: {shown(data[at : at + 40])}")
    return length, key, value


def _number(field: bytes, what: str) -> int:
    """Read a number: octal digits between spaces and NULs, or big-endian bytes after a set bit (GNU).

    Raises:
        InvalidError: If it is neither, is negative or needs more than 63 bits.
    """
    match = _OCTAL.fullmatch(field)
    if match is not None:
        return int(match[1] or b"0", 8)
    value = int.from_bytes(field[1:], "big")
    if field[0] != _BASE_256 or value > _MAX_SIZE:
        raise InvalidError(f"{what}: {shown(field)} is no number of a tar header")
    return value


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
