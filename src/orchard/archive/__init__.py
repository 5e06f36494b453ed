"""Tar bytes: ours, the same on every machine, and other people's, which may be hostile.

``write_tar`` turns entries into the bytes that KitOps' ``kit`` would write; ``members`` reads anybody's tar;
``Extractor`` puts the layers of one artifact below one directory and nowhere else; ``compress`` and ``decompress`` are
for layers that are not plain. Which files belong into a layer is decided above this room.

A name is imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.archive.body import Body, read_file, write_tar
    from orchard.archive.compression import Compression, compress, decompress
    from orchard.archive.extraction import Extractor
    from orchard.archive.limits import DEFAULTS, Limits
    from orchard.archive.names import folded, is_plain, is_portable, safe_name
    from orchard.archive.reader import Content, Member, members
    from orchard.archive.stream import ChunkReader, SkippingReader
    from orchard.archive.writer import BLOCK, END, Entry, FileStamp, header, tar_size

__all__ = [
    "BLOCK",
    "DEFAULTS",
    "END",
    "Body",
    "ChunkReader",
    "Compression",
    "Content",
    "Entry",
    "Extractor",
    "FileStamp",
    "Limits",
    "Member",
    "SkippingReader",
    "compress",
    "decompress",
    "folded",
    "header",
    "is_plain",
    "is_portable",
    "members",
    "read_file",
    "safe_name",
    "tar_size",
    "write_tar",
]

_WHERE: Final = {
    "Body": "body",
    "read_file": "body",
    "write_tar": "body",
    "Compression": "compression",
    "compress": "compression",
    "decompress": "compression",
    "Extractor": "extraction",
    "DEFAULTS": "limits",
    "Limits": "limits",
    "folded": "names",
    "is_plain": "names",
    "is_portable": "names",
    "safe_name": "names",
    "Content": "reader",
    "Member": "reader",
    "members": "reader",
    "ChunkReader": "stream",
    "SkippingReader": "stream",
    "BLOCK": "writer",
    "END": "writer",
    "Entry": "writer",
    "FileStamp": "writer",
    "header": "writer",
    "tar_size": "writer",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
