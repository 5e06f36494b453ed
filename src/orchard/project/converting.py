"""Converting a version in place: its blobs stay where they are, a small config and a manifest are new.

Only compressed bare files, which ModelPack does not have, are written again; and, where that is asked for, archives
are taken apart, one bare file for each file in them. Both go through the local store.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from orchard.errors import NotFoundError, UsageError
from orchard.formats import (
    MAX_CONFIG,
    Draft,
    Layer,
    LayerKind,
    Original,
    PackConfig,
    ProjectFormat,
    convert_project,
    restore_project,
)
from orchard.oci import Descriptor, Reference, read_all
from orchard.project.progress import Observer, Silent
from orchard.project.rewriting import Rewriter
from orchard.project.versions import Places, Version, locate, read_version
from orchard.store import Bytes, Layout, Source, Store

# Rules that strict clients of a ModelPack insist on, and that its documents alone can break.
_MENDABLE: Final = frozenset(
    ("manifest", "artifact-type", "config-type", "config-schema", "layer-type", "diff-ids", "diff-id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How to convert a version.

    Attributes:
        to: The format that it shall have.
        explode: Whether to take archives apart.
        drop_unsupported: Whether to leave out MCP servers, which ModelPack has no place for, or to refuse them.
        workers: Blobs that are looked for at a time, where they go to another repository.
    """

    to: ProjectFormat
    explode: bool = False
    drop_unsupported: bool = False
    workers: int = 5


