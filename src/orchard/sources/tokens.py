"""Who we are at a Hugging Face hub: the places where its own tools keep the token."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchard.errors import StorageError, UsageError

MAX_TOKEN: Final = 4096  # bytes


def find_token(environ: Mapping[str, str], given: str | None = None) -> str | None:
    """Find the token: the given one, ``HF_TOKEN``, or the file that ``hf auth login`` wrote.

    The file is ``HF_TOKEN_PATH``, else ``token`` in ``HF_HOME``, else in ``huggingface`` below the user's cache.

    Raises:
        UsageError: If it cannot be a token.
        StorageError: If the file is there and cannot be read.
    """
    for value in (given, environ.get("HF_TOKEN"), environ.get("HUGGING_FACE_HUB_TOKEN"), _kept(environ)):
        if value is not None and value.strip():
            return _checked(value.strip())
    return None


def _kept(environ: Mapping[str, str]) -> str | None:
    path = _path(environ)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(MAX_TOKEN + 1).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{path}: the token cannot be read: {error.strerror}") from error


def _path(environ: Mapping[str, str]) -> Path | None:
    if path := environ.get("HF_TOKEN_PATH"):
        return Path(path).expanduser()
    if home := environ.get("HF_HOME"):
        return Path(home).expanduser() / "token"
    if cache := environ.get("XDG_CACHE_HOME"):
        return Path(cache) / "huggingface/token"
    home = environ.get("HOME")
    return Path(home) / ".cache/huggingface/token" if home else None


def _checked(token: str) -> str:
    """Refuse what would break the header it is sent in.

    Raises:
        UsageError: If it is too long, or holds anything but visible ASCII.
    """
    if len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError("the token holds characters that no token has; is it the right file or variable?")
    return token
