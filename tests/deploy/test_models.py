"""Which file of a project is served."""

from pathlib import Path

import pytest

from orchard.deploy import Form, find_model
from orchard.errors import InvalidError, NotFoundError, OrchardError, UnsupportedError, UsageError
from orchard.formats import Kitfile, Model, ModelPart
from support.projects import write_files

GGUF = b"GGUF\3\0\0\0"
ONNX = b"\x08\x08"

FOUND = {
    "the file at the path": ({"m/a.gguf": GGUF}, "m/a.gguf", "m/a.gguf"),
    "the only one in a directory": ({"m/a.gguf": GGUF, "m/config.json": b"{}"}, "m", "m/a.gguf"),
    "deeper in a directory": ({"m/q4/a.GGUF": GGUF}, "m", "m/q4/a.GGUF"),
    "the first of several shards": (
        {"m/a-00001-of-00002.gguf": GGUF, "m/a-00002-of-00002.gguf": GGUF},
        "m",
        "m/a-00001-of-00002.gguf",
    ),
    "not the projector": ({"m/a.gguf": GGUF, "m/mmproj-a.gguf": GGUF}, "m", "m/a.gguf"),
    "a model for onnxruntime": ({"m/a.onnx": ONNX, "m/a.safetensors": b"x"}, "m", "m/a.onnx"),
}


@pytest.mark.parametrize(("files", "path", "wanted"), FOUND.values(), ids=FOUND)
def test_find_model_gives_the_file(tmp_path: Path, files: dict[str, bytes], path: str, wanted: str) -> None:
    write_files(tmp_path, files)
    served = find_model(tmp_path, Kitfile(model=Model(name="mine", path=path)))
    assert served.path == tmp_path / wanted
    assert served.name == "mine"


def test_find_model_takes_a_part_when_no_engine_runs_the_model(tmp_path: Path) -> None:
    write_files(tmp_path, {"w.safetensors": b"x", "w.onnx": ONNX})
    model = Model(path="w.safetensors", parts=(ModelPart(name="export", path="w.onnx"),))
    served = find_model(tmp_path, Kitfile(model=model))
    assert (served.path.name, served.form, served.name) == ("w.onnx", Form.ONNX, "w")


def test_find_model_takes_adapters_and_projector_along(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.gguf": GGUF, "style.gguf": GGUF, "see/mmproj.gguf": GGUF})
    parts = (ModelPart(path="style.gguf", type="lora"), ModelPart(path="see/mmproj.gguf", type="projector"))
    served = find_model(tmp_path, Kitfile(model=Model(path="a.gguf", parts=parts)))
    assert served.adapters == (tmp_path / "style.gguf",)
    assert served.projector == tmp_path / "see/mmproj.gguf"


def test_find_model_takes_the_file_that_is_wanted(tmp_path: Path) -> None:
    write_files(tmp_path, {"m/a.gguf": GGUF, "m/b.gguf": GGUF})
    served = find_model(tmp_path, Kitfile(model=Model(path="m")), wanted="m/b.gguf")
    assert served.path.name == "b.gguf"


REFUSED: dict[str, tuple[dict[str, bytes], Kitfile, str | None, type[OrchardError], str]] = {
    "no model": ({}, Kitfile(), None, NotFoundError, "nothing to serve"),
    "nothing there": ({}, Kitfile(model=Model(path="m")), None, NotFoundError, "it is not there"),
    "several": (
        {"m/a.gguf": GGUF, "m/b.gguf": GGUF},
        Kitfile(model=Model(path="m")),
        None,
        UsageError,
        "multiple model files found: m/a.gguf and m/b.gguf; choose one with --model",
    ),
    "weights alone": ({"m/a.safetensors": b"x"}, Kitfile(model=Model(path="m")), None, UnsupportedError, "convert"),
    "a name that lies": (
        {"a.gguf": b"PK\3\4"},
        Kitfile(model=Model(path="a.gguf")),
        None,
        InvalidError,
        "is not a GGUF file",
    ),
    "an empty file": ({"a.onnx": b""}, Kitfile(model=Model(path="a.onnx")), None, InvalidError, "is not a ONNX file"),
    "a path that leaves": ({}, Kitfile(model=Model(path="../a.gguf")), None, NotFoundError, "leaves"),
    "another form": ({"a.txt": b"x"}, Kitfile(), "a.txt", UnsupportedError, "only .gguf and .onnx"),
}


@pytest.mark.parametrize(("files", "kitfile", "wanted", "kind", "match"), REFUSED.values(), ids=REFUSED)
def test_find_model_refuses(
    tmp_path: Path, files: dict[str, bytes], kitfile: Kitfile, wanted: str | None, kind: type[OrchardError], match: str
) -> None:
    write_files(tmp_path, files)
    with pytest.raises(kind, match=match):
        find_model(tmp_path, kitfile, wanted=wanted)
