"""What the files of a project say about its model, as the config of a ModelPack holds it.

Read are the headers of weights, and the small files that tools put beside them; all bounded, and whatever cannot be
read says nothing. Where files come from, a directory or the layers of a version, is the business of the caller.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from orchard.errors import InvalidError, UnsupportedError
from orchard.formats import About, Capabilities, PackConfig, Traits, card_licenses, card_texts, is_weights, read_card
from orchard.insight import Beside, ModelHeader, RandomAccess, Summary, param_size, read_header, summarise
from orchard.oci import JSON, loads

MAX_HEADERS: Final = 1024  # files of weights whose headers are read; the largest models have some 300
MAX_SMALL: Final = 16 << 20  # bytes of a small file
_OWNED: Final = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_LANGUAGE: Final = re.compile("[a-z]{2}")
_DATASETS: Final = "https://huggingface.co/datasets/"

# What a task takes and gives (the task names of Hugging Face's model cards).
_TASKS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "text-generation": (("text",), ("text",)),
    "text2text-generation": (("text",), ("text",)),
    "summarization": (("text",), ("text",)),
    "translation": (("text",), ("text",)),
    "question-answering": (("text",), ("text",)),
    "fill-mask": (("text",), ("text",)),
    "text-classification": (("text",), ("other",)),
    "token-classification": (("text",), ("other",)),
    "feature-extraction": ((), ("embedding",)),
    "sentence-similarity": (("text",), ("embedding",)),
    "image-feature-extraction": (("image",), ("embedding",)),
    "image-text-to-text": (("text", "image"), ("text",)),
    "any-to-any": ((), ()),
    "image-classification": (("image",), ("other",)),
    "object-detection": (("image",), ("other",)),
    "image-segmentation": (("image",), ("image",)),
    "image-to-text": (("image",), ("text",)),
    "image-to-image": (("image",), ("image",)),
    "text-to-image": (("text",), ("image",)),
    "text-to-video": (("text",), ("video",)),
    "text-to-speech": (("text",), ("audio",)),
    "text-to-audio": (("text",), ("audio",)),
    "automatic-speech-recognition": (("audio",), ("text",)),
    "audio-classification": (("audio",), ("other",)),
    "audio-to-audio": (("audio",), ("audio",)),
    "video-text-to-text": (("text", "video"), ("text",)),
    "tabular-classification": (("other",), ("other",)),
    "tabular-regression": (("other",), ("other",)),
    "time-series-forecasting": (("other",), ("other",)),
}


class Subject(NamedTuple):
    """One file that may say something.

    Attributes:
        path: Where it is in the project.
        size: In bytes.
        open: Opens it for reading from any place.
    """

    path: str
    size: int
    open: Callable[[], AbstractContextManager[RandomAccess]]

    @property
    def name(self) -> str:
        """Its name, in lower case."""
        return self.path.rpartition("/")[2].lower()


def describe(subjects: Iterable[Subject]) -> PackConfig:
    """Read what files say about the model that they belong to.

    Raises:
        StorageError: If a file cannot be read, or has changed.
        OrchardError: As whatever holds the files raises it.
    """
    files = sorted(subjects, key=lambda file: (file.path.count("/"), file.path))
    weights = [file for file in files if is_weights(file.path)]
    few = weights if len(weights) <= MAX_HEADERS else []  # a part of them would say too little
    headers = {file.path: header for file in few if (header := _header(file)) is not None}
    beside = Beside(
        config=_json(files, "config.json"),
        tokenizer=_json(files, "tokenizer_config.json"),
        index=_json(files, ".index.json"),
        chat_template=_small(files, "chat_template.jinja").decode("utf-8", "replace"),
        sentences=any(file.name == "modules.json" for file in files),
        pipeline=any(file.name == "model_index.json" for file in files),
    )
    return _config(summarise(headers, beside), read_card(_small(files, "readme.md")), _suffix(weights))


def _config(found: Summary, card: dict[str, JSON], suffix: str) -> PackConfig:
    task = next(iter(card_texts(card, "pipeline_tag")), "")
    takes, gives = _TASKS.get(task, ((), ()))
    languages = dict.fromkeys(name for name in card_texts(card, "language") if _LANGUAGE.fullmatch(name))
    capabilities = Capabilities(
        input_types=tuple(dict.fromkeys((*found.input_types, *takes))),
        output_types=tuple(dict.fromkeys((*found.output_types, *gives))) if task else found.output_types,
        reasoning=found.reasoning,
        tool_usage=found.tool_usage,
        reward=found.reward,
        languages=tuple(languages),
    )
    datasets = (_dataset_url(name) for name in card_texts(card, "datasets"))
    return PackConfig(
        about=About(
            family=found.family,
            title=found.title,
            licenses=tuple(sorted(set(card_licenses(card)))),
            datasets_url=tuple(filter(None, datasets)),
        ),
        traits=Traits(
            architecture=found.architecture,
            format=_WRITTEN.get(found.format, found.format) or suffix,
            param_size=param_size(found.parameters),
            precision=",".join(found.precision),
            quantization=found.quantization,
            capabilities=capabilities if capabilities != Capabilities() else None,
        ),
    )


def _dataset_url(name: str) -> str:
    """Give the address of a data set that a card names; a name without an owner may be anybody's."""
    if "://" in name:
        return name
    return f"{_DATASETS}{name}" if _OWNED.fullmatch(name) else ""


def _header(file: Subject) -> ModelHeader | None:
    if not file.size:
        return None
    try:
        with file.open() as source:
            return read_header(source, file.path)
    except (InvalidError, UnsupportedError):
        return None


_WRITTEN: Final = {"torch": "pt"}
_FORMATS: Final = {
    ".safetensors": "safetensors", ".gguf": "gguf", ".onnx": "onnx", ".pt": "pt", ".pth": "pt", ".bin": "pt",
    ".pt2": "pt2", ".tflite": "tflite", ".h5": "h5", ".keras": "keras", ".pb": "pb", ".joblib": "joblib",
    ".pkl": "pickle", ".dduf": "dduf", ".ckpt": "ckpt", ".msgpack": "msgpack", ".llamafile": "llamafile",
    ".caffemodel": "caffemodel", ".pmml": "pmml", ".mlmodel": "coreml", ".ggml": "ggml",
}  # fmt: skip


def _suffix(weights: Sequence[Subject]) -> str:
    """Tell the format by the name of the largest file of weights; an unknown name says nothing."""
    largest = max(weights, key=lambda file: file.size, default=None)
    return _FORMATS.get(f".{largest.name.rpartition('.')[2]}", "") if largest else ""


def _small(files: Sequence[Subject], ending: str) -> bytes:
    """Read the first small file whose name is, or ends with, what is wanted; empty if there is none."""
    for file in files:
        wanted = file.name.endswith(ending) if ending.startswith(".") else file.name == ending
        if wanted and file.size <= MAX_SMALL:
            with file.open() as source:
                return source.read_at(0, file.size) if file.size else b""
    return b""


def _json(files: Sequence[Subject], name: str) -> JSON:
    raw = _small(files, name)
    try:
        return loads(raw, what=name, limit=MAX_SMALL) if raw else None
    except InvalidError:
        return None
