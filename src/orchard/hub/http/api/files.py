"""Files of versions: what is in them, by path."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from orchard.errors import NotFoundError
from orchard.hub.access import Principal
from orchard.hub.http.api.downloads import Download, media_type
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import (
    Bytes,
    Count,
    DigestText,
    Input,
    Output,
    Paged,
    Part,
    RepositoryName,
    VersionName,
)
from orchard.hub.registry import Registry, asking

if TYPE_CHECKING:
    from orchard.formats import FileIndex, IndexedFile

FilePath = Annotated[
    str,
    Meta(
        description="Path of a file in its version; slashes may be sent as they are.",
        examples=["model/model.safetensors"],
        extra_json_schema={"minLength": 1, "maxLength": 4096},
    ),
]


class FileEntry(Output, frozen=True):
    """A file of a version, or a directory of them.

    Attributes:
        path: Below the directory that the version is unpacked into.
        kind: Whether it is a file or a directory.
        size_bytes: Bytes of its content; of a directory, of all files below it.
        files: Files below it; 1 for a file.
        mode: Permission bits, in octal digits; null for a directory.
        digest: Of its content; null while nobody has read all of it, and for a directory.
        layer: Digest of the layer that holds it; null for a directory.
        offset: Bytes from the start of the layer, without compression, to its content; null for a directory.
        compressed: Whether its layer is compressed.
        part: What its layer is in the project: model, modelpart, code, dataset, docs, prompt, mcpb.
        media_type: Type that its bytes are sent as.
    """

    path: str
    kind: Literal["file", "directory"]
    size_bytes: Bytes
    files: Count
    mode: str | None
    digest: str | None
    layer: DigestText | None
    offset: Count | None
    compressed: bool
    part: str | None
    media_type: str | None


class FileQuery(Paged, frozen=True):
    """Which files are wanted.

    Attributes:
        path: Below this directory; the whole version if empty.
        recursive: Whether files are listed at any depth, and no directories.
    """

    after: Annotated[str, Meta(max_length=4096)] = ""
    path: Annotated[str, Meta(max_length=4096)] = ""
    recursive: bool = False


class DownloadQuery(Input, frozen=True):
    """How a file is wanted.

    Attributes:
        download: Whether a browser is to save it, whatever it is.
    """

    download: bool = False


class Files:
    """Files of versions: listed, described, and given by themselves, out of whatever layers hold them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/files", NotFoundError)
    def list_files(
        self, who: Principal, *, repository: RepositoryName, version: VersionName, query: FileQuery
    ) -> Part[FileEntry]:
        """List the files of a directory of a version, and the directories in it; or all files, at any depth.

        A version is looked into after it was pushed: until then the list is short or empty; `/understanding` says so.
        """
        contents = self._registry.readable(who, repository).contents(asking.reference_of(version))
        index = contents.files()
        above = query.path.strip("/")
        if above and not index.is_directory(above):
            index.file(above)
        found = _all(index, above, query.after) if query.recursive else _children(index, above, query.after)
        entries = []
        for entry in found:
            entries.append(entry)
            if len(entries) > query.limit:
                break
        return Part.of(entries, query.limit, lambda entry: entry.path)

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/files/{+path}")
    def get_file(
        self, who: Principal, *, repository: RepositoryName, version: VersionName, path: FilePath
    ) -> FileEntry:
        """Describe one file."""
        return _entry(self._registry.readable(who, repository).contents(asking.reference_of(version)).file(path).file)

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/raw/{+path}")
    def download_file(
        self,
        who: Principal,
        *,
        repository: RepositoryName,
        version: VersionName,
        path: FilePath,
        query: DownloadQuery,
    ) -> Download:
        """Give the bytes of one file, or a part of them (`Range`).

        What strangers made is never sent as something that a browser runs: images are images, whatever is text is plain
        text, and everything else is to be saved. `ETag` is the digest of the content where that is known.
        """
        found = self._registry.readable(who, repository).contents(asking.reference_of(version)).file(path)
        return Download(
            path=path,
            size=found.file.size,
            content=found.content,
            tag=found.tag,
            lasting=":" in version,
            attached=query.download,
        )


def _all(index: "FileIndex", above: str, after: str) -> Iterator[FileEntry]:
    files = index.below(above)
    for file in files[bisect_right(files, after, key=lambda file: file.path) :]:
        yield _entry(file)


def _children(index: "FileIndex", above: str, after: str) -> Iterator[FileEntry]:
    """Give what is directly in a directory, by path."""
    files = index.below(above)
    if len(files) == 1 and files[0].path == above:
        yield _entry(files[0])
        return
    start = len(above) + 1 if above else 0
    found: dict[str, list[IndexedFile]] = {}
    for file in files:
        found.setdefault(file.path[:start] + file.path[start:].partition("/")[0], []).append(file)
    for path in _empty(index, above, found):
        found[path] = []
    for path in sorted(path for path in found if path > after):
        held = found[path]
        yield _entry(held[0]) if held and held[0].path == path else _directory(path, held)


def _empty(index: "FileIndex", above: str, found: Mapping[str, object]) -> list[str]:
    """Name the directories in a directory that hold no file."""
    return [path for path in index.directories if path.rpartition("/")[0] == above and path not in found]


def _entry(file: "IndexedFile") -> FileEntry:
    return FileEntry(
        path=file.path,
        kind="file",
        size_bytes=file.size,
        files=1,
        mode=f"{file.mode:04o}",
        digest=file.digest,
        layer=str(file.layer.descriptor.digest),
        offset=file.offset,
        compressed=bool(file.layer.type.compression.value),
        part=file.kind.value,
        media_type=media_type(file.path),
    )


def _directory(path: str, held: "list[IndexedFile]") -> FileEntry:
    return FileEntry(
        path=path,
        kind="directory",
        size_bytes=sum(file.size for file in held),
        files=len(held),
        mode=None,
        digest=None,
        layer=None,
        offset=None,
        compressed=False,
        part=None,
        media_type=None,
    )
