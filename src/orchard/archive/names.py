"""Names of archive members: which are safe, which are the same, and how they are shown to a person."""

import re
import unicodedata
from typing import Final

from orchard.archive.limits import Limits
from orchard.errors import LimitExceededError, UnsafeArchiveError

_SHOWN: Final = 160  # characters of a name that a message repeats

# An empty, "." or ".." component, at any place.
_HOLLOW: Final = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)")
# What Windows reads as a separator or as a drive.
_FOREIGN: Final = re.compile(r"\\|^[A-Za-z]:")
# Names that Windows gives to devices in every directory, whatever extension follows, and ends of names that it drops.
_RESERVED: Final = re.compile(r"(?i:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|\Z)|.*[. ]\Z", re.DOTALL)


def shown(name: str | bytes) -> str:
    """Quote a name for a message: control characters escaped, cut where it is endless."""
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    return repr(text[:_SHOWN]) + ("..." if len(text) > _SHOWN else "")


def is_plain(name: str) -> bool:
    """Tell whether a name is relative and has no empty, ``.`` or ``..`` component."""
    return _HOLLOW.search(name) is None


def safe_name(raw: bytes, limits: Limits, *, what: str) -> str:
    """Read the name of a member, a path below the place that the archive is unpacked to.

    Refused besides the paths that leave that place are names that are not UTF-8, which no JSON document of ours could
    hold. What leaves it on another system only is a matter of ``is_portable``.

    Raises:
        LimitExceededError: If the name is too long or too deep.
        UnsafeArchiveError: If it is no plain relative path.
    """
    if len(raw) > limits.name:
        raise LimitExceededError(
            f"{what}: a name of {len(raw)} bytes, at most {limits.name} are accepted: {shown(raw)}"
        )
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise UnsafeArchiveError(f"{what}: the name {shown(raw)} is not UTF-8") from error
    if not is_plain(name) or "\0" in name:
        raise UnsafeArchiveError(f"{what}: the name {shown(name)} is not a plain relative path")
    _check_extent(raw, limits, what)
    return name


def _check_extent(raw: bytes, limits: Limits, what: str) -> None:
    if raw.count(b"/") >= limits.depth:
        raise LimitExceededError(f"{what}: {shown(raw)} is deeper than {limits.depth} levels")
    if len(raw) > limits.component and max(map(len, raw.split(b"/"))) > limits.component:
        raise LimitExceededError(f"{what}: a part of {shown(raw)} is longer than {limits.component} bytes")


def is_portable(component: str) -> bool:
    """Tell whether Windows takes a name for itself, and not for a device's, a path or the same without its end."""
    return _RESERVED.match(component) is None and _FOREIGN.search(component) is None


def folded(component: str) -> str:
    """Give what is equal for two names that some file system takes for one: other case, other Unicode form."""
    if component.isascii():
        return component.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", component).casefold())
