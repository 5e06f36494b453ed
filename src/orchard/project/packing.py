"""From a directory to a version: read the Kitfile, pack a layer for each path it claims, write config and manifest.

    Kitfile ──parse──> claims ──Context.entries──> plans ──line──> blobs ──> config, manifest

What a version looks like is the business of ``layering``, how layers are made that of ``line``. The manifest comes
last, so a pack that dies leaves nothing but blobs that the next ``remove`` sweeps.
"""

import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import msgspec

from orchard.errors import NotFoundError, StorageError
from orchard.formats import (
    FILEPATH,
    IGNORE_NAME,
    KITFILE_NAMES,
    MAX_KITFILE,
    IgnoreRules,
    Kitfile,
    LayerFormat,
    name_of,
)
from orchard.oci import Descriptor, Digest, Manifest
from orchard.project.context import Context
from orchard.project.elsewhere import Elsewhere, Locking, has_no_layer
from orchard.project.kitfilecache import KitfileCache
from orchard.project.layercache import LayerCache
from orchard.project.layering import Claim, CompressionName, Encoding, ModelKitFormat, Plan, VersionFormat
from orchard.project.line import PackedLayer, pack_layers
from orchard.project.portability import warnings
from orchard.project.progress import Observer, Silent
from orchard.project.provenance import Inquiry, Origin
from orchard.project.shelves import Shelf
from orchard.store import Bytes, Store


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How to make a version of a directory.

    Attributes:
        compression: Of the layers.
        layer_format: Whether layers are archives or, where the Kitfile names only files, the bare files.
        format: Which kind of version to write.
        annotations: Further ones for the manifest; they win over those of provenance.
        cache: Whether to use and to fill the cache of layers, where there is one.
        provenance: Whether to record where in Git the directory stands, if it does.
        push: Whether it goes straight to the registry, and nothing of it is stored here; the shelf sees to it.
        environ: The environment, for Git.
        locking: What to do with the lock beside the Kitfile.
        elsewhere: What the Kitfile refers to, where it does; ``locating`` finds it.
    """

    compression: CompressionName = "none"
    layer_format: LayerFormat = LayerFormat.TAR
    format: VersionFormat = msgspec.field(default_factory=ModelKitFormat)
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    cache: bool = True
    provenance: bool = True
    push: bool = False
    environ: Mapping[str, str] = msgspec.field(default_factory=dict)
    locking: Locking = Locking.USE
    elsewhere: Elsewhere = msgspec.field(default_factory=Elsewhere)


DEFAULT = Recipe()


class Packed(msgspec.Struct, frozen=True):
    """A version that was packed.

    Attributes:
        manifest: Its manifest.
        descriptor: The name of the manifest.
        kitfile: What was asked for.
        layers: Its layers, in the order of the manifest.
        new_config: Whether the store did not have the config yet.
        new_manifest: Whether the store did not have the manifest yet.
        warnings: What somebody should know who wants to unpack it elsewhere.
    """

    manifest: Manifest
    descriptor: Descriptor
    kitfile: Kitfile
    layers: tuple[PackedLayer, ...]
    new_config: bool
    new_manifest: bool
    warnings: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all layers together."""
        return sum(packed.layer.descriptor.size for packed in self.layers)


def read_kitfile(
    directory: Path, explicit: Path | None = None, *, cache: KitfileCache | None = None
) -> tuple[Kitfile, str]:
    """Read the Kitfile of a directory, and say what it was called.

    Args:
        directory: The directory.
        explicit: Another file than the one in the directory.
        cache: What is known of Kitfiles that were read before.

    Raises:
        NotFoundError: If there is none.
        InvalidDocumentError: If it is not valid; all problems are named.
        StorageError: If it cannot be read.
    """
    candidates = [explicit] if explicit else [directory / name for name in KITFILE_NAMES]
    for path in candidates:
        raw = _read_small(path, MAX_KITFILE + 1)
        if raw is not None:
            return _parse(raw, str(path), cache), str(path)
    if explicit:
        raise NotFoundError(f"{explicit}: no such Kitfile")
    if not directory.is_dir():
        raise NotFoundError(f"{directory}: no such directory")
    raise NotFoundError(
        f"No Kitfile found in {directory}. Write one with: orchard init {directory}; or name it with -f"
    )


def _parse(raw: bytes, what: str, cache: KitfileCache | None) -> Kitfile:
    known = cache.get(raw) if cache else None
    if known is not None:
        return known
    from orchard.formats import parse_kitfile  # noqa: PLC0415 -- YAML is expensive to load

    kitfile = parse_kitfile(raw, what=what)
    if cache:
        cache.put(raw, kitfile)
    return kitfile


