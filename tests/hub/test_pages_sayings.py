"""What files of models say beside their tensors, on the page of the model."""

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from orchard.formats import LayerKind
from orchard.hub.access import OpenDoor
from orchard.hub.http import Guard, Site, build_app
from orchard.hub.http.pages import Pages
from orchard.hub.http.pages.sayings import MAX_ITEMS, Saying, config_beside, sayings
from orchard.hub.jobs.studying import Understander
from orchard.insight import (
    AdapterInsight,
    Conclusion,
    ConfigInsight,
    GenerationInsight,
    GgufInsight,
    GraphValue,
    Insight,
    LongArray,
    OnnxInsight,
    PickleInsight,
    TokenizerFacts,
    TorchInsight,
)
from support.archive_tars import member, tar
from support.hubs import Inside, MakeHub
from support.modelfiles import safetensors_by_hand
from support.vectors import VECTORS
from support.versions import bring, kit
from support.webpage import Answer, Webpage

NOTHING: dict[str, Any] = {"tensors": (), "parameters": 0, "parameters_by_dtype": {}, "size": 0}


def told(*found: Insight, conclusion: Conclusion | None = None) -> dict[str, list[tuple[str, str]]]:
    return {one.title: [(item.name, item.text) for item in one.items] for one in said(*found, conclusion=conclusion)}


def said(*found: Insight, conclusion: Conclusion | None = None) -> list[Saying]:
    return sayings(found, conclusion or Conclusion())


def test_gguf_tells_its_metadata() -> None:
    tokens = LongArray(type="string", count=150_000)
    metadata: dict[str, Any] = {
        "general.name": "mini",
        "llama.heads": 8,
        "on": True,
        "rope": [1.5, 2],
        "tokens": tokens,
    }
    insight = GgufInsight(version=3, byte_order="little", metadata=metadata, **NOTHING)
    assert told(insight)["Metadata"] == [
        ("general.name", "mini"),
        ("llama.heads", "8"),
        ("on", "true"),
        ("rope", "1.5, 2"),
        ("tokens", "150,000 of string"),
    ]


def test_graph_tells_what_it_takes_and_gives_and_of_what_it_is_made() -> None:
    insight = OnnxInsight(
        ir_version=8,
        opsets={"": 17, "com.microsoft": 1},
        producer="skl2onnx 1.17",
        graph="g",
        inputs=(GraphValue(name="x", dtype="float32", shape=("batch", 64, None)),),
        outputs=(GraphValue(name="y", dtype="int64", shape=()), GraphValue(name="z", dtype="map", shape=None)),
        operators={"MatMul": 3000, "Relu": 2},
        external=("weights.bin",),
        **NOTHING,
    )
    assert told(insight) == {
        "Graph": [
            ("Input x", "float32 batch × 64 × any"),  # noqa: RUF001 -- as people write it
            ("Output y", "int64 one number"),
            ("Output z", "map, any shape"),
            ("Opset ai.onnx", "17"),
            ("Opset com.microsoft", "1"),
            ("Made by", "skl2onnx 1.17"),
            ("Kept beside", "weights.bin"),
        ],
        "Operators": [("MatMul", "3,000"), ("Relu", "2")],
    }


def test_pickles_tell_what_loading_them_would_import() -> None:
    imports = ("builtins.list", "sklearn.svm.SVC", "sklearn.svm.LinearSVC")
    for insight in (
        PickleInsight(imports=imports, type="sklearn.svm.SVC", library="scikit-learn", library_version="1.5", note=""),
        TorchInsight(container="zip", imports=imports, notes={"epoch": 3}, **NOTHING),
    ):
        (imported,) = [one for one in said(insight) if one.title == "Imports"]
        assert "runs code" in imported.note
        assert [(item.name, item.text) for item in imported.items] == [
            ("builtins", "list"),
            ("sklearn.svm", "LinearSVC, SVC"),
        ]
    assert told(insight)["Beside the tensors"] == [("epoch", "3")]


