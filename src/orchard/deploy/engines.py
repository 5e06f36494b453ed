"""The engines: how each is started for a model. Each runs in a process of its own."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from orchard.deploy.models import Form, ServedModel
from orchard.deploy.place import Place
from orchard.errors import UnsupportedError, UsageError

EngineName = Literal["auto", "llama-server", "xllamacpp", "onnxruntime"]

PAGES: Final = Path(__file__).parent / "pages"
LLAMA_SERVER: Final = "llama-server"
PATIENCE: Final = 120.0  # seconds that a model may take to load
_EXTRA: Final = "install it with: pip install 'orchard[infer]'"


class Wanted(NamedTuple):
    """How a model shall be run.

    Attributes:
        engine: What runs it.
        context: Tokens of context; as the model says if ``None``.
        patience: Seconds that it may take to load.
    """

    engine: EngineName = "auto"
    context: int | None = None
    patience: float = PATIENCE


class _Job(NamedTuple):
    """What the command line of an engine is made of."""

    model: ServedModel
    place: Place
    context: int | None
    path: str | None


def start_command(
    model: ServedModel, place: Place, wanted: Wanted, *, environ: Mapping[str, str]
) -> tuple[str, list[str]]:
    """Choose an engine for a model, and give its name and its command line.

    A ``llama-server`` on PATH wins over the one that comes as a Python package: whoever has one built it for this
    machine's accelerator.

    Raises:
        UsageError: If the engine that is wanted does not run such models.
        UnsupportedError: If it is not installed.
    """
    candidates = _ENGINES[model.form]
    if wanted.engine != "auto":
        if wanted.engine not in candidates:
            able = " or ".join(candidates)
            raise UsageError(f"--engine {wanted.engine}: does not run {model.form.value} files; {able} does")
        candidates = {wanted.engine: candidates[wanted.engine]}
    job = _Job(model, place, wanted.context, environ.get("PATH"))
    for name, command in candidates.items():
        words = command(job)
        if words is not None:
            return name, words
    names = " or ".join(candidates)
    raise UnsupportedError(f"{model.path.name} needs {names}, which is not installed; {_EXTRA}")


def _llama_server(job: _Job) -> list[str] | None:
    program = shutil.which(LLAMA_SERVER, path=job.path)
    if program is None:
        return None
    model, place = job.model, job.place
    words = [program, "--model", str(model.path), "--alias", model.name, "--path", str(PAGES / "chat")]
    words += ["--host", place.host, "--port", str(place.port)]
    words += ["--ctx-size", str(job.context)] if job.context is not None else []
    words += ["--mmproj", str(model.projector)] if model.projector is not None else []
    for adapter in model.adapters:
        words += ["--lora", str(adapter)]
    return words


def _xllamacpp(job: _Job) -> list[str] | None:
    model, place = job.model, job.place
    settings: dict[str, object] = {
        "model": str(model.path),
        "alias": model.name,
        "projector": None if model.projector is None else str(model.projector),
        "adapters": [str(path) for path in model.adapters],
        "context": job.context,
        "pages": str(PAGES / "chat"),
        "host": place.host,
        "port": place.port,
        "origin": place.url,
    }
    return _own("xllamacpp", "orchard.deploy.llama", settings)


def _onnxruntime(job: _Job) -> list[str] | None:
    model, place = job.model, job.place
    settings: dict[str, object] = {
        "model": str(model.path),
        "name": model.name,
        "pages": str(PAGES),
        "host": place.host,
        "port": place.port,
    }
    return _own("onnxruntime", "orchard.deploy.onnx", settings)


def _own(package: str, module: str, settings: dict[str, object]) -> list[str] | None:
    """Give the command of an engine that is a Python package; the current directory stays off its path."""
    if importlib.util.find_spec(package) is None:
        return None
    return [sys.executable, "-P", "-m", module, json.dumps(settings)]


_Start = Callable[[_Job], list[str] | None]

_ENGINES: Final[dict[Form, dict[EngineName, _Start]]] = {
    Form.GGUF: {"llama-server": _llama_server, "xllamacpp": _xllamacpp},
    Form.ONNX: {"onnxruntime": _onnxruntime},
}
ENGINES: Final[tuple[EngineName, ...]] = ("auto", *(name for engines in _ENGINES.values() for name in engines))
