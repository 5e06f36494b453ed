"""An fsspec filesystem over versions: ``pandas.read_csv("modelkit://registry.example.com/team/model:v1/data/train.csv")``.

Read-only. fsspec finds it by its entry point, so nothing has to be imported or registered.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any, BinaryIO, Final, Literal, cast

from fsspec import AbstractFileSystem

from orchard.errors import NotFoundError, UnsupportedError
from orchard.formats import IndexedFile
from orchard.integrations.addresses import PROTOCOL, Address, split_address
from orchard.project import OpenVersion, Workspace, open_version
from orchard.remote import Options

_EVERYTHING: Final = 1 << 62
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ModelKitFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of versions, in the local store and in registries.

    A tag is looked up once: what it names then is what this object reads until ``invalidate_cache``. Objects are shared
    by fsspec where their arguments are the same, and may be used from many threads.

    Args:
        remote: Look in the registry only (true), in the local store only (false), or in the one, then in the other.
        verify: Whether to read nothing of a registry that has not been verified; see ``orchard.open``.
        home: Home directory; found in the environment if not given.
        options: How to talk to registries: TLS, proxy, time limits.
        storage_options: fsspec's own.
    """

    protocol = PROTOCOL
    root_marker = ""

    def __init__(
        self,
        *,
        remote: bool | None = None,
        verify: bool = False,
        home: str | None = None,
        options: Options | None = None,
        **storage_options: Any,  # noqa: ANN401 -- fsspec's own
    ) -> None:
        super().__init__(**storage_options)
        self._remote = remote
        self._verify = verify
        self._workspace = Workspace(home, environ=os.environ, options=(lambda _host: options) if options else None)
        self._opened: dict[str, OpenVersion] = {}
        self._opening = Lock()

    @property
    def fsid(self) -> str:
        """Name the kind of filesystem, for caches."""
        return PROTOCOL

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: ANN401, FBT001, FBT002 -- fsspec's
        """List a directory, or the one file of a path.

        Raises:
            FileNotFoundError: If there is neither.
            OrchardError: As ``orchard.open``.
        """
        with _translated():
            address, opened = self._find(path)
            index = opened.index
            if not index.is_directory(address.path):
                found = [_info(address.name, index.file(address.path))]
            else:
                start = f"{address.path}/" if address.path else ""
                files = (file for file in index.below(address.path) if "/" not in file.path[len(start) :])
                below = (one for one in index.directories if one.startswith(start) and "/" not in one[len(start) :])
                found = [_info(address.name, file) for file in files]
                found += [_directory(address.name, one) for one in below if one != address.path]
        found.sort(key=lambda one: str(one["name"]))
        return found if detail else [one["name"] for one in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:  # noqa: ANN401 -- fsspec's
        """Describe a file or a directory.

        Raises:
            FileNotFoundError: If there is neither.
            OrchardError: As ``orchard.open``.
        """
        with _translated():
            address, opened = self._find(path)
            if not address.path or opened.index.is_directory(address.path):
                return _directory(address.name, address.path)
            return _info(address.name, opened.file(address.path))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:  # noqa: ANN401
        """Read a file, or the part from ``start`` up to ``end``, as in slices; a part is one request.

        Raises:
            FileNotFoundError: If there is no such file.
            OrchardError: As ``OpenVersion.read``.
        """
        with _translated():
            address, opened = self._find(path)
            first, last, _step = slice(start, end).indices(opened.file(address.path).size)
            return opened.read(address.path, offset=first, size=max(last - first, 0), limit=_EVERYTHING)

    def modified(self, path: str) -> datetime:
        """Give the time of a file: always the same, because a version never changes.

        Raises:
            FileNotFoundError: If there is no such file or directory.
            OrchardError: As ``orchard.open``.
        """
        self.info(path)
        return _ALWAYS

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what tags named, so that the next use looks again."""
        with self._opening:
            while self._opened:
                self._opened.popitem()[1].close()
        super().invalidate_cache(path)

    def _open(self, path: str, mode: Literal["rb"] = "rb", **_: Any) -> BinaryIO:  # noqa: ANN401 -- fsspec's
        """Open a file.

        Raises:
            UnsupportedError: If it is to be written: a version never changes.
        """
        if mode != "rb":
            raise UnsupportedError(f"{path}: a version never changes; pack a new one")
        with _translated():
            address, opened = self._find(path)
            return opened.open(address.path)

    def _find(self, path: str) -> tuple[Address, OpenVersion]:
        address = split_address(cast("str", self._strip_protocol(path)))
        with self._opening:
            if address.name not in self._opened:
                self._opened[address.name] = open_version(
                    self._workspace, address.reference, remote=self._remote, verify=self._verify
                )
            return address, self._opened[address.name]


@contextmanager
def _translated() -> Iterator[None]:
    """Say that a file is not there as callers of file systems expect it.

    Raises:
        FileNotFoundError: In place of ``NotFoundError``.
    """
    try:
        yield
    except NotFoundError as error:
        raise FileNotFoundError(str(error)) from error


def _info(name: str, file: IndexedFile) -> dict[str, Any]:
    return {
        "name": f"{name}/{file.path}",
        "size": file.size,
        "type": "file",
        "mode": file.mode,
        "kind": file.kind.value,
        "digest": file.digest,
        "layer": str(file.layer.descriptor.digest),
    }


def _directory(name: str, path: str) -> dict[str, Any]:
    return {"name": f"{name}/{path}" if path else name, "size": 0, "type": "directory"}
