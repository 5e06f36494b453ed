"""Zip archives by ranged reads: large ones too, and none that two readers could see differently."""

import struct
import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight import InMemory, read_torch

PICKLE = b"\x80\x02}q\0X\1\0\0\0aK\1s."


def zipped(name: str = "m/data.pkl", content: bytes = PICKLE) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def end_of(raw: bytes) -> tuple[int, int, int]:
    """Give where the end record is, the bytes of the directory, and where that begins."""
    at = raw.rindex(b"PK\5\6")
    size, offset = struct.unpack_from("<2L", raw, at + 12)
    return at, size, offset


def large(raw: bytes, *, where: int = 0, count: int = 1, extra: bytes = b"") -> bytes:
    """Add the end record of a large archive, as PyTorch writes it into every one."""
    at, size, offset = end_of(raw)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, 1, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + where, 1)
    return raw[:at] + record + extra + locator + raw[at:]


def wide(*, numbers: bytes | None = None) -> bytes:
    """Write an entry whose sizes are in its extra field."""
    raw = zipped()
    at, size, offset = end_of(raw)
    entry = bytearray(raw[offset:at])
    packed, plain = struct.unpack_from("<2L", entry, 20)
    extra = struct.pack("<2Q", plain, packed) if numbers is None else numbers
    extra = b"\x99\x99\2\0xx" + struct.pack("<2H", 1, len(extra)) + extra
    entry[20:28] = b"\xff" * 8
    struct.pack_into("<H", entry, 30, len(extra))
    end = bytearray(raw[at:])
    struct.pack_into("<L", end, 12, size + len(extra))
    return raw[:offset] + bytes(entry) + extra + bytes(end)


def patched(raw: bytes, at: int, content: bytes) -> bytes:
    return raw[:at] + content + raw[at + len(content) :]


@pytest.mark.parametrize("raw", [zipped(), large(zipped()), wide()], ids=["small", "large", "wide"])
def test_archives_of_all_sizes_are_read(raw: bytes) -> None:
    assert read_torch(InMemory(raw)).notes == {"a": 1}


def directory(change: Callable[[bytearray], None]) -> bytes:
    raw = zipped()
    at, _size, offset = end_of(raw)
    entry = bytearray(raw[offset:at])
    change(entry)
    return raw[:offset] + bytes(entry) + raw[at:]


def setting(at: int, form: str, value: int) -> Callable[[bytearray], None]:
    return lambda entry: struct.pack_into(form, entry, at, value)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (large(zipped(), where=-1), "end of the archive is not what"),
        (large(zipped(), count=2), "end of the archive is not what"),
        (large(zipped(), extra=b"x"), "end of the archive is not what"),
        (wide(numbers=b""), "does not say how large"),
        (wide(numbers=bytes(8)), "does not say how large"),
        (patched(zipped(), end_of(zipped())[0] + 8, b"\2\0\2\0"), "ends within an entry"),
        (patched(zipped(), end_of(zipped())[0] + 8, b"\0\0\0\0"), "something after its entries"),
        (patched(zipped(), end_of(zipped())[0] + 8, b"\2\0"), "end of the archive is not what"),
        (patched(zipped(), end_of(zipped())[0] + 4, b"\1\0"), "end of the archive is not what"),
        (directory(setting(0, "<L", 0)), "directory of the archive is broken"),
        (directory(setting(28, "<H", 999)), "directory of the archive is broken"),
        (directory(setting(8, "<H", 1)), "is encrypted"),
        (directory(setting(20, "<L", 9999)), "ends after the archive"),
        (directory(setting(42, "<L", 9999)), "ends after the archive"),
        (patched(zipped(), 0, b"PK\3\4" + b"\0" * 22 + b"\xff\xff"), "ends after the archive"),
    ],
)
def test_archives_that_contradict_themselves_are_refused(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=why):
        read_torch(InMemory(raw))


def test_a_directory_that_claims_too_much_is_not_read() -> None:
    raw = large(zipped())
    at = raw.index(b"PK\6\6")

    with pytest.raises(LimitExceededError, match="more than anybody's"):
        read_torch(InMemory(patched(raw, at + 24, struct.pack("<2Q", 10**9, 10**9))))


def test_an_empty_archive_is_no_checkpoint() -> None:
    with pytest.raises(InvalidDocumentError, match="neither a zip archive"):
        read_torch(InMemory(zipped()[end_of(zipped())[0] :]))
