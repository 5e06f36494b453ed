"""What of a project can be served: one model file, with its adapters and its projector."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from orchard.errors import InvalidError, NotFoundError, StorageError, UnsafePathError, UnsupportedError, UsageError
from orchard.formats import Kitfile, ModelPart, clean_path

GGUF_MAGIC: Final = b"GGUF"
_SHOWN: Final = 5
_SHARD: Final = re.compile(r"-(\d{5})-of-\d{5}\.gguf$")
_ADAPTERS: Final = frozenset(("lora", "adapter"))
_PROJECTOR: Final = "mmproj"


class Form(Enum):
    """A form of model that an engine here can run; the value is the suffix of its files."""

    GGUF = ".gguf"
    ONNX = ".onnx"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model to serve.

    Attributes:
        name: What clients call it.
        path: Its file, absolute; of several shards the first.
        form: What kind of file that is.
        projector: What turns images into tokens (llama.cpp's mmproj), if there is one.
        adapters: LoRA adapters in GGUF.
    """

    name: str
    path: Path
    form: Form
    projector: Path | None = None
    adapters: tuple[Path, ...] = ()


def find_model(directory: Path, kitfile: Kitfile, *, wanted: str | None = None) -> ServedModel:
    """Find the model file of an unpacked project.

    It is the file at ``model.path``, the only one of its form in that directory, or, where ``model.path`` is of a form
    that no engine here runs, a part of the model that is (an ONNX export beside the weights).

    Args:
        directory: Where the project is.
        kitfile: What it says of itself.
        wanted: The file to serve, relative to the directory, where there are several.

    Raises:
        UsageError: If there are several and none is chosen.
        NotFoundError: If the project has no model, or the file is not there.
        UnsupportedError: If no engine here runs what there is.
        InvalidError: If the file is not what its name says.
    """
    model = kitfile.model
    if wanted is not None:
        path = _inside(directory, wanted)
    elif model is None:
        raise NotFoundError(f"{directory}: its Kitfile has no model, so there is nothing to serve")
    else:
        path = _choose(directory, [model.path, *(part.path for part in model.parts if not _is_extra(part))])
    form = _form(path)
    if form is None:
        raise UnsupportedError(f"{path.name}: only .gguf and .onnx files can be served here")
    _check(path, form)
    parts = model.parts if model is not None else ()
    return ServedModel(
        name=(model.name if model else "") or kitfile.package.name or path.stem,
        path=path,
        form=form,
        projector=_projector(directory, path, parts) if form is Form.GGUF else None,
        adapters=tuple(_adapters(directory, parts)) if form is Form.GGUF else (),
    )


def _choose(directory: Path, paths: Iterable[str]) -> Path:
    """Take the first path that holds a file for one of the engines.

    Raises:
        UsageError: If it holds several.
        NotFoundError: If nothing is there.
        UnsupportedError: If there is no file for an engine.
    """
    seen: list[str] = []
    for text in filter(None, paths):
        place = _inside(directory, text)
        found = _servable(place)
        if len(found) > 1:
            names = " and ".join(str(path.relative_to(directory)) for path in found[:_SHOWN])
            raise UsageError(f"multiple model files found: {names}; choose one with --model")
        if found:
            return found[0]
        seen.append(text)
    shown = ", ".join(seen[:_SHOWN])
    raise UnsupportedError(
        f"{shown or directory}: no .gguf or .onnx file, and nothing else can be served here; convert the model, "
        "or run it with an engine of its own"
    )


def _servable(place: Path) -> list[Path]:
    if place.is_file():
        return [place] if _form(place) is not None else []
    if not place.is_dir():
        raise NotFoundError(f"{place}: the Kitfile names this model, but it is not there")
    found = (path for path in sorted(place.rglob("*")) if path.is_file() and _form(path) is not None)
    return [path for path in found if _PROJECTOR not in path.name.lower() and not _is_later_shard(path)]


def _is_later_shard(path: Path) -> bool:
    shard = _SHARD.search(path.name)
    return shard is not None and int(shard[1]) != 1


def _form(path: Path) -> Form | None:
    return next((form for form in Form if path.name.lower().endswith(form.value)), None)


def _check(path: Path, form: Form) -> None:
    """Look at the first bytes, so that an engine is not started for a file that it can only refuse.

    Raises:
        InvalidError: If it is not what its name says.
        StorageError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    if not start or (form is Form.GGUF and start != GGUF_MAGIC):
        raise InvalidError(f"{path}: is not a {form.value[1:].upper()} file, whatever its name says")


def _is_extra(part: ModelPart) -> bool:
    return part.type.lower() in _ADAPTERS or _PROJECTOR in part.path.lower()


def _projector(directory: Path, model: Path, parts: Iterable[ModelPart]) -> Path | None:
    named = (_inside(directory, part.path) for part in parts if _PROJECTOR in part.path.lower())
    beside = sorted(path for path in model.parent.glob("*.gguf") if _PROJECTOR in path.name.lower())
    return next((path for path in (*named, *beside) if path.is_file()), None)


def _adapters(directory: Path, parts: Iterable[ModelPart]) -> Iterator[Path]:
    for part in parts:
        path = _inside(directory, part.path) if part.type.lower() in _ADAPTERS else None
        if path is not None and path.is_file() and _form(path) is Form.GGUF:
            yield path


def _inside(directory: Path, text: str) -> Path:
    """Find a path of the project.

    Raises:
        NotFoundError: If it leaves the project.
    """
    try:
        return directory / clean_path(text)
    except UnsafePathError as error:
        raise NotFoundError(f"{text}: {error}") from error