@dataclass(frozen=True, slots=True)
class Converted:
    """A version that was converted.

    Attributes:
        before: As what it was stored.
        after: As what it is stored now.
        descriptor: The name of its manifest.
        draft: Its documents.
        rewritten: Bytes of layers that had to be written again.
        notes: What somebody should know.
    """

    before: ProjectFormat
    after: ProjectFormat
    descriptor: Descriptor
    draft: Draft
    rewritten: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What a converted version is called.

    Attributes:
        reference: A tag, in the repository that it goes to; without it, it has only its digest.
        tags: Further tags there.
    """

    reference: Reference | None = None
    tags: Sequence[str] = ()


def convert_reference(
    places: Places,
    source: Reference,
    wish: Wish,
    *,
    names: Names = Names(),
    remote: bool = False,
    observer: Observer | None = None,
) -> Converted:
    """Convert what a reference names, in the local store or in its registry.

    Args:
        places: The local store, and registries.
        source: What to convert.
        wish: How.
        names: What to call the result.
        remote: Whether it is in its registry, and stays there.
        observer: Told of the layers that are written again.

    Raises:
        NotFoundError: If it is not there.
        UsageError: If it shall be called by a digest, or by a local name although it is in a registry.
        OrchardError: As ``convert`` does.
    """
    target = names.reference
    if target is not None and target.digest is not None:
        raise UsageError(f"{target}: a digest cannot be chosen; convert to a tag")
    found, store = locate(places, source, remote=remote)
    place = store
    if target is not None and target.name != source.name:
        place = places.remote(target) if remote else places.layout.repository(target.name)
    with places.layout.writing():
        converted = convert(
            read_version(store, found), store, place, layout=places.layout, wish=wish, observer=observer
        )
        for name in (target.target, *names.tags) if target is not None else ():
            place.tag(converted.descriptor, name)
    return converted


def convert(
    version: Version,
    source: Store,
    target: Store,
    *,
    layout: Layout,
    wish: Wish,
    observer: Observer | None = None,
) -> Converted:
    """Convert a version, and write it into a repository, without a tag.

    Args:
        version: The version.
        source: Where it is.
        target: Where it goes; blobs that are there, or that can be mounted, are not sent.
        layout: The local store, for layers that have to be written again.
        wish: How.
        observer: Told of the layers that are written again.

    Raises:
        InvalidError: If the other format cannot say what this one says.
        NotFoundError: If a layer is not there.
        IntegrityError: If a layer is not what the manifest promises.
        OrchardError: As the stores raise it.
    """
    before = version.kit.format
    blobs = _Blobs(source, target, workers=wish.workers)
    original = Original(version.manifest, _config(version, source))
    mend = before is wish.to is ProjectFormat.MODELPACK and _breaks_rules(original)
    if before is wish.to and not wish.explode and not mend:
        draft = Draft(original.config, version.manifest)
        _write(draft, version.kit.layers, blobs)
        return Converted(before, wish.to, version.descriptor, draft, notes=(f"it is a {before.value} already",))
    restored = None if wish.explode or mend else _restored(original, version, source, to=wish.to)
    if restored is not None:
        draft, layers = restored
        _write(draft, layers, blobs)
        return Converted(before, wish.to, draft.manifest.describe(), draft)
    work = Rewriter(source, layout, observer or Silent())
    kit = version.kit
    if wish.to is ProjectFormat.MODELPACK:
        kit = work.without_servers(kit, drop=wish.drop_unsupported)
    if wish.explode:
        kit = work.exploded(kit)
    found = PackConfig()
    if wish.to is ProjectFormat.MODELPACK:
        from orchard.project.surveying import survey_layers  # noqa: PLC0415 -- a ModelKit needs no headers

        kit = work.plain(kit)
        found = survey_layers(kit.layers, work)
    draft = convert_project(original, kit, wish.to, found=found, reversible=not wish.explode and not mend)
    _write(draft, kit.layers, replace(blobs, rewriter=work))
    notes = [*work.notes]
    if mend:
        notes.append("its documents broke rules of the specification, and are written anew")
    if draft.lossy:
        notes.append("there is no room to keep what leads back to the same digest")
    return Converted(before, wish.to, draft.manifest.describe(), draft, work.rewritten, tuple(notes))


def _breaks_rules(original: Original) -> bool:
    """Tell whether the documents of a ModelPack break rules of the specification that new ones would keep."""
    from orchard.formats import modelpack_remarks  # noqa: PLC0415 -- most conversions are to the other format

    return any(one.rule in _MENDABLE for one in modelpack_remarks(original.manifest, original.config))


def _config(version: Version, source: Source) -> bytes:
    with source.open(version.manifest.config) as body:
        return read_all(body, version.manifest.config, limit=MAX_CONFIG)


def _restored(
    original: Original, version: Version, source: Store, *, to: ProjectFormat
) -> tuple[Draft, tuple[Layer, ...]] | None:
    """Find the version that this one was made of, if all its blobs are still there."""
    draft = restore_project(original, version.kit, to)
    if draft is None:
        return None
    here = {layer.descriptor.digest for layer in version.kit.layers}
    if all(layer.digest in here or source.exists(layer) for layer in draft.manifest.layers):
        layers = (Layer(kind=LayerKind.DOCS, path="", descriptor=layer) for layer in draft.manifest.layers)
        return draft, tuple(layers)
    return None


@dataclass(frozen=True, slots=True)
class _Blobs:
    """Where layers are, and where they go."""

    source: Store
    target: Store
    rewriter: Rewriter | None = None
    workers: int = 1

    def send(self, layer: Layer) -> None:
        """Bring a layer to where it goes.

        Raises:
            NotFoundError: If it is not where it should be.
        """
        home = self.rewriter.home(layer.descriptor) if self.rewriter is not None else self.source
        if home is self.source and not self.source.exists(layer.descriptor):
            raise NotFoundError(f"{layer.descriptor.digest}: the layer {layer.path!r} is not there")
        if home is not self.target:
            self.target.push(layer.descriptor, home)


def _write(draft: Draft, layers: Iterable[Layer], blobs: _Blobs) -> None:
    """Write a version; its manifest comes last."""
    with ThreadPoolExecutor(blobs.workers, thread_name_prefix="convert") as pool:
        for _ in pool.map(blobs.send, layers):
            continue
    if draft.extra is not None:
        blobs.target.push(draft.manifest.layers[0], Bytes(draft.extra))
    blobs.target.push(draft.manifest.config, Bytes(draft.config))
    blobs.target.push(draft.manifest.describe(), Bytes(draft.manifest.raw))
