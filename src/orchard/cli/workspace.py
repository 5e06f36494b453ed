"""From what was typed to a workspace."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchard import __version__
from orchard.cli.options import NetworkFlags, Session, current_session
from orchard.cli.output import Printer

if TYPE_CHECKING:
    from orchard.project import Workspace
    from orchard.remote import Options


def open_workspace(network: NetworkFlags | None = None, session: Session | None = None) -> "Workspace":
    """Open the workspace that the global and the network options name; it is closed when the command ends."""
    session = session or current_session()
    flags = network or NetworkFlags()
    from orchard.project import Workspace  # noqa: PLC0415 -- --help costs nothing

    workspace = Workspace(session.config, environ=session.environ, options=lambda: make_options(flags, session.printer))
    return click.get_current_context().with_resource(workspace)


def make_options(flags: NetworkFlags, printer: Printer) -> "Options":
    """Give what the network options mean."""
    from orchard.remote import Options  # noqa: PLC0415 -- only commands that use the network pay for it

    return Options(
        # Somebody who asks for the certificate to be checked wants TLS on loopback too.
        plain_http=True if flags.plain_http else False if flags.tls_verify else None,
        tls_verify=flags.tls_verify is not False,
        ca_files=tuple(map(Path, flags.tls_cert)),
        client_cert=Path(flags.cert) if flags.cert else None,
        client_key=Path(flags.key) if flags.key else None,
        proxy=flags.proxy,
        concurrency=flags.concurrency,
        user_agent=f"orchard/{__version__}",
        trace=printer.debug,
        warn=printer.warn,
    )
