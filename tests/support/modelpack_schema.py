"""The config of a ModelPack as JSON Schema, from the text of the spec: every object is closed, three are required."""

from typing import Any, Final

from jsonschema import Draft202012Validator

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_TIME: Final = {"type": "string", "format": "date-time"}
_MEDIA: Final = {"type": "array", "items": {"enum": ["text", "image", "audio", "video", "embedding", "other"]}}


def closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:  # noqa: ANN401 -- a schema
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


CONFIG: Final = closed(
    ("descriptor", "config", "modelfs"),
    descriptor=closed(
        createdAt=_TIME,
        authors=_TEXTS,
        vendor=_TEXT,
        family=_TEXT,
        name={"type": "string", "minLength": 1},
        version=_TEXT,
        title=_TEXT,
        description=_TEXT,
        docURL=_TEXT,
        sourceURL=_TEXT,
        datasetsURL=_TEXTS,
        revision=_TEXT,
        licenses=_TEXTS,
    ),
    config=closed(
        architecture=_TEXT,
        format=_TEXT,
        paramSize=_TEXT,
        precision=_TEXT,
        quantization=_TEXT,
        capabilities=closed(
            inputTypes=_MEDIA,
            outputTypes=_MEDIA,
            knowledgeCutoff=_TIME,
            reasoning={"type": "boolean"},
            toolUsage={"type": "boolean"},
            reward={"type": "boolean"},
            languages={"type": "array", "items": {"type": "string", "pattern": "^[a-z]{2}$"}},
        ),
    ),
    modelfs=closed(("type", "diffIds"), type={"const": "layers"}, diffIds={**_TEXTS, "minItems": 1}),
)

VALIDATOR: Final = Draft202012Validator(CONFIG)
