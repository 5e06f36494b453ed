"""``orchard import``."""

import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from orchard.cli.options import Command, NetworkFlags, Session, current_session, network_options
from orchard.cli.output import Printer, format_size
from orchard.cli.progress import watching
from orchard.cli.workspace import make_options, open_workspace, with_defaults
from orchard.errors import StorageError, UsageError
from orchard.oci import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.formats import Kitfile
    from orchard.oci import JSON
    from orchard.project import Packed, Plan, Recipe
    from orchard.sources import Project


@click.command("import", cls=Command)
@click.argument("repository")
@click.option("-t", "--tag", metavar="REF", help="What to call it (default: ORG/NAME:latest, in lower case).")
@click.option("--ref", help="Branch, tag or commit (default: main, or that of the address).")
@click.option(
    "--token", help="Token of Hugging Face, or of a Git server (default: $HF_TOKEN, or that of 'hf auth login')."
)
@click.option("-f", "--file", help="Kitfile to use instead of the repository's or a generated one; '-' reads stdin.")
@click.option(
    "--depth",
    type=click.IntRange(0),
    default=0,
    help="Levels of directories that a generated Kitfile lists file by file.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["modelkit", "modelpack"]),
    default="modelkit",
    help="KitOps' format or CNCF's.",
)
@click.option(
    "--layer-format",
    type=click.Choice(["tar", "raw"]),
    help="Archives, or bare files (default: tar for ModelKits, raw for ModelPacks).",
)
@click.option("--tool", type=click.Choice(["hf", "git"]), help="How to fetch it (default: as the address suggests).")
@click.option("--push", is_flag=True, help="Send it straight to the registry of --tag; nothing is stored here.")
@click.option("--dry-run", is_flag=True, help="List layers and their files; fetch none of them and write nothing.")
@click.option(
    "--attestation-output", metavar="FILE", help="Write provenance (in-toto, SLSA v1) to a file; '-' is stdout."
)
@network_options
def command(
    flags: NetworkFlags,
    repository: str,
    tag: str | None,
    ref: str | None,
    token: str | None,
    file: str | None,
    depth: int,
    form: str,
    layer_format: str | None,
    tool: Literal["hf", "git"] | None,
    attestation_output: str | None,
    *,
    push: bool,
    dry_run: bool,
) -> None:
    """Import a model or a dataset from Hugging Face, or a repository of Git, as a ModelKit.

    Bytes stream straight into layers: nothing is stored twice, and what is interrupted goes on where it was.

    \b
    Examples:
      orchard import Qwen/Qwen3-0.6B
      orchard import https://huggingface.co/datasets/rajpurkar/squad --tag registry.example.com/data/squad:v1
      orchard import https://github.com/org/project.git --ref v1.2
    """
    from orchard.sources import Order, Wanted, check_tag, open_project

    session = current_session()
    if attestation_output == "-":  # stdout is that document then
        session = session._replace(printer=session.printer._replace(notes_on_stdout=False))
    printer = session.printer
    workspace = open_workspace(flags, session)
    wanted, started = Wanted(repository, tool, ref, token), time.time()
    options, scratch = make_options(with_defaults(flags, session, ""), printer), workspace.home / "cache/import"
    if tag is not None:
        Reference.parse_tags(tag)  # a slip of the hand is told before anybody is asked for anything
    with open_project(wanted, environ=session.environ, options=options, scratch=scratch) as project:
        name = check_tag(tag, project)
        if tag is None:
            printer.note(f"Using tag {name}. Use flag --tag to override")
        kitfile = _kitfile(project, file, depth, session)
        order = Order(tag=name, recipe=_recipe(form, layer_format, push=push), concurrency=flags.concurrency)
        if dry_run:
            _show(printer, project, project.plan(kitfile, workspace, order), name)
            return
        printer.note(f"Packing model to {name}")
        with watching(printer, session.progress, "Importing") as observer:
            packed = project.pack(kitfile, workspace, order=order, observer=observer, note=printer.note)
        for text in packed.warnings:
            printer.warn(text)
        _tell(printer, _Done(project, packed, name), attestation_output, started)


def _recipe(form: str, layer_format: str | None, *, push: bool) -> "Recipe":
    from orchard.formats import LayerFormat
    from orchard.project import Recipe

    if form == "modelkit":
        return Recipe(layer_format=LayerFormat(layer_format or "tar"), push=push)
    from orchard.project import ModelPackFormat

    return Recipe(layer_format=LayerFormat(layer_format or "raw"), format=ModelPackFormat(), push=push)


class _Done(NamedTuple):
    """What was imported."""

    project: "Project"
    packed: "Packed"
    name: str


