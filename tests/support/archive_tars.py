"""Tars of any shape, honest or hostile, written without any of our own code."""

import hashlib
import io
import os
import stat
from collections.abc import Mapping
from pathlib import Path

POSIX = b"ustar\00000"
GNU = b"ustar  \0"
FIRST = bytes(8)
END = bytes(1024)


def block(
    name: str | bytes,
    *,
    kind: bytes = b"0",
    size: int | bytes = 0,
    mode: int | bytes = 0o644,
    magic: bytes = POSIX,
    prefix: bytes = b"",
    link: bytes = b"",
) -> bytes:
    """Write one header block; numbers given as bytes are put into their field as they are."""
    raw = name.encode() if isinstance(name, str) else name
    size_field = size if isinstance(size, bytes) else b"%011o\0" % size
    mode_field = mode if isinstance(mode, bytes) else b"%07o\0" % mode
    front = raw.ljust(100, b"\0") + mode_field + b"0001750\0" + b"0000000\0" + size_field + b"00000000000\0"
    back = kind + link.ljust(100, b"\0") + magic + bytes(80) + prefix.ljust(155, b"\0") + bytes(12)
    total = sum(front) + 8 * 32 + sum(back)
    return front + b"%06o\0 " % total + back


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def member(name: str | bytes, content: bytes = b"", *, kind: bytes = b"0", mode: int = 0o644) -> bytes:
    return block(name, size=len(content), kind=kind, mode=mode) + padded(content)


def directory(name: str | bytes, mode: int = 0o755) -> bytes:
    return block(name, kind=b"5", mode=mode)


def extended(data: bytes, kind: bytes = b"x") -> bytes:
    return block("././@header", kind=kind, size=len(data), mode=0) + padded(data)


def pax(records: Mapping[str, str | bytes], kind: bytes = b"x") -> bytes:
    return extended(b"".join(record(key, value) for key, value in records.items()), kind)


def record(key: str, value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    rest = b" " + key.encode() + b"=" + raw + b"\n"
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def gnu_long(name: bytes) -> bytes:
    return extended(name + b"\0", b"L")


def tar(*parts: bytes) -> io.BytesIO:
    return io.BytesIO(b"".join(parts) + END)


class Trickle:
    """A body that gives at most so many bytes a call, whatever it is asked for."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = io.BytesIO(data)
        self._most = most

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._most))


def fingerprint(root: Path, *, without: Path | None = None) -> str:
    """Hash everything below a directory: names, types, modes, contents, targets of links."""
    hasher = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if without is not None and (path == without or without in path.parents):
            continue
        status = path.lstat()
        hasher.update(f"{path.relative_to(root)} {status.st_mode:o}\n".encode())
        if stat.S_ISREG(status.st_mode):
            hasher.update(path.read_bytes())
        elif path.is_symlink():
            hasher.update(os.fsencode(path.readlink()))
    return hasher.hexdigest()
