"""What differs by what people ask: each section says its part, and the way back is the reverse."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchard.errors import NotFoundError
from orchard.formats import LayerFormat
from orchard.insight import tables_readable
from orchard.oci import JSON
from orchard.project import (
    EVERY_BYTE,
    USUAL,
    Comparison,
    Direction,
    Effort,
    FileDiff,
    Kind,
    Measure,
    ModelPackFormat,
    Recipe,
    Sections,
    Workspace,
    bounded,
    compare,
    compare_file,
    rises,
    side,
)
from orchard.project.comparing.measures import compare_measures
from support.projects import noise, write_files

FIRST = {
    "Kitfile": """\
manifestVersion: 1.0.0
package: {name: digits, version: 1.0.0, license: MIT}
model:
  name: net
  path: model
  framework: torch
  parameters: {lr: 0.1, epochs: 3, optimiser: {name: adam}, metrics: {accuracy: 0.9, loss: 0.5, weird: 1}}
code: [{path: src}]
datasets: [{name: train, path: data, license: CC-BY-4.0}]
docs: [{path: README.md}, {path: LICENSE}]
prompts: [{path: prompts}]
""",
    "model/config.json": '{"model_type": "mlp", "hidden_size": 8}',
    "src/train.py": "import net\n\nlr = 0.1\nnet.train(lr)\n",
    "src/gone.py": "old\n",
    "src/run.sh": "#!/bin/sh\n",
    "data/train.csv": "a,b\n1,2\n",
    "prompts/system.txt": "You see digits.\n",
    "README.md": "---\nlicense: mit\n---\n# Digits\n",
    "LICENSE": "MIT License\n",
}
SECOND = {
    **{path: text for path, text in FIRST.items() if path != "src/gone.py"},
    "Kitfile": FIRST["Kitfile"]
    .replace("0.1,", "0.2,").replace("0.9", "0.95").replace("loss: 0.5", "loss: 0.6").replace("epochs: 3, ", "")
    .replace("weird: 1", "weird: 3").replace("license: MIT", "license: Apache-2.0").replace("1.0.0, l", "1.1.0, l")
    .replace("framework: torch", "framework: jax").replace("name: train", "name: training"),
    "src/train.py": "import net\n\nlr = 0.2\nnet.train(lr)\nnet.save()\n",
    "src/new.py": "new\n",
    "data/train.csv": "a,b\n1,2\n3,4\n",
    "prompts/system.txt": "You see digits and letters.\n",
    "LICENSE": "Apache License\n",
}  # fmt: skip


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], *, pad: int = 0) -> bytes:
    header: dict[str, Any] = {}
    body = b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    raw = json.dumps(header).encode() + b" " * pad
    return struct.pack("<Q", len(raw)) + raw + body


WEIGHTS = {
    "a": ("F32", [2, 2], bytes(16)),
    "b": ("F32", [2], bytes(8)),
    "gone": ("F32", [1], bytes(4)),
    "shape": ("F32", [4], bytes(16)),
    "type": ("F32", [1], bytes(4)),
    "empty": ("F32", [0], b""),
}
OTHER = {
    "new": ("F32", [1], bytes(4)),
    "a": ("F32", [2, 2], bytes(16)),
    "b": ("F32", [2], b"12345678"),
    "shape": ("F32", [2, 2], bytes(16)),
    "type": ("I32", [1], bytes(4)),
    "empty": ("F32", [0], b""),
}


NO_TABLES = Effort(tables=0)  # a process reads them: half a second


class Bench:
    """Packs two versions and compares them."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.workspace = Workspace(base / "home", environ={})

    def pack(self, tag: str, files: Mapping[str, str | bytes], **recipe: Any) -> None:  # noqa: ANN401 -- as Recipe takes it
        data = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
        self.workspace.pack(write_files(self.base / tag, data), tag=f"x:{tag}", recipe=Recipe(**recipe))

    def compare(self, one: str = "one", two: str = "two", *, effort: Effort = NO_TABLES) -> Comparison:
        return compare(side(self.workspace, f"x:{one}"), side(self.workspace, f"x:{two}"), effort=effort)

    def sections(self, one: str = "one", two: str = "two", *, effort: Effort = NO_TABLES) -> Sections:
        found = self.compare(one, two, effort=effort).sections
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def both(bench: Bench) -> Bench:
    bench.pack("one", {**FIRST, "model/net.safetensors": safetensors(WEIGHTS)})
    bench.pack("two", {**SECOND, "model/net.safetensors": safetensors(OTHER)})
    return bench


