"""Every setting as people write it: its name, what it is, and what it does, read from the settings' own annotations."""

import types
from dataclasses import MISSING, fields
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

from msgspec import Meta

from orchard.hub.settings.values import Bytes, Seconds, Settings

PREFIX: Final = "ORCHARD_HUB_"


class Kind(Enum):
    """What a value is, in words for people."""

    TEXT = "a text"
    PATH = "a path"
    SWITCH = "true or false"
    NUMBER = "a whole number"
    SECONDS = "a time such as 90, 5min, 24h or 7d (a bare number is seconds)"
    BYTES = "a size such as 65536, 64MiB or 10GiB (a bare number is bytes)"
    CHOICE = "one of a few words"
    TEXTS = "a list of texts"
    TABLES = "a list of tables, in the file only"


class Key(NamedTuple):
    """One setting.

    Attributes:
        field: Its name in ``Settings``.
        kind: What its value is.
        help: What it does.
        choices: The only words it may be, if it is a choice.
        default: What it is if nothing is said; ``MISSING`` if something must be.
        secret: Whether it must not be typed, shown or logged.
    """

    field: str
    kind: Kind
    help: str
    choices: tuple[str, ...]
    default: object
    secret: bool

    @property
    def name(self) -> str:
        """How it is called in the file, and behind ``--`` on the command line."""
        return self.field.replace("_", "-")

    @property
    def variable(self) -> str:
        """How it is called in the environment."""
        return PREFIX + self.field.upper()


_KINDS: Final[dict[object, Kind]] = {
    str: Kind.TEXT,
    Path: Kind.PATH,
    bool: Kind.SWITCH,
    int: Kind.NUMBER,
    Seconds: Kind.SECONDS,
    Bytes: Kind.BYTES,
    tuple[str, ...]: Kind.TEXTS,
}


def _kind(kind: Any) -> tuple[Kind, tuple[str, ...]]:  # noqa: ANN401 -- a type, or what typing makes of several
    if get_origin(kind) in {Union, types.UnionType}:
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Kind.CHOICE, tuple(one.value for one in kind)
    return _KINDS.get(kind, Kind.TABLES), ()


def _keys() -> dict[str, Key]:
    hints = get_type_hints(Settings, include_extras=True)
    found = {}
    for one in fields(Settings):
        hint = hints[one.name]
        assert get_origin(hint) is Annotated, f"say in its annotation what {one.name} does"
        bare, meta = get_args(hint)
        assert isinstance(meta, Meta)
        kind, choices = _kind(bare)
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        key = Key(one.name, kind, meta.description or "", choices, default, secret=not one.repr)
        found[key.name] = key
    return found


KEYS: Final = _keys()
