"""Secrets that the hub makes: 256 random bits, of which only a hash is kept."""

import hashlib
import secrets
import zlib
from typing import Final

PREFIX: Final = "orch_"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BYTES: Final = 32
_DIGITS: Final = 43  # of 62 different ones hold 32 bytes
_CHECK: Final = 6  # of them hold 32 bits


def new_secret() -> str:
    """Make a secret that a scanner of leaked secrets can recognise: a prefix, and a checksum at the end (CRC-32)."""
    body = _encode(int.from_bytes(secrets.token_bytes(_BYTES)), _DIGITS)
    return f"{PREFIX}{body}{_checksum(body)}"


def is_secret(text: str) -> bool:
    """Tell whether this can be one that a hub made."""
    body, check = text[len(PREFIX) : -_CHECK], text[-_CHECK:]
    return text.startswith(PREFIX) and len(body) == _DIGITS and text.isascii() and check == _checksum(body)


def hash_of(secret: str) -> str:
    """Give what is kept of a secret. It needs no salt and no slowness: nobody can try 2^256 of them."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _encode(zlib.crc32(body.encode()), _CHECK)


def _encode(number: int, width: int) -> str:
    digits: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
