"""``orchard dev``: run a model on this machine, to try it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, Group, NetworkFlags, Session, current_session, network_options
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.deploy import DevServer, EngineName, Running
    from orchard.formats import Kitfile
    from orchard.oci import JSON, Reference
    from orchard.project import Workspace

ENGINES = ("auto", "llama-server", "xllamacpp", "onnxruntime")  # a test compares them with what deploy has


@click.group(cls=Group)
def command() -> None:
    """Run the model of a project on this machine, to try it: GGUF through llama.cpp, ONNX through onnxruntime.

    One server runs at a time. It has a page for people and an API for programs: OpenAI's for GGUF, the Open Inference
    Protocol for ONNX.

    \b
    Examples:
      orchard dev start
      orchard dev logs --follow
      orchard dev stop
    """


@command.command(cls=Command)
@click.argument("project", metavar="[DIR|REFERENCE]", default=".")
@click.option("-f", "--file", metavar="PATH", help="Kitfile, if it is not the one in DIR.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port to listen on (default: a free one).")
@click.option("--model", metavar="PATH", help="The model file to serve, where there are several.")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="What runs it.")
@click.option("--context", type=click.IntRange(min=1), metavar="TOKENS", help="Tokens of context (GGUF).")
@click.option("--timeout", type=click.FloatRange(min=1), default=120.0, show_default=True, help="Seconds to load.")
@network_options
def start(
    network: NetworkFlags,
    project: str,
    file: str | None,
    host: str,
    port: int,
    model: str | None,
    engine: "EngineName",
    context: int | None,
    timeout: float,
) -> None:
    """Start a server for the model of DIR, or of a ModelKit, and come back when it answers.

    \b
    Examples:
      orchard dev start ./project --port 9000
      orchard dev start registry.example.com/team/chat:v1
    """
    from orchard.cli.workspace import open_workspace
    from orchard.deploy import Place, Wanted, find_model

    session = current_session()
    workspace = open_workspace(network, session)
    with _server(session).claim() as claim:
        directory, kitfile = _project(session, workspace, project, file, model_directory=claim.model_directory)
        served = find_model(directory, kitfile, wanted=model)
        session.printer.note(f"Starting a server for {served.path.name}")
        running = claim.start(
            served,
            Place.find(host, port),
            source=project,
            wanted=Wanted(engine, context, timeout),
            environ=session.environ,
        )
    session.printer.result(f"Development server started at {running.url}", _value(running), brief=running.url)


@command.command(cls=Command)
def stop() -> None:
    """Stop the server.

    \b
    Examples:
      orchard dev stop
    """
    session = current_session()
    running = _server(session).stop()
    session.printer.result(f"Development server at {running.url} stopped", _value(running), brief=running.url)


@command.command(cls=Command)
def status() -> None:
    """Say what runs, and where.

    \b
    Examples:
      orchard dev status --output json
    """
    session = current_session()
    running = _server(session).running()
    text = "No development server runs" if running is None else f"{running.source} is served at {running.url}"
    session.printer.result(text, {"running": None if running is None else _value(running)})


@command.command(cls=Command)
@click.option("-f", "--follow", is_flag=True, help="Go on until the server ends.")
def logs(*, follow: bool) -> None:
    """Print what the server says.

    \b
    Examples:
      orchard dev logs
      orchard dev logs --follow
    """
    from orchard.cli.output import printable

    session = current_session()
    if session.printer.as_json:
        if follow:
            raise UsageError("--follow prints as the server speaks, which is no JSON document; leave one of the two")
        session.printer.document({"log": "".join(_server(session).log(follow=False))})
        return
    for piece in _server(session).log(follow=follow):
        sys.stdout.write(printable(piece))
        sys.stdout.flush()
    if follow:
        session.printer.note("server stopped")


def _server(session: Session) -> "DevServer":
    from orchard.deploy import DevServer
    from orchard.project import find_home

    return DevServer(find_home(session.environ, session.config) / "dev")


def _project(
    session: Session, workspace: "Workspace", project: str, file: str | None, *, model_directory: Path
) -> "tuple[Path, Kitfile]":
    """Find the files of what was named: a directory as it is, a version unpacked."""
    from orchard.formats import is_reference
    from orchard.oci import Reference
    from orchard.project import pinned_reference, read_kitfile

    directory = Path(project)
    if directory.is_file():
        raise UsageError(f"{project} is a file; give its directory, with a Kitfile in it, and --model {directory.name}")
    if not directory.is_dir():
        if file is not None:
            raise UsageError("--file belongs to a directory; a ModelKit brings its own Kitfile")
        return model_directory, _unpacked(session, workspace, Reference.parse(project), model_directory)
    kitfile, where = read_kitfile(directory, Path(file) if file is not None else None)
    path = kitfile.model.path if kitfile.model is not None else ""
    if is_reference(path) and not (directory / path).exists():
        return model_directory, _unpacked(session, workspace, pinned_reference(path, directory, where), model_directory)
    return directory.absolute(), kitfile


def _unpacked(session: Session, workspace: "Workspace", reference: "Reference", directory: Path) -> "Kitfile":
    """Unpack the model of a version, and say where it is, even if another version brought it."""
    from msgspec.structs import replace

    from orchard.cli.progress import watching
    from orchard.formats import parse_filters
    from orchard.project import Terms, resolved_kitfile

    session.printer.note(f"Unpacking the model of {reference.or_latest()}")
    with watching(session.printer, session.progress, "Unpacking") as observer:
        version, _ = workspace.unpack(
            reference, directory, filters=parse_filters(["model,kitfile"]), terms=Terms(), observer=observer
        )
    kitfile = resolved_kitfile(version, workspace.find, name=str(reference))
    model = kitfile.model
    if model is None or not model.path or (directory / model.path).exists():
        return kitfile
    # Some tools call an archive otherwise than the files in it: olot, AIKit.
    return replace(kitfile, model=replace(model, path="."))


def _value(running: "Running") -> "JSON":
    return {
        "url": running.url,
        "api": f"{running.url}/{'v2' if running.engine == 'onnxruntime' else 'v1'}",
        "source": running.source,
        "name": running.name,
        "model": running.model,
        "engine": running.engine,
        "pid": running.pid,
    }
