"""A version that is open: its files, and the tensors in them."""

from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from orchard.errors import LimitExceededError, NotFoundError, UnsupportedError
from orchard.formats import Filters, Layer, model_reference
from orchard.oci import Reference
from orchard.project.indexcache import IndexCache
from orchard.project.openfiles import MAX_READ, Held, OpenFiles
from orchard.project.versions import Version
from orchard.store import LocalRepository, Source

# Files are read far more often than tensors.
# ruff: noqa: PLC0415
if TYPE_CHECKING:
    from orchard.insight import ModelHeader, Tensor, TensorData
    from orchard.project.workspace import Workspace


def open_version(
    workspace: "Workspace",
    reference: Reference,
    *,
    remote: bool | None = None,
    verify: bool = False,
    hashed: bool = False,
) -> "OpenVersion":
    """Open a version of the local store or of its registry, with the model of the kit that it refers to, if it does.

    Args:
        workspace: Where to look, and where to remember what layers hold.
        reference: What to open.
        remote: Look in the registry only (true), in the local store only (false), or in the one, then in the other.
        verify: Whether to read nothing from a registry that has not been verified; the local store verified what it
            took in.
        hashed: Whether the digest of every file is wanted; layers are read whole for it.

    Raises:
        NotFoundError: If there is no such version.
        OrchardError: As the registry client raises it.
    """
    version, source = workspace.find(reference, remote=remote)

    def held(where: Source, layers: tuple[Layer, ...]) -> Held:
        local = isinstance(where, LocalRepository)
        # What a registry said in parts is nothing that a reader who wants certainty believes.
        cache = IndexCache(workspace.home) if local or verify else IndexCache.beside(workspace.home, where)
        return Held(where, layers, cache, verify=verify and not local, hashed=hashed)

    def parents() -> Iterator[Held]:
        from orchard.project.references import model_portions

        for portion in model_portions(version, Filters(), workspace.find, name=str(reference)):
            yield held(portion.source, portion.layers)

    referring = model_reference(version.kit.kitfile) is not None
    return OpenVersion(version, held(source, version.kit.layers), (lambda: [*parents()]) if referring else tuple)


class OpenVersion(OpenFiles):
    """One version, read-only: its files as in ``OpenFiles``, and what is in its model files."""

    def __init__(self, version: Version, own: Held, parents: Callable[[], Sequence[Held]] = tuple) -> None:
        super().__init__(version, own, parents)
        self._headers: dict[str, ModelHeader] = {}
        self._reading = Lock()

    def header(self, path: str) -> "ModelHeader":
        """Read the header of a model file: safetensors, GGUF, ONNX or PyTorch's, which is not executed.

        Raises:
            NotFoundError: If there is no such file.
            UnsupportedError: If it is in another format.
            InvalidDocumentError: If it is broken.
            OrchardError: As the store or the registry raises it.
        """
        from orchard.insight import read_header

        file = self.file(path)
        with self._reading:
            if file.path not in self._headers:
                self._headers[file.path] = read_header(self.part(file), file.path)
            return self._headers[file.path]

    def tensors(self, path: str) -> "tuple[Tensor, ...]":
        """Describe every tensor of a model file; no content is read.

        Raises:
            OrchardError: As ``header``.
        """
        return self.header(path).tensors

    def tensor(self, path: str, name: str, *, limit: int = MAX_READ) -> "TensorData":
        """Read one tensor, and nothing else of the file.

        Args:
            path: Which file.
            name: Which tensor.
            limit: Bytes to hold in memory at most.

        Raises:
            NotFoundError: If there is no such file or no such tensor.
            LimitExceededError: If it is larger than ``limit``.
            UnsupportedError: If its content is not plain bytes in this file.
            OrchardError: As ``header``.
        """
        from orchard.insight import Gguf, TensorData

        header, file = self.header(path), self.file(path)
        found = next((tensor for tensor in header.tensors if tensor.name == name), None)
        if found is None:
            raise NotFoundError(f"{file.path}: there is no tensor {name[:200]!r}; see: orchard tensors")
        if found.offset is None:
            raise UnsupportedError(f"{file.path}: the content of {name[:200]!r} is not plain bytes in this file")
        if found.size > limit:
            raise LimitExceededError(f"{file.path}: {name[:200]!r} has {found.size} bytes, at most {limit} are read")
        data = self.part(file).read_at(found.offset, found.size) if found.size else b""
        order = header.byte_order if isinstance(header, Gguf) else "little"
        return TensorData(found.name, found.dtype, found.shape, memoryview(data), order)
