"""Signatures of webhooks, as the Standard Webhooks specification has them, so that its libraries verify ours.

``webhook-signature: v1,<base64 of HMAC-SHA256>`` over ``<webhook-id>.<webhook-timestamp>.<body>``; the key is written
``whsec_<base64>``.
"""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import Final

from orchard.errors import InvalidError

PREFIX: Final = "whsec_"
_LENGTH: Final = 32  # bytes
_SHORTEST: Final = 24  # the specification's bounds
_LONGEST: Final = 64


def make_secret() -> str:
    """Make a key."""
    return PREFIX + b64encode(secrets.token_bytes(_LENGTH)).decode()


def check_secret(text: str) -> str:
    """Refuse what cannot be a key.

    Raises:
        InvalidError: Saying what a key is.
    """
    _key(text)
    return text


def sign(secret: str, message: str, *, at: int, body: bytes) -> dict[str, str]:
    """Give the headers by which a receiver knows that a message is ours and fresh.

    Raises:
        InvalidError: If the secret is no key.
    """
    signed = f"{message}.{at}.".encode() + body
    signature = b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}


def _key(text: str) -> bytes:
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise InvalidError(
            f"the secret of a webhook is {PREFIX} and {_SHORTEST} to {_LONGEST} bytes in base64; one is made without it"
        )
    return key
