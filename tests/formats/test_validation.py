"""Each rule of validation, broken alone; and what nobody breaks passes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.formats import RULES, modelkit_remarks, modelpack_remarks
from orchard.formats.packschema import violations
from orchard.oci import JSON, Digest, mediatype, parse_manifest
from support import modelpacks
from support.modelpack_schema import VALIDATOR
from support.modelpacks import CNAI, CNCF, DOCKER, FILEPATH, METADATA, TITLE, Artifact, Blob, artifact, metadata

WEIGHT = f"{CNCF}.weight.v1.raw"
KIT = "application/vnd.kitops.modelkit"


def said(path: str, data: bytes = b"w", **more: JSON) -> dict[str, str]:
    return {FILEPATH: path, TITLE: path, METADATA: metadata(path, data, **more)}


def blob(path: str = "w.gguf", *, kind: str = WEIGHT, more: dict[str, str] | None = None) -> Blob:
    return Blob(b"w", kind, said(path) | (more or {}))


def config(*contents: bytes, descriptor: JSON = None, **traits: JSON) -> dict[str, JSON]:
    about: JSON = {"name": "x"} if descriptor is None else descriptor
    files: JSON = {"type": "layers", "diffIds": modelpacks.diff_ids(*(contents or (b"w",)))}
    return {"descriptor": about, "config": {"format": "gguf", **traits}, "modelfs": files}


def rules(made: Artifact) -> list[str]:
    return [one.rule for one in modelpack_remarks(made.manifest, made.config)]


def test_a_sound_modelpack_has_no_remark() -> None:
    assert rules(artifact([blob()], config())) == []


UNREADABLE = {
    "not JSON": "{",
    "no object": "[]",
    "a member less": json.dumps(
        {"name": "w", "mode": 1, "uid": 0, "gid": 0, "size": 1, "mtime": "2026-01-01T00:00:00Z"}
    ),
    "a text for a number": metadata("w", b"w", mode="420"),
    "no time": metadata("w", b"w", mtime="yesterday"),
    "negative": metadata("w", b"w", uid=-1),
}
BROKEN: dict[str, tuple[Artifact, str]] = {
    "Docker manifest": (artifact([blob()], config(), media_type=mediatype.DOCKER_MANIFEST), "manifest"),
    "no artifact type": (artifact([blob()], config(), artifact_type=None), "artifact-type"),
    "old artifact type": (artifact([blob()], config(), artifact_type=f"{CNAI}.manifest.v1+json"), "artifact-type"),
    "old config type": (artifact([blob()], config(), config_type=f"{CNAI}.config.v1+json"), "config-type"),
    "unknown layer": (artifact([blob(kind=f"{CNCF}.agent.v1.raw")], config()), "layer-type"),
    "old layer": (artifact([blob(kind=f"{CNAI}.weight.v1.raw")], config()), "layer-type"),
    "Docker layer": (artifact([blob(kind=f"{DOCKER}.gguf.v3")], config()), "layer-type"),
    "gguf layer": (artifact([blob(kind=f"{CNCF}.weight.v1.gguf")], config()), "layer-type"),
    "too few diff IDs": (artifact([blob(), blob("v")], config()), "diff-ids"),
    "a lying diff ID": (artifact([blob()], config(b"other")), "diff-id"),
    "an unsafe path": (artifact([blob("../w")], config()), "path-unsafe"),
    "an absolute path": (artifact([blob("/w")], config()), "path-unsafe"),
    "dots within": (artifact([blob("a/../w")], config()), "path-unsafe"),
    "one path twice": (artifact([blob(), blob("W.gguf")], config(b"w", b"w")), "path-duplicate"),
    "another size": (artifact([Blob(b"w", WEIGHT, said("w", b"four"))], config()), "file-size"),
    "a link": (artifact([Blob(b"w", WEIGHT, said("w", typeflag=2))], config()), "file-type"),
    "maybe untested": (
        artifact([blob(more={"org.cncf.model.file.mediatype.untested": "maybe"})], config()),
        "untested",
    ),
    "no format": (artifact([blob()], config() | {"config": {}}), "format-missing"),
    "no path": (artifact([Blob(b"w", WEIGHT, {TITLE: "w"})], config()), "filepath-missing"),
    "no title": (artifact([Blob(b"w", WEIGHT, {FILEPATH: "w"})], config()), "title-missing"),
    "no license": (artifact([blob()], config(descriptor={"licenses": ["mine"]})), "license"),
    "no precision": (artifact([blob()], config(precision="float16,int4")), "precision"),
    "no size": (artifact([blob()], config(paramSize="7.24B")), "param-size"),
    "a stale Kitfile": (
        artifact([blob()], config(), annotations={"ml.kitops.modelkit.kitfile": "{}"}),
        "kitfile-stale",
    ),
    "no object": (artifact([blob()], []), "config-schema"),
    "a member of somebody": (artifact([blob()], config() | {"x": 1}), "config-schema"),
    "an empty name": (artifact([blob()], config(descriptor={"name": ""})), "config-schema"),
    "a language": (artifact([blob()], config(capabilities={"languages": ["english"]})), "config-schema"),
    "a time": (artifact([blob()], config(descriptor={"createdAt": "yesterday"})), "config-schema"),
    "no modelfs": (artifact([blob()], {"descriptor": {}, "config": {"format": "x"}}), "config-schema"),
    **{name: (artifact([blob(more={METADATA: said})], config()), "file-metadata") for name, said in UNREADABLE.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found_and_no_other(name: str) -> None:
    made, rule = BROKEN[name]

    assert set(rules(made)) == {rule}


def test_compressed_weights_are_remarked() -> None:
    layer = Blob(b"z", f"{CNCF}.weight.v1.tar+gzip", {FILEPATH: "w", TITLE: "w"})

    assert rules(artifact([layer], config(b"plain"))) == ["weights-compressed"]


def test_a_large_layer_is_remarked() -> None:
    made = artifact([blob()], config())
    value = json.loads(made.manifest.raw)
    value["layers"][0]["size"] = 11 * 10**9
    value["layers"][0]["annotations"][METADATA] = metadata("w", b"", size=11 * 10**9)
    large = Artifact(parse_manifest(json.dumps(value).encode()), made.config, made.blobs)

    assert rules(large) == ["layer-size"]


def test_an_empty_config_and_no_layer_are_several_remarks() -> None:
    assert set(rules(artifact([blob()], {}))) == {"config-empty", "config-schema", "format-missing"}
    assert {"layers-none", "config-schema"} <= set(rules(artifact([], {})))


@pytest.mark.parametrize(
    "make", [modelpacks.modctl, modelpacks.aikit, modelpacks.olot, modelpacks.cnai, modelpacks.kitops]
)
def test_every_remark_says_why_and_what_to_do(make: Any) -> None:  # noqa: ANN401
    made = make()

    remarks = list(modelpack_remarks(made.manifest, made.config))

    assert remarks
    assert all(one.why and one.advice and one.where and one.text for one in remarks)


def test_every_rule_is_in_the_book_with_a_reason() -> None:
    assert all(rule.why and rule.advice for rule in RULES.values())
    assert {rule for _, rule in BROKEN.values()} <= RULES.keys()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(["layers", "text", "en"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["descriptor", "config", "modelfs", "type", "diffIds", "name", "capabilities", "x"]),
            inner, max_size=4,
        ),
    ),
    max_leaves=12,
)  # fmt: skip
shaped = st.fixed_dictionaries(
    {},
    optional={
        "descriptor": st.dictionaries(st.sampled_from(["name", "authors", "title", "y"]), json_values, max_size=3),
        "config": st.dictionaries(st.sampled_from(["format", "capabilities", "paramSize"]), json_values, max_size=3),
        "modelfs": st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from(["layers", "x", 1]), "diffIds": st.lists(json_values, max_size=2)}
        ),
    },
)


@given(st.one_of(json_values, shaped))
def test_our_schema_refuses_what_the_schema_refuses(value: JSON) -> None:
    assert bool(list(violations(value))) is not VALIDATOR.is_valid(value)


@given(json_values)
def test_no_config_makes_validation_fail(value: JSON) -> None:
    made = artifact([blob()], value)

    assert all(one.rule in RULES for one in modelpack_remarks(made.manifest, made.config))


def kit(layers: list[Blob], kitfile: JSON, **more: Any) -> list[str]:  # noqa: ANN401
    made = artifact(
        layers, kitfile, **{"config_type": f"{KIT}.config.v1+json", "artifact_type": f"{KIT}.manifest.v1+json"} | more
    )
    return [one.rule for one in modelkit_remarks(made.manifest, made.config)]


CODE = Blob(b"c", f"{KIT}.code.v1.tar")


def entry(path: str = "src", **more: JSON) -> dict[str, JSON]:
    digest = str(Digest.of(b"c"))
    return {"path": path, "digest": digest, "diffId": digest, **more}


@pytest.mark.parametrize(
    ("layers", "kitfile", "more", "expected"),
    [
        ([CODE], {"manifestVersion": "1.0.0", "code": [entry()]}, {}, []),
        ([CODE], {"code": [entry()]}, {"artifact_type": None}, ["artifact-type-missing"]),
        ([CODE], {"code": [entry()]}, {"artifact_type": "text/plain"}, ["artifact-type"]),
        ([CODE], [], {}, ["kitfile"]),
        ([CODE], {}, {}, ["entry-missing"]),
        ([CODE], {"code": [{"path": "src"}]}, {}, ["entry-digest"]),
        ([CODE], {"code": [entry("../src")]}, {}, ["kitfile-rule"]),
        ([CODE], {"code": [entry(license="mine")]}, {}, ["license"]),
        ([CODE], {"code": [entry(diffId=str(Digest.of(b"x")))]}, {}, ["diff-id"]),
        ([Blob(b"c", f"{KIT}.agent.v1.tar")], {"code": [entry()]}, {}, ["layer-type", "entry-missing"]),
        ([Blob(b"c", f"{KIT}.code.v1.raw", {METADATA: "x"})], {"code": [entry()]}, {}, ["file-metadata"]),
        ([Blob(b"c", f"{KIT}.code.v1.raw", said("src", b"four"))], {"code": [entry()]}, {}, ["file-size"]),
    ],
)  # fmt: skip
def test_rules_of_a_modelkit(layers: list[Blob], kitfile: JSON, more: dict[str, Any], expected: list[str]) -> None:
    assert kit(layers, kitfile, **more) == expected
