"""Kits that refer to other kits: for their model, and for datasets.

A kit whose ``model.path`` is a reference gets its model from that kit, the parent, which may have a parent of its own.
A dataset whose ``remotePath`` is a reference gets its files from the datasets of that kit. What a reference meant when
the kit was packed is pinned in its lock, and the lock goes before any tag: the kit is the same next year.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from orchard.errors import InvalidDocumentError, LimitExceededError, NotFoundError, OrchardError
from orchard.formats import (
    Filters,
    Kitfile,
    Layer,
    LayerKind,
    is_reference,
    lock_of,
    merge_kitfiles,
    model_reference,
    parse_layer_media_type,
    require_project,
)
from orchard.oci import Descriptor, Digest, Reference
from orchard.project.unpacking import Portion
from orchard.project.versions import Version, read_manifest, read_version
from orchard.store import Source, Store

MAX_CHAIN: Final = 10  # parents in a row, as in KitOps


class Find(Protocol):
    """Finds a version, in the local store or in its registry."""

    def __call__(self, reference: Reference, /) -> tuple[Version, Store]:
        """Find it.

        Raises:
            NotFoundError: If it is in neither.
        """
        ...


@dataclass(frozen=True, slots=True)
class Referred:
    """A kit that another one refers to.

    Attributes:
        text: The reference as it was written.
        reference: The same, at the digest that was found.
        version: What was found.
        source: Where it was found.
        pinned: Whether a lock said which digest to take.
    """

    text: str
    reference: Reference
    version: Version
    source: Store
    pinned: bool

    @property
    def named(self) -> Reference:
        """The reference as it was written, parsed."""
        return _parse(self.text)


class Chain:
    """A way along references, which ends in an error if it is a circle or too long.

    Args:
        find: Finds versions.
        pins: Which digest a reference stands for; goes before what its tag says now.
        start: How errors call the kit at which the way starts; empty if it has no name.
    """

    def __init__(self, find: Find, pins: Mapping[str, Digest], start: str = "") -> None:
        self._find = find
        self._pins = dict(pins)
        self._names = [_canonical(start)] if start else []

    def parents(self, text: str) -> tuple[Referred, ...]:
        """Follow the references of models, and give the kits on the way, nearest first.

        Raises:
            InvalidDocumentError: If they lead back to a kit that was on the way.
            LimitExceededError: If there are more than ``MAX_CHAIN``.
            NotFoundError: If one of them is nowhere.
            OrchardError: As ``find`` raises it.
        """
        found: list[Referred] = []
        following: str | None = text
        try:
            while following is not None:
                found.append(self.step(following))
                following = reference_of(found[-1].version)
        except OrchardError as error:
            raise type(error)(f"Failed to resolve referenced modelkit {text}: {error}") from error
        return tuple(found)

    def step(self, text: str) -> Referred:
        """Go to one kit.

        Raises:
            InvalidDocumentError: If it was on the way already.
            LimitExceededError: If it is one too many.
            OrchardError: As ``find`` raises it.
        """
        name = _canonical(text)
        if name in self._names:
            circle = "=>".join((*self._names[self._names.index(name) :], name))
            raise InvalidDocumentError(f"Found cycle in modelkit references: [{circle}]")
        self._names.append(name)
        if len(self._names) > MAX_CHAIN + 1:
            way = "=>".join(self._names)
            raise LimitExceededError(f"reached maximum number of model references: [{way}]")
        return self._found(text)

    def _found(self, text: str) -> Referred:
        reference = _parse(text)
        pin = self._pins.get(text)
        if pin is not None and reference.digest is None:
            reference = reference.at(pin)
        version, source = self._find(reference)
        if pin is not None and version.digest != pin:
            raise InvalidDocumentError(f"{text} names {version.digest}, but the lock pins {pin}")
        for other, digest in lock_of(version.manifest, what=text).kits.items():
            self._pins.setdefault(other, digest)
        return Referred(text, reference.at(version.digest), version, source, pinned=pin is not None)


def reference_of(version: Version) -> str | None:
    """Give the reference that names the kit with the model of a version, if it does not hold the model itself."""
    held = any(layer.kind is LayerKind.MODEL for layer in version.kit.layers)
    return None if held else model_reference(version.kit.kitfile)


def parents_of(version: Version, find: Find, *, name: str) -> tuple[Referred, ...]:
    """Find the kits from which a version gets its model, nearest first.

    Raises:
        OrchardError: As ``Chain.parents`` does.
    """
    text = reference_of(version)
    if text is None:
        return ()
    return Chain(find, lock_of(version.manifest, what=name).kits, name).parents(text)


def kits_needed(source: Source, descriptor: Descriptor) -> dict[str, Digest | None]:
    """Name the kits that a version takes something from, as it writes them, with the digests that its lock pins.

    The manifest tells, of kits that Orchard packed. Of others that hold no model, the config is read too.

    Raises:
        NotAModelKitError: If it is an artifact of another kind.
        InvalidDocumentError: If a document of it cannot be read.
    """
    manifest = read_manifest(source, descriptor)
    require_project(manifest, what=str(descriptor.digest))
    pinned: dict[str, Digest | None] = dict(lock_of(manifest, what=str(descriptor.digest)).kits)
    kinds = (parse_layer_media_type(layer.media_type, dict(layer.annotations)).kind for layer in manifest.layers)
    if pinned or LayerKind.MODEL in kinds:
        return pinned
    version = read_version(source, descriptor)
    model = reference_of(version)
    texts = [model] if model is not None else []
    texts += [one.remote_path for one in version.kit.kitfile.datasets if is_reference(one.remote_path)]
    return dict.fromkeys(texts)


def model_portions(version: Version, filters: Filters, find: Find, *, name: str) -> Iterator[Portion]:
    """Give what the parents of a version bring to it, farthest first: models and their parts, as filters select them.

    Raises:
        NotFoundError: If none of them holds a model.
        OrchardError: As ``Chain.parents`` does.
    """
    model = version.kit.kitfile.model
    text = reference_of(version)
    wanted = filters.within("model")
    if model is None or text is None or wanted is None:
        return
    if filters.names(LayerKind.MODEL, path=model.path, name=model.name):
        wanted = (
            Filters().within("model") or wanted
        )  # who names this model means all of it, whatever it is called there
    parents = parents_of(version, find, name=name)
    if not any(layer.kind is LayerKind.MODEL for parent in parents for layer in parent.version.kit.layers):
        raise NotFoundError(f"model.path: {parents[-1].text} holds no model")
    for parent in reversed(parents):
        yield Portion(parent.source, _selected(parent.version, wanted), text=parent.text)


def resolved_kitfile(version: Version, find: Find, *, name: str) -> Kitfile:
    """Put the Kitfile of a version and those of its parents together, so that it says where the model is.

    Raises:
        OrchardError: As ``Chain.parents`` does.
    """
    kitfile = version.kit.kitfile
    for parent in parents_of(version, find, name=name):
        kitfile = merge_kitfiles(kitfile, parent.version.kit.kitfile)
    return kitfile


def _selected(version: Version, filters: Filters) -> tuple[Layer, ...]:
    return tuple(layer for layer in version.kit.layers if filters.selects(layer))


def _parse(text: str) -> Reference:
    return Reference.parse_tags(text)[0]


def _canonical(text: str) -> str:
    """Write a reference in the one way that it can be compared in."""
    return str(_parse(text).or_latest())