def test_adapter_and_special_tokens_belong_to_the_version() -> None:
    adapter = AdapterInsight(type="LORA", base_model="Qwen/Qwen3-0.6B", rank=16, alpha=32.0, target_modules=("q", "v"))
    found = told(
        GenerationInsight(settings={"temperature": 0.7}),
        conclusion=Conclusion(adapter=adapter, tokenizer=TokenizerFacts(special={"eos_token": "</s>"})),
    )
    assert found == {
        "Adapter": [
            ("Kind", "LORA"), ("Adapts", "Qwen/Qwen3-0.6B"), ("Rank", "16"), ("Alpha", "32"), ("Modules", "q, v")
        ],
        "Generation": [("temperature", "0.7")],
        "Special tokens": [("eos_token", "</s>")],
    }  # fmt: skip


def test_long_sayings_end_and_say_so() -> None:
    metadata: dict[str, str] = {f"key {number}": "x" * 1000 for number in range(MAX_ITEMS + 7)}
    (one,) = said(GgufInsight(version=3, byte_order="little", metadata=dict(metadata), **NOTHING))
    assert (len(one.items), one.more, len(one.items[0].text)) == (MAX_ITEMS, 7, 400)
    (whole,) = said(ConfigInsight(raw={"labels": ["x" * 100] * 1000}))
    assert len(whole.document) == 20_000
    assert said(ConfigInsight()) == []


@pytest.mark.parametrize(
    ("files", "configs"),
    [
        (["net/model.safetensors"], ["net/config.json", "net/generation_config.json"]),
        (["elsewhere/model.safetensors"], ["config.json"]),
        (["unet/a.safetensors", "a.safetensors"], ["config.json", "unet/config.json"]),
    ],
)
def test_config_is_that_of_the_directory_else_the_nearest(files: list[str], configs: list[str]) -> None:
    kinds = {
        "config.json": "config",
        "net/config.json": "config",
        "net/generation_config.json": "generation",
        "net/README.md": "card",
        "unet/config.json": "config",
    }
    assert config_beside(kinds, files) == configs
    assert config_beside({}, files) == []


def test_page_of_a_model_shows_what_its_files_say_and_nothing_in_it_runs(make_hub: MakeHub) -> None:
    hub = make_hub()
    words = dict(enumerate(VECTORS.values()))
    weights = safetensors_by_hand(
        {
            "__metadata__": {str(at): word for at, word in words.items() if "\0" not in word},
            "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        },
        bytes(8),
    )
    config = json.dumps({"model_type": "bert", "hidden_size": 8, "id2label": words}).encode()
    files = [("model.safetensors", weights), ("config.json", config), ("old.pkl", pickle.dumps(datetime.now(UTC)))]
    body = tar(*(member(f"net/{name}", data) for name, data in files)).read()
    digest = bring(hub, "t/m", "v1", kit("model: {path: net}", (LayerKind.MODEL, "net", body, "tar")))
    assert Understander(hub.premises, lambda *_: None).understand("t/m", digest) == "ready"
    _furnish(hub)
    shown = _page(hub, "/r/t/m:v1/model")
    for part in (
        "Memory to run it Precision Context Memory Fits on stored",
        "Metadata 0",
        "Imports of pickles beside it Loading this file runs code",
        "datetime datetime",
        'Config { "model_type": "bert"',
    ):
        assert part in " ".join(shown.text.split()), part
    assert len(shown.all("script")) == 1
    assert not [name for _, attributes in shown.elements for name in attributes if name.startswith("on")]


def _furnish(hub: Inside) -> None:
    pages = Pages(hub.registry, now=lambda: datetime.fromtimestamp(hub.clock.time, UTC), login=False)
    site = Site(routes=pages.routes(), problem=pages.problem, public=pages.public)
    guard = Guard(loopback_only=True)
    hub.app = build_app(hub.registry, OpenDoor(), hub.threads, guard=guard, site=site, timeout=5.0)


def _page(hub: Inside, target: str) -> Webpage:
    answer = hub.get(target)
    assert answer.status == 200, target
    return Answer(answer.status, dict(answer.headers), answer.body).page
