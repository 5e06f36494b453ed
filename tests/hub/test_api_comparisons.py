"""Comparing versions by the API: out of what the hub found out, for those who may read both, and once for each pair."""

import gzip
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import json

from orchard.errors import NotFoundError
from orchard.formats import LayerKind
from orchard.hub.access import EverybodyInside, OpenDoor
from orchard.hub.app.people import Entrance, people_of
from orchard.hub.app.surfaces import api
from orchard.hub.http import Surface
from orchard.hub.jobs.studying import Understander
from orchard.hub.registry import Comparer
from orchard.hub.settings import Settings
from orchard.oci import Digest, mediatype
from support.archive_tars import member, tar
from support.hubapi import ask, ok, problem_of
from support.hubfirm import Sender, staffed
from support.hubinside import Inside, MakeHub
from support.modelfiles import safetensors_by_hand
from support.versions import Made, bring, kit, plain_artifact

NAME = "team/model"
COMPARE = f"/repositories/{NAME}/-/compare"
KITFILE = """\
package: {name: digits, license: %s}
model: {name: net, path: net, parameters: {lr: %s, metrics: {accuracy: %s}}}
code: [{path: src}]
datasets: [{name: train, path: data}]
docs: [{path: README.md}]
"""


def made(*, lr: str = "0.1", accuracy: str = "0.9", licence: str = "MIT", form: str = "tar", **files: bytes) -> Made:
    held = {"code": b"lr = 0.1\n", "data": b"a,b\n1,2\n", "weights": bytes(24), "readme": b"# Digits\n", **files}
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}

    def packed(path: str, data: bytes) -> bytes:
        raw = tar(member(path, data)).read()
        return gzip.compress(raw, mtime=0) if form == "tar+gzip" else raw

    weights = safetensors_by_hand({"layer.weight": entry}, held["weights"])
    return kit(
        KITFILE % (licence, lr, accuracy),
        (LayerKind.MODEL, "net", packed("net/model.safetensors", weights), form),
        (LayerKind.CODE, "src", packed("src/train.py", held["code"]), form),
        (LayerKind.DATASET, "data", packed("data/train.csv", held["data"]), form),
        (LayerKind.DOCS, "README.md", packed("README.md", held["readme"]), form),
    )


def understood(hub: Inside, tag: str, version: Made, name: str = NAME) -> Digest:
    digest = bring(hub, name, tag, version)
    Understander(hub.premises, lambda *_: None).understand(name, digest)
    return digest


def changed(**more: Any) -> Made:  # noqa: ANN401 -- as ``made`` takes them
    files: dict[str, Any] = {"code": b"lr = 0.2\nsave()\n", "weights": b"1" * 24, "data": b"a,b\n1,2\n3,4\n"}
    return made(lr="0.2", accuracy="0.95", licence="Apache-2.0", **files, **more)


def surfaces(hub: Inside) -> Sequence[Surface]:
    settings = Settings(data=hub.data)
    entrance = Entrance(OpenDoor(), EverybodyInside(), people_of(settings, hub.database))
    return [api(hub.registry, entrance, settings, threads=hub.threads)]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub(surfaces=surfaces)


@pytest.fixture
def pair(hub: Inside) -> Inside:
    understood(hub, "v1", made())
    understood(hub, "v2", changed())
    return hub


def test_two_versions_are_compared_section_by_section(pair: Inside) -> None:
    found = ok(pair, "GET", f"{COMPARE}?base=v1&head=v2")
    sections = found["sections"]
    assert (found["identical"], found["notes"], [layer["path"] for layer in found["sharedLayers"]]) == (
        False, [], ["README.md"]
    )  # fmt: skip
    assert [(one["path"], one["after"]) for one in sections["licences"]] == [("package.license", "Apache-2.0")]
    assert [(one["name"], one["delta"]) for one in sections["parameters"]] == [("lr", 0.1)]
    assert [(one["name"], one["direction"]) for one in sections["metrics"]] == [("accuracy", "better")]
    (code,) = sections["code"]
    assert code["text"] == {"added": 2, "removed": 1, "hunks": [], "exact": True}
    assert code["before"]["digest"] == str(Digest.of(b"lr = 0.1\n"))
    tensors = sections["model"]["tensors"]
    assert (tensors["changed"], tensors["listed"][0]["name"]) == (1, "layer.weight")
    assert [one["path"] for one in sections["data"]["files"]] == ["data/train.csv"]


