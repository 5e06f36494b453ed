"""Layers that were made before, by what they are made of: the next import of equal files does not make them again."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from orchard.errors import InvalidError, StorageError
from orchard.oci import Descriptor, Digest, Hasher, dumps
from orchard.project import Plan
from orchard.sources.huggingface import HubFile


class Remembered:
    """A directory of small files, one a layer; losing it costs a download."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, key: str) -> Descriptor | None:
        """Give the layer of a key, if one was made; whether the store still has it is another matter."""
        try:
            value = json.loads((self._directory / f"{key}.json").read_bytes())
            return Descriptor(
                media_type=str(value["mediaType"]), digest=Digest.parse(value["digest"]), size=int(value["size"])
            )
        except (OSError, ValueError, TypeError, LookupError, InvalidError):
            return None

    def keep(self, key: str, layer: Descriptor) -> None:
        """Remember a layer.

        Raises:
            StorageError: If the disk fails.
        """
        target = self._directory / f"{key}.json"
        temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
        value = {"mediaType": layer.media_type, "digest": str(layer.digest), "size": layer.size}
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_bytes(dumps(value))
            temporary.replace(target)
        except OSError as error:
            raise StorageError(f"{target}: cannot be written: {error.strerror}") from error


def layer_key(source: str, plan: Plan, files: Mapping[str, HubFile]) -> str:
    """Name a layer by what it is made of: equal for equal bytes of one repository, whatever the commit.

    The repository belongs to it, because small files are named by their SHA-1, which somebody else could forge.
    """
    hasher = Hasher()
    hasher.update(dumps([source, plan.media_type]))
    for entry in plan.entries:
        content = "" if entry.is_directory else files[entry.name].identity
        hasher.update(dumps([entry.name, entry.mode, entry.size, content]))
    return f"import-{hasher.hex}"
