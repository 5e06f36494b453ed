"""``orchard init``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard.cli.options import Command, NetworkFlags, Session, current_session, network_options
from orchard.errors import UsageError

if TYPE_CHECKING:
    from orchard.formats import Kitfile

FORMS = frozenset(("text", "json"))


class _Command(Command):
    """A command whose ``--output`` is that of ``kit`` too: a file, where it is not a form of the result."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read ``--output FILE`` as ``-o FILE``."""
        words: list[str] = []
        for number, word in enumerate(args):
            name, equals, value = word.partition("=")
            if equals and name == "--output" and value not in FORMS:
                words += ["-o", value]
            elif word == "--output" and args[number + 1 : number + 2] and args[number + 1] not in FORMS:
                words.append("-o")
            else:
                words.append(word)
        return super().parse_args(ctx, words)


@click.command(cls=_Command)
@click.argument("path")
@click.option("--name", help="Name of the ModelKit.")
@click.option("--desc", help="What it is, in a sentence.")
@click.option("--author", help="Who made it.")
@click.option("-f", "--force", is_flag=True, help="Replace a Kitfile that is already there.")
@click.option("-o", "output_file", metavar="FILE", help="Where to write it (default: PATH/Kitfile); '-' is stdout.")
@click.option("--depth", type=click.IntRange(0), default=0, help="Levels of directories to list file by file.")
@click.option("--remote", is_flag=True, help="PATH is a repository of Hugging Face; nothing is downloaded.")
@click.option("--ref", help="With --remote: branch, tag or commit.")
@click.option("--token", help="With --remote: token of Hugging Face (default: $HF_TOKEN).")
@network_options
def command(
    flags: NetworkFlags,
    /,
    path: str,
    name: str | None,
    desc: str | None,
    author: str | None,
    output_file: str | None,
    depth: int,
    ref: str | None,
    token: str | None,
    *,
    force: bool,
    remote: bool,
) -> None:
    """Look at the directory PATH and write a Kitfile for it, to be edited.

    \b
    Examples:
      orchard init . --name mymodel --desc "Reads digits" --author "Ada"
      orchard init --remote Qwen/Qwen3-0.6B -o -
    """
    if not remote and (ref or token):
        raise UsageError("--ref and --token are for --remote")
    from orchard.formats import to_value, to_yaml

    session = current_session()
    if sys.stdin.isatty() and not remote:
        name = _ask(name, "Enter a name for the ModelKit")
        desc = _ask(desc, "Enter a short description for the ModelKit")
        author = _ask(author, "Enter an author for the ModelKit")
    kitfile = _remote(path, ref, token, depth, flags, session) if remote else _local(path, depth)
    kitfile = _with(kitfile, name, desc, author)
    text = to_yaml(kitfile)
    if output_file == "-":
        session.printer.result(text.removesuffix("\n"), {"path": None, "kitfile": to_value(kitfile)})
        return
    written = _write(kitfile, Path() if remote else Path(path), output_file, force=force)
    session.printer.result(
        f"Generated Kitfile:\n\n{text}\nSaved to path '{written}'",
        {"path": str(written), "kitfile": to_value(kitfile)},
        brief=str(written),
    )


def _local(path: str, depth: int) -> "Kitfile":
    from orchard.project import propose_kitfile

    return propose_kitfile(Path(path), depth=depth)


def _remote(
    text: str, ref: str | None, token: str | None, depth: int, flags: NetworkFlags, session: Session
) -> "Kitfile":
    from orchard.cli.workspace import make_options
    from orchard.sources import Wanted, open_project

    options = make_options(flags, session.printer)
    wanted = Wanted(text, "hf", ref, token)
    with open_project(wanted, environ=session.environ, options=options, scratch=Path()) as project:
        return project.propose(depth)


def _with(kitfile: "Kitfile", name: str | None, desc: str | None, author: str | None) -> "Kitfile":
    """Fill in what was typed."""
    from msgspec.structs import replace

    package = kitfile.package
    package = replace(
        package,
        name=name or package.name,
        description=desc or package.description,
        authors=(author,) if author else package.authors,
    )
    return replace(kitfile, package=package)


def _write(kitfile: "Kitfile", directory: Path, output_file: str | None, *, force: bool) -> Path:
    from orchard.project import write_kitfile, write_kitfile_to

    if output_file is None:
        return write_kitfile(directory, kitfile, replace=force)
    return write_kitfile_to(Path(output_file), kitfile, replace=force)


def _ask(value: str | None, question: str) -> str:
    return value if value is not None else click.prompt(question, default="", show_default=False, err=True)
