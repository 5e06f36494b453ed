"""A hub with something on every page: sound projects that a data scientist would know, and what hostile people push."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from orchard.formats import LayerKind
from orchard.hub.access import Name, Party, Principal, Role, Visibility
from orchard.hub.jobs.studying import Understander
from orchard.insight import TableReader
from support.archive_tars import member, tar
from support.hubinside import Inside
from support.hubs import Hub, Nursery, basic, quick_directory
from support.modelfiles import safetensors_by_hand
from support.pages import Kit, push
from support.people import OPERATOR, PASSWORD, give, with_password
from support.vectors import VECTORS
from support.versions import Made, bring, kit

__all__ = ["HOSTILE", "NAMES", "PASSWORD", "PNG", "WORDS", "bad_kit", "layer", "notebook", "showroom", "weights"]

# What no file and no tensor can be called, and what would end a line of Markdown or CSV, is left out where it must be.
WORDS: Final = [text for name, text in VECTORS.items() if name not in {"null", "long"}]
NAMES: Final = [
    text.replace("/", "\u2215") for text in WORDS if "\n" not in text and "\t" not in text and "\x1b" not in text
]
HOSTILE: Final = "".join(WORDS)
PNG: Final = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082")  # fmt: skip # noqa: E501 -- one grey pixel
Layers = tuple[LayerKind, str, bytes, str]


def weights(*names: str, scale: int = 2) -> bytes:
    """Make a file of tensors of these names, each of ``scale`` numbers."""
    size = 4 * scale
    header = {
        name: {"dtype": "F32", "shape": [scale], "data_offsets": [at * size, (at + 1) * size]}
        for at, name in enumerate(names)
    }
    return safetensors_by_hand(header, b"\0" * size * len(names))


def notebook(*cells: tuple[str, str, list[dict[str, object]]]) -> bytes:
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [{"cell_type": kind, "source": text, "outputs": outputs} for kind, text, outputs in cells],
        }
    ).encode()


def layer(kind: LayerKind, path: str, *files: tuple[str, bytes]) -> Layers:
    return kind, path, tar(*(member(f"{path}/{name}", data) for name, data in files)).read(), "tar"


def _poisoned(word: str, kind: str) -> tuple[str, str, list[dict[str, object]]]:
    return kind, word, [{"data": {"text/html": word, "text/plain": word}}, {"text": [word]}]


def bad_kit() -> Made:
    """Make a kit that says every hostile word wherever a file of a kit can say one."""
    card = "\n\n".join(["# Bad", *WORDS]).encode()
    return kit(
        "package: {name: bad}\nmodel: {path: net}\ndatasets: [{name: train, path: data}]\ndocs: [{path: docs}]",
        layer(LayerKind.MODEL, "net", ("model.safetensors", weights(*NAMES))),
        layer(LayerKind.DATASET, "data", ("train.csv", "\n".join(["a", *(json.dumps(one) for one in WORDS)]).encode())),
        layer(
            LayerKind.DOCS,
            "docs",
            ("README.md", card),
            ("bad.py", card),
            ("bad.html", card),
            ("bad.ipynb", notebook(*(_poisoned(word, kind) for word in WORDS for kind in ("markdown", "code")))),
            *((name[:90], b"x") for name in NAMES),
        ),
    )


def worse_kit() -> Made:
    """Make a kit that says them in the fields of its Kitfile: names, parameters, metrics, datasets."""
    plain = [word for word in WORDS if not any(letter < " " for letter in word)]
    short = [json.dumps(word, ensure_ascii=False) for word in plain]
    said = json.dumps("".join(plain), ensure_ascii=False)
    params = ", ".join(f"{word}: {word}" for word in short[::3])
    metrics = ", ".join(f"{word}: 0.5" for word in short[1::3])
    return kit(
        f"package: {{name: {said}, version: {short[2]}, description: {said}, license: {short[1]}, authors: [{said}]}}\n"
        f"model: {{name: {said}, framework: {short[0]}, format: {short[3]}, path: net, description: {said},"
        f" parameters: {{{params}, metrics: {{{metrics}}}}}}}\n"
        f"datasets: [{{name: {said}, path: data, description: {said}}}]",
        layer(LayerKind.MODEL, "net", ("model.safetensors", weights("w"))),
        layer(LayerKind.DATASET, "data", ("train.csv", b"a,b\n1,2\n")),
        annotations={HOSTILE: HOSTILE, "org.opencontainers.image.source": "javascript:alert(1)"},
    )


def good_kit(version: int) -> Made:
    """Make one of the versions of a project whose data, code, parameters and metrics go on."""
    rows = b"".join(b"%d,%s\n" % (at, b"xy"[at % 2 : at % 2 + 1]) for at in range(20 * version))
    names = [f"layers.{at}.{part}" for at in range(3) for part in ("weight", "bias")]
    return kit(
        f"package: {{name: digits, version: {version}.0.0, description: Reads digits., license: Apache-2.0}}\n"
        f"model: {{name: net, path: net, framework: PyTorch, parameters: {{lr: {0.1 / version},"
        f" metrics: {{accuracy: {0.9 + version / 100}, loss: {0.3 / version}}}}}}}\n"
        "datasets: [{name: train, path: data}]\ncode: [{path: src}]\ndocs: [{path: README.md}, {path: docs}]",
        layer(LayerKind.MODEL, "net", ("model.safetensors", weights(*names, scale=64 * version))),
        layer(LayerKind.DATASET, "data", ("train.csv", b"a,b\n" + rows), ("photo.png", PNG)),
        layer(LayerKind.CODE, "src", ("train.py", b"import os\n\n\ndef train():\n    return %d\n" % version)),
        (
            LayerKind.DOCS,
            "README.md",
            tar(member("README.md", b"---\nlicense: mit\n---\n# Digits\n\n| in | out |\n|-|-|\n| 64 | 10 |\n")).read(),
            "tar",
        ),
        layer(LayerKind.DOCS, "docs", ("look.ipynb", notebook(("markdown", "# Look", []), ("code", "1 + 1", [])))),
    )


def understand(inside: Inside, name: str, tag: str, tables: TableReader | None = None) -> None:
    """Do what a worker of the hub would do."""
    digest = inside.registry.version(inside.who, name, tag).summary.digest
    Understander(inside.premises, lambda *_: None, tables=tables).understand(name, digest)


@contextmanager
def showroom(hubs: Nursery, **settings: object) -> Iterator[Hub]:
    """Run a hub with accounts and something on every page, whose administrator asks. Its own workers do nothing."""
    with quick_directory() as data:
        _fill(data)
        with hubs.hub(data, login="required", workers=0, **settings) as hub:
            hub.authorization = basic("root", PASSWORD)
            _poison(hub)
            yield hub


def _fill(data: Path) -> None:
    inside = Inside(data)
    inside.clock.time = time.time() - 6 * 3600
    people = inside.people
    people.users.create(OPERATOR, Name("root"), site_admin=True)
    for name in ("ana", "ben"):
        people.users.create(OPERATOR, Name(name))
        with_password(people, name)
    with_password(people, "root")
    people.teams.create(OPERATOR, Name("vision"))
    people.teams.put_member(OPERATOR, "vision", Name("ana"), role=Role.OWNER)
    for name, seen in (("demo", Visibility.PUBLIC), ("red", Visibility.PUBLIC), ("secret", Visibility.PRIVATE)):
        people.namespaces.create(OPERATOR, Name(name), owner=Party.team(Name("vision")), visibility=seen)
    give(people, "user:ben", "secret", Role.READER)
    inside.who = Principal("ana")
    with inside.threads, TableReader() as tables:
        for version in (1, 2, 3):
            inside.clock.time += 3600
            bring(inside, "demo/digits", f"v{version}", good_kit(version))
            understand(inside, "demo/digits", f"v{version}", tables)
        bring(inside, "demo/digits", "latest", good_kit(3))
        bring(inside, "secret/plans", "v1", good_kit(2))
        for name, made in (("red/files", bad_kit()), ("red/fields", worse_kit())):
            bring(inside, name, "v1", made)
            understand(inside, name, "v1", tables)
        push(
            inside,
            "red/team",
            Kit(
                name=HOSTILE,
                description=HOSTILE,
                framework=HOSTILE,
                licence=HOSTILE,
                format=HOSTILE,
                tags=("v1",),
                layers=(("model", HOSTILE, 1, {"description": HOSTILE}), ("docs", "A" * 900, 1, {})),
                annotations={HOSTILE: HOSTILE},
            ),
        )
    inside.database.close()


def _poison(hub: Hub) -> None:
    """Say hostile words wherever people of a hub may say something: whatever the hub takes, its pages must bear."""
    assert hub.request("POST", "/api/v1/upkeep/garbage", b"{}", JSON).status == 202  # so that there is a job to look at
    taken = {"laptop": "/users/root/tokens", "hook": "/webhooks", "rule": "/scopes/demo/-/tag-rules"}
    made: dict[str, list[dict[str, Any]]] = {
        "laptop": [{"name": name, "scopes": ["pull"]} for name in ("laptop", *WORDS)],
        "hook": [
            {"url": f"https://hooks.example/{path}", "events": ["manifest.push"]}
            for path in ("path", *(quote(word, safe="<>'()=\";{}") for word in WORDS))
        ],
        "rule": [{"kind": "immutable", "pattern": pattern} for pattern in ("v*", *WORDS)],
    }
    for what, path in taken.items():
        answers = [hub.request("POST", f"/api/v1{path}", json.dumps(one).encode(), JSON) for one in made[what]]
        assert answers[0].status == 201, answers[0]
        assert {answer.status for answer in answers} <= {201, 400, 409, 422}, answers


JSON: Final = {"content-type": "application/json"}
