"""Directories to versions and back: pack, unpack, push, pull, and the workspace that they happen in.

A name is imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.project.caching import Cached, clear_cache, list_cache
    from orchard.project.comparison import Change, Comparison, FileChange, Kind, Level, Side, compare, side
    from orchard.project.context import Context
    from orchard.project.copying import Copied, CopiedVersion, CopyTerms, Place, copy_versions
    from orchard.project.elsewhere import Elsewhere, Locking
    from orchard.project.exporting import Exported, Item, export_file, export_stream, find_items
    from orchard.project.home import find_home
    from orchard.project.indexcache import IndexCache
    from orchard.project.indexing import Indexer, index_version
    from orchard.project.initiating import propose_kitfile, write_kitfile, write_kitfile_to
    from orchard.project.layering import (
        COMPRESSIONS,
        Claim,
        CompressionName,
        Documents,
        Encoding,
        ModelKitFormat,
        Plan,
        VersionFormat,
    )
    from orchard.project.line import PackedLayer
    from orchard.project.listing import Listed, list_local, list_remote
    from orchard.project.loading import ArchiveStream, Loaded, copy_all, destinations, load_file
    from orchard.project.locating import Objects
    from orchard.project.modelpacking import ModelPackFormat
    from orchard.project.moving import Foreign, Moved, find_kit_home, list_foreign, move_in, shown_name
    from orchard.project.ociarchive import ArchiveFile, Named
    from orchard.project.opening import OpenVersion, open_version
    from orchard.project.packing import Packed, Recipe, publish, read_ignore, read_kitfile
    from orchard.project.placing import Existing, Placement, all_or_nothing
    from orchard.project.portability import warnings
    from orchard.project.progress import Observer, Silent
    from orchard.project.provenance import read_origin
    from orchard.project.pruning import Policy, Stale, parse_age, stale
    from orchard.project.pulling import Pulled
    from orchard.project.references import Find, Referred, parents_of, resolved_kitfile
    from orchard.project.removing import Removed, remove, remove_names, remove_remote
    from orchard.project.scripting import diff, export, load, verify
    from orchard.project.surveying import survey_layers
    from orchard.project.unpacking import Portion, Terms, Unpacked
    from orchard.project.verifying import Finding, Verified, repair, verify_reference, verify_store, verify_version
    from orchard.project.versions import (
        Version,
        entry_name,
        load_version,
        locate,
        read_version,
        resolve_local,
    )
    from orchard.project.workspace import Workspace

__all__ = [
    "COMPRESSIONS",
    "ArchiveFile",
    "ArchiveStream",
    "Cached",
    "Change",
    "Claim",
    "Comparison",
    "CompressionName",
    "Context",
    "Copied",
    "CopiedVersion",
    "CopyTerms",
    "Documents",
    "Elsewhere",
    "Encoding",
    "Existing",
    "Exported",
    "FileChange",
    "Find",
    "Finding",
    "Foreign",
    "IndexCache",
    "Indexer",
    "Item",
    "Kind",
    "Level",
    "Listed",
    "Loaded",
    "Locking",
    "ModelKitFormat",
    "ModelPackFormat",
    "Moved",
    "Named",
    "Objects",
    "Observer",
    "OpenVersion",
    "Packed",
    "PackedLayer",
    "Place",
    "Placement",
    "Plan",
    "Policy",
    "Portion",
    "Pulled",
    "Recipe",
    "Referred",
    "Removed",
    "Side",
    "Silent",
    "Stale",
    "Terms",
    "Unpacked",
    "Verified",
    "Version",
    "VersionFormat",
    "Workspace",
    "all_or_nothing",
    "clear_cache",
    "compare",
    "copy_all",
    "copy_versions",
    "destinations",
    "diff",
    "entry_name",
    "export",
    "export_file",
    "export_stream",
    "find_home",
    "find_items",
    "find_kit_home",
    "index_version",
    "list_cache",
    "list_foreign",
    "list_local",
    "list_remote",
    "load",
    "load_file",
    "load_version",
    "locate",
    "move_in",
    "open_version",
    "parents_of",
    "parse_age",
    "propose_kitfile",
    "publish",
    "read_ignore",
    "read_kitfile",
    "read_origin",
    "read_version",
    "remove",
    "remove_names",
    "remove_remote",
    "repair",
    "resolve_local",
    "resolved_kitfile",
    "shown_name",
    "side",
    "stale",
    "survey_layers",
    "verify",
    "verify_reference",
    "verify_store",
    "verify_version",
    "warnings",
    "write_kitfile",
    "write_kitfile_to",
]

_WHERE: Final = {
    "diff": "scripting",
    "export": "scripting",
    "load": "scripting",
    "verify": "scripting",
    "Indexer": "indexing",
    "Change": "comparison",
    "Comparison": "comparison",
    "FileChange": "comparison",
    "Kind": "comparison",
    "Level": "comparison",
    "Side": "comparison",
    "compare": "comparison",
    "side": "comparison",
    "resolved_kitfile": "references",
    "parents_of": "references",
    "Referred": "references",
    "Find": "references",
    "Objects": "locating",
    "Pulled": "pulling",
    "Locking": "elsewhere",
    "Elsewhere": "elsewhere",
    "Portion": "unpacking",
    "all_or_nothing": "placing",
    "Placement": "placing",
    "ArchiveFile": "ociarchive",
    "Named": "ociarchive",
    "ArchiveStream": "loading",
    "Loaded": "loading",
    "destinations": "loading",
    "copy_all": "loading",
    "load_file": "loading",
    "Exported": "exporting",
    "Item": "exporting",
    "export_file": "exporting",
    "find_items": "exporting",
    "export_stream": "exporting",
    "ModelPackFormat": "modelpacking",
    "Cached": "caching",
    "clear_cache": "caching",
    "list_cache": "caching",
    "Context": "context",
    "Copied": "copying",
    "CopiedVersion": "copying",
    "CopyTerms": "copying",
    "Place": "copying",
    "copy_versions": "copying",
    "find_home": "home",
    "IndexCache": "indexcache",
    "index_version": "indexing",
    "propose_kitfile": "initiating",
    "write_kitfile": "initiating",
    "write_kitfile_to": "initiating",
    "Listed": "listing",
    "list_local": "listing",
    "list_remote": "listing",
    "Foreign": "moving",
    "Moved": "moving",
    "find_kit_home": "moving",
    "list_foreign": "moving",
    "move_in": "moving",
    "shown_name": "moving",
    "COMPRESSIONS": "layering",
    "Claim": "layering",
    "CompressionName": "layering",
    "Documents": "layering",
    "Encoding": "layering",
    "ModelKitFormat": "layering",
    "Plan": "layering",
    "VersionFormat": "layering",
    "PackedLayer": "line",
    "Packed": "packing",
    "Recipe": "packing",
    "publish": "packing",
    "read_ignore": "packing",
    "read_kitfile": "packing",
    "OpenVersion": "opening",
    "open_version": "opening",
    "Existing": "placing",
    "warnings": "portability",
    "Observer": "progress",
    "Silent": "progress",
    "read_origin": "provenance",
    "Policy": "pruning",
    "Stale": "pruning",
    "parse_age": "pruning",
    "stale": "pruning",
    "Removed": "removing",
    "remove": "removing",
    "remove_names": "removing",
    "remove_remote": "removing",
    "survey_layers": "surveying",
    "Terms": "unpacking",
    "Unpacked": "unpacking",
    "Finding": "verifying",
    "Verified": "verifying",
    "repair": "verifying",
    "verify_store": "verifying",
    "verify_reference": "verifying",
    "verify_version": "verifying",
    "Version": "versions",
    "entry_name": "versions",
    "locate": "versions",
    "load_version": "versions",
    "read_version": "versions",
    "resolve_local": "versions",
    "Workspace": "workspace",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
