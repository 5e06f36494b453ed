"""Secrets that the hub has to show to others, and therefore keeps readable for itself: sealed with a key apart.

The catalog, its backups and its replicas hold only what is sealed. The key is a file beside the catalog of a hub that
runs alone, and a setting where several run on one database.
"""

import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from orchard.errors import StorageError, UsageError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

VAULT: Final = "vault.key"
_LENGTH: Final = 32  # bytes
_LEAST: Final = 32  # characters of a key that somebody chose: it is hashed, not stretched


class Vault:
    """Seals and unseals (AES-128-CBC with HMAC-SHA256, as Fernet).

    Args:
        key: What all processes of the hub were told, if anything.
        file: Where the key is kept if nothing was; made with the first secret.

    Raises:
        UsageError: If the key is too short to be one.
    """

    def __init__(self, key: str | None, file: Path | None) -> None:
        if key is not None and len(key) < _LEAST:
            raise UsageError(f"the secret key of the hub must have at least {_LEAST} characters")
        self._key = key
        self._file = file
        self._lock = Lock()
        self._fernet: Fernet | None = None

    def seal(self, secret: str) -> str:
        """Make a text that only this hub can read.

        Raises:
            StorageError: If the key cannot be read or made.
            UsageError: If there is no key and no place for one.
        """
        return self._box().encrypt(secret.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Read what was sealed.

        Raises:
            StorageError: If it was sealed with another key, or the key cannot be read.
            UsageError: If there is no key and no place for one.
        """
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 -- as in _box

        try:
            return self._box().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise StorageError(
                "a stored secret was sealed with another key; bring the key back, or set the secret again"
            ) from error

    def _box(self) -> "Fernet":
        from cryptography.fernet import Fernet  # noqa: PLC0415 -- 30 ms that a hub without secrets does not pay
        from cryptography.hazmat.primitives.hashes import SHA256, Hash  # noqa: PLC0415

        with self._lock:
            if self._fernet is None:
                hasher = Hash(SHA256())
                hasher.update(b"orchard vault 1\0" + self._secret())
                self._fernet = Fernet(urlsafe_b64encode(hasher.finalize()))
            return self._fernet

    def _secret(self) -> bytes:
        if self._key is not None:
            return self._key.encode()
        if self._file is None:
            raise UsageError("a hub of several processes needs the setting secret-key to keep secrets of others")
        try:
            return _made(self._file)
        except OSError as error:
            raise StorageError(f"{self._file}: {error.strerror}") from error


def _made(path: Path) -> bytes:
    """Read a key file, made first if need be; another process may do the same at the same time.

    Raises:
        OSError: If that fails.
        StorageError: If something else stands there.
    """
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, secrets.token_bytes(_LENGTH))
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    found = path.read_bytes()
    if len(found) != _LENGTH:
        raise StorageError(f"{path}: is not a key of this hub")
    return found
