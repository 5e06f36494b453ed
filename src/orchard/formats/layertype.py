"""What a layer holds and how it is wrapped, as its media type says it (ModelKit, ModelPack, Docker models)."""

import re
from enum import Enum
from typing import Final

import msgspec

from orchard.errors import InvalidDocumentError
from orchard.oci import JSON, go_dumps

SUBTYPE_ANNOTATION: Final = "ml.kitops.modelkit.layer-subtype"
PROMPT_SUBTYPE: Final = "prompt"
FILEPATH_ANNOTATION: Final = "org.cncf.model.filepath"
METADATA_ANNOTATION: Final = "org.cncf.model.file.metadata+json"


class LayerKind(Enum):
    """What a layer is in the project, in the order in which kits list their layers; the value is KitOps' word."""

    MODEL = "model"
    PART = "modelpart"
    CODE = "code"
    DATASET = "dataset"
    DOCS = "docs"
    PROMPT = "prompt"
    MCP_SERVER = "mcpb"


class LayerFormat(Enum):
    """Whether the content is an archive or one bare file."""

    TAR = "tar"
    RAW = "raw"


class Compression(Enum):
    """How the archive or the file is compressed; the value is the suffix of the media type."""

    NONE = ""
    GZIP = "gzip"
    ZSTD = "zstd"


class LayerType(msgspec.Struct, frozen=True):
    """What a layer media type says.

    Attributes:
        kind: What the layer is.
        format: Archive or bare file.
        compression: What is around it.
    """

    kind: LayerKind
    format: LayerFormat = LayerFormat.TAR
    compression: Compression = Compression.NONE


_KITOPS: Final = re.compile(r"application/vnd\.kitops\.modelkit\.(\w+)\.v1\.(\w+)(?:\+(\w+))?", re.ASCII)
# cnai is what the CNCF called it until mid-2025; readers take both (ModelPack model-spec #81).
_MODELPACK: Final = re.compile(r"application/vnd\.c(?:ncf|nai)\.model\.([a-z.]+)\.v1\.(\w+)(?:\+(\w+))?", re.ASCII)
_MODELPACK_KINDS: Final[dict[str, LayerKind]] = {
    "weight": LayerKind.MODEL,
    "weight.config": LayerKind.PART,
    "code": LayerKind.CODE,
    "dataset": LayerKind.DATASET,
    "doc": LayerKind.DOCS,
}
# A prompt has no media type of its own, it is code with an annotation (KitOps 1.9).
_KITOPS_KINDS: Final[dict[str, LayerKind]] = {kind.value: kind for kind in LayerKind if kind is not LayerKind.PROMPT}
_DOCKER: Final = "application/vnd.docker.ai."
_BARE_MODEL: Final = LayerType(LayerKind.MODEL, LayerFormat.RAW)
_BARE_PART: Final = LayerType(LayerKind.PART, LayerFormat.RAW)
# Types that are words of their own. What Docker calls a file, a LoRA or a projector is something that a model needs.
_WORDS: Final[dict[str, LayerType]] = {
    "application/vnd.cncf.model.weight.v1.gguf": _BARE_MODEL,  # Docker Model Runner, older ones
    "application/vnd.cncf.model.weight.v1.safetensors": _BARE_MODEL,
    f"{_DOCKER}gguf.v3": _BARE_MODEL,
    f"{_DOCKER}gguf.v3.lora": _BARE_PART,
    f"{_DOCKER}gguf.v3.mmproj": _BARE_PART,
    f"{_DOCKER}mmproj": _BARE_PART,
    f"{_DOCKER}safetensors": _BARE_MODEL,
    f"{_DOCKER}dduf": _BARE_MODEL,
    f"{_DOCKER}model.file": _BARE_PART,
    f"{_DOCKER}chat.template.jinja": _BARE_PART,
    f"{_DOCKER}license": LayerType(LayerKind.DOCS, LayerFormat.RAW),
    f"{_DOCKER}vllm.config.tar": LayerType(LayerKind.PART),
    f"{_DOCKER}dir.tar": LayerType(LayerKind.PART),
}
_FORMATS: Final = {form.value: form for form in LayerFormat}
_COMPRESSIONS: Final = {compression.value: compression for compression in Compression}


