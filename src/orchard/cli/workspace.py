"""From what was typed to a workspace."""

from pathlib import Path

import click

from orchard import __version__
from orchard.cli.options import NetworkFlags, Session, current_session
from orchard.project import Workspace
from orchard.remote import Options


def open_workspace(network: NetworkFlags | None = None, session: Session | None = None) -> Workspace:
    """Open the workspace that the global and the network options name; it is closed when the command ends."""
    session = session or current_session()
    flags = network or NetworkFlags()
    options = Options(
        plain_http=flags.plain_http or None,
        tls_verify=flags.tls_verify,
        ca_files=tuple(map(Path, flags.tls_cert)),
        client_cert=Path(flags.cert) if flags.cert else None,
        client_key=Path(flags.key) if flags.key else None,
        proxy=flags.proxy,
        concurrency=flags.concurrency,
        user_agent=f"orchard/{__version__}",
        trace=session.printer.debug,
        warn=session.printer.warn,
    )
    workspace = Workspace(session.config, environ=session.environ, options=options)
    return click.get_current_context().with_resource(workspace)
