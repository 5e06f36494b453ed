"""What layers hold, remembered: reading it again costs nothing.

Below the home directory, one small file a layer, named by the layer's digest. An index that was read from a registry in
parts is not verified, because a digest names the whole; so it is kept under that registry's name and used for that
registry only. What is known of a layer that was read whole, or lies in the local store, is used everywhere.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from orchard.formats import LayerFiles
from orchard.oci import Digest, Hasher
from orchard.project.notes import seal, unseal
from orchard.store import Source

DIRECTORY: Final = "cache/index"  # what is below cache may go at any time: orchard cache clear
KEPT: Final = 500  # files of one directory of the cache
MAX_SIZE: Final = 256 << 20  # bytes of one file; 100,000 paths are about 12 MB

_VERIFIED: Final = "verified"


class _Stored(msgspec.Struct, frozen=True):
    version: int
    layer: str
    hashed: bool
    content: LayerFiles


class IndexCache:
    """The cache of one home directory. Whatever is wrong with it, it is empty then: nothing depends on it.

    Args:
        home: The home directory.
        host: The registry that layers are read from; none for the local store.
    """

    def __init__(self, home: Path, host: str | None = None) -> None:
        name = _VERIFIED if host is None else _folder(host)
        self._verified = home / DIRECTORY / _VERIFIED
        self._own = home / DIRECTORY / name

    @classmethod
    def beside(cls, home: Path, source: Source) -> Self:
        """Open the cache of a home directory for the layers of one source, local or remote."""
        return cls(home, getattr(source, "host", None))

    def get(self, layer: Digest, *, hashed: bool) -> LayerFiles | None:
        """Give what a layer holds, if it is known.

        Args:
            layer: The digest of the layer.
            hashed: Whether the digest of each file must be known too.
        """
        for directory in dict.fromkeys((self._verified, self._own)):
            found = _read(directory / f"{layer.algorithm}-{layer.hex}.json", layer)
            if found is not None and (found.hashed or not hashed):
                return found.content
        return None

    def put(self, layer: Digest, content: LayerFiles, *, hashed: bool, verified: bool) -> None:
        """Remember what a layer holds.

        Args:
            layer: The digest of the layer.
            content: What it holds.
            hashed: Whether the digest of each file is known.
            verified: Whether the layer's bytes were compared with its digest.
        """
        directory = self._verified if verified else self._own
        stored = _Stored(1, str(layer), hashed, content)
        with suppress(OSError):
            directory.mkdir(parents=True, exist_ok=True)
            _make_room(directory)
            path = directory / f"{layer.algorithm}-{layer.hex}.json"
            temporary = path.with_suffix(f".{os.urandom(8).hex()}.new")
            try:
                temporary.write_bytes(seal(msgspec.json.encode(stored)))
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def _folder(host: str) -> str:
    # A host may hold ":" and "[", and a digest of it fits every file system.
    hasher = Hasher()
    hasher.update(host.encode())
    return f"host-{hasher.hex[:32]}"


def _read(path: Path, layer: Digest) -> _Stored | None:
    try:
        if path.stat().st_size > MAX_SIZE:
            return None
        data = unseal(path.read_bytes())
        if data is None:
            return None
        stored = msgspec.json.decode(data, type=_Stored)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return stored if stored.version == 1 and stored.layer == str(layer) else None


def _make_room(directory: Path) -> None:
    with os.scandir(directory) as entries:
        known = [(entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in entries]
    for _, path in sorted(known)[: max(len(known) - KEPT + 1, 0)]:
        with suppress(OSError):
            Path(path).unlink()
