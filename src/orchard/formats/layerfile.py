"""The file that a layer of a ModelPack is: its path and its metadata, in the annotations of the descriptor.

Section 1.5 of the spec's annotations, in every spelling that tools have used. Nothing here is checked for safety:
whoever writes files checks each path then.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from orchard.errors import InvalidDocumentError, InvalidError, UnsafePathError
from orchard.formats.kitpath import clean_path
from orchard.oci import JSON, Descriptor, go_dumps, loads

FILEPATH: Final = "org.cncf.model.filepath"
METADATA: Final = "org.cncf.model.file.metadata+json"
UNTESTED: Final = "org.cncf.model.file.mediatype.untested"
TITLE: Final = "org.opencontainers.image.title"

# Of a manifest: the whole Kitfile as JSON (KitOps).
KITFILE_ANNOTATION: Final = "ml.kitops.modelkit.kitfile"
# Where the entries of a project are the single files of what a person wrote, this holds the Kitfile that they wrote.
SOURCE_ANNOTATION: Final = "ml.orchard.kitfile"

# cnai is what the CNCF called it until mid-2025.
_OLD_FILEPATH: Final = "org.cnai.model.filepath"
_OLD_METADATA: Final = "org.cnai.model.file.metadata+json"

MAX_METADATA: Final = 64 << 10  # bytes
FILE_MODE: Final = 0o644
_PERMISSIONS: Final = 0o7777
# 0 is a regular file for all tools but RamaLama, which writes the letter "0" of a tar header.
_REGULAR: Final = frozenset((0, ord("0")))
_KINDS: Final = {
    2: "a symbolic link",  # modctl
    5: "a directory",
    8: "a symbolic link",  # KitOps: the top byte of Go's file mode
    128: "a directory",
    ord("1"): "a hard link",
    ord("2"): "a symbolic link",
    ord("5"): "a directory",
}


class FileMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata annotation says about a file.

    Attributes:
        name: Its name, without directories; some tools write the path.
        mode: Permission bits.
        size: Bytes of the file, not of the layer.
        mtime: RFC 3339.
        typeflag: 0 for a regular file; tools do not agree about the others.
    """

    name: str
    mode: int
    size: int
    mtime: str
    uid: int = 0
    gid: int = 0
    typeflag: int = 0

    def to_json(self) -> str:
        """Write the seven members in the order of the spec; some readers want all of them."""
        return go_dumps(
            {
                "name": self.name,
                "mode": self.mode,
                "uid": self.uid,
                "gid": self.gid,
                "size": self.size,
                "mtime": self.mtime,
                "typeflag": self.typeflag,
            }
        ).decode()


def read_metadata(annotations: Mapping[str, str]) -> dict[str, JSON]:
    """Read the metadata annotation as it is; empty if there is none, or none that is an object of JSON."""
    text = annotations.get(METADATA) or annotations.get(_OLD_METADATA)
    if not text:
        return {}
    try:
        value = loads(text.encode("utf-8", "surrogatepass"), what=METADATA, limit=MAX_METADATA)
    except InvalidError:
        return {}
    return value if isinstance(value, dict) else {}


def layer_path(layer: Descriptor) -> str:
    """Find out where the file of a layer belongs, or what an archive is called, best source first.

    A path that is safe is given in its shortest form, another one as it is.
    """
    found = layer.annotations
    name = read_metadata(found).get("name")
    candidates = (
        found.get(FILEPATH),
        found.get(_OLD_FILEPATH),
        found.get(TITLE),
        name if isinstance(name, str) else "",
    )
    path = next((text for text in candidates if text), layer.digest.hex)
    try:
        clean = clean_path(path)
    except UnsafePathError:
        return path
    return path if clean == "." or ".." in path.split("/") else clean


def file_mode(annotations: Mapping[str, str]) -> int:
    """Give the permission bits of a file that is a layer.

    Raises:
        InvalidDocumentError: If the layer is not a regular file.
    """
    said = read_metadata(annotations)
    flag = said.get("typeflag", 0)
    if not isinstance(flag, int) or flag not in _REGULAR:
        what = _KINDS.get(flag, "something else") if isinstance(flag, int) else "something else"
        raise InvalidDocumentError(f"its metadata calls it {what} (typeflag {flag!r:.32}), and not a regular file")
    mode = said.get("mode")
    return mode & _PERMISSIONS if isinstance(mode, int) and not isinstance(mode, bool) and mode >= 0 else FILE_MODE
