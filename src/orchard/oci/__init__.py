"""Values of the OCI specs: digests, descriptors, manifests, references. No file and no network is touched here."""

from orchard.oci import mediatype, wire
from orchard.oci.ahead import read_ahead
from orchard.oci.descriptor import Descriptor, Platform, convert
from orchard.oci.digest import ALGORITHMS, Digest, Hasher
from orchard.oci.etag import EntityTag
from orchard.oci.manifest import (
    MAX_CHILDREN,
    MAX_MANIFEST,
    Document,
    Index,
    Manifest,
    parse_document,
    parse_manifest,
)
from orchard.oci.reference import (
    DEFAULT_TAG,
    LOCAL_REGISTRY,
    UNNAMED,
    Reference,
    check_repository,
    check_tag,
)
from orchard.oci.ring import BLOCK, Fillable, Pieces, Repeatable, Ring
from orchard.oci.strictjson import JSON, dumps, go_dumps, loads, refuse_variants
from orchard.oci.verify import CHUNK, STRIDE, Readable, Verifying, chunks, read_all, read_bounded, read_up_to

__all__ = [
    "ALGORITHMS",
    "BLOCK",
    "CHUNK",
    "DEFAULT_TAG",
    "JSON",
    "LOCAL_REGISTRY",
    "MAX_CHILDREN",
    "MAX_MANIFEST",
    "STRIDE",
    "UNNAMED",
    "Descriptor",
    "Digest",
    "Document",
    "EntityTag",
    "Fillable",
    "Hasher",
    "Index",
    "Manifest",
    "Pieces",
    "Platform",
    "Readable",
    "Reference",
    "Repeatable",
    "Ring",
    "Verifying",
    "check_repository",
    "check_tag",
    "chunks",
    "convert",
    "dumps",
    "go_dumps",
    "loads",
    "mediatype",
    "parse_document",
    "parse_manifest",
    "read_ahead",
    "read_all",
    "read_bounded",
    "read_up_to",
    "refuse_variants",
    "wire",
]
