"""Plain OCI artifacts as files: what ORAS and its like push, whose layers are bare files or archives.

No format says how such layers are to be read. What tools have agreed on are the annotations of ORAS: a title, and
whether the layer is to be unpacked. Each layer is given as one of a ModelKit that is wrapped in the same way, so that
whatever reads kits reads them; only its digest and its size are those of the artifact.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from orchard.formats.classify import DATASET_SUFFIXES
from orchard.formats.layertype import Compression, LayerFormat, LayerKind, layer_media_type
from orchard.formats.modelkit import Layer
from orchard.formats.packkinds import kind_of_file
from orchard.oci import Descriptor, Manifest

TITLE: Final = "org.opencontainers.image.title"
UNPACK: Final = "io.deis.oras.content.unpack"  # "true": the layer is a directory, its paths with the title in them
_EMPTY: Final = "application/vnd.oci.empty.v1+json"
_TAR: Final = re.compile(r"(?:.*[./])?tar(?:[.+](gzip|zstd))?", re.ASCII)
_SHOWN: Final = 12  # digits of a digest that name a layer without a title


def artifact_layers(manifest: Manifest) -> tuple[Layer, ...]:
    """Give the layers of an artifact that is no project, each as files; those without content are left out."""
    return tuple(_layers(manifest))


def _layers(manifest: Manifest) -> Iterator[Layer]:
    for descriptor in manifest.layers:
        if descriptor.media_type == _EMPTY:
            continue
        compression = _archive(descriptor.media_type, descriptor.annotations)
        title = descriptor.annotations.get(TITLE, "")
        if compression is None:
            yield _bare(descriptor, title or descriptor.digest.hex[:_SHOWN])
        else:
            stored = _named(descriptor, layer_media_type(LayerKind.CODE, compression))
            yield Layer(kind=LayerKind.CODE, path=title or ".", descriptor=stored)


def _archive(media_type: str, annotations: Mapping[str, str]) -> Compression | None:
    """Tell how an archive is compressed; none if the layer is one file, which may well be called ``data.tar``."""
    found = _TAR.fullmatch(media_type)
    if found is None or (TITLE in annotations and annotations.get(UNPACK) != "true"):
        return None
    return Compression(found[1] or "")


def _bare(descriptor: Descriptor, path: str) -> Layer:
    kind = kind_of_file(LayerKind.MODEL, path)
    if kind is LayerKind.PART and path.lower().endswith((*DATASET_SUFFIXES, ".jsonl", ".tsv")):
        kind = LayerKind.DATASET
    stored = _named(descriptor, layer_media_type(kind, form=LayerFormat.RAW))
    return Layer(kind=kind, path=path, descriptor=stored)


def _named(descriptor: Descriptor, media_type: str) -> Descriptor:
    return Descriptor(media_type=media_type, digest=descriptor.digest, size=descriptor.size)