def test_one_file_is_told_line_by_line(pair: Inside) -> None:
    found = ok(pair, "GET", f"{COMPARE}/file?base=v1&head=v2&path=src/train.py")
    assert [(line["kind"], line["text"]) for line in found["text"]["hunks"][0]["lines"]] == [
        ("removed", "lr = 0.1"), ("added", "lr = 0.2"), ("added", "save()")
    ]  # fmt: skip
    answer = ask(pair, "GET", f"{COMPARE}/file?base=v1&head=v2&path=README.md")
    assert problem_of(answer) == (404, "'README.md' is the same in both versions, or in none of them")


def test_newest_two_are_compared_if_none_is_named(pair: Inside) -> None:
    named = ok(pair, "GET", f"{COMPARE}?base=v1&head=v2")
    assert ok(pair, "GET", COMPARE) == named
    alone = ok(pair, "GET", f"{COMPARE}?base=v2")
    assert (alone["identical"], alone["sections"]["code"], alone["sections"]["licences"]) == (True, [], [])


def test_digests_and_other_repositories_can_be_named(pair: Inside) -> None:
    digest = understood(pair, "v9", changed(), "other/net")
    whole = ok(pair, "GET", f"{COMPARE}?base=v1&head=v2")
    for head in ("other/net:v9", f"other/net@{digest}", str(digest)):
        found = ok(pair, "GET", f"{COMPARE}?base=v1&head={quote(head)}")
        assert found["sections"] == whole["sections"]
        assert found["head"] == {"repository": NAME if head == str(digest) else "other/net", "digest": str(digest)}


def test_compressed_layers_say_the_same(pair: Inside) -> None:
    understood(pair, "small", changed(form="tar+gzip"))
    found = ok(pair, "GET", f"{COMPARE}?base=v2&head=small")
    assert found["sharedLayers"] == []
    nothing = {key: value for key, value in found["sections"].items() if value and key not in {"data", "model"}}
    assert (nothing, found["sections"]["model"]["files"], found["sections"]["data"]["files"]) == ({}, [], [])


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("base=v1&head=v7", 404, "has no manifest v7"),
        ("base=v1&head=nobody/net:v1", 404, "has no manifest v1"),
        ("base=v1&head=sha256:abc", 404, "sha256 has no manifest abc"),
        ("base=v1&head=team/x@sha256:abc", 400, "sha256:abc"),
        ("base=v1&head=.x", 400, "is not a tag"),
        ("base=v1&head=UP/x:v1", 400, "UP/x"),
        ("bass=v1", 400, "bass"),
    ],
)
def test_what_cannot_be_compared_is_said(pair: Inside, query: str, status: int, said: str) -> None:
    found, detail = problem_of(ask(pair, "GET", f"{COMPARE}?{query}"))
    assert found == status
    assert said in detail


