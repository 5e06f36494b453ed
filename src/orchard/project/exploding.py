"""Taking an archive apart: each file in it becomes a layer of its own, as runtimes of models want them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from orchard.archive import DEFAULTS, ChunkReader, Member, members
from orchard.errors import IntegrityError
from orchard.formats import (
    FILEPATH,
    METADATA,
    UNTESTED,
    FileMetadata,
    Layer,
    LayerFormat,
    LayerKind,
    is_weights,
    kind_of_file,
    layer_annotations,
    layer_media_type,
)
from orchard.oci import Hasher
from orchard.store import Layout

_EPOCH: Final = "1970-01-01T00:00:00Z"
_EXECUTABLE: Final = 0o100


@dataclass(frozen=True, slots=True)
class Exploded:
    """What became of an archive.

    Attributes:
        layers: One for each file; the model first, then other weights.
        hollow: How many directories held nothing.
    """

    layers: tuple[Layer, ...]
    hollow: int


def explode(layer: Layer, pieces: Iterator[bytes], layout: Layout) -> Exploded:
    """Take an archive apart into the local store.

    Args:
        layer: The archive.
        pieces: Its content without compression, verified as it is read.
        layout: Where the files go.

    Raises:
        InvalidError: If it is not a sound archive, or holds what must not be extracted.
        IntegrityError: If it is not what its diff ID promises.
        StorageError: If the store cannot be written.
    """
    hasher = Hasher(layer.diff_id.algorithm) if layer.diff_id else Hasher()
    prefix = layer.path.rpartition("/")[0] if layer.legacy else ""
    files: list[Layer] = []
    directories: list[str] = []
    for member in members(ChunkReader(_hashed(pieces, hasher)), DEFAULTS, what=layer.path):
        path = f"{prefix}/{member.name}" if prefix and member.name else member.name
        if member.is_directory:
            directories.append(path)
        else:
            files.append(_file(layer, member, path, layout=layout))
    if layer.diff_id is not None and hasher.digest != layer.diff_id:
        raise IntegrityError(f"diffId {layer.diff_id}: the uncompressed layer does not match; it is {hasher.digest}")
    parents = {name.rpartition("/")[0] for name in (*directories, *(file.path for file in files))}
    return Exploded(_ranked(layer, files), sum(name not in parents for name in directories if name))


def _file(layer: Layer, member: Member, path: str, *, layout: Layout) -> Layer:
    kind = kind_of_file(layer.kind, path)
    ingested = layout.ingest(map(bytes, member.content.pieces()), layer_media_type(kind, form=LayerFormat.RAW))
    mode = 0o755 if member.mode & _EXECUTABLE else 0o644
    name = path.rpartition("/")[2]
    said = layer_annotations(kind) | {
        FILEPATH: path,
        METADATA: FileMetadata(name=name, mode=mode, size=member.size, mtime=_EPOCH).to_json(),
        UNTESTED: "true" if layer.kind is LayerKind.MODEL else "false",
    }
    descriptor = msgspec.structs.replace(ingested.descriptor, annotations=said)
    entry = "" if path == layer.path else layer.path
    return Layer(kind=kind, path=path, descriptor=descriptor, name=layer.name, diff_id=descriptor.digest, entry=entry)


def _ranked(layer: Layer, files: list[Layer]) -> tuple[Layer, ...]:
    """Decide which file is the model: the largest of its weights or, where there are none, of all."""
    if layer.kind is not LayerKind.MODEL:
        return tuple(files)
    weights = [file for file in files if file.kind is LayerKind.MODEL] or files
    main = max(weights, key=lambda file: file.descriptor.size, default=None)
    kinds = {
        id(file): LayerKind.MODEL if file is main else LayerKind.PART if file.kind is LayerKind.MODEL else file.kind
        for file in files
    }
    found = [_as(file, kinds[id(file)]) for file in files]
    return tuple(sorted(found, key=lambda file: (file.kind is not LayerKind.MODEL, not is_weights(file.path))))


def _as(file: Layer, kind: LayerKind) -> Layer:
    if kind is file.kind:
        return file
    media_type = layer_media_type(kind, form=LayerFormat.RAW)
    descriptor = msgspec.structs.replace(file.descriptor, media_type=media_type)
    return Layer(
        kind=kind, path=file.path, descriptor=descriptor, name=file.name, diff_id=file.diff_id, entry=file.entry
    )


def _hashed(pieces: Iterator[bytes], hasher: Hasher) -> Iterator[bytes]:
    for piece in pieces:
        hasher.update(piece)
        yield piece