def told(files: tuple[FileDiff, ...]) -> list[tuple[str, str, tuple[int, int] | None]]:
    return [(one.kind.value, one.path, (one.text.added, one.text.removed) if one.text else None) for one in files]


def test_each_section_says_its_part(both: Bench) -> None:
    found = both.sections()
    assert [(one.path, one.before, one.after) for one in found.licences] == [
        ("datasets[train].license", "CC-BY-4.0", None),
        ("datasets[training].license", None, "CC-BY-4.0"),
        ("package.license", "MIT", "Apache-2.0"),
        ("LICENSE", None, None),
    ]
    assert [(one.path, one.after) for one in found.package] == [("package.version", "1.1.0")]
    assert [(one.path, one.after) for one in found.model.about] == [("model.framework", "jax")]
    assert told(found.code) == [
        ("removed", "src/gone.py", (0, 1)), ("added", "src/new.py", (1, 0)), ("changed", "src/train.py", (2, 1))
    ]  # fmt: skip
    assert told(found.prompts) == [("changed", "prompts/system.txt", (1, 1))]
    assert told(found.docs) == [("changed", "LICENSE", (1, 1))]
    assert told(found.data.files) == [("changed", "data/train.csv", (1, 0))]
    assert {one.path for one in found.data.datasets} == {
        "datasets[train].name", "datasets[train].path", "datasets[training].name", "datasets[training].path"
    }  # fmt: skip
    assert (found.provenance, found.data.tables) == ((), ())


def test_parameters_and_metrics_have_deltas_and_metrics_a_direction(both: Bench) -> None:
    found = both.sections()
    assert found.parameters == (
        Measure(Kind.REMOVED, "epochs", before=3), Measure(Kind.CHANGED, "lr", 0.1, 0.2, 0.1, 1.0)
    )  # fmt: skip
    rounded = [(one.name, round(one.delta or 0, 9), round(one.relative or 0, 4)) for one in found.metrics]
    assert [(*one, metric.direction) for one, metric in zip(rounded, found.metrics, strict=True)] == [
        ("accuracy", 0.05, 0.0556, Direction.BETTER), ("loss", 0.1, 0.2, Direction.WORSE), ("weird", 2, 2.0, None)
    ]  # fmt: skip


def test_tensors_are_compared_by_name_shape_type_and_content(both: Bench) -> None:
    tensors = both.sections().model.tensors
    assert tensors is not None
    assert (tensors.added, tensors.removed, tensors.changed, tensors.same, tensors.unknown) == (1, 1, 3, 2, 0)
    assert (tensors.parameters_before, tensors.parameters_after) == (12, 12)
    assert [(one.kind.value, one.name) for one in tensors.listed] == [
        ("removed", "gone"), ("added", "new"), ("changed", "b"), ("changed", "shape"), ("changed", "type")
    ]  # fmt: skip
    shape = tensors.listed[3]
    assert shape.before is not None
    assert shape.after is not None
    assert (shape.before.shape, shape.after.shape, shape.after.file) == ((4,), (2, 2), "model/net.safetensors")


def test_version_beside_itself_differs_in_nothing(both: Bench) -> None:
    assert both.sections("one", "one") == Sections()


def reverse(value: Any) -> Any:  # noqa: ANN401 -- any part of a comparison
    """Swap what was before and after, wherever it stands."""
    names = {"before": "after", "added": "removed", "parametersBefore": "parametersAfter", "oldStart": "newStart"}
    swapped = {**names, **{new: old for old, new in names.items()}}
    kinds = {"added": "removed", "removed": "added", "better": "worse", "worse": "better"}
    if isinstance(value, list):
        return [reverse(item) for item in value]
    if isinstance(value, dict):
        found = {swapped.get(key, key): reverse(item) for key, item in value.items()}
        if isinstance(found.get("delta"), float):
            found["delta"] = -found["delta"]
        return {key: item for key, item in found.items() if key != "relative"}
    return kinds.get(value, value) if isinstance(value, str) else value


