"""Where projects come from besides a directory: Hugging Face, Git. Bytes stream from there into layers.

A name is imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.sources.addresses import GitAddress, HubAddress, Kind, Tool, parse_address
    from orchard.sources.attesting import Times, statement
    from orchard.sources.opening import Project, Wanted, check_tag, open_project
    from orchard.sources.origin import Material, Note, Order, Origin
    from orchard.sources.s3 import S3Objects
    from orchard.sources.scripting import import_from
    from orchard.sources.tokens import find_token

__all__ = [
    "GitAddress",
    "HubAddress",
    "Kind",
    "Material",
    "Note",
    "Order",
    "Origin",
    "Project",
    "S3Objects",
    "Times",
    "Tool",
    "Wanted",
    "check_tag",
    "find_token",
    "import_from",
    "open_project",
    "parse_address",
    "statement",
]

_WHERE: Final = {
    "S3Objects": "s3",
    "GitAddress": "addresses",
    "HubAddress": "addresses",
    "Kind": "addresses",
    "Tool": "addresses",
    "parse_address": "addresses",
    "Times": "attesting",
    "statement": "attesting",
    "Project": "opening",
    "Wanted": "opening",
    "check_tag": "opening",
    "open_project": "opening",
    "Material": "origin",
    "Note": "origin",
    "Order": "origin",
    "Origin": "origin",
    "import_from": "scripting",
    "find_token": "tokens",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
