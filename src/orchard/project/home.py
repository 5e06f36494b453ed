"""Where Orchard keeps things: the home directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchard.errors import UsageError

LAYOUT: Final = "layout"
CREDENTIALS: Final = "credentials.json"
UPLOADS: Final = "cache/uploads"  # notes of interrupted pushes, which may be deleted at any time


def find_home(environ: Mapping[str, str], explicit: str | Path | None = None) -> Path:
    """Decide which directory is home, without touching it.

    The first that is given wins: ``explicit``, ``$ORCHARD_HOME``, ``$KITOPS_HOME``, ``$XDG_DATA_HOME/orchard``,
    ``~/.local/share/orchard``. In a home of ``kit`` only ``layout/`` is ours; ``kit``'s own ``storage/`` stays as it
    is, and the credentials are shared.

    Raises:
        UsageError: If none is given and there is no ``$HOME``.
    """
    for value in (explicit, environ.get("ORCHARD_HOME"), environ.get("KITOPS_HOME")):
        if value:
            return Path(value).expanduser().absolute()
    if data := environ.get("XDG_DATA_HOME"):
        return Path(data).absolute() / "orchard"
    if home := environ.get("HOME"):
        return Path(home).absolute() / ".local" / "share" / "orchard"
    raise UsageError("no home directory: set $ORCHARD_HOME or $HOME, or use --config DIR")
