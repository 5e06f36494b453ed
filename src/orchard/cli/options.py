"""Options that every command shares, and what they mean together."""

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, NamedTuple, ParamSpec

import click

from orchard.cli.output import Level, Printer, make_printer
from orchard.cli.settings import Settings, load_settings
from orchard.errors import OrchardError, UsageError
from orchard.project import find_home

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Given = ParamSpec("Given")

_GLOBALS: Final = "orchard.globals"
CONCURRENCY: Final = 5
_SETTINGS: Final = "orchard.settings"
_SET: Final = ("output", "log_level", "progress", "quiet")  # global options that the config file may set
# Commands of kit whose stdout is lines for people and scripts. That of others is a document, or the bytes of a file.
_NOTES_ON_STDOUT: Final = frozenset(
    ("pack", "unpack", "push", "pull", "tag", "remove", "login", "logout", "import", "dev", "index", "skill", "version")
)
_NO_SETTINGS: Final = Settings(Path(), {}, {})
_NO_BARS: Final = 3  # so many -v want every line to be seen, and bars would hide some; as in kit
_BOOLEANS: Final = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Remember a global option wherever it stood: before the command or after it; the later one wins."""
    kept: dict[str, object] = context.find_root().meta.setdefault(_GLOBALS, {})
    if parameter.name and context.get_parameter_source(parameter.name) is not click.core.ParameterSource.DEFAULT:
        kept[parameter.name] = value


def global_options() -> list[click.Option]:
    """Make the options that stand on the program and on each of its commands."""
    levels = click.Choice([level.name.lower() for level in Level])
    keep: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(["--output"], type=click.Choice(["text", "json"]), help="Form of the result.", **keep),
        click.Option(["--log-level"], type=levels, help="How much to say on stderr (default: info).", **keep),
        click.Option(["-v", "--verbose"], count=True, help="Say more: -v debug, -vv trace, -vvv no bars.", **keep),
        click.Option(
            ["-q", "--quiet/--no-quiet"],
            default=False,
            help="Print errors and names only: no notes, no progress.",
            **keep,
        ),
        click.Option(
            ["--progress"],
            type=click.Choice(["none", "plain", "fancy", "false"]),
            help="Style of progress (default: plain).",
            **keep,
        ),
        click.Option(["--config"], metavar="DIR", help="Home directory (default: $ORCHARD_HOME).", **keep),
    ]


class ReferenceType(click.ParamType[str]):
    """The text of a reference, which shells complete from the local store."""

    name = "text"

    def __init__(self, *, indexes: bool = False) -> None:
        self._indexes = indexes

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,
        incomplete: str,
    ) -> "list[CompletionItem]":
        """Give the references that begin so."""
        del param  # click's signature
        from orchard.cli.completing import complete_references  # noqa: PLC0415 -- only to complete

        try:
            session = current_session(ctx)
        except OrchardError:
            return []
        return complete_references(session.config, session.environ, incomplete, indexes=self._indexes)


# Arguments of these names are references, whatever the command.
_REFERENCES: Final = {
    **dict.fromkeys(("reference", "references", "source", "destination", "target", "modelkit"), ReferenceType()),
    **dict.fromkeys(("first", "second"), ReferenceType()),
    "index": ReferenceType(indexes=True),
}


class Command(click.Command):
    """A command that takes the global options too, wherever they stand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- click's own signature
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            if isinstance(parameter, click.Argument) and parameter.type is click.STRING:
                parameter.type = _REFERENCES.get(parameter.name or "", parameter.type)
        self.params.extend(global_options())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read arguments as ``kit`` does, where ``--flag=true`` and ``--flag=false`` are flags too."""
        flags = {name: option for option in self.params if _is_flag(option) for name in option.opts}
        # An option whose value may be left out takes one behind "=" only: what follows it is something else.
        bare = {name: f"{name}={value}" for one in self.params for name, value in _bare_names(one)}
        words = [bare.get(word, word) for arg in args for word in _flag_words(arg, flags)]
        return super().parse_args(ctx, words)


class Group(click.Group):
    """A command that is a family of commands, such as ``orchard dev start``; each of them is a ``Command``."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- click's own signature
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())