def test_index_is_no_side_of_a_comparison(pair: Inside) -> None:
    child = ok(pair, "GET", f"{COMPARE}?base=v1&head=v1")["head"]["digest"]
    size = len(pair.registry.readable(pair.who, NAME).manifest("v1").raw)
    listed = [{"mediaType": mediatype.OCI_MANIFEST, "digest": child, "size": size}]
    raw = json.encode({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": listed})
    pair.request("PUT", f"/v2/{NAME}/manifests/all", raw, {"content-type": mediatype.OCI_INDEX})
    status, detail = problem_of(ask(pair, "GET", f"{COMPARE}?base=all&head=v2"))
    assert (status, "is an index of several versions" in detail) == (409, True)


def test_artifacts_of_no_known_kind_are_compared_by_their_files(hub: Inside) -> None:
    for tag, text in (("a", b"one\n"), ("b", b"two\n")):
        titled = {"org.opencontainers.image.title": "note.txt"}
        understood(hub, tag, plain_artifact(("text/plain", text, titled)))
    sections = ok(hub, "GET", f"{COMPARE}?base=a&head=b")["sections"]
    files = [one for part in ("code", "docs", "prompts") for one in sections[part]]
    files += sections["model"]["files"] + sections["data"]["files"]
    assert [(one["path"], one["text"]["added"]) for one in files] == [("note.txt", 1)]


def test_version_that_nobody_looked_into_yet_is_compared_by_what_it_says(hub: Inside) -> None:
    understood(hub, "v1", made())
    digest = bring(hub, NAME, "v2", changed())
    early = ok(hub, "GET", f"{COMPARE}?base=v1&head=v2")
    assert early["sections"]["metrics"][0]["name"] == "accuracy"
    assert early["sections"]["code"] == []
    assert "nobody has looked into this layer yet" in early["notes"][0]
    Understander(hub.premises, lambda *_: None).understand(NAME, digest)
    later = ok(hub, "GET", f"{COMPARE}?base=v1&head=v2")
    assert (later["notes"], len(later["sections"]["code"])) == ([], 1)


def test_pair_is_compared_once(pair: Inside) -> None:
    readable = pair.registry.readable(pair.who, NAME)
    comparer = Comparer()
    first = comparer.compare(readable.contents("v1"), readable.contents("v2"))
    assert comparer.compare(readable.contents("v1"), readable.contents("v2")) is first
    small = Comparer(room=10)
    kept = small.compare(readable.contents("v1"), readable.contents("v2"))
    assert small.compare(readable.contents("v1"), readable.contents("v2")) is not kept


def test_room_for_results_is_bounded_and_the_oldest_go_first(pair: Inside) -> None:
    readable = pair.registry.readable(pair.who, NAME)
    for number in range(3):
        understood(pair, f"n{number}", made(lr=f"{number}.5"))
    one = Comparer().compare(readable.contents("v1"), readable.contents("n0"))
    size = len(json.encode((one.sections, one.annotations)))
    comparer = Comparer(room=size * 5 // 2)
    found = [comparer.compare(readable.contents("v1"), readable.contents(f"n{number}")) for number in range(3)]
    again = [comparer.compare(readable.contents("v1"), readable.contents(f"n{number}")) for number in (2, 1, 0)]
    assert [one is two for one, two in zip(found[::-1], again, strict=True)] == [True, True, False]


def test_who_may_not_read_one_side_gets_nothing(make_hub: MakeHub) -> None:
    hub, _ = staffed(make_hub)
    for namespace in ("ml", "ops"):
        Sender(hub, f"{namespace}-owner").push_image(f"{namespace}/x", "v1", namespace.encode())
    for path in ("ops/x/-/compare?base=v1&head=ml/x:v1", "ml/x/-/compare?base=v1&head=ops/x:v1"):
        for kind in ("", "/file"):
            asked = path.replace("/compare?", f"/compare{kind}?")
            assert ask(hub, "GET", f"/repositories/{asked}", authorization="ops-owner").status in {403, 404}


def test_damaged_bytes_are_said(pair: Inside) -> None:
    readable = pair.registry.readable(pair.who, NAME)
    for layer in readable.contents("v2").layers:
        path = readable.held(layer.descriptor.digest)[1].file
        assert path is not None
        path.unlink()
    with pytest.raises(NotFoundError, match="are damaged"):
        pair.registry.comparer.compare(readable.contents("v1"), readable.contents("v2"))
