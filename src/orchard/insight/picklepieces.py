"""The arguments of a pickle's operations, read within bounds: numbers, lines, texts, bytes."""

from typing import Final

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.forward import Forward
from orchard.insight.picklenodes import Passed

MAX_KEPT: Final = 32 << 20  # bytes of all texts and bytes that are kept
MAX_PIECE: Final = 1 << 20  # bytes of one that is kept
MAX_LINE: Final = 64 << 10  # bytes of a line of protocol 0
DIGITS: Final = 1024  # of an integer, in bytes or decimal digits


class Pieces:
    """Reads arguments.

    Args:
        source: The stream.
    """

    def __init__(self, source: Forward) -> None:
        self.source = source
        self._left = MAX_KEPT

    def broken(self, why: str) -> InvalidDocumentError:
        """Give an error that says where."""
        return InvalidDocumentError(f"{self.source.what}: no pickle at byte {self.source.position}: {why}")

    def number(self, size: int) -> int:
        """Read an unsigned number of so many bytes."""
        return int.from_bytes(self.source.take(size), "little")

    def piece(self, size: int) -> bytes | Passed:
        """Read so many bytes, or pass over them if they are too many.

        Raises:
            LimitExceededError: If all that was kept is too much.
        """
        if size > MAX_PIECE:
            self.source.skip(size)
            return Passed(size)
        self._keep(size)
        return self.source.take(size)

    def text(self, size: int) -> str | Passed:
        """Read so many bytes of text; what is no UTF-8 in it is replaced."""
        raw = self.piece(size)
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw

    def line(self) -> bytes:
        """Read up to a line feed.

        Raises:
            LimitExceededError: If it does not come.
        """
        parts: list[bytes] = []
        size = 0
        while size <= MAX_LINE:
            window = bytes(self.source.ahead()[:MAX_LINE])
            end = window.find(b"\n")
            part = self.source.take(end + 1 if end >= 0 else max(len(window), 1))
            parts.append(part)
            size += len(part)
            if part.endswith(b"\n"):
                self._keep(size)
                return b"".join(parts)[:-1]
        raise LimitExceededError(f"{self.source.what}: a line of more than {MAX_LINE} bytes")

    def escaped(self) -> str:
        """Read a text on a line; half a character in it, which nothing can write, is a question mark."""
        return self.line().decode("raw-unicode-escape", "replace").encode("utf-8", "replace").decode()

    def integer(self) -> int | bool:
        """Read a number that is written out on a line, or a truth value, which protocols 0 and 1 write so too."""
        raw = self.line()
        return {b"00": False, b"01": True}[raw] if raw in {b"00", b"01"} else self._decimal(raw)

    def decimal(self) -> int:
        """Read a number that is written out on a line."""
        return self._decimal(self.line().removesuffix(b"L"))

    def _decimal(self, raw: bytes) -> int:
        """Read a number that is written out.

        Raises:
            InvalidDocumentError: If it is none.
        """
        try:
            return int(raw[: DIGITS + 1]) if len(raw) <= DIGITS else int(b"")
        except ValueError as error:
            raise self.broken(f"{raw[:40]!r} is no number") from error

    def floating(self) -> float:
        """Read a floating-point number that is written out on a line.

        Raises:
            InvalidDocumentError: If it is none.
        """
        raw = self.line()
        try:
            return float(raw[:DIGITS])
        except ValueError as error:
            raise self.broken(f"{raw[:40]!r} is no number") from error

    def long(self, size: int) -> int | Passed:
        """Read a signed number of so many bytes, or pass over it if it is too long for one."""
        if size > DIGITS:
            self.source.skip(size)
            return Passed(size)
        return int.from_bytes(self.source.take(size), "little", signed=True)

    def _keep(self, size: int) -> None:
        """Account for what is kept.

        Raises:
            LimitExceededError: If it is too much.
        """
        self._left -= size
        if self._left < 0:
            raise LimitExceededError(f"{self.source.what}: more than {MAX_KEPT} bytes of texts")