def layer_media_type(
    kind: LayerKind, compression: Compression = Compression.NONE, *, form: LayerFormat = LayerFormat.TAR
) -> str:
    """Write the ModelKit media type of a layer.

    An MCP bundle is a ZIP already, so it is always raw and never compressed again, whatever is asked (KitOps).
    """
    if kind is LayerKind.MCP_SERVER:
        form, compression = LayerFormat.RAW, Compression.NONE
    word = LayerKind.CODE.value if kind is LayerKind.PROMPT else kind.value
    suffix = f"+{compression.value}" if compression is not Compression.NONE else ""
    return f"application/vnd.kitops.modelkit.{word}.v1.{form.value}{suffix}"


def modelpack_media_type(
    kind: LayerKind, compression: Compression = Compression.NONE, *, form: LayerFormat = LayerFormat.RAW
) -> str:
    """Write the ModelPack media type of a layer.

    Raises:
        InvalidDocumentError: If ModelPack has none: for an MCP server, and for one bare file that is compressed.
    """
    words = {kind: word for word, kind in _MODELPACK_KINDS.items()} | {LayerKind.PROMPT: "code"}
    if kind not in words:
        raise InvalidDocumentError("ModelPack has no layer type for MCP servers")
    if form is LayerFormat.RAW and compression is not Compression.NONE:
        raise InvalidDocumentError("compression for raw layers is not supported for ModelPack")
    suffix = f"+{compression.value}" if compression is not Compression.NONE else ""
    return f"application/vnd.cncf.model.{words[kind]}.v1.{form.value}{suffix}"


def layer_annotations(kind: LayerKind) -> dict[str, str]:
    """Give the annotations without which the kind of a layer cannot be told."""
    return {SUBTYPE_ANNOTATION: PROMPT_SUBTYPE} if kind is LayerKind.PROMPT else {}


def raw_annotations(path: str, *, mode: int, size: int) -> dict[str, str]:
    """Give the annotations of a raw layer: without a tar around it, only they know its name and its permissions.

    The time of the file is left out of them, as it is out of a tar: it would change the digest (ModelPack, "File
    metadata").
    """
    metadata: dict[str, JSON] = {
        "name": path.rpartition("/")[2],
        "mode": mode & 0o777,  # permission bits only, as KitOps writes it
        "uid": 0,
        "gid": 0,
        "size": size,
        "mtime": "1970-01-01T00:00:00Z",
        "typeflag": 0,
    }
    return {FILEPATH_ANNOTATION: path, METADATA_ANNOTATION: go_dumps(metadata).decode()}


def parse_layer_media_type(text: str, annotations: dict[str, str] | None = None) -> LayerType:
    """Read the media type of a layer of a ModelKit, a ModelPack or a Docker model.

    Args:
        text: The media type.
        annotations: Those of the layer's descriptor; they tell a prompt from code.

    Raises:
        InvalidDocumentError: If it is not such a type, or one that this version does not know.
    """
    if text in _WORDS:
        return _WORDS[text]
    match = _KITOPS.fullmatch(text)
    kinds = _KITOPS_KINDS
    if match is None:
        match = _MODELPACK.fullmatch(text)
        kinds = _MODELPACK_KINDS
    if match is None:
        raise InvalidDocumentError(f"{text[:128]!r} is not a layer of a machine-learning project")
    kind, form, compression = kinds.get(match[1]), _FORMATS.get(match[2]), _COMPRESSIONS.get(match[3] or "")
    if kind is None or form is None or compression is None:
        raise InvalidDocumentError(f"{text[:128]!r} is a layer type that this version of Orchard does not know")
    if kind is LayerKind.CODE and (annotations or {}).get(SUBTYPE_ANNOTATION) == PROMPT_SUBTYPE:
        kind = LayerKind.PROMPT
    return LayerType(kind, form, compression)