def read_ignore(directory: Path) -> IgnoreRules:
    """Read ``.kitignore``; without one, only the Kitfile itself stays out.

    Raises:
        InvalidDocumentError: If it is not valid.
        StorageError: If it cannot be read.
    """
    raw = _read_small(directory / IGNORE_NAME, MAX_KITFILE + 1)
    return IgnoreRules.parse((raw or b"").decode("utf-8", "surrogateescape"))


def pack(
    directory: Path,
    kitfile: Kitfile,
    *,
    shelf: Shelf,
    recipe: Recipe = DEFAULT,
    cache: LayerCache | None = None,
    observer: Observer | None = None,
) -> Packed:
    """Pack a directory into a repository, as an untagged version.

    The same content gives the same digest, whoever packs it and whenever; of a context in Git, within one commit.

    Args:
        directory: The context.
        kitfile: What to pack.
        shelf: Where it goes.
        recipe: How to pack it.
        cache: What is known of layers that were packed before.
        observer: Told of each layer's progress, in bytes before compression.

    Raises:
        UnsupportedError: If the Kitfile needs content from elsewhere.
        NotFoundError: If a path that the Kitfile claims does not exist.
        UnsafePathError: If something cannot be packed; see ``Context.entries``.
        ConflictError: If a file changes while it is read.
        InvalidError: If the recipe does not fit the files.
        StorageError: If a file cannot be read or the store cannot be written.
    """
    inquiry = Inquiry(directory, recipe.environ) if recipe.provenance else None
    plans = plan(directory, kitfile, recipe)
    with shelf.writing():
        layers = pack_layers(plans, shelf, observer=observer or Silent(), cache=cache)
        origin = inquiry.answer() if inquiry else Origin()
        return publish(
            kitfile,
            layers,
            shelf.repository,
            said=(
                *origin.warnings,
                *(planned.note for planned in plans if planned.note),
                *warnings(chain.from_iterable(planned.entries for planned in plans)),
            ),
            annotations={**origin.annotations, **recipe.elsewhere.annotations, **recipe.annotations},
            form=recipe.format.informed(plans),
        )


def plan(directory: Path, kitfile: Kitfile, recipe: Recipe = DEFAULT) -> list[Plan]:
    """Decide which layers a directory becomes, in the order of the manifest; look at its files, but read none.

    Raises:
        OrchardError: As ``pack`` does, before it has read anything.
    """
    claims = [
        Claim(kind, name_of(entry), entry.path)
        for kind, _, entry in kitfile.entries()
        if entry.path and not has_no_layer(entry, directory)
    ]
    claimed = [*(claim.path for claim in claims), *recipe.elsewhere.paths]
    context = Context(directory, ignored=read_ignore(directory), claimed=claimed)
    wanted = Encoding(recipe.layer_format, recipe.compression)
    return list(recipe.format.plans([(claim, context.entries(claim.path)) for claim in claims], wanted))


def publish(
    kitfile: Kitfile,
    layers: tuple[PackedLayer, ...],
    repository: Store,
    *,
    said: tuple[str, ...] = (),
    annotations: Mapping[str, str] | None = None,
    form: VersionFormat | None = None,
) -> Packed:
    """Write config and manifest for layers that are there.

    Args:
        kitfile: What was asked for.
        layers: Each of its layers.
        repository: Where config and manifest go.
        said: Warnings.
        annotations: What the manifest says beside, such as where the content comes from.
        form: Which kind of version to write; a ModelKit if not given.

    Raises:
        InvalidDocumentError: If a layer belongs to no entry.
        LimitExceededError: If the Kitfile or the manifest is over 4 MiB.
        StorageError: If the store cannot be written.
    """
    plain = [packed.layer for packed in layers]
    config, manifest = (form or ModelKitFormat()).documents(kitfile, plain, annotations or {})
    new_config = not repository.exists(manifest.config)
    repository.push(manifest.config, Bytes(config))
    descriptor = manifest.describe()
    new_manifest = not repository.exists(descriptor)
    repository.push(descriptor, Bytes(manifest.raw))
    return Packed(manifest, descriptor, kitfile, _in_order(layers, manifest), new_config, new_manifest, said)


def _in_order(layers: tuple[PackedLayer, ...], manifest: Manifest) -> tuple[PackedLayer, ...]:
    places: dict[tuple[Digest, str | None], int] = {}
    for number, layer in enumerate(manifest.layers):
        places.setdefault(_place_of(layer), number)
    return tuple(sorted(layers, key=lambda packed: places[_place_of(packed.layer.descriptor)]))


def _place_of(layer: Descriptor) -> tuple[Digest, str | None]:
    return layer.digest, layer.annotations.get(FILEPATH)  # two equal files are two layers of one digest


def _read_small(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or os.strerror(error.errno or 0)}") from error
