"""From what was typed to a workspace."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchard import __version__
from orchard.cli.options import NetworkFlags, Session, current_session
from orchard.cli.output import Printer

if TYPE_CHECKING:
    from orchard.project import Objects, Workspace
    from orchard.remote import Options


def open_workspace(network: NetworkFlags | None = None, session: Session | None = None) -> "Workspace":
    """Open the workspace that the global and the network options name; it is closed when the command ends."""
    session = session or current_session()
    flags = network or NetworkFlags()
    from orchard.project import Workspace  # noqa: PLC0415 -- --help costs nothing

    def options(host: str) -> "Options":
        return make_options(with_defaults(flags, session, host), session.printer)

    workspace = Workspace(
        session.config,
        environ=session.environ,
        version=__version__,
        options=options,
        objects=lambda: _objects(session.environ),
    )
    return click.get_current_context().with_resource(workspace)


def _objects(environ: Mapping[str, str]) -> "Objects":
    from orchard.sources import S3Objects  # noqa: PLC0415 -- only remote datasets pay for it

    return S3Objects(environ)


def with_defaults(flags: NetworkFlags, session: Session, host: str) -> NetworkFlags:
    """Fill in what was not typed from the environment and the config file; without a host, what holds for all."""
    chosen: dict[str, Any] = {}
    for name in set(flags._fields) - flags.typed - {"typed"}:
        value = session.settings.of_registry(host, name.replace("_", "-"))
        if value is not None:
            chosen[name] = tuple(value) if isinstance(value, list) else value
    # kit's variables are nearer than a file, and name a pair
    if (
        session.environ.get("KITOPS_CLIENT_CERT")
        and not {"network.cert", "network.key"} & session.settings.environ.keys()
    ):
        chosen.pop("cert", None)
        chosen.pop("key", None)
    return flags._replace(**chosen)


def make_options(flags: NetworkFlags, printer: Printer) -> "Options":
    """Give what the network options mean."""
    from orchard.remote import Options  # noqa: PLC0415 -- only commands that use the network pay for it

    return Options(
        # Somebody who asks for the certificate to be checked wants TLS on loopback too.
        plain_http=True if flags.plain_http else False if flags.tls_verify else None,
        tls_verify=flags.tls_verify is not False,
        ca_files=tuple(Path(name).expanduser() for name in flags.tls_cert),
        client_cert=Path(flags.cert).expanduser() if flags.cert else None,
        client_key=Path(flags.key).expanduser() if flags.key else None,
        proxy=flags.proxy,
        concurrency=flags.concurrency,
        user_agent=f"orchard/{__version__}",
        trace=printer.debug,
        warn=printer.warn,
    )