def _kitfile(project: "Project", file: str | None, depth: int, session: Session) -> "Kitfile":
    """Find the Kitfile: the one that was given, that of the repository, or a guess that may be edited."""
    from orchard.formats import to_yaml
    from orchard.project import read_kitfile

    if file == "-":
        return _from_stdin()
    if file is not None:
        return read_kitfile(Path(), Path(file))[0]
    own = project.own_kitfile()
    if own is not None:
        session.printer.note("Using the Kitfile of the repository")
        return own
    kitfile = project.propose(depth)
    session.printer.note(f"Generated Kitfile:\n\n{to_yaml(kitfile)}")
    if sys.stdin.isatty() and _answer("Would you like to edit Kitfile before packing? (y/N): "):
        return _edited(to_yaml(kitfile), session.environ)
    return kitfile


def _from_stdin() -> "Kitfile":
    from orchard.formats import MAX_KITFILE, parse_kitfile
    from orchard.oci import read_bounded

    if sys.stdin.isatty():
        raise UsageError("--file -: no input file specified and no data piped")
    return parse_kitfile(read_bounded(sys.stdin.buffer, limit=MAX_KITFILE, what="Kitfile"), what="Kitfile")


def _answer(question: str) -> bool:
    given = click.prompt(question, default="", show_default=False, prompt_suffix="", err=True)
    return str(given).strip().lower() in {"y", "yes"}


def _edited(text: str, environ: "Mapping[str, str]") -> "Kitfile":
    """Let the user change a Kitfile in ``$EDITOR``."""
    from orchard.formats import MAX_KITFILE, parse_kitfile
    from orchard.oci import read_bounded

    editor = shlex.split(environ.get("EDITOR") or "nano")
    with tempfile.TemporaryDirectory(prefix="orchard-") as directory:
        path = Path(directory, "Kitfile")
        path.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*editor, str(path)], check=True)  # noqa: S603 -- the user's own editor
        except (OSError, subprocess.CalledProcessError) as error:
            raise StorageError(f"the editor {editor[0]!r} failed; set $EDITOR, or use --file") from error
        with path.open("rb") as file:
            return parse_kitfile(read_bounded(file, limit=MAX_KITFILE, what="Kitfile"), what="Kitfile")


def _tell(printer: Printer, done: _Done, attestation: str | None, started: float) -> None:
    text = f"Model is packed as {done.name}"
    if attestation is None:
        printer.result(text, _value(done), brief=done.name)
        return
    from orchard.sources import Times, statement

    project, packed, name = done
    materials, times = project.materials(packed.kitfile), Times(started, time.time())
    said = statement(packed, project.origin, materials, name=name, kitfile=packed.kitfile, times=times)
    if attestation == "-":
        printer.note(text)
        printer.document(said)
        return
    try:
        Path(attestation).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{attestation}: cannot be written: {error.strerror}") from error
    printer.result(text, _value(done), brief=name)


def _show(printer: Printer, project: "Project", plans: "list[Plan]", name: str) -> None:
    from orchard.cli.planned import plan_lines, plan_paths

    size = sum(plan.size for plan in plans)
    lines = [line for plan in plans for line in plan_lines(plan)]
    lines.append(f"Would import {len(plans)} layers, {format_size(size)}, as {name}")
    layers: list[JSON] = [
        {
            "type": plan.claim.kind.value,
            "name": plan.claim.name,
            "path": plan.claim.path,
            "digest": None,
            "size": plan.size,
            "files": plan.files,
            "new": None,
        }
        for plan in plans
    ]
    value: JSON = {"dryRun": True, "digest": None, **_about(project, name, size), "layers": layers}
    printer.result("\n".join(lines), value, brief="\n".join(plan_paths(plan) for plan in plans if plan.files))


def _about(project: "Project", name: str, size: int) -> "dict[str, JSON]":
    origin = project.origin
    return {
        "reference": name,
        "source": origin.url,
        "ref": origin.ref,
        "revision": origin.commit,
        "tool": origin.tool,
        "size": size,
        "sizeText": format_size(size),
    }


def _value(done: _Done) -> "JSON":
    packed = done.packed
    return {
        "dryRun": False,
        "digest": str(packed.descriptor.digest),
        **_about(done.project, done.name, packed.size),
        "layers": [
            {
                "type": layer.layer.kind.value,
                "name": layer.layer.name,
                "path": layer.layer.path,
                "digest": str(layer.layer.descriptor.digest),
                "size": layer.layer.descriptor.size,
                "files": layer.files,
                "new": layer.new,
            }
            for layer in packed.layers
        ],
    }
