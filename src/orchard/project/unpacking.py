"""From a version to a directory: stage, verify, then move into place.

    source.open ──Verifying──> decompress ──> Extractor (in a staging tree) ──> place

Nothing reaches the destination before every selected layer is extracted and verified, and then all of it does or none.
A source may be the local store or a registry: nothing is stored on the way.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from orchard.archive import DEFAULTS, ChunkReader, Extractor, decompress
from orchard.errors import ConflictError, IntegrityError, InvalidError, OrchardError, StorageError, UnsupportedError
from orchard.formats import Compression, Filters, Layer, LayerFormat, LayerKind, is_reference, to_yaml
from orchard.oci import Hasher, Readable, Verifying, chunks, read_ahead
from orchard.project.placing import Existing, place, staging
from orchard.project.progress import Observer, Silent
from orchard.project.versions import Version
from orchard.store import Source

KITFILE: Final = "Kitfile"
AT_ONCE: Final = 2  # layers
_LOOK_ON: Final = 4096  # chunks, 1 GiB
_NAMES: Final[dict[Compression, Literal["gzip", "zstd"]]] = {Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked.

    Attributes:
        destination: The directory, absolute.
        layers: The layers that were selected.
        files: Every file that was placed, relative to the destination.
        kitfile: Whether the Kitfile was among what was selected.
    """

    destination: Path
    layers: tuple[Layer, ...]
    files: tuple[str, ...]
    kitfile: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a version is unpacked.

    Attributes:
        existing: What to do with files that are already there.
        members: How many files and directories the layers may hold together.
        any_names: Whether names are accepted that some systems cannot hold or take for one another.
    """

    existing: Existing = Existing.REFUSE
    members: int = DEFAULTS.members
    any_names: bool = False


def unpack(
    version: Version,
    source: Source,
    destination: Path,
    *,
    filters: Filters,
    terms: Terms = Terms(),
    observer: Observer | None = None,
) -> Unpacked:
    """Unpack a version, or what filters select of it.

    Args:
        version: What to unpack.
        source: Where its layers are.
        destination: Where it goes; made if missing.
        filters: Which layers, and whether the Kitfile.
        terms: On what terms.
        observer: Told of each layer's progress, in bytes of the layer as stored.

    Raises:
        UnsupportedError: If the model is in another kit.
        ConflictError: If a file is in the way; nothing has changed then.
        IntegrityError: If a layer is not what the manifest promises; nothing has changed then.
        UnsafeArchiveError: If a layer holds something that must not be extracted; nothing has changed then.
        StorageError: If the file system fails; nothing has changed then.
    """
    _refuse_elsewhere(version, filters)
    destination = destination.absolute()
    layers = tuple(layer for layer in version.kit.layers if filters.selects(layer))
    with staging(destination) as tree:
        limits = replace(DEFAULTS, members=terms.members)
        extractor = Extractor(tree, limits, portable=not terms.any_names)
        _Line(source, extractor, observer or Silent()).run(layers)
        kitfile = filters.kitfile and _stage_kitfile(version, tree, destination, existing=terms.existing)
        files = place(tree, destination, terms.existing)
    return Unpacked(destination, layers, tuple(files), kitfile=kitfile)


def _refuse_elsewhere(version: Version, filters: Filters) -> None:
    """Refuse a version whose model is in another kit, unless nobody asked for the model.

    Raises:
        UnsupportedError: Naming the other kit.
    """
    model = version.kit.kitfile.model
    wanted = not filters.filters or any(LayerKind.MODEL in one.kinds for one in filters.filters)
    held = any(layer.kind is LayerKind.MODEL for layer in version.kit.layers)
    if model is not None and not held and is_reference(model.path) and wanted:
        raise UnsupportedError(
            f"the model is in another ModelKit, {model.path}, which is not fetched yet; unpack that one, "
            "and the other parts of this one with --filter"
        )


class _Line:
    """The unpacking line: ``AT_ONCE`` layers at a time, each read and hashed in one thread and written in another."""

    def __init__(self, source: Source, extractor: Extractor, observer: Observer) -> None:
        self._source = source
        self._extractor = extractor
        self._observer = observer
        self._stopped = False

    def run(self, layers: tuple[Layer, ...]) -> None:
        """Extract all layers; the first failure stops the others, and is raised."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="unpack") as pool:
            futures = [pool.submit(self._extract, layer) for layer in layers]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._stopped = True
                pool.shutdown(cancel_futures=True)
                raise

    def _extract(self, layer: Layer) -> None:
        label = f"{layer.kind.value} {layer.path}"
        self._observer.started(label, layer.descriptor.size)
        with self._source.open(layer.descriptor) as body, read_ahead(self._counted(body, layer, label)) as stream:
            try:
                _write(layer, stream, self._extractor, what=label)
            except InvalidError:
                # Bytes that are not the promised ones may look like a bad archive first: the rest of them tells.
                for _ in islice(stream, _LOOK_ON):
                    continue
                raise
        self._observer.finished(label)

    def _counted(self, body: Readable, layer: Layer, label: str) -> Iterator[bytes]:
        for chunk in chunks(Verifying(body, layer.descriptor)):
            if self._stopped:
                raise OrchardError("stopped, because another layer failed")
            self._observer.advanced(label, len(chunk))
            yield chunk


def _write(layer: Layer, stream: Iterator[bytes], extractor: Extractor, *, what: str) -> None:
    plain = _Plain(ChunkReader(stream), layer)
    if layer.type.format is LayerFormat.RAW:
        extractor.extract_raw(plain, layer.path, mode=layer.mode, what=what)
    else:
        extractor.extract_tar(plain, prefix=layer.path.rpartition("/")[0] if layer.legacy else "", what=what)
    plain.finish()


class _Plain:
    """The bytes of a layer without its compression, checked against the digest that the config has for them."""

    def __init__(self, body: Readable, layer: Layer) -> None:
        kind = layer.type.compression
        self._body = body if kind is Compression.NONE else decompress(body, _NAMES[kind], what=layer.path)
        self._wanted = layer.diff_id if layer.diff_id != layer.descriptor.digest else None
        self._hasher = Hasher(self._wanted.algorithm) if self._wanted else None

    def read(self, size: int, /) -> bytes:
        """Read up to ``size`` bytes."""
        chunk = self._body.read(size)
        if self._hasher is not None:
            self._hasher.update(chunk)
        return chunk

    def finish(self) -> None:
        """Read to the end, so that everything is verified, and compare.

        Raises:
            IntegrityError: If the uncompressed bytes are not the promised ones.
        """
        for _ in chunks(self):
            continue
        if self._hasher is not None and self._hasher.digest != self._wanted:
            raise IntegrityError(
                f"diffId {self._wanted}: the uncompressed layer does not match; it is {self._hasher.hex}"
            )


def _stage_kitfile(version: Version, tree: Path, destination: Path, *, existing: Existing) -> bool:
    """Write the Kitfile among the staged files, unless the same one is already in place.

    Raises:
        ConflictError: If another one is in place.
        StorageError: If the file system fails.
    """
    text = to_yaml(version.kit.kitfile).encode()
    target = destination / KITFILE
    try:
        there = target.read_bytes() if target.is_file() and not target.is_symlink() else None
        if there == text:
            return False
        if there is None or existing is Existing.OVERWRITE:
            (tree / KITFILE).write_bytes(text)
            return True
    except OSError as error:
        raise StorageError(f"{target}: cannot be read or written: {error.strerror}") from error
    raise ConflictError(f"Kitfile exists in {destination} and does not match the ModelKit's; use --overwrite")