def in_any_order(value: Any) -> Any:  # noqa: ANN401 -- any part of a comparison
    if isinstance(value, list):
        return sorted((in_any_order(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, dict):
        return {key: in_any_order(item) for key, item in value.items() if key != "relative"}
    return value


def test_swapped_versions_give_the_reverse(both: Bench) -> None:
    there, back = (
        json.loads(msgspec.json.encode(both.sections(*names).without_lines()))
        for names in (("one", "two"), ("two", "one"))
    )
    assert in_any_order(reverse(there)) == in_any_order(back)


@pytest.mark.parametrize("form", LayerFormat)
def test_formats_of_one_content_are_the_same_content(both: Bench, form: LayerFormat) -> None:
    recipe = Recipe(format=ModelPackFormat(), layer_format=form)
    both.workspace.pack(both.base / "two", tag="x:pack", recipe=recipe)
    found = both.compare("two", "pack")
    assert not found.identical
    assert found.files == ()
    assert found.sections == Sections()
    assert told(both.sections("one", "pack").code) == told(both.sections("one", "two").code)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_layers_give_the_same_texts(both: Bench, compression: str) -> None:
    for tag in ("one", "two"):
        recipe = Recipe(compression=compression)  # type: ignore[arg-type]
        both.workspace.pack(both.base / tag, tag=f"x:{tag}-{compression}", recipe=recipe)
    small = both.sections(f"one-{compression}", f"two-{compression}")
    plain = both.sections()
    assert [one.text for one in small.code] == [one.text for one in plain.code]
    assert small.model.tensors == plain.model.tensors


def test_large_and_binary_files_are_named_and_not_compared_line_by_line(bench: Bench) -> None:
    odd = {"src/big.py": b"x = 1\n" * 60_000, "src/long.py": b"\n" * 6_000, "src/data.bin": noise(100)}
    bench.pack("one", {**FIRST, **odd})
    bench.pack("two", {**FIRST, **{path: data + b"y" for path, data in odd.items()}})
    assert [(one.path, one.text, one.note) for one in bench.sections().code] == [
        ("src/big.py", None, "larger than 256 KiB"),
        ("src/data.bin", None, "not text"),
        ("src/long.py", None, "more than 5000 lines"),
    ]


def test_only_so_many_files_are_compared_line_by_line(bench: Bench) -> None:
    for tag in ("one", "two"):
        bench.pack(tag, FIRST | {f"src/{number}.py": f"{tag}\n" for number in range(5)})
    code = bench.sections(effort=Effort(texts=3)).code
    assert [one.text is not None for one in code] == [True, True, True, False, False]
    assert {one.note for one in code} == {None, "too many files differ; compare this one alone"}
    alone = compare_file(side(bench.workspace, "x:one"), side(bench.workspace, "x:two"), "src/4.py")
    assert alone.text is not None
    assert (alone.text.added, alone.text.removed) == (1, 1)


def test_only_so_many_lines_are_given(bench: Bench) -> None:
    for tag in ("one", "two"):
        bench.pack(tag, FIRST | {f"src/{number}.py": f"{tag}\n" * 10 for number in range(4)})
    code = bench.sections(effort=Effort(lines=45, tables=0)).code
    assert [len(one.text.hunks) if one.text else None for one in code] == [1, 1, 0, 0]
    assert {(one.text.added, one.text.removed) if one.text else None for one in code} == {(10, 10)}


def test_lists_of_sections_can_be_cut(both: Bench) -> None:
    whole = both.sections()
    fewer, left_out = bounded(whole, 1)
    assert [len(part) for part in (fewer.licences, fewer.code, fewer.data.datasets, fewer.docs)] == [1, 1, 1, 1]
    assert left_out == {"licences": 3, "metrics": 2, "parameters": 1, "code": 2, "data.datasets": 3}
    assert bounded(whole, 100) == (whole, {})


@pytest.mark.parametrize("path", ["src/run.sh", "nowhere", "../Kitfile"])
def test_file_that_is_the_same_cannot_be_compared_alone(both: Bench, path: str) -> None:
    with pytest.raises(NotFoundError, match="is the same in both versions, or in none"):
        compare_file(side(both.workspace, "x:one"), side(both.workspace, "x:two"), path)


def test_mode_alone_is_said(bench: Bench) -> None:
    bench.pack("one", dict(FIRST))
    write_files(bench.base / "two", {path: text.encode() for path, text in FIRST.items()})
    (bench.base / "two/src/run.sh").chmod(0o755)
    bench.workspace.pack(bench.base / "two", tag="x:two")
    (run,) = bench.sections().code
    assert run.before is not None
    assert run.after is not None
    assert (run.before.mode, run.after.mode, run.note) == ("644", "755", "permissions alone differ")


def test_notebooks_are_compared_by_their_cells(bench: Bench) -> None:
    def book(source: str, output: str) -> str:
        return json.dumps({"cells": [{"cell_type": "code", "source": source, "outputs": [output]}], "nbformat": 4})

    bench.pack("one", FIRST | {"src/a.ipynb": book("x = 1\n", "1"), "src/b.ipynb": book("same", "1" * 300_000)})
    bench.pack("two", FIRST | {"src/a.ipynb": book("x = 2\n", "2"), "src/b.ipynb": book("same", "2" * 300_000)})
    one, two = bench.sections().code
    assert one.text is not None
    assert [line.text for line in one.text.hunks[0].lines] == ["# %% [code]", "x = 1", "x = 2"]
    assert (two.text and two.text.hunks, two.note) == ((), "outputs or metadata alone differ")


def test_broken_headers_are_said_and_break_nothing(bench: Bench) -> None:
    bench.pack("one", FIRST | {"model/net.safetensors": safetensors(WEIGHTS)})
    bench.pack("two", FIRST | {"model/net.safetensors": b"\xff" * 100})
    model = bench.sections().model
    assert [(one.path, bool(one.note)) for one in model.details] == [("model/net.safetensors", True)]
    assert model.tensors is not None
    assert (model.tensors.removed, model.tensors.added) == (6, 0)


def test_large_tensors_are_unknown_unless_every_byte_is_wanted(bench: Bench) -> None:
    large = noise(4096)
    bench.pack("one", FIRST | {"model/n.safetensors": safetensors({"t": ("U8", [4096], large)})})
    bench.pack("two", FIRST | {"model/n.safetensors": safetensors({"t": ("U8", [4096], large)}, pad=8)})
    quick, whole = (
        bench.sections(effort=Effort(tensors=1000)).model.tensors,
        bench.sections(effort=EVERY_BYTE).model.tensors,
    )
    assert quick is not None
    assert whole is not None
    assert (quick.unknown, quick.same, whole.unknown, whole.same) == (1, 0, 0, 1)
    assert [(one.kind, one.name) for one in quick.listed] == [(Kind.UNKNOWN, "t")]


@pytest.mark.skipif(not tables_readable(), reason="needs the extra preview")
def test_datasets_are_compared_by_rows_schema_and_what_is_in_columns(bench: Bench) -> None:
    rows = "".join(f"{number},x{number % 3},{number / 7}\n" for number in range(40))
    more = "".join(f"{number / 2},x{number % 3},{number * 9}\n" for number in range(60))
    bench.pack("one", FIRST | {"data/train.csv": f"id,label,size\n{rows}", "data/old.csv": "a\n1\n"})
    bench.pack("two", FIRST | {"data/train.csv": f"id,label,weight\n{more}", "data/new.csv": "a,b\n1,2\n"})
    found = {one.path: one for one in bench.sections(effort=USUAL).data.tables}
    assert [(one.path, one.before, one.after) for one in found["data/train.csv"].changes[:4]] == [
        ("rows", 40, 60),
        ("columns[size].type", "DOUBLE", None),
        ("columns[weight].type", None, "BIGINT"),
        ("columns[id].type", "BIGINT", "DOUBLE"),
    ]
    assert [(one.path, one.after) for one in found["data/new.csv"].changes] == [("columns", 2), ("rows", 1)]
    assert [(one.path, one.before) for one in found["data/old.csv"].changes] == [("columns", 1), ("rows", 1)]
    back = {one.path: one for one in bench.sections("two", "one", effort=USUAL).data.tables}
    assert {(one.path, one.after, one.before) for one in back["data/train.csv"].changes} == {
        (one.path, one.before, one.after) for one in found["data/train.csv"].changes
    }


def test_configs_metrics_and_cards_are_compared_by_their_values(bench: Bench) -> None:
    def files(hidden: int, f1: float, bleu: float, kernel: str) -> Mapping[str, str | bytes]:
        card = f"""---
license: mit
model-index:
- name: x
  results:
  - task: {{type: translation}}
    dataset: {{name: wmt, type: wmt}}
    metrics: [{{type: bleu, value: {bleu}}}]
---
# Digits
"""
        config = {"model_type": "llama", "hidden_size": hidden, "architectures": ["X"], "rope": {"base": hidden * 10}}
        sampling = {"temperature": f1}
        return {
            **FIRST,
            "model/config.json": json.dumps(config),
            "model/generation_config.json": json.dumps(sampling),
            "src/metrics.json": json.dumps({"eval": {"f1": f1}, "accuracy": 0.1}),
            "README.md": card,
            "model/kernel.txt": kernel,
        }

    bench.pack("one", files(8, 0.5, 20, "a"))
    bench.pack("two", files(16, 0.75, 22, "b"))
    found = bench.sections()
    assert [(one.name, one.after, one.direction) for one in found.metrics] == [
        ("bleu", 22, Direction.BETTER), ("eval.f1", 0.75, Direction.BETTER)
    ]  # fmt: skip
    assert [(one.path, [(change.path, change.after) for change in one.changes]) for one in found.model.details] == [
        ("model/config.json", [("hidden_size", 16), ("rope.base", 160)]),
        ("model/generation_config.json", [("settings.temperature", 0.75)]),
    ]
    assert [one.path for one in found.model.files] == [
        "model/config.json", "model/generation_config.json", "model/kernel.txt"
    ]  # fmt: skip


def test_same_name_in_two_files_is_told_apart(bench: Bench) -> None:
    def files(value: bytes) -> Mapping[str, str | bytes]:
        one = {"w": ("U8", [1], value)}
        return FIRST | {"model/a.safetensors": safetensors(one), "model/b.safetensors": safetensors(one)}

    bench.pack("one", files(b"1"))
    bench.pack("two", files(b"2"))
    tensors = bench.sections().model.tensors
    assert tensors is not None
    assert [one.name for one in tensors.listed] == ["model/a.safetensors: w", "model/b.safetensors: w"]


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("accuracy", True), ("eval.f1_macro", True), ("roc_auc", True), ("valLoss", False), ("ErrorRate", False),
        ("latency_ms", False), ("rmse", False), ("R2", True), ("mAP", True), ("size", None), ("accuracy_loss", None),
        ("glossary", None), ("", None), ("1", None),
    ],
)  # fmt: skip
def test_name_of_a_metric_says_which_way_is_better_or_nothing(name: str, up: bool | None) -> None:  # noqa: FBT001 -- a column
    assert rises(name) is up


@pytest.mark.parametrize(
    ("before", "after", "delta", "relative"),
    [
        (1, 3, 2.0, 2.0), (0, 3, 3.0, None), (-2, -1, 1.0, 0.5), (True, 2, None, None), ("1", 2, None, None),
        (10**400, 1, None, None), (-1e308, 1e308, None, None), (None, 1, None, None), ([1], [2], None, None),
    ],
    ids=["more", "from nothing", "negative", "truth", "text", "huge", "overflow", "null", "list"],
)  # fmt: skip
def test_delta_is_of_numbers_only(before: JSON, after: JSON, delta: float | None, relative: float | None) -> None:
    (found,) = compare_measures({"accuracy": before}, {"accuracy": after}, directed=True)
    assert (found.delta, found.relative) == (delta, relative)