def _is_flag(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and parameter.is_flag


def _bare_names(parameter: click.Parameter) -> list[tuple[str, object]]:
    if not isinstance(parameter, click.Option) or parameter.is_flag or not isinstance(parameter.flag_value, str | bool):
        return []
    return [(name, parameter.flag_value) for name in parameter.opts if name.startswith("--")]


def _flag_words(arg: str, flags: Mapping[str, click.Parameter]) -> list[str]:
    name, equals, value = arg.partition("=")
    if not equals or name not in flags or value.lower() not in _BOOLEANS:
        return [arg]
    if _BOOLEANS[value.lower()]:
        return [name]
    return flags[name].secondary_opts[:1]


class NetworkFlags(NamedTuple):
    """How a command was told to talk to registries; ``typed`` names what was said on the command line."""

    plain_http: bool = False
    tls_verify: bool | None = None
    cert: str | None = None
    key: str | None = None
    tls_cert: tuple[str, ...] = ()
    concurrency: int = CONCURRENCY
    proxy: str | None = None
    typed: frozenset[str] = frozenset()


class Session(NamedTuple):
    """What one run of the program was asked for, whatever the command.

    Attributes:
        printer: Where to write.
        progress: Style of progress.
        config: Home directory, if one was named.
        environ: The environment.
        settings: Defaults of the config file and the environment.
    """

    printer: Printer
    progress: str
    config: str | None
    environ: Mapping[str, str]
    settings: Settings


def current_session(context: click.Context | None = None) -> Session:
    """Put the global options together, with the defaults of the config file and the environment.

    Raises:
        InvalidDocumentError: If the config file is not valid.
        UsageError: If a variable holds what it may not.
        StorageError: If the config file cannot be read.
    """
    root = (context or click.get_current_context()).find_root()
    kept = root.meta.get(_GLOBALS, {})
    if _SETTINGS not in root.meta:
        root.meta[_SETTINGS] = load_settings(os.environ, _home(kept.get("config")))
    session = session_from(kept, as_kit=root.info_name == "kit", settings=root.meta[_SETTINGS])
    if session.printer.as_kit and root.invoked_subcommand in _NOTES_ON_STDOUT:
        session = session._replace(printer=session.printer._replace(notes_on_stdout=True))
    return session


def _home(explicit: str | None) -> Path | None:
    try:
        return find_home(os.environ, explicit)
    except UsageError:
        return None  # who needs one says so


def session_from(kept: Mapping[str, Any], *, as_kit: bool = False, settings: Settings = _NO_SETTINGS) -> Session:
    """Decide what the global options mean together; ``-v`` beats ``--log-level``, as in ``kit``, and ``-q`` both."""
    kept = {**{name: settings.get(name.replace("_", "-")) for name in _SET}, **kept}
    level = Level[(kept["log_level"] or "info").upper()]
    verbose, quiet = kept.get("verbose", 0), bool(kept["quiet"])
    if verbose:
        level = Level.DEBUG if verbose == 1 else Level.TRACE
    if quiet:
        level = Level.ERROR
    progress = kept["progress"] or "plain"
    printer = make_printer(os.environ, level=level, as_json=kept["output"] == "json", quiet=quiet, as_kit=as_kit)
    silent = progress in {"none", "false"} or quiet or printer.as_json or verbose >= _NO_BARS
    return Session(printer, "none" if silent else progress, kept.get("config"), os.environ, settings)


def network_options(command: Callable[Concatenate[NetworkFlags, Given], None]) -> Callable[Given, None]:
    """Add the options of every command that may talk to a registry; it gets them as its first argument."""

    @functools.wraps(command)
    def collected(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- click calls it with keywords
        context = click.get_current_context()
        given = {name: kwargs.pop(name) for name in NetworkFlags._fields if name != "typed"}
        default = click.core.ParameterSource.DEFAULT
        typed = frozenset(name for name in given if context.get_parameter_source(name) is not default)
        if "concurrency" not in typed:
            given["concurrency"] = current_session(context).settings.get("network.concurrency") or CONCURRENCY
        command(NetworkFlags(**given, typed=typed), *args, **kwargs)

    for decorate in reversed(_NETWORK):
        collected = decorate(collected)
    return collected


_NETWORK: Final = (
    click.option(
        "--plain-http/--no-plain-http", default=False, help="Talk HTTP without TLS. Loopback addresses need no flag."
    ),
    click.option(
        "--tls-verify/--no-tls-verify", "tls_verify", default=None, help="Check the certificate (default: yes)."
    ),
    click.option("--cert", metavar="FILE", help="Client certificate (PEM)."),
    click.option("--key", metavar="FILE", help="Key of the client certificate (PEM)."),
    click.option("--tls-cert", metavar="FILE", multiple=True, help="Further CA certificates (PEM); repeatable."),
    click.option(
        "--concurrency",
        type=click.IntRange(min=1),
        default=CONCURRENCY,
        show_default=True,
        help="Blobs at a time.",
    ),
    click.option("--proxy", metavar="URL", help="Proxy, in place of $HTTP_PROXY and $HTTPS_PROXY."),
)
