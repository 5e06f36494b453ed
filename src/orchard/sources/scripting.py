"""What scripts call as ``orchard.import_from``: texts in, a value out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

# What a function does not use, it does not import.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from orchard import Version
    from orchard.project import Observer
    from orchard.remote import Options

StrPath = str | os.PathLike[str]


def import_from(  # noqa: PLR0913 -- keywords, each with its own meaning
    source: str,
    *,
    tag: str | None = None,
    ref: str | None = None,
    token: str | None = None,
    tool: Literal["hf", "git"] | None = None,
    file: StrPath | None = None,
    depth: int = 0,
    format: Literal["modelkit", "modelpack"] = "modelkit",  # noqa: A002 -- the flag's own name
    push: bool = False,
    concurrency: int = 5,
    home: StrPath | None = None,
    options: "Options | None" = None,
    observer: "Observer | None" = None,
) -> "Version":
    """Import a model or a dataset of Hugging Face, or a repository of Git, as a version.

    Args:
        source: ``org/name``, ``datasets/org/name``, an address of a hub, or anything that Git can clone.
        tag: What to call it; ``org/name:latest`` if not given.
        ref: Branch, tag or commit.
        token: Who we are there; found where the hub's own tools keep it if not given.
        tool: How to fetch it, if not as the address suggests.
        file: A Kitfile, in the place of the repository's own or a guess.
        depth: How many levels of directories a guess lists file by file.
        format: KitOps' format or CNCF's.
        push: Whether to send it straight to the registry of the tag, and to store nothing of it here.
        concurrency: Files fetched at once.
        home: Home directory; found in the environment if not given.
        options: How to talk to the hub and the registry: TLS, proxy, time limits.
        observer: Told of the progress of each layer, from several threads.

    Raises:
        UsageError: If the source is not one, or a tag is needed and cannot be guessed.
        NotFoundError: If there is no such repository, revision or path.
        DeniedError: If it wants a login, or conditions to be accepted.
        IntegrityError: If a file is not what its repository lists; nothing is published then.
        RemoteError: If it cannot be reached or fails.
    """
    from orchard import Version
    from orchard.formats import LayerFormat
    from orchard.project import ModelKitFormat, ModelPackFormat, Recipe, Silent, Workspace, read_kitfile
    from orchard.remote import Options
    from orchard.sources.opening import Wanted, check_tag, open_project
    from orchard.sources.origin import Order

    pack = format == "modelpack"
    recipe = Recipe(
        layer_format=LayerFormat("raw" if pack else "tar"),
        format=ModelPackFormat() if pack else ModelKitFormat(),
        push=push,
    )
    given = read_kitfile(Path(), Path(file))[0] if file is not None else None
    wanted = Wanted(source, tool, ref, token)
    with (
        Workspace(
            Path(home) if home is not None else None,
            environ=os.environ,
            options=(lambda _host: options) if options else None,
        ) as workspace,
        open_project(
            wanted, environ=os.environ, options=options or Options(), scratch=workspace.home / "cache/import"
        ) as project,
    ):
        name = check_tag(tag, project)
        packed = project.pack(
            given or project.own_kitfile() or project.propose(depth),
            workspace,
            order=Order(tag=name, recipe=recipe, concurrency=concurrency),
            observer=observer or Silent(),
            note=lambda _text: None,
        )
    layers = tuple(packed_layer.layer for packed_layer in packed.layers)
    return Version(name, packed.descriptor.digest, packed.size, packed.kitfile, layers, packed.manifest)
