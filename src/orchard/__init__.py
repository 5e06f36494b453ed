"""Orchard: whole machine-learning projects as OCI artifacts.

    import orchard

    version = orchard.pack("./project", tag="localhost:8080/team/model:v1")
    orchard.push("localhost:8080/team/model:v1")
    orchard.unpack("localhost:8080/team/model:v1", "./elsewhere", filters=["model"])

    with orchard.open("localhost:8080/team/model:v1") as opened:
        weight = opened.tensor("model/model.safetensors", "lm_head.weight")

Every function may be called from any thread, and none changes the current directory or any other state of the process.
Everything that goes wrong is an ``orchard.errors.OrchardError``. Importing this module costs next to nothing: what a
function needs is imported when it is first called.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from orchard import errors

if TYPE_CHECKING:
    from orchard import project
    from orchard.formats import Kitfile, Layer
    from orchard.oci import Digest, Manifest
    from orchard.project import (
        Copied,
        Objects,
        Observer,
        OpenVersion,
        Workspace,
        convert,
        diff,
        export,
        history,
        load,
        validate,
        verify,
    )
    from orchard.remote import Options
    from orchard.sources import import_from

__version__ = "0.1.0"

__all__ = [
    "Unpacked",
    "Version",
    "convert",
    "copy",
    "diff",
    "errors",
    "export",
    "history",
    "import_from",
    "inspect",
    "load",
    "open",
    "pack",
    "pull",
    "push",
    "unpack",
    "validate",
    "verify",
]

StrPath = str | os.PathLike[str]


class Version(NamedTuple):
    """One version of a project.

    Attributes:
        reference: What it was called in the call that gave this.
        digest: The name that never changes, of its manifest.
        size: Bytes of all its layers, as stored.
        kitfile: What it holds, in words.
        layers: What it holds, in bytes.
        manifest: The OCI manifest, with the bytes it was read from.
    """

    reference: str
    digest: "Digest"
    size: int
    kitfile: "Kitfile"
    layers: "tuple[Layer, ...]"
    manifest: "Manifest"


class Unpacked(NamedTuple):
    """What was unpacked.

    Attributes:
        version: The version.
        directory: Where it is, absolute.
        files: Every file that was written, relative to the directory.
    """

    version: Version
    directory: Path
    files: tuple[str, ...]


def pack(
    directory: StrPath,
    *,
    tag: str | None = None,
    file: StrPath | None = None,
    compression: Literal["none", "gzip", "gzip-fastest", "zstd"] = "none",
    layer_format: Literal["tar", "raw"] | None = None,
    format: Literal["modelkit", "modelpack"] = "modelkit",  # noqa: A002 -- the flag's own name
    annotations: Mapping[str, str] | None = None,
    provenance: bool = True,
    push: bool = False,
    cache: bool = True,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> Version:
    """Pack a project into the local store, or straight to a registry.

    Args:
        directory: The project, with a Kitfile.
        tag: What to call it: ``[registry/]repository[:tag[,tag...]]``. Without one it has only its digest.
        file: Another Kitfile than the one in the directory.
        compression: How to compress layers.
        layer_format: ``raw`` makes each layer the bare file. A ModelKit is ``tar`` if not given, and ``raw`` only where
            every path of the Kitfile is one file; a ModelPack is ``raw``, one layer for each file.
        format: KitOps' format or CNCF's.
        annotations: For the manifest.
        provenance: Whether to record remote, commit and branch of a project in Git.
        push: Whether to send it straight to the registry of the tag, and to store nothing of it here.
        cache: Whether layers whose files did not change may be taken from what an earlier call remembered.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.
        observer: Told of the progress of each layer, from several threads.

    Raises:
        NotFoundError: If the directory, the Kitfile or a path it names does not exist.
        InvalidError: If the Kitfile is not valid, or a file cannot be packed safely.
        ConflictError: If a file changes while it is packed.
        StorageError: If a file cannot be read or the store cannot be written.
        RemoteError: If it is pushed, and the registry cannot be reached or fails.
    """
    from orchard.formats import LayerFormat
    from orchard.project import ModelKitFormat, ModelPackFormat, Recipe

    path = Path(file) if file is not None else None
    usual = "raw" if format == "modelpack" and compression == "none" else "tar"
    recipe = Recipe(
        compression=compression,
        layer_format=LayerFormat(layer_format or usual),
        format=ModelPackFormat() if format == "modelpack" else ModelKitFormat(),
        annotations=dict(annotations or {}),
        provenance=provenance,
        push=push,
        cache=cache,
    )
    with _workspace(home, options) as workspace:
        packed = workspace.pack(Path(directory), tag=tag, file=path, recipe=recipe, observer=observer)
    layers = tuple(packed_layer.layer for packed_layer in packed.layers)
    name = tag or str(packed.descriptor.digest)
    return Version(name, packed.descriptor.digest, packed.size, packed.kitfile, layers, packed.manifest)


def push(
    source: str,
    destination: str | None = None,
    *,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> "Digest":
    """Push a version from the local store to a registry.

    Args:
        source: A reference in the local store.
        destination: What to call it in the registry, if not the same.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.
        observer: Told of the progress of each blob, from several threads.

    Raises:
        NotFoundError: If it is not in the local store.
        DeniedError: If the registry refuses.
        RemoteError: If the registry cannot be reached or fails.
    """
    from orchard.oci import Reference

    target, tags = Reference.parse_tags(destination or source)
    parsed, _ = Reference.parse_tags(source)
    with _workspace(home, options) as workspace:
        return workspace.push(parsed, target, tags=tags, observer=observer)


def pull(
    reference: str,
    *,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> "Digest":
    """Pull a version from a registry into the local store.

    Raises:
        NotFoundError: If the registry does not have it.
        NotAModelKitError: If it is an artifact of another kind.
        DeniedError: If the registry refuses.
        RemoteError: If the registry cannot be reached or fails.
        IntegrityError: If what it sent is not what was asked for.
    """
    from orchard.oci import Reference

    with _workspace(home, options) as workspace:
        return workspace.pull(Reference.parse(reference), observer=observer).digest


def copy(
    source: str,
    destination: str,
    *,
    all_tags: bool = False,
    referrers: bool = True,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> "Copied":
    """Copy a version, or all that have tags, from one registry to another; nothing is stored on the way.

    Args:
        source: Where it is. A reference without a registry, or after ``local://``, is in the local store.
        destination: Where it goes, likewise; without a tag it gets those of the source.
        all_tags: Whether to copy everything that has a tag; source and destination are repositories then.
        referrers: Whether signatures and all else that is about a version come along.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registries: TLS, proxy, time limits.
        observer: Told of the progress of each blob, from several threads.

    Raises:
        UsageError: If source and destination do not say together what goes where.
        NotFoundError: If the source has no such version.
        DeniedError: If a registry refuses.
        RemoteError: If a registry cannot be reached or fails.
        IntegrityError: If what the source gave is not what its digest promises.
    """
    from orchard.project import CopyTerms, Place, copy_versions

    terms = CopyTerms(every_tag=all_tags, referrers=referrers)
    with _workspace(home, options) as workspace:
        return copy_versions(workspace, Place.parse(source), Place.parse(destination), terms=terms, observer=observer)


def unpack(
    reference: str,
    directory: StrPath,
    *,
    filters: Sequence[str] = (),
    existing: Literal["refuse", "overwrite", "keep"] = "refuse",
    include_remote: bool = False,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> Unpacked:
    """Unpack a version, or parts of it, from the local store or straight from its registry.

    Args:
        reference: What to unpack.
        directory: Where to; made if missing.
        filters: Which parts, as ``TYPE[,TYPE][:NAME|PATH,...]``; all if empty.
        existing: What to do with files that are already there.
        include_remote: Whether to fetch datasets that the version names and does not hold, from S3 and other versions.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.
        observer: Told of the progress of each layer.

    Raises:
        NotFoundError: If there is no such version.
        ConflictError: If a file is in the way; nothing was changed then.
        IntegrityError: If bytes are not what the manifest promises; nothing was changed then.
        InvalidError: If a layer holds something unsafe; nothing was changed then.
    """
    from orchard.formats import parse_filters
    from orchard.oci import Reference
    from orchard.project import Existing, Terms

    with _workspace(home, options) as workspace:
        version, unpacked = workspace.unpack(
            Reference.parse(reference),
            Path(directory),
            filters=parse_filters(filters),
            terms=Terms(Existing(existing), include_remote=include_remote),
            observer=observer,
        )
    return Unpacked(_public(reference, version), unpacked.destination, unpacked.files)


def inspect(
    reference: str, *, remote: bool | None = None, home: StrPath | None = None, options: "Options | None" = None
) -> Version:
    """Read what a version is, without its layers.

    Args:
        reference: What to look at.
        remote: Look in the registry only (true), in the local store only (false), or in the one, then in the other.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.

    Raises:
        NotFoundError: If there is no such version.
        NotAModelKitError: If it is an artifact of another kind.
    """
    from orchard.oci import Reference

    with _workspace(home, options) as workspace:
        version, _ = workspace.find(Reference.parse(reference), remote=remote)
    return _public(reference, version)


def open(  # noqa: A001 -- as in gzip.open, tarfile.open
    reference: str,
    *,
    remote: bool | None = None,
    verify: bool = False,
    home: StrPath | None = None,
    options: "Options | None" = None,
) -> "OpenVersion":
    """Open a version to read its files and tensors where they lie, in the local store or in a registry.

    Only what is asked for is fetched. What is fetched in parts cannot be verified, because a digest names the whole of
    a layer; a whole file is verified where the layer is one bare file. With ``verify`` every layer is fetched whole
    into a temporary file and verified before the first byte of it is given.

    Args:
        reference: What to open.
        remote: Look in the registry only (true), in the local store only (false), or in the one, then in the other.
        verify: Whether to give nothing of a registry that has not been verified.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.

    Returns:
        The open version; close it, or use it as a context.

    Raises:
        NotFoundError: If there is no such version.
        NotAModelKitError: If it is an artifact of another kind.
        DeniedError: If the registry refuses.
        RemoteError: If the registry cannot be reached or fails.
    """
    from contextlib import ExitStack

    from orchard.oci import Reference
    from orchard.project import open_version

    with ExitStack() as stack:
        workspace = stack.enter_context(_workspace(home, options))
        opened = open_version(workspace, Reference.parse(reference), remote=remote, verify=verify)
        opened.resources.push(stack.pop_all())
    return opened


def _public(reference: str, version: "project.Version") -> Version:
    kit = version.kit
    return Version(reference, version.digest, version.size, kit.kitfile, kit.layers, version.manifest)


def _workspace(home: StrPath | None, options: "Options | None" = None) -> "Workspace":
    from orchard.project import Workspace

    environ: Mapping[str, str] = os.environ
    return Workspace(
        Path(home) if home is not None else None,
        environ=environ,
        version=__version__,
        options=(lambda _host: options) if options else None,
        objects=_objects,
    )


def _objects() -> "Objects":
    from orchard.sources import S3Objects

    return S3Objects(os.environ)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import one of the functions that live with what they do, when it is first asked for.

        Raises:
            AttributeError: If there is none of that name.
        """
        if name not in {"convert", "diff", "export", "history", "import_from", "load", "validate", "verify"}:
            raise AttributeError(name)
        from orchard import project, sources

        return getattr(sources if name == "import_from" else project, name)
