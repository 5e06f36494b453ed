"""Options that every command shares, and what they mean together."""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec

import click

from orchard.cli.output import Level, Printer, make_printer

Given = ParamSpec("Given")

_GLOBALS: Final = "orchard.globals"
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
            ["-q", "--quiet"], is_flag=True, help="Print errors and names only: no notes, no progress.", **keep
        ),
        click.Option(
            ["--progress"],
            type=click.Choice(["none", "plain", "fancy", "false"]),
            help="Style of progress (default: plain).",
            **keep,
        ),
        click.Option(["--config"], metavar="DIR", help="Home directory (default: $ORCHARD_HOME).", **keep),
    ]


class Command(click.Command):
    """A command that takes the global options too, wherever they stand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- click's own signature
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read arguments as ``kit`` does, where ``--flag=true`` and ``--flag=false`` are flags too."""
        flags = {name: option for option in self.params if _is_flag(option) for name in option.opts}
        return super().parse_args(ctx, [word for arg in args for word in _flag_words(arg, flags)])


class Group(click.Group):
    """A command that is a family of commands, such as ``orchard dev start``; each of them is a ``Command``."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- click's own signature
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())


def _is_flag(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and parameter.is_flag


def _flag_words(arg: str, flags: Mapping[str, click.Parameter]) -> list[str]:
    name, equals, value = arg.partition("=")
    if not equals or name not in flags or value.lower() not in _BOOLEANS:
        return [arg]
    if _BOOLEANS[value.lower()]:
        return [name]
    return flags[name].secondary_opts[:1]


class NetworkFlags(NamedTuple):
    """How a command was told to talk to registries, as typed."""

    plain_http: bool = False
    tls_verify: bool | None = None
    cert: str | None = None
    key: str | None = None
    tls_cert: tuple[str, ...] = ()
    concurrency: int = 5
    proxy: str | None = None


class Session(NamedTuple):
    """What one run of the program was asked for, whatever the command.

    Attributes:
        printer: Where to write.
        progress: Style of progress.
        config: Home directory, if one was named.
        environ: The environment.
    """

    printer: Printer
    progress: str
    config: str | None
    environ: Mapping[str, str]


def current_session(context: click.Context | None = None) -> Session:
    """Put the global options together."""
    root = (context or click.get_current_context()).find_root()
    return session_from(root.meta.get(_GLOBALS, {}), as_kit=root.info_name == "kit")


def session_from(kept: Mapping[str, Any], *, as_kit: bool = False) -> Session:
    """Decide what the global options mean together; ``-v`` beats ``--log-level``, as in ``kit``, and ``-q`` both."""
    level = Level[kept.get("log_level", "info").upper()]
    verbose, quiet = kept.get("verbose", 0), kept.get("quiet", False)
    if verbose:
        level = Level.DEBUG if verbose == 1 else Level.TRACE
    if quiet:
        level = Level.ERROR
    progress = kept.get("progress", "plain")
    printer = make_printer(os.environ, level=level, as_json=kept.get("output") == "json", quiet=quiet, as_kit=as_kit)
    silent = progress in {"none", "false"} or quiet or printer.as_json or verbose >= _NO_BARS
    return Session(printer, "none" if silent else progress, kept.get("config"), os.environ)


def network_options(command: Callable[Concatenate[NetworkFlags, Given], None]) -> Callable[Given, None]:
    """Add the options of every command that may talk to a registry; it gets them as its first argument."""

    @functools.wraps(command)
    def collected(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- click calls it with keywords
        flags = NetworkFlags(**{name: kwargs.pop(name) for name in NetworkFlags._fields})
        command(flags, *args, **kwargs)

    for decorate in reversed(_NETWORK):
        collected = decorate(collected)
    return collected


_NETWORK: Final = (
    click.option("--plain-http", is_flag=True, help="Talk HTTP without TLS. Loopback addresses need no flag."),
    click.option(
        "--tls-verify/--no-tls-verify", "tls_verify", default=None, help="Check the certificate (default: yes)."
    ),
    click.option("--cert", metavar="FILE", help="Client certificate (PEM)."),
    click.option("--key", metavar="FILE", help="Key of the client certificate (PEM)."),
    click.option("--tls-cert", metavar="FILE", multiple=True, help="Further CA certificates (PEM); repeatable."),
    click.option("--concurrency", type=click.IntRange(min=1), default=5, show_default=True, help="Blobs at a time."),
    click.option("--proxy", metavar="URL", help="Proxy, in place of $HTTP_PROXY and $HTTPS_PROXY."),
)
