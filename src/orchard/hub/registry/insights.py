"""What files say, as it is kept: one row for each file of a layer that somebody wrote a reader for."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import MsgspecError, json

from orchard.formats import FileIndex, Layer, LayerFormat
from orchard.hub.catalog import InsightRow
from orchard.insight import Insight
from orchard.oci import Digest

NONE: Final = "none"  # kind of the row that says that a file, or all files of an archive, were examined


def read_insight(row: InsightRow) -> Insight | None:
    """Read what was kept of a file; none if it says nothing, or another hub wrote it."""
    if row.kind == NONE:
        return None
    try:
        found: Insight = json.decode(row.document, type=Insight)
    except (MsgspecError, UnicodeDecodeError):
        return None
    return found


def kind_of(found: Insight) -> str:
    """Give the word for what a file was taken for."""
    return str(type(found).__struct_config__.tag)


def mark_of(layer: Layer) -> str:
    """Give the path of the row that says that a layer's files were examined."""
    return layer.file_path if layer.type.format is LayerFormat.RAW else ""


def gather(index: FileIndex, rows: Iterable[InsightRow]) -> dict[str, Insight]:
    """Give what the files of a version say, by path."""
    said = {(row.digest, row.path): row for row in rows if row.kind != NONE}
    return {path: one for path, row in _rows(index, said) if (one := read_insight(row)) is not None}


def named_kinds(index: FileIndex, kinds: Mapping[tuple[Digest, str], str]) -> dict[str, str]:
    """Tell what files of a version were taken for, by path."""
    found = {file.path: kinds.get((file.layer.descriptor.digest, inner_path(file.layer, file.path))) for file in index}
    return {path: kind for path, kind in found.items() if kind not in {None, NONE}}


def _rows(index: FileIndex, said: dict[tuple[Digest, str], InsightRow]) -> Iterator[tuple[str, InsightRow]]:
    for file in index:
        row = said.get((file.layer.descriptor.digest, inner_path(file.layer, file.path)))
        if row is not None:
            yield file.path, row


def inner_path(layer: Layer, path: str) -> str:
    """Give the path of a file as its layer has it; of a layer that is one file, as the version has it."""
    prefix = f"{layer.path.rpartition('/')[0]}/" if layer.legacy and "/" in layer.path else ""
    return path if layer.type.format is LayerFormat.RAW else path.removeprefix(prefix)
