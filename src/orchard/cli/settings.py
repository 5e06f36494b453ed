"""Defaults that people choose once: the config file and ``$ORCHARD_*``. docs/configuration.md lists them.

What was typed wins, then the environment, then the file, then what the program does by itself. A key that is not known
is an error: a default that is silently not used is worse than none.
"""

import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from orchard.errors import InvalidDocumentError, StorageError, UsageError

FILE: Final = "config.toml"
MAX_FILE: Final = 1 << 20  # bytes

Setting = str | int | bool | list[str]


class Kind(Enum):
    """What a value is."""

    TEXT = "a text"
    SWITCH = "true or false"
    NUMBER = "a whole number above 0"
    TEXTS = "a list of texts"


class Key(NamedTuple):
    """What can be set.

    Attributes:
        kind: What its value is.
        help: What it does.
        choices: The only values of a text; any if there are none.
    """

    kind: Kind
    help: str
    choices: tuple[str, ...] = ()


_NETWORK: Final = {
    "plain-http": Key(Kind.SWITCH, "Talk HTTP without TLS."),
    "tls-verify": Key(Kind.SWITCH, "Check certificates."),
    "cert": Key(Kind.TEXT, "Client certificate (PEM)."),
    "key": Key(Kind.TEXT, "Key of the client certificate (PEM)."),
    "tls-cert": Key(Kind.TEXTS, "Further CA certificates (PEM)."),
    "concurrency": Key(Kind.NUMBER, "Blobs at a time."),
    "proxy": Key(Kind.TEXT, "Proxy, in place of $HTTP_PROXY and $HTTPS_PROXY."),
}

# In the order in which people meet them. Per registry: the keys of `network`, as `registry.HOST.KEY`.
KEYS: Final = {
    "output": Key(Kind.TEXT, "Form of results.", ("text", "json")),
    "log-level": Key(Kind.TEXT, "How much to say on stderr.", ("trace", "debug", "info", "warn", "error")),
    "progress": Key(Kind.TEXT, "Style of progress.", ("none", "plain", "fancy")),
    "quiet": Key(Kind.SWITCH, "Print errors and names only."),
    **{f"network.{name}": key for name, key in _NETWORK.items()},
    "pack.format": Key(Kind.TEXT, "KitOps' format or CNCF's.", ("modelkit", "modelpack")),
    "pack.compression": Key(Kind.TEXT, "Compression of layers.", ("none", "gzip", "gzip-fastest", "zstd")),
    "pack.layer-format": Key(Kind.TEXT, "What a layer is.", ("tar", "raw")),
    "pack.provenance": Key(Kind.SWITCH, "Record remote, commit and branch in Git."),
}
REGISTRY: Final = "registry"
_HOST: Final = re.compile(r"[\w.:\[\]-]+", re.ASCII)

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


class Settings(NamedTuple):
    """All defaults that were chosen.

    Attributes:
        path: The file that is read, and that ``config set`` writes; it need not be there.
        file: What the file says, by full key.
        environ: What the environment says, by full key.
    """

    path: Path
    file: Mapping[str, Setting]
    environ: Mapping[str, Setting]

    def get(self, name: str) -> Setting | None:
        """Give the value of a key, wherever it was chosen."""
        return self.environ.get(name, self.file.get(name))

    def text(self, name: str) -> str | None:
        """Give a value that is a text."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    def of_registry(self, host: str, name: str) -> Setting | None:
        """Give a default of the network for one registry: the environment's, else its own, else that for all."""
        common = f"network.{name}"
        return self.environ.get(common, self.file.get(f"{REGISTRY}.{host}.{name}", self.file.get(common)))

    def below(self, section: str) -> dict[str, Setting]:
        """Give the values of a section, by the rest of their names."""
        names = [name for name in KEYS if name.startswith(f"{section}.")]
        found = {name.removeprefix(f"{section}."): self.get(name) for name in names}
        return {name: value for name, value in found.items() if value is not None}


def find_settings(environ: Mapping[str, str], home: Path | None) -> Path:
    """Decide which file holds the defaults: ``config.toml`` in the home directory if it is there, else the user's."""
    if home is not None and (home / FILE).is_file():
        return home / FILE
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME") or "/nonexistent", ".config")  # noqa: PTH118 -- on the path of every command
    return Path(base) / "orchard" / FILE


def load_settings(environ: Mapping[str, str], home: Path | None) -> Settings:
    """Read the file, if there is one, and the environment.

    Raises:
        InvalidDocumentError: If the file is not TOML, or holds an unknown key or a wrong value.
        UsageError: If a variable holds a wrong value.
        StorageError: If the file cannot be read.
    """
    path = find_settings(environ, home)
    return Settings(path, read_file(path), _from_environment(environ))


