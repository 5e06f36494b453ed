"""Directories to versions and back: pack, unpack, push, pull, and the workspace that they happen in.

A name is imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.project.agents import AGENTS, choose_agents
    from orchard.project.caching import Cached, clear_cache, list_cache
    from orchard.project.cataloging import RegistryPart, concurrently, read_tags
    from orchard.project.chronicle import Step, local_history, remote_history
    from orchard.project.comparing.differences import (
        DataDiff,
        Details,
        Direction,
        FileDiff,
        FileFacts,
        Hunk,
        Line,
        LineKind,
        Measure,
        ModelDiff,
        Sections,
        TensorChange,
        TensorDiff,
        TensorFacts,
        TextDiff,
        bounded,
    )
    from orchard.project.comparing.effort import EVERY_BYTE, USUAL, Effort
    from orchard.project.comparing.files import FileChange, Holdings
    from orchard.project.comparing.holdings import HeldFile, StoredHoldings
    from orchard.project.comparing.measures import rises
    from orchard.project.comparing.texts import diff_texts, patch_lines
    from orchard.project.comparing.values import Change, Kind
    from orchard.project.comparison import Comparison, Level, Side, compare, compare_file, side
    from orchard.project.context import Context
    from orchard.project.converting import Converted, Names, Wish, convert_reference
    from orchard.project.copying import Copied, CopiedVersion, CopyTerms, Count, Place, VersionCopy, copy_versions
    from orchard.project.elsewhere import Elsewhere, Locking, pinned_reference
    from orchard.project.exporting import Exported, Item, export_file, export_stream, find_items
    from orchard.project.home import find_home
    from orchard.project.hubsearch import HubHit, HubQuery, search_hub
    from orchard.project.indexcache import IndexCache
    from orchard.project.indexes import (
        NamedIndex,
        add_to_index,
        create_index,
        find_index,
        list_indexes,
        pull_index,
        push_index,
        remove_from_index,
        with_selected,
    )
    from orchard.project.indexing import Indexer, index_version, placed
    from orchard.project.initiating import propose_kitfile, write_kitfile, write_kitfile_to
    from orchard.project.layeraccess import CopiedLayer, LayerAccess, RangedLayer, plain
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
    from orchard.project.listing import Listed, list_local, list_registry, list_remote, matching
    from orchard.project.loading import ArchiveStream, Loaded, copy_all, destinations, load_file
    from orchard.project.locating import Objects
    from orchard.project.modelpacking import ModelPackFormat
    from orchard.project.moving import Foreign, Moved, find_kit_home, list_foreign, move_in, shown_name
    from orchard.project.ociarchive import ArchiveFile, Named
    from orchard.project.openfiles import Held
    from orchard.project.opening import OpenVersion, open_version
    from orchard.project.packing import Packed, Recipe, publish, read_ignore, read_kitfile
    from orchard.project.placing import Existing, Placement, all_or_nothing
    from orchard.project.portability import warnings
    from orchard.project.progress import Observer, Silent, Tally
    from orchard.project.provenance import read_origin
    from orchard.project.pruning import Policy, Stale, parse_age, stale
    from orchard.project.pulling import Pulled
    from orchard.project.references import Find, Referred, kits_needed, parents_of, resolved_kitfile
    from orchard.project.removing import Removed, remove, remove_names, remove_remote
    from orchard.project.scripting import convert, diff, export, history, load, validate, verify
    from orchard.project.searching import Hit, search, words_of
    from orchard.project.shelves import Shelf
    from orchard.project.skills import Installed, SkillFiles, find_skills, install_skill, own_skill
    from orchard.project.surveying import survey_layers
    from orchard.project.unpacking import Loose, Portion, Terms, Unpacked
    from orchard.project.validating import Validated, validate_directory, validate_reference
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
    "AGENTS",
    "COMPRESSIONS",
    "EVERY_BYTE",
    "USUAL",
    "ArchiveFile",
    "ArchiveStream",
    "Cached",
    "Change",
    "Claim",
    "Comparison",
    "CompressionName",
    "Context",
    "Converted",
    "Copied",
    "CopiedLayer",
    "CopiedVersion",
    "CopyTerms",
    "Count",
    "DataDiff",
    "Details",
    "Direction",
    "Documents",
    "Effort",
    "Elsewhere",
    "Encoding",
    "Existing",
    "Exported",
    "FileChange",
    "FileDiff",
    "FileFacts",
    "Find",
    "Finding",
    "Foreign",
    "Held",
    "HeldFile",
    "Hit",
    "Holdings",
    "HubHit",
    "HubQuery",
    "Hunk",
    "IndexCache",
    "Indexer",
    "Installed",
    "Item",
    "Kind",
    "LayerAccess",
    "Level",
    "Line",
    "LineKind",
    "Listed",
    "Loaded",
    "Locking",
    "Loose",
    "Measure",
    "ModelDiff",
    "ModelKitFormat",
    "ModelPackFormat",
    "Moved",
    "Named",
    "NamedIndex",
    "Names",
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
    "RangedLayer",
    "Recipe",
    "Referred",
    "RegistryPart",
    "Removed",
    "Sections",
    "Shelf",
    "Side",
    "Silent",
    "SkillFiles",
    "Stale",
    "Step",
    "StoredHoldings",
    "Tally",
    "TensorChange",
    "TensorDiff",
    "TensorFacts",
    "Terms",
    "TextDiff",
    "Unpacked",
    "Validated",
    "Verified",
    "Version",
    "VersionCopy",
    "VersionFormat",
    "Wish",
    "Workspace",
    "add_to_index",
    "all_or_nothing",
    "bounded",
    "choose_agents",
    "clear_cache",
    "compare",
    "compare_file",
    "concurrently",
    "convert",
    "convert_reference",
    "copy_all",
    "copy_versions",
    "create_index",
    "destinations",
    "diff",
    "diff_texts",
    "entry_name",
    "export",
    "export_file",
    "export_stream",
    "find_home",
    "find_index",
    "find_items",
    "find_kit_home",
    "find_skills",
    "history",
    "index_version",
    "install_skill",
    "kits_needed",
    "list_cache",
    "list_foreign",
    "list_indexes",
    "list_local",
    "list_registry",
    "list_remote",
    "load",
    "load_file",
    "load_version",
    "local_history",
    "locate",
    "matching",
    "move_in",
    "open_version",
    "own_skill",
    "parents_of",
    "parse_age",
    "patch_lines",
    "pinned_reference",
    "placed",
    "plain",
    "propose_kitfile",
    "publish",
    "pull_index",
    "push_index",
    "read_ignore",
    "read_kitfile",
    "read_origin",
    "read_tags",
    "read_version",
    "remote_history",
    "remove",
    "remove_from_index",
    "remove_names",
    "remove_remote",
    "repair",
    "resolve_local",
    "resolved_kitfile",
    "rises",
    "search",
    "search_hub",
    "shown_name",
    "side",
    "stale",
    "survey_layers",
    "validate",
    "validate_directory",
    "validate_reference",
    "verify",
    "verify_reference",
    "verify_store",
    "verify_version",
    "warnings",
    "with_selected",
    "words_of",
    "write_kitfile",
    "write_kitfile_to",
]

_ROOMS: Final = {
    "agents": ("AGENTS", "choose_agents"),
    "caching": ("Cached", "clear_cache", "list_cache"),
    "cataloging": ("RegistryPart", "concurrently", "read_tags"),
    "chronicle": ("Step", "local_history", "remote_history"),
    "comparing.differences": (
        "DataDiff",
        "Details",
        "Direction",
        "FileDiff",
        "FileFacts",
        "Hunk",
        "Line",
        "LineKind",
        "Measure",
        "ModelDiff",
        "Sections",
        "TensorChange",
        "TensorDiff",
        "TensorFacts",
        "TextDiff",
        "bounded",
    ),
    "comparing.effort": ("EVERY_BYTE", "USUAL", "Effort"),
    "comparing.files": ("FileChange", "Holdings"),
    "comparing.holdings": ("HeldFile", "StoredHoldings"),
    "comparing.measures": ("rises",),
    "comparing.texts": ("diff_texts", "patch_lines"),
    "comparing.values": ("Change", "Kind"),
    "comparison": ("Comparison", "Level", "Side", "compare", "compare_file", "side"),
    "context": ("Context",),
    "converting": ("Converted", "Names", "Wish", "convert_reference"),
    "copying": ("Copied", "CopiedVersion", "CopyTerms", "Count", "Place", "VersionCopy", "copy_versions"),
    "elsewhere": ("Elsewhere", "Locking", "pinned_reference"),
    "exporting": ("Exported", "Item", "export_file", "export_stream", "find_items"),
    "home": ("find_home",),
    "hubsearch": ("HubHit", "HubQuery", "search_hub"),
    "indexcache": ("IndexCache",),
    "indexes": (
        "NamedIndex",
        "add_to_index",
        "create_index",
        "find_index",
        "list_indexes",
        "pull_index",
        "push_index",
        "remove_from_index",
        "with_selected",
    ),
    "indexing": ("Indexer", "index_version", "placed"),
    "layeraccess": ("CopiedLayer", "LayerAccess", "RangedLayer", "plain"),
    "initiating": ("propose_kitfile", "write_kitfile", "write_kitfile_to"),
    "layering": (
        "COMPRESSIONS",
        "Claim",
        "CompressionName",
        "Documents",
        "Encoding",
        "ModelKitFormat",
        "Plan",
        "VersionFormat",
    ),
    "line": ("PackedLayer",),
    "listing": ("Listed", "list_local", "list_registry", "list_remote", "matching"),
    "loading": ("ArchiveStream", "Loaded", "copy_all", "destinations", "load_file"),
    "locating": ("Objects",),
    "modelpacking": ("ModelPackFormat",),
    "moving": ("Foreign", "Moved", "find_kit_home", "list_foreign", "move_in", "shown_name"),
    "ociarchive": ("ArchiveFile", "Named"),
    "openfiles": ("Held",),
    "opening": ("OpenVersion", "open_version"),
    "packing": ("Packed", "Recipe", "publish", "read_ignore", "read_kitfile"),
    "placing": ("Existing", "Placement", "all_or_nothing"),
    "portability": ("warnings",),
    "progress": ("Observer", "Silent", "Tally"),
    "provenance": ("read_origin",),
    "pruning": ("Policy", "Stale", "parse_age", "stale"),
    "pulling": ("Pulled",),
    "references": ("Find", "Referred", "kits_needed", "parents_of", "resolved_kitfile"),
    "removing": ("Removed", "remove", "remove_names", "remove_remote"),
    "scripting": ("convert", "diff", "export", "history", "load", "validate", "verify"),
    "searching": ("Hit", "search", "words_of"),
    "shelves": ("Shelf",),
    "skills": ("Installed", "SkillFiles", "find_skills", "install_skill", "own_skill"),
    "surveying": ("survey_layers",),
    "unpacking": ("Loose", "Portion", "Terms", "Unpacked"),
    "validating": ("Validated", "validate_directory", "validate_reference"),
    "verifying": ("Finding", "Verified", "repair", "verify_reference", "verify_store", "verify_version"),
    "versions": ("Version", "entry_name", "load_version", "locate", "read_version", "resolve_local"),
    "workspace": ("Workspace",),
}
_WHERE: Final = {name: room for room, names in _ROOMS.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
