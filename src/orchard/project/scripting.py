"""What scripts call as ``orchard.diff``, ``orchard.verify`` and so on: texts in, values out."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from orchard.oci import Reference
from orchard.project.workspace import Workspace

# What a function does not use, it does not import.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from orchard.project.chronicle import Step
    from orchard.project.comparison import Comparison
    from orchard.project.converting import Converted
    from orchard.project.exporting import Exported
    from orchard.project.progress import Observer
    from orchard.project.validating import Validated
    from orchard.project.verifying import Verified
    from orchard.remote import Options

WORKERS: Final = 5  # requests at a time

StrPath = str | os.PathLike[str]


def diff(
    first: str,
    second: str,
    *,
    level: Literal["layers", "files", "kitfile", "all"] = "all",
    every_byte: bool = False,
    home: StrPath | None = None,
    options: "Options | None" = None,
) -> "Comparison":
    """Compare two versions: layers, files, Kitfiles; licence, metrics, parameters, data, model, code by section.

    Args:
        first: The one that changes are counted from; ``local://`` or ``remote://`` before it says where it is.
        second: The one that they lead to.
        level: How deep to look.
        every_byte: Read all content where nothing else tells whether files differ, and not only 64 MiB of it.
        home: Home directory; found in the environment if not given.
        options: How to talk to registries: TLS, proxy, time limits.

    Raises:
        NotFoundError: If one of them is not there.
        NotAModelKitError: If one is an artifact of another kind.
    """
    from orchard.project.comparing.effort import EVERY_BYTE, USUAL
    from orchard.project.comparison import Level, compare, side

    with _workspace(home, options) as workspace:
        sides = [side(workspace, name) for name in (first, second)]
        return compare(*sides, level=Level(level), effort=EVERY_BYTE if every_byte else USUAL)


def convert(  # noqa: PLR0913 -- keywords, each with its own meaning
    reference: str,
    to: Literal["modelpack", "modelkit"],
    *,
    tag: str | None = None,
    remote: bool = False,
    explode: bool = False,
    drop_unsupported: bool = False,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> "Converted":
    """Convert a version to another format; layers keep their bytes, and converting back gives the same digest.

    Args:
        reference: What to convert.
        to: The format that it shall have.
        tag: What to call the result: ``[registry/]repository[:tag[,tag...]]``. Without one it has only its digest.
        remote: Whether to convert in the registry, where the layers stay.
        explode: Whether to take archives apart, one bare file for each file in them; this moves data.
        drop_unsupported: Whether to leave out MCP servers, which ModelPack has no place for.
        home: Home directory; found in the environment if not given.
        options: How to talk to registries: TLS, proxy, time limits.
        observer: Told of the progress of each layer that is written again.

    Raises:
        NotFoundError: If it is not there.
        NotAModelKitError: If it is an artifact of another kind.
        InvalidError: If the other format cannot say what this one says.
    """
    from orchard.formats import ProjectFormat
    from orchard.project.converting import Names, Wish, convert_reference

    form = ProjectFormat.MODELPACK if to == "modelpack" else ProjectFormat.MODELKIT
    wish = Wish(to=form, explode=explode, drop_unsupported=drop_unsupported)
    target, tags = Reference.parse_tags(tag) if tag is not None else (None, ())
    source = Reference.parse(reference)
    with _workspace(home, options) as workspace:
        return convert_reference(workspace, source, wish, names=Names(target, tags), remote=remote, observer=observer)


def validate(
    reference: str,
    *,
    remote: bool = False,
    home: StrPath | None = None,
    options: "Options | None" = None,
) -> "Validated":
    """Check a version against the rules of its format, all at once; no layer is read whole.

    Args:
        reference: What to check.
        remote: Whether it is in its registry.
        home: Home directory; found in the environment if not given.
        options: How to talk to registries: TLS, proxy, time limits.

    Raises:
        NotFoundError: If it is not there.
        NotAModelKitError: If it is an artifact of another kind.
    """
    from orchard.project.validating import validate_reference

    with _workspace(home, options) as workspace:
        return validate_reference(workspace, Reference.parse(reference), remote=remote)


def verify(
    reference: str,
    *,
    remote: bool = False,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> "Verified":
    """Hash every byte of a version, and of what refers to it; what is wrong is in the result, not raised.

    Args:
        reference: What to verify.
        remote: Read it from its registry, and not from the local store; nothing is kept.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.
        observer: Told of the progress of each blob, from several threads.

    Raises:
        NotFoundError: If there is no such version.
        RemoteError: If the registry cannot be reached or fails.
    """
    from orchard.project.verifying import verify_reference

    with _workspace(home, options) as workspace:
        return verify_reference(workspace, Reference.parse(reference), remote=remote, observer=observer)[1]


def export(  # noqa: PLR0913 -- keywords, each with its own meaning
    references: str | Sequence[str],
    file: StrPath,
    *,
    remote: bool = False,
    overwrite: bool = False,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> "Exported":
    """Write versions, with what refers to them, into one file: a tar of an OCI layout.

    An export that was interrupted goes on where it was, if it is asked for again.

    Args:
        references: What to export; what is not in the local store is streamed from its registry.
        file: Where to.
        remote: Read from the registry, even what the local store has.
        overwrite: Replace a file that is there.
        home: Home directory; found in the environment if not given.
        options: How to talk to registries: TLS, proxy, time limits.
        observer: Told of the progress of each blob.

    Raises:
        NotFoundError: If something is nowhere.
        ConflictError: If the file is there already.
        IntegrityError: If bytes are not what was promised.
    """
    from orchard.project.exporting import export_file, find_items

    names = [references] if isinstance(references, str) else references
    with _workspace(home, options) as workspace:
        items = find_items(workspace, names, remote=True if remote else None)
        return export_file(items, Path(file), overwrite=overwrite, observer=observer)


def load(
    file: StrPath,
    *,
    name: str | None = None,
    to: str | None = None,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> tuple[str, ...]:
    """Take the versions of a file that ``export`` wrote, or of any archive of an OCI layout.

    Args:
        file: The file.
        name: What to call its version, if it holds one.
        to: ``REGISTRY[/PREFIX]`` to push to; without, they go into the local store.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.
        observer: Told of the progress of each blob, from several threads.

    Returns:
        What was loaded is called so now.

    Raises:
        NotFoundError: If there is no such file.
        IntegrityError: If its bytes are not what it promises; no name points to them then.
        InvalidError: If it is no such archive, or holds something unsafe.
    """
    from orchard.project.loading import load_file

    chosen = None if name is None else Reference.parse(name)
    with _workspace(home, options) as workspace:
        loaded = load_file(workspace, Path(file), name=chosen, prefix=to, observer=observer)
    return tuple(str(one.reference) for one in loaded)


def history(
    reference: str, *, remote: bool = False, home: StrPath | None = None, options: "Options | None" = None
) -> "list[Step]":
    """Give the versions of a repository, the newest first; with a tag or a digest, from that version on.

    Args:
        reference: The repository, with a tag or a digest or without.
        remote: Ask its registry, and not the local store.
        home: Home directory; found in the environment if not given.
        options: How to talk to the registry: TLS, proxy, time limits.

    Raises:
        NotFoundError: If there is none.
        RemoteError: If the registry cannot be reached or fails.
    """
    from orchard.project.cataloging import read_tags
    from orchard.project.chronicle import local_history, remote_history

    parsed = Reference.parse(reference)
    with _workspace(home, options) as workspace:
        if not remote:
            return local_history(workspace.layout, parsed)
        repository = workspace.remote(parsed)
        return remote_history(read_tags(repository, repository.tags(), workers=WORKERS), parsed)


def _workspace(home: StrPath | None, options: "Options | None" = None) -> Workspace:
    path = Path(home) if home is not None else None
    return Workspace(path, environ=os.environ, options=(lambda _host: options) if options else None)
