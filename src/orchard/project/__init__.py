"""Directories to versions and back: pack, unpack, push, pull, and the workspace that they happen in."""

from orchard.project.context import Context
from orchard.project.home import find_home
# initiating
from orchard.project.listing import Listed, list_local, list_remote
from orchard.project.packing import COMPRESSIONS, CompressionName, Packed, PackedLayer, read_ignore, read_kitfile
from orchard.project.placing import Existing, place, staging
from orchard.project.progress import Observer, Silent
from orchard.project.removing import Removed, remove
from orchard.project.unpacking import Unpacked
from orchard.project.versions import Version, load_version, read_version
from orchard.project.workspace import Workspace

__all__ = [
    "COMPRESSIONS",
    "CompressionName",
    "Context",
    "Existing",
    "Listed",
    "Observer",
    "Packed",
    "PackedLayer",
    "Removed",
    "Silent",
    "Unpacked",
    "Version",
    "Workspace",
    "find_home",
    "list_local",
    "list_remote",
    "load_version",
    "place",
    "propose_kitfile",
    "read_ignore",
    "read_kitfile",
    "read_version",
    "remove",
    "staging",
    "write_kitfile",
]
