"""Kits in memory, of any layers, and a store that notes what is read of it."""

import gzip
from collections.abc import Iterable
from contextlib import AbstractContextManager

from orchard.formats import CONFIG_TYPE, Layer, LayerKind, build_config, build_manifest, parse_kitfile
from orchard.oci import Descriptor, Digest, Readable
from orchard.project import Version, read_version
from orchard.store import Bytes, MemoryStore

KITOPS = "application/vnd.kitops.modelkit.{}.v1.{}"


class Noting(MemoryStore):
    """A memory store that notes reads: of parts with their size, of wholes with None."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[Digest, int | None]] = []

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        self.reads.append((content.digest, None))
        return super().open(content, offset)

    def read_range(self, content: Descriptor, offset: int, size: int) -> bytes:
        self.reads.append((content.digest, size))
        return super().read_range(content, offset, size)


def dataset_kit(*layers: tuple[str, bytes, str]) -> tuple[Version, Noting]:
    """Put a kit of datasets into a store: path, bytes as stored and ``tar``, ``tar+gzip`` or ``raw`` of each layer."""
    store = Noting()
    made = [
        Layer(kind=LayerKind.DATASET, path=path, descriptor=_put(store, raw, form), diff_id=_diff_id(raw, form))
        for path, raw, form in layers
    ]
    config = build_config(parse_kitfile(_kitfile(path for path, _, _ in layers)), made)
    config_descriptor = Descriptor.of(config, CONFIG_TYPE)
    store.push(config_descriptor, Bytes(config))
    manifest = build_manifest(config_descriptor, made)
    store.push(manifest.describe(), Bytes(manifest.raw))
    version = read_version(store, manifest.describe())
    store.reads.clear()
    return version, store


def _kitfile(paths: Iterable[str]) -> bytes:
    entries = "".join(f"  - {{name: d{number}, path: {path!r}}}\n" for number, path in enumerate(paths))
    return f"manifestVersion: 1.0.0\npackage: {{name: x}}\ndatasets:\n{entries}".encode()


def _put(store: MemoryStore, raw: bytes, form: str) -> Descriptor:
    descriptor = Descriptor.of(raw, KITOPS.format("dataset", form))
    store.push(descriptor, Bytes(raw))
    return descriptor


def _diff_id(raw: bytes, form: str) -> Digest:
    return Digest.of(gzip.decompress(raw) if form.endswith("+gzip") else raw)
