"""The program: finds the command, runs it, and turns what went wrong into a message and an exit code."""

import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn, cast

import click

from orchard import __version__
from orchard.cli.options import current_session, global_options, session_from
from orchard.errors import (
    ConflictError,
    DeniedError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    OrchardError,
    RemoteError,
    StorageError,
    UnsupportedError,
    UsageError,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Exit codes are an interface: docs/exit-codes.md lists them, and a test compares the two.
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
EXIT_CODES: Final[dict[type[OrchardError], int]] = {
    OrchardError: EXIT_FAILED,
    UsageError: EXIT_USAGE,
    NotFoundError: 3,
    DeniedError: 4,
    RemoteError: 5,
    UnsupportedError: 5,
    IntegrityError: 6,
    InvalidError: 7,
    ConflictError: 8,
    StorageError: 9,
}

# Command, module, help. The table is all that `--help` and completion read: no command is imported for them.
COMMANDS: Final = {
    "pack": ("pack", "Pack a project into the local store"),
    "unpack": ("unpack", "Unpack a ModelKit, or parts of it, into a directory"),
    "push": ("push", "Push a ModelKit to a registry"),
    "pull": ("pull", "Pull a ModelKit from a registry"),
    "copy": ("copy", "Copy ModelKits from registry to registry, with what refers to them"),
    "tag": ("tag", "Give a ModelKit another name"),
    "list": ("list", "List ModelKits, local or in a registry"),
    "inspect": ("inspect", "Show the manifest and the Kitfile of a ModelKit"),
    "info": ("info", "Show the Kitfile of a ModelKit"),
    "files": ("files", "List the files of a ModelKit, local or in a registry"),
    "cat": ("cat", "Print one file of a ModelKit, local or in a registry"),
    "tensors": ("tensors", "Show what is in the model files of a ModelKit"),
    "preview": ("preview", "Show the datasets of a ModelKit: columns, rows, what is in them"),
    "convert": ("convert", "Convert a ModelKit to a ModelPack, or back, without moving its layers"),
    "remove": ("remove", "Remove ModelKits, local or in a registry"),
    "search": ("search", "Find versions by what their Kitfiles say"),
    "history": ("history", "Show the versions of a repository over time"),
    "diff": ("diff", "Compare two ModelKits: layers, files, Kitfile, parameters"),
    "export": ("export", "Write versions into one file, to carry them elsewhere"),
    "load": ("load", "Take the versions of such a file, or push them to a registry"),
    "verify": ("verify", "Hash all of a version, or of the local store, and say what is damaged"),
    "validate": ("validate", "Check a version, or a directory, against all rules of its format"),
    "prune": ("prune", "Remove old versions and unneeded blobs from the local store"),
    "login": ("login", "Log in to a registry"),
    "logout": ("logout", "Log out of a registry"),
    "import": ("import_", "Import a project from Hugging Face or from Git"),
    "init": ("init", "Write a Kitfile for a directory"),
    "dev": ("dev", "Run a model on this machine, to try it"),
    "hub": ("hub", "Run a hub: a registry with pages, on this machine"),
    "index": ("index", "Keep several ModelKits under one name, told apart by labels"),
    "skill": ("skill", "Teach coding agents to use this program"),
    "migrate": ("migrate", "Take over the ModelKits and logins of kit"),
    "config": ("config", "Show or change defaults"),
    "cache": ("cache", "Show or clear what may be deleted at any time"),
    "completion": ("completion", "Print a completion script for a shell"),
    "version": ("version", "Print the version"),
}

# Commands with a section of their own in the config file.
_WITH_DEFAULTS: Final = frozenset(("pack",))


class Program(click.Group):
    """The group of all commands, each imported only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"orchard.cli.commands.{COMMANDS[cmd_name][0]}")
        return cast("click.Command", module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete names of commands without importing them; options as click does."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 -- only to complete

        return [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and say which one may have been meant."""
        if args and args[0] not in COMMANDS:
            import difflib  # noqa: PLC0415 -- only for a mistake

            close = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        found = super().resolve_command(ctx, args)
        if found[1] is not None and args[0] in _WITH_DEFAULTS:
            ctx.default_map = {args[0]: _defaults(ctx, found[1], args[0])}
        return found


def _defaults(context: click.Context, command: click.Command, section: str) -> dict[str, object]:
    """Give the defaults that the config file and the environment have for the options of a command."""
    chosen = current_session(context).settings.below(section)
    names = {option: parameter.name for parameter in command.params for option in parameter.opts}
    return {str(names[f"--{key}"]): value for key, value in chosen.items()}


@click.version_option(__version__, "--version", message="%(version)s")
def _describe() -> None:
    """Pack, version, ship and serve whole machine-learning projects as OCI artifacts."""


program: Final = Program(
    name="orchard",
    help="Pack, version, ship and serve whole machine-learning projects as OCI artifacts.",
    params=[*getattr(_describe, "__click_params__", []), *global_options()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit with its code."""
    code = run(argv)
    # At its end the interpreter looks for garbage in all that there is: 5 ms of `version`, 12 of `pack`. All of it goes
    # anyway; what must happen at the end (flushing, atexit) still does.
    gc.freeze()
    sys.exit(code)


def run(argv: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else ""  # noqa: PTH119 -- a name
    name = name if name in {"orchard", "kit"} else "orchard"
    if instruction := os.environ.get(f"_{name.upper()}_COMPLETE"):
        from orchard.cli.completing import shell_complete  # noqa: PLC0415 -- only to complete

        return shell_complete(program, {}, name, f"_{name.upper()}_COMPLETE", instruction)
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    return _guarded(name, arguments)


def _guarded(name: str, arguments: list[str]) -> int:
    context: click.Context | None = None
    code = 0
    try:
        context = program.make_context(name, arguments)
        with context:
            program.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        code = _usage(error, arguments)
    except OrchardError as error:
        code = _failed(str(error), type(error).__name__, code=exit_code(error), context=context)
    except (KeyboardInterrupt, click.Abort):
        code = _failed("interrupted", "Interrupted", code=EXIT_INTERRUPTED, context=context)
    except BrokenPipeError:
        # The reader of our stdout has gone; nothing is left to say to it.
        _silence()
        code = EXIT_FAILED
    except OSError as error:
        _silence()
        text = f"stdout cannot be written: {error.strerror or error}"
        code = _failed(text, "StorageError", code=EXIT_CODES[StorageError], context=context)
    return code


def _silence() -> None:
    """Throw away what is still in stdout's buffer, so that the interpreter does not fail over it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(error: OrchardError) -> int:
    """Look an error up in the table, along its ancestors."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), EXIT_FAILED)


def _failed(text: str, kind: str, *, code: int, context: click.Context | None) -> int:
    try:
        session = current_session(context) if context else session_from({})
    except OrchardError:  # it is about the config file itself
        session = session_from({})
    session.printer.error(text, kind=kind, code=code)
    return code


def _usage(error: click.ClickException, arguments: list[str]) -> int:
    code = EXIT_USAGE if isinstance(error, click.UsageError) else EXIT_FAILED
    # The mistake may be in the options themselves, so this looks at the words and not at what they mean.
    if "--output=json" in arguments or ("--output", "json") in pairwise(arguments):
        session_from({"output": "json"}).printer.error(error.format_message(), kind="UsageError", code=code)
    else:
        error.show(sys.stderr)
    return code


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Let a polite kill end as Ctrl-C does, so that temporary files go and locks are left.

    Raises:
        KeyboardInterrupt: Always.
    """
    raise KeyboardInterrupt
