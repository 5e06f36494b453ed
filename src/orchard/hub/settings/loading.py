"""Putting together what the file, the environment and the command line say; the last of them wins.

The file is TOML, in the hub's data directory if it is named nowhere else. A key that is not known is an error that
names it, and so is a value of the wrong kind: nothing that somebody chose is left out in silence.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from orchard.errors import InvalidDocumentError, StorageError, UsageError
from orchard.hub.settings.keys import KEYS, PREFIX, Key, Kind
from orchard.hub.settings.values import Settings

FILE: Final = "hub.toml"
MAX_FILE: Final = 1 << 20  # bytes

_SECONDS: Final = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 24 * 3600}
_BYTES: Final = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
_AMOUNT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", re.IGNORECASE)
_SWITCH: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_FROM_FILE: Final = (
    "_FILE"  # behind a variable's name: the file that holds the value, as container platforms give secrets
)
_OLD_NAMES: Final = {"ORCHARD_ADMIN_PASSWORD": "admin-password"}


def load_settings(
    environ: Mapping[str, str], flags: Mapping[str, object], *, data: Path, file: Path | None = None
) -> Settings:
    """Decide how a hub runs.

    Args:
        environ: The environment.
        flags: What was typed, by field; None was not typed.
        data: The data directory, if nothing says which.
        file: The file, if one was named; else ``hub.toml`` in the data directory, if it is there.

    Raises:
        UsageError: If a variable or a flag holds what it may not.
        InvalidDocumentError: If the file is not valid.
        StorageError: If the file cannot be read.
    """
    typed = {name: value for name, value in flags.items() if value is not None}
    said = _environment(environ)
    place = Path(str(typed.get("data") or said.get("data") or data))
    named = file or (Path(environ[f"{PREFIX}SETTINGS"]) if f"{PREFIX}SETTINGS" in environ else None)
    written = _file(named or place / FILE, must=named is not None)
    values = {"data": place, **written, **said, **typed}
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise UsageError(f"the hub's settings: {_spelled(str(error))}") from error
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise UsageError("the hub's settings: tls-cert and tls-key belong together; one of them is missing")
    return settings


def _decoded(kind: type, value: object) -> object:
    """Make what JSON does not have: a path of a text."""
    return kind(value)


def parse_flag(key: Key, text: str) -> object:
    """Read a value as it is typed.

    Raises:
        UsageError: If it cannot be one.
    """
    if key.kind in {Kind.SECONDS, Kind.BYTES}:
        return _amount(key, text)
    if key.kind is Kind.SWITCH:
        return _choice(key, text.lower(), _SWITCH)
    if key.kind is Kind.CHOICE:
        return _choice(key, text, {word: word for word in key.choices})
    if key.kind is Kind.TEXTS:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if key.kind is Kind.NUMBER and not text.strip().isdecimal():
        raise UsageError(f"{key.name}: {text!r} is not {key.kind.value}")
    return text


def _choice(key: Key, text: str, known: Mapping[str, object]) -> object:
    if text not in known:
        wanted = key.kind.value if key.kind is Kind.SWITCH else ", ".join(known)
        raise UsageError(f"{key.name}: {text!r} is not {'' if key.kind is Kind.SWITCH else 'one of '}{wanted}")
    return known[text]


def _amount(key: Key, text: str) -> float:
    units = _SECONDS if key.kind is Kind.SECONDS else _BYTES
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match[2].lower() not in units:
        raise UsageError(f"{key.name}: {text!r} is not {key.kind.value}")
    amount = float(match[1]) * units[match[2].lower()]
    return amount if key.kind is Kind.SECONDS else round(amount)


def _environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Read what the environment says, by field.

    Raises:
        UsageError: If a variable is not known, or holds what it may not.
        StorageError: If the file that holds a value cannot be read.
    """
    known = {key.variable: key for key in KEYS.values() if key.kind is not Kind.TABLES}
    known.update((name, KEYS[key]) for name, key in _OLD_NAMES.items())
    found: dict[str, object] = {}
    for variable in sorted(name for name in environ if name.startswith(PREFIX) or name in _OLD_NAMES):
        name, text = variable, environ[variable]
        if variable not in known and variable.removesuffix(_FROM_FILE) in known:
            name, text = variable.removesuffix(_FROM_FILE), _secret(variable, Path(text))
        if name in known:
            found[known[name].field] = parse_flag(known[name], text)
        elif name != f"{PREFIX}SETTINGS":
            raise UsageError(f"${variable} is no setting of the hub; docs/hub-settings.md lists them")
    return found


def _secret(variable: str, path: Path) -> str:
    try:
        return path.read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"${variable}: {path} cannot be read: {error}") from error


def _file(path: Path, *, must: bool) -> dict[str, object]:
    """Read what the file says, by field.

    Raises:
        InvalidDocumentError: If it is not valid.
        StorageError: If it cannot be read, or is missing and was named.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        if must:
            raise StorageError(f"there is no settings file {path}") from error
        return {}
    except OSError as error:
        raise StorageError(f"the settings file {path} cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE:
        raise InvalidDocumentError(f"the settings file {path} has more than {MAX_FILE} bytes")
    try:
        document = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocumentError(f"the settings file {path} is not TOML: {error}") from error
    return {_key(name, path).field: _written(_key(name, path), value, path) for name, value in document.items()}


def _key(name: str, path: Path) -> Key:
    if name not in KEYS or name == "data":
        where = "belongs on the command line or in the environment" if name == "data" else "is not a setting"
        raise InvalidDocumentError(f"{path}: {name} {where}; docs/hub-settings.md lists them")
    return KEYS[name]


def _written(key: Key, value: object, path: Path) -> object:
    """Read one value of the file; amounts may have units there too.

    Raises:
        InvalidDocumentError: If it is of another kind.
    """
    try:
        if isinstance(value, str) and key.kind in {Kind.SECONDS, Kind.BYTES, Kind.CHOICE}:
            return parse_flag(key, value)
    except UsageError as error:
        raise InvalidDocumentError(f"{path}: {error}") from error
    wanted = _WRITTEN.get(key.kind)
    if wanted is not None and not (isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool)):
        raise InvalidDocumentError(f"{path}: {key.name} is to be {key.kind.value}")
    return value


_WRITTEN: Final[dict[Kind, type | tuple[type, ...]]] = {
    Kind.TEXT: str,
    Kind.PATH: str,
    Kind.SWITCH: bool,
    Kind.NUMBER: int,
    Kind.SECONDS: (int, float),
    Kind.BYTES: int,
    Kind.CHOICE: str,
    Kind.TEXTS: list,
    Kind.TABLES: list,
}


def _spelled(message: str) -> str:
    """Name a key as people write it: ``Expected `int` <= 65535 - at `$.port``` becomes ``port: expected …``."""
    what, _, where = message.partition(" - at `$.")
    name = where.removesuffix("`").replace("_", "-")
    return f"{name}: {what[:1].lower()}{what[1:]}" if name else what
