"""Manifests at the door: what is accepted, what must be there already, what is noted down."""

from io import BytesIO
from typing import Final

from orchard.errors import InvalidDocumentError, LimitExceededError, NotFoundError
from orchard.hub import catalog
from orchard.hub.catalog import Outline
from orchard.hub.db import Transaction
from orchard.hub.registry.outlining import MAX_CONFIG, of_index, of_manifest
from orchard.hub.registry.reading import Premises
from orchard.oci import Descriptor, Document, Index, parse_document, read_all

# Layers that a licence keeps out of registries: clients fetch them elsewhere (image spec, layer.md).
_ELSEWHERE: Final = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)


def parse(raw: bytes, media_type: str) -> Document:
    """Read a manifest that is to be stored.

    Raises:
        InvalidDocumentError: If it is not one, or holds a type that no database can store.
        LimitExceededError: If it is too large, too deep, or names too much.
    """
    document = parse_document(raw, media_type)
    if any("\0" in kind for kind in (document.kind, *(child.media_type for child in document.children))):
        raise InvalidDocumentError("manifest: a media type holds NUL")
    return document


def outline(document: Document, repository: str, premises: Premises) -> Outline | None:
    """Read what a manifest says about itself; of an index only the transaction that stores it can tell.

    Raises:
        StorageError: If the catalog fails.
    """
    if isinstance(document, Index):
        return None

    def read(config: Descriptor) -> bytes:
        with premises.database.read() as connection:
            if catalog.repositories.blob(connection, repository, config.digest) is None:
                raise NotFoundError(f"{config.digest} is not there")
        return read_blob(premises, config)

    return of_manifest(document, read)


def read_blob(premises: Premises, content: Descriptor) -> bytes:
    """Read a small blob, verified. Whether somebody may see it is for the caller to know.

    Raises:
        NotFoundError: If its file is not there.
        LimitExceededError: If it is large.
        IntegrityError: If the bytes have rotted.
        StorageError: If they cannot be read.
    """
    if content.size > MAX_CONFIG:
        raise LimitExceededError(f"{content.digest}: {content.size} bytes, at most {MAX_CONFIG} are read here")
    raw = b"".join(premises.files.content(content.digest).read(0, content.size))
    return read_all(BytesIO(raw), content, limit=MAX_CONFIG)


def require_children(connection: Transaction, repository: int, document: Document) -> dict[str, int]:
    """Refuse a manifest that names what the repository does not have; give the total size behind each name.

    The subject need not be there, and a layer that is never distributed either.

    Raises:
        NotFoundError: Naming what is missing.
        InvalidDocumentError: If something has another size than the manifest says.
    """
    needed = [child for child in document.children if not is_elsewhere(child)]
    digests = {child.digest for child in needed}
    found: dict[str, tuple[int, int]] = {}
    if isinstance(document, Index):
        found = catalog.manifests.totals(connection, repository, digests)
        digests = {digest for digest in digests if str(digest) not in found}
    blobs = catalog.repositories.sizes(connection, repository, digests)
    found.update((digest, (size, size)) for digest, size in blobs.items())
    for child in needed:
        _require(child, found)
    return {digest: total for digest, (_, total) in found.items()}


def is_elsewhere(child: Descriptor) -> bool:
    """Tell whether content is never kept in registries."""
    return child.media_type.startswith(_ELSEWHERE)


def index_outline(document: Document, totals: dict[str, int]) -> Outline:
    """Give the outline of an index whose children have these total sizes."""
    assert isinstance(document, Index)
    return of_index(document, sum(totals.get(str(child.digest), 0) for child in document.manifests))


def _require(child: Descriptor, found: dict[str, tuple[int, int]]) -> None:
    sizes = found.get(str(child.digest))
    if sizes is None:
        raise NotFoundError(f"the manifest names {child.digest}, which is not in this repository; push it first")
    if sizes[0] != child.size:
        raise InvalidDocumentError(f"the manifest says that {child.digest} has {child.size} bytes; it has {sizes[0]}")