def read_file(path: Path) -> dict[str, Setting]:
    """Read a file of defaults; one that is not there says nothing.

    Raises:
        InvalidDocumentError: If it is not TOML, or holds an unknown key or a wrong value.
        StorageError: If it cannot be read.
    """
    if path.is_fifo():
        raise StorageError(f"{path}: is a pipe, which may never end")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> dict[str, Setting]:
    """Read the text of a file of defaults.

    Raises:
        InvalidDocumentError: If it is not TOML, is over 1 MiB, or holds an unknown key or a wrong value.
    """
    import tomllib  # noqa: PLC0415 -- only who has a file pays for it

    if len(raw) > MAX_FILE:
        raise InvalidDocumentError(f"{path}: over {MAX_FILE} bytes")
    try:
        value = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocumentError(f"{path}: not TOML: {error}") from error
    found: dict[str, Setting] = {}
    for name, one in _flat(value, path):
        key = key_of(name, str(path))
        found[name] = _checked(name, key, one, where=str(path))
    return found


def key_of(name: str, where: str) -> Key:
    """Look a key up by its full name.

    Raises:
        InvalidDocumentError: If there is none, naming the one that may have been meant.
    """
    parts = name.split(".")
    host = ".".join(parts[1:-1])
    if parts[0] == REGISTRY and _HOST.fullmatch(host) and parts[-1] in _NETWORK:
        return _NETWORK[parts[-1]]
    if name in KEYS:
        return KEYS[name]
    import difflib  # noqa: PLC0415 -- only for a mistake

    known = [*KEYS, *(f"{REGISTRY}.{host}.{key}" for key in _NETWORK if host)]
    close = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else "see: orchard config list"
    raise InvalidDocumentError(f"{where}: unknown key {name!r}; {hint}")


def from_text(name: str, text: str, *, where: str) -> Setting:
    """Read a value as it is typed: on a command line or in a variable.

    Raises:
        UsageError: If there is no such key, or it is not what the key takes.
    """
    try:
        key = key_of(name, where)
        return _checked(name, key, _typed(key, text), where=where)
    except InvalidDocumentError as error:
        raise UsageError(str(error)) from error


def _typed(key: Key, text: str) -> Setting | None:
    value: Setting | None = text
    if key.kind is Kind.SWITCH:
        value = _SWITCH.get(text.strip().lower())
    elif key.kind is Kind.NUMBER:
        value = int(text) if text.strip().isdecimal() else None
    elif key.kind is Kind.TEXTS:
        value = [part.strip() for part in text.split(",") if part.strip()]
    return value


def variable_of(name: str) -> str:
    """Give the variable that sets a key."""
    return "ORCHARD_" + name.upper().replace(".", "_").replace("-", "_")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for name in KEYS:
        text = environ.get(variable_of(name))
        if text:
            found[name] = from_text(name, text, where=f"${variable_of(name)}")
    return found


def _flat(value: dict[str, object], path: Path) -> list[tuple[str, object]]:
    """Give full names and values; the tables that may nest are known, so nothing else is looked into."""
    found: list[tuple[str, object]] = []
    for name, one in value.items():
        if not isinstance(one, dict):
            found.append((name, one))
        elif name == REGISTRY:
            found += _registries(one, path)
        else:
            found += [(f"{name}.{key}", inner) for key, inner in one.items()]
    return found


def _registries(tables: dict[str, object], path: Path) -> Iterator[tuple[str, object]]:
    for host, table in tables.items():
        if not isinstance(table, dict):
            raise InvalidDocumentError(f'{path}: [{REGISTRY}] holds tables, such as [{REGISTRY}."ghcr.io"]')
        for key, inner in table.items():
            yield f"{REGISTRY}.{host}.{key}", inner


def _checked(name: str, key: Key, value: object, *, where: str) -> Setting:
    """Give a value back if it is what the key takes.

    Raises:
        InvalidDocumentError: If it is not.
    """
    wrong = InvalidDocumentError(f"{where}: {name}: must be {' or '.join(key.choices) or key.kind.value}")
    match key.kind, value:
        case Kind.SWITCH, bool():
            return value
        case Kind.NUMBER, int() if not isinstance(value, bool) and value > 0:
            return value
        case Kind.TEXT, str() if (value in key.choices) if key.choices else value.isprintable():
            return value
        case Kind.TEXTS, list() if all(isinstance(one, str) and one.isprintable() for one in value):
            return [*map(str, value)]
        case _:
            raise wrong
