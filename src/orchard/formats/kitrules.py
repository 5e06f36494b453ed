"""What a Kitfile must fulfil beyond its schema, so that it can be packed. All broken rules are found at once."""

import re
from collections.abc import Iterator
from typing import Final

from orchard.errors import UnsafePathError
from orchard.formats.kitfile import (
    MANIFEST_VERSION,
    Dataset,
    Entry,
    Kitfile,
    MCPServer,
    Model,
    ModelPart,
    Package,
    is_reference,
)
from orchard.formats.kitpath import ancestors, clean_path
from orchard.formats.kitshape import FIELDS, Shape

Problem = tuple[str, str]  # the place, such as "code[0].path", and what is wrong there

# kit 1.7 takes any version, and its own documentation writes 1.0 (KitOps #1085).
_VERSIONS: Final = frozenset(("", "1.0", MANIFEST_VERSION))
_PART_TYPE: Final = re.compile(r"\w[\w.-]{0,63}", re.ASCII)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_S3: Final = re.compile(r"s3://[^/\s]+/\S+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MANY_LINES: Final = frozenset(("description", "path"))  # a path has a rule of its own


def broken_rules(kitfile: Kitfile) -> Iterator[Problem]:
    """Find everything that keeps a Kitfile from being packed."""
    if kitfile.manifest_version not in _VERSIONS:
        yield "manifestVersion", f"{kitfile.manifest_version!r} is not supported; write {MANIFEST_VERSION}"
    yield from _texts(kitfile.package, "package")
    for _, place, entry in kitfile.entries():
        yield from _texts(entry, place)
        yield from _entry(entry, place)
    yield from _servers(kitfile.mcp_servers)
    yield from _layout(kitfile)


def _texts(node: Package | Entry, place: str) -> Iterator[Problem]:
    """Refuse control characters in what is shown in one line, and compared."""
    for key, field in FIELDS[type(node)].items():
        if key in _MANY_LINES or field.shape not in {Shape.TEXT, Shape.TEXTS}:
            continue
        value = getattr(node, field.attribute)
        for text in (value,) if isinstance(value, str) else value:
            if _CONTROL.search(text):
                yield f"{place}.{key}", "line breaks and control characters are not allowed here"


def _entry(entry: Entry, place: str) -> Iterator[Problem]:
    match entry:
        case Model():
            if not entry.path and not entry.parts and entry.parameters is None:
                yield place, "holds neither a path nor parts nor parameters"
        case _:
            if not entry.path:
                yield place, "'path' is missing; write '.' for the whole directory"
    if isinstance(entry, ModelPart) and entry.type and not _PART_TYPE.fullmatch(entry.type):
        yield f"{place}.type", "must be at most 64 letters, digits, '_', '.' and '-', with neither '.' nor '-' first"
    if isinstance(entry, Dataset):
        yield from _remote(entry, place)
    yield from _path(entry.path, f"{place}.path")


def _path(path: str, place: str) -> Iterator[Problem]:
    url = _URL.match(path)
    if url is not None:
        yield place, f"{url[1].lower()}:// is not supported in a path; download it and name the file"
        return
    try:
        clean_path(path)
    except UnsafePathError as error:
        yield place, f"{path[:128]!r}: {error}"


def _remote(dataset: Dataset, place: str) -> Iterator[Problem]:
    if not dataset.remote_path:
        if dataset.remote_hash:
            yield f"{place}.remoteHash", "belongs to a remotePath, and there is none"
    elif _S3.fullmatch(dataset.remote_path):
        if not dataset.remote_hash:
            yield f"{place}.remotePath", "an s3:// path needs a remoteHash: the ETag of the object"
    elif not is_reference(dataset.remote_path):
        yield f"{place}.remotePath", "must be s3://bucket/key or a reference to a kit (registry/name:tag)"
    elif dataset.remote_hash:
        yield f"{place}.remoteHash", "belongs to s3:// paths; a reference is checked by its digest, so remove it"


def _servers(servers: tuple[MCPServer, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, server in enumerate(servers):
        place = f"mcpServers[{number}]"
        if not server.name:
            yield place, "'name' is missing"
        elif server.name in seen:
            yield f"{place}.name", f"{server.name!r} is the name of another server"
        seen.add(server.name)
        if server.path and not server.path.endswith(".mcpb"):
            yield f"{place}.path", "must be one .mcpb file"


def _layout(kitfile: Kitfile) -> Iterator[Problem]:
    """Compare the paths with each other: no two are the same, and none lies in a dataset that is elsewhere."""
    taken: dict[str, str] = {}
    remote: dict[str, str] = {}
    for place, path, entry in _local(kitfile):
        if path in taken:
            yield f"{place}.path", f"{entry.path!r} is the path of {taken[path]} as well"
        taken.setdefault(path, place)
        if isinstance(entry, Dataset) and entry.remote_path:
            remote[path] = place
    for path, place in taken.items():
        for outer in ancestors(path):
            if outer in remote:
                yield f"{place}.path", f"lies within {remote[outer]}, which is not stored in the kit"


def _local(kitfile: Kitfile) -> Iterator[tuple[str, str, Entry]]:
    """Give place, clean path and entry of all that has a path in the directory."""
    for _, place, entry in kitfile.entries():
        if not entry.path:
            continue
        try:
            yield place, clean_path(entry.path), entry
        except UnsafePathError:
            continue  # reported by its own rule
