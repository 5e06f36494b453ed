import pytest

from orchard.errors import InvalidDocumentError
from orchard.formats import (
    Compression,
    LayerFormat,
    LayerKind,
    LayerType,
    layer_annotations,
    layer_media_type,
    parse_layer_media_type,
)

KITOPS = "application/vnd.kitops.modelkit."
PACK = "application/vnd.cncf.model."


@pytest.mark.parametrize("kind", LayerKind)
@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("form", LayerFormat)
def test_a_media_type_that_was_written_is_read_back(
    kind: LayerKind, compression: Compression, form: LayerFormat
) -> None:
    written = layer_media_type(kind, compression, form=form)

    read = parse_layer_media_type(written, layer_annotations(kind))

    if kind is LayerKind.MCP_SERVER:
        assert read == LayerType(kind, LayerFormat.RAW, Compression.NONE)
    else:
        assert read == LayerType(kind, form, compression)


@pytest.mark.parametrize(
    ("kind", "compression", "expected"),
    [
        (LayerKind.MODEL, Compression.NONE, "model.v1.tar"),
        (LayerKind.PART, Compression.GZIP, "modelpart.v1.tar+gzip"),
        (LayerKind.CODE, Compression.ZSTD, "code.v1.tar+zstd"),
        (LayerKind.DATASET, Compression.NONE, "dataset.v1.tar"),
        (LayerKind.DOCS, Compression.NONE, "docs.v1.tar"),
        (LayerKind.PROMPT, Compression.NONE, "code.v1.tar"),
        (LayerKind.MCP_SERVER, Compression.GZIP, "mcpb.v1.raw"),
    ],
)
def test_media_types_are_those_of_kitops(kind: LayerKind, compression: Compression, expected: str) -> None:
    assert layer_media_type(kind, compression) == KITOPS + expected


def test_only_prompts_need_an_annotation() -> None:
    needed = {kind: layer_annotations(kind) for kind in LayerKind if layer_annotations(kind)}

    assert needed == {LayerKind.PROMPT: {"ml.kitops.modelkit.layer-subtype": "prompt"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PACK + "weight.v1.raw", LayerType(LayerKind.MODEL, LayerFormat.RAW)),
        (PACK + "weight.config.v1.tar+zstd", LayerType(LayerKind.PART, LayerFormat.TAR, Compression.ZSTD)),
        (PACK + "doc.v1.tar+gzip", LayerType(LayerKind.DOCS, LayerFormat.TAR, Compression.GZIP)),
        (PACK + "code.v1.tar", LayerType(LayerKind.CODE)),
        ("application/vnd.cnai.model.dataset.v1.tar", LayerType(LayerKind.DATASET)),
    ],
)
def test_layers_of_a_modelpack_are_recognised(text: str, expected: LayerType) -> None:
    assert parse_layer_media_type(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a layer"),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "is not a layer"),
        (KITOPS + "model.v1.tar\n", "is not a layer"),
        ("x" + KITOPS + "model.v1.tar", "is not a layer"),
        (KITOPS + "model.v1.tar+gzip+zstd", "is not a layer"),
        (KITOPS.replace(".", "x") + "model.v1.tar", "is not a layer"),
        (KITOPS + "prompt.v1.tar", "does not know"),
        (KITOPS + "agent.v1.tar", "does not know"),
        (KITOPS + "model.v1.zip", "does not know"),
        (KITOPS + "model.v1.tar+xz", "does not know"),
        (PACK + "weights.v1.tar", "does not know"),
    ],
)
def test_other_media_types_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidDocumentError, match=message):
        parse_layer_media_type(text)
