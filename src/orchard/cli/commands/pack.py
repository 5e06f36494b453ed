"""``orchard pack``."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from orchard import __version__
from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import Printer, format_size
from orchard.cli.progress import watching
from orchard.cli.workspace import open_workspace
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.formats import Kitfile
    from orchard.oci import JSON
    from orchard.project import CompressionName, Packed, Recipe


MAX_WARNINGS: Final = 10
CREATED: Final = "org.opencontainers.image.created"


@click.command(cls=Command)
@click.argument("directory", type=click.Path(path_type=Path, readable=False))
@click.option("-f", "--file", help="Kitfile, if not DIRECTORY/Kitfile; '-' reads it from stdin.")
@click.option("-t", "--tag", metavar="REF", help="[REGISTRY/]REPOSITORY[:TAG[,TAG...]] to call it.")
@click.option(
    "--compression",
    type=click.Choice(["none", "gzip", "gzip-fastest", "zstd"]),
    default="none",
    show_default=True,
    help="Compression of layers. Weights hardly shrink; text and tables do.",
)
@click.option(
    "--layer-format",
    type=click.Choice(["tar", "raw"]),
    help="raw: each layer is a bare file. A ModelKit is tar if not given, and raw only where each path of the Kitfile "
    "is one file; a ModelPack is raw, one layer for each file.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["modelkit", "modelpack"]),
    default="modelkit",
    show_default=True,
    help="KitOps' format or CNCF's.",
)
@click.option("--use-model-pack", is_flag=True, help="The same as --format modelpack.")
@click.option("--flat-titles", is_flag=True, help="ModelPack: titles without directories, as Podman needs them.")
@click.option("--preserve", is_flag=True, help="ModelPack: keep the times and permissions of files, not 1970 and 0644.")
@click.option("--drop-unsupported", is_flag=True, help="ModelPack: leave out MCP servers, which it has no place for.")
@click.option("--dry-run", is_flag=True, help="List layers and their files; read none of them and write nothing.")
@click.option("--push", is_flag=True, help="Send it straight to the registry of --tag; nothing is stored here.")
@click.option("--annotation", "annotations", metavar="KEY=VALUE", multiple=True, help="For the manifest; repeatable.")
@click.option("--no-cache", is_flag=True, help="Read every file, even if nothing seems to have changed.")
@click.option("--created", is_flag=True, help="Write the time into the manifest: $SOURCE_DATE_EPOCH, else now.")
@click.option("--cli-version", is_flag=True, help="Write the version of this program into the manifest.")
@click.option(
    "--provenance/--no-provenance", default=True, help="Record remote, commit and branch in Git (default: yes)."
)
@click.option("--locked", is_flag=True, help="Fail unless Kitfile.lock pins all that the Kitfile refers to.")
@click.option("--update-lock", is_flag=True, help="Look up anew what the Kitfile refers to, and write Kitfile.lock.")
@network_options
def command(
    network: NetworkFlags,
    /,
    directory: Path,
    file: str | None,
    tag: str | None,
    dry_run: bool,
    **given: Any,  # noqa: ANN401 -- click's
) -> None:
    """Pack the project in DIRECTORY into the local store, or straight to a registry, as its Kitfile says.

    The same content gives the same digest, whoever packs it and whenever; in Git, within one commit and branch.

    \b
    Examples:
      orchard pack . -t mymodel:v1
      orchard pack ./project -t registry.example.com/team/mymodel:v1,latest
      orchard pack . -t registry.example.com/team/mymodel:v1 --push
      orchard pack . --dry-run
      orchard pack . -t mymodel:v1 --annotation org.opencontainers.image.vendor=Example
      orchard pack . -t mymodel:v1-modelpack --format modelpack
    """
    session = current_session()
    workspace = open_workspace(network, session)
    recipe = _recipe(session.environ, **given)
    kitfile, path = _from_stdin() if file == "-" else None, _kitfile_path(directory, file)
    if dry_run:
        from orchard.cli.planned import show_plans

        show_plans(session.printer, workspace.plan(directory, tag=tag, kitfile=kitfile, file=path, recipe=recipe), tag)
        return
    with watching(session.printer, session.progress, "Packing") as observer:
        packed = workspace.pack(directory, tag=tag, kitfile=kitfile, file=path, recipe=recipe, observer=observer)
    _warn(session.printer, packed)
    if recipe.push:
        _warn_local(session.printer, packed)
    session.printer.result(_lines(packed, pushed=recipe.push), _value(packed, tag), brief=str(packed.descriptor.digest))


def _recipe(
    environ: Mapping[str, str],
    *,
    compression: "CompressionName",
    layer_format: str | None,
    annotations: tuple[str, ...],
    created: bool,
    cli_version: bool,
    provenance: bool,
    locked: bool,
    update_lock: bool,
    no_cache: bool,
    form: str,
    use_model_pack: bool,
    push: bool,
    **flags: bool,
) -> "Recipe":
    from msgspec.structs import replace

    from orchard.formats import VERSION_ANNOTATION, LayerFormat
    from orchard.project import Locking, Recipe

    if locked and update_lock:
        raise UsageError("--locked and --update-lock contradict each other")

    said = {CREATED: _moment(environ).isoformat() + "Z"} if created else {}
    if cli_version:
        said[VERSION_ANNOTATION] = __version__
    said |= dict(map(_annotation, annotations))
    recipe = Recipe(
        compression=compression,
        annotations=said,
        provenance=provenance,
        locking=Locking.REQUIRE if locked else Locking.RENEW if update_lock else Locking.USE,
        cache=not no_cache,
        push=push,
    )
    if form == "modelkit" and not use_model_pack:
        _refuse_flags(flags)
        return replace(recipe, layer_format=LayerFormat(layer_format or "tar"))
    from orchard.project import ModelPackFormat

    epoch = int(_moment(environ).replace(tzinfo=UTC).timestamp()) if environ.get("SOURCE_DATE_EPOCH") else 0
    pack_format = ModelPackFormat(
        epoch=epoch,
        preserve=flags["preserve"],
        flat_titles=flags["flat_titles"],
        drop_unsupported=flags["drop_unsupported"],
    )
    chosen = layer_format or ("raw" if compression == "none" else "tar")
    return replace(recipe, layer_format=LayerFormat(chosen), format=pack_format)


def _refuse_flags(flags: Mapping[str, bool]) -> None:
    """Refuse what only makes sense for a ModelPack.

    Raises:
        UsageError: Naming the first flag.
    """
    given = next((name for name, on in flags.items() if on), None)
    if given is not None:
        raise UsageError(f"--{given.replace('_', '-')} is for ModelPacks; add --format modelpack")


def _annotation(text: str) -> tuple[str, str]:
    """Split what was typed.

    Raises:
        UsageError: If it is not KEY=VALUE.
    """
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise UsageError(f"--annotation {text}: write KEY=VALUE")
    return key, value


def _moment(environ: Mapping[str, str]) -> datetime:
    """Give the time that a version says it was made, in UTC (reproducible-builds.org, "SOURCE_DATE_EPOCH").

    Raises:
        UsageError: If the variable is not a number of seconds.
    """
    epoch = environ.get("SOURCE_DATE_EPOCH", "")
    try:
        moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"$SOURCE_DATE_EPOCH is {epoch!r:.40}: seconds since 1970 are needed") from error
    return moment.replace(microsecond=0, tzinfo=None)


def _from_stdin() -> "Kitfile":
    from orchard.formats import MAX_KITFILE, parse_kitfile
    from orchard.oci import read_bounded

    if sys.stdin.isatty():
        raise UsageError("--file -: no input file specified and no data piped")
    return parse_kitfile(read_bounded(sys.stdin.buffer, limit=MAX_KITFILE, what="Kitfile"), what="Kitfile")


def _kitfile_path(directory: Path, file: str | None) -> Path | None:
    """Find the Kitfile that was named: below DIRECTORY, where ``kit`` looks, else where the user stands."""
    if file is None or file == "-":
        return None
    inside = directory / file
    return inside if inside.exists() or not Path(file).exists() else Path(file)


def _warn(printer: Printer, packed: "Packed") -> None:
    if not packed.layers:
        printer.warn("the ModelKit holds no layers")
    for text in packed.warnings[:MAX_WARNINGS]:
        printer.warn(text)
    if len(packed.warnings) > MAX_WARNINGS:
        printer.warn(f"and {len(packed.warnings) - MAX_WARNINGS} more like these")
    for layer in packed.layers:
        if not layer.files:
            printer.warn(f"No files detected in {layer.layer.kind.value} layer with path {layer.layer.path}")


def _warn_local(printer: Printer, packed: "Packed") -> None:
    from orchard.cli.referred import say_local
    from orchard.formats import lock_of

    say_local(printer.warn, lock_of(packed.manifest, what="the lock").kits)


def _lines(packed: "Packed", *, pushed: bool) -> str:
    return "\n".join(_pushed_lines(packed) if pushed else _saved_lines(packed))


def _pushed_lines(packed: "Packed") -> list[str]:
    config, manifest = packed.manifest.config.digest, packed.descriptor.digest
    return [
        *(
            f"{'Pushed' if layer.new else 'Already there:'} {layer.layer.kind.value} layer: "
            f"{layer.layer.descriptor.digest}"
            for layer in packed.layers
        ),
        f"Pushed configuration: {config}" if packed.new_config else f"Configuration already exists there: {config}",
        f"Pushed manifest: {manifest}" if packed.new_manifest else f"Manifest already exists there: {manifest}",
        f"Model saved: {manifest}",  # the line that scripts look for
    ]


def _saved_lines(packed: "Packed") -> list[str]:
    lines = [
        f"{'Saved' if layer.new else 'Already saved'} {layer.layer.kind.value} layer: {layer.layer.descriptor.digest}"
        for layer in packed.layers
    ]
    config = packed.manifest.config.digest
    manifest = packed.descriptor.digest
    lines.append(
        f"Saved configuration: {config}" if packed.new_config else f"Configuration already exists in storage: {config}"
    )
    lines.append(
        f"Saved manifest to storage: {manifest}"
        if packed.new_manifest
        else f"Manifest already exists in storage: {manifest}"
    )
    lines.append(f"Model saved: {manifest}")
    return lines


def _value(packed: "Packed", tag: str | None) -> "JSON":
    return {
        "dryRun": False,
        "reference": tag,
        "digest": str(packed.descriptor.digest),
        "config": {"digest": str(packed.manifest.config.digest), "new": packed.new_config},
        "new": packed.new_manifest,
        "size": packed.size,
        "sizeText": format_size(packed.size),
        "layers": [
            {
                "type": layer.layer.kind.value,
                "name": layer.layer.name,
                "path": layer.layer.path,
                "digest": str(layer.layer.descriptor.digest),
                "diffId": str(layer.layer.diff_id),
                "mediaType": layer.layer.descriptor.media_type,
                "size": layer.layer.descriptor.size,
                "files": layer.files,
                "new": layer.new,
            }
            for layer in packed.layers
        ],
    }
