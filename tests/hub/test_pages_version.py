"""The page of one version: what it is, how big, what is in it, and how to get it."""

from dataclasses import replace
from itertools import pairwise

import pytest
from starlette.types import ASGIApp

from orchard.formats import INDEX_TYPE, ORIGINAL_TAG
from orchard.hub.registry import VersionDetail
from orchard.oci import JSON, Descriptor, Digest, dumps, mediatype, parse_document
from support.pages import DIGITS, KITOPS, Shelf, app, furnished
from support.webpage import Webpage, visit

SHELF = Shelf()
ALONE = app(SHELF)


@pytest.fixture(name="hub", scope="module")
def _hub() -> ASGIApp:
    return app(furnished())


def shown(detail: VersionDetail, leaf: str = "/layers") -> Webpage:
    """Give a page about a version that is alone in its hub."""
    SHELF.details = {"team/thing": [detail]}
    return visit(ALONE, f"/r/team/thing@{detail.summary.digest}{leaf}").page


def other(*layers: Descriptor, config: bytes | None = b"{}", kind: str = "artifact", **more: JSON) -> VersionDetail:
    """Make a version of any kind."""
    value = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "config": Descriptor.of(config or b"{}", mediatype.OCI_EMPTY).to_json(),
        "layers": [layer.to_json() for layer in layers],
        **more,
    }
    document = parse_document(dumps({key: item for key, item in value.items() if item is not None}))
    summary = replace(DIGITS.build().summary, digest=document.describe().digest, kind=kind, model_name=None, tags=())
    return VersionDetail(summary=summary, document=document, config=config, referrers=())


def layer(media_type: str, size: int, **annotations: str) -> Descriptor:
    return Descriptor(
        media_type=media_type, digest=Digest.of(media_type.encode()), size=size, annotations=dict(annotations)
    )


def test_version_says_what_it_is(hub: ASGIApp) -> None:
    text = visit(hub, "/r/vision/digits:v1.0.0").page.text

    for fact in (
        "Repositories / vision / digits / v1.0.0 latest",
        "ModelKit · safetensors",
        "A small neural network that reads handwritten digits",
        "Size 491 KiB in 11 layers",
        "Pulled 3 times",
        "Pushed 3 hours ago by admin",
        "Kind ModelKit Model digits 1.0.0 Licence Apache-2.0 Framework scikit-learn Format safetensors",
        "It names no commit and no data.",
        "not signed yet not scanned yet not deployed yet",
    ):
        assert fact in text


def test_version_by_digest_says_its_digest_for_a_title_and_links_its_tags(hub: ASGIApp) -> None:
    summary = DIGITS.build().summary
    page = visit(hub, f"/r/vision/digits@{summary.digest}").page

    assert f"vision/digits {summary.digest.short} · Orchard" in page.text
    assert {"/r/vision/digits:v1.0.0", "/r/vision/digits:latest"} <= set(page.links())
    assert page.all("button", data_copy=f"orchard unpack 127.0.0.1:5000/vision/digits@{summary.digest} -d digits")


def test_version_by_tag_links_the_page_that_no_tag_can_move(hub: ASGIApp) -> None:
    assert f"/r/vision/digits@{DIGITS.build().summary.digest}" in visit(hub, "/r/vision/digits:latest").page.links()


def test_version_lists_its_layers(hub: ASGIApp) -> None:
    page = visit(hub, "/r/vision/digits:v1.0.0/layers").page

    onnx = DIGITS.build().document.children[2]
    assert f"Model part model/digits.onnx digits-onnx {KITOPS}.modelpart.v1.tar {onnx.digest.short}" in page.text
    assert "Code src Splits the data, trains, exports and predicts." in page.text
    assert "Prompt prompts/explain.system.md explain Explains a prediction." in page.text
    assert page.all("code", title=str(onnx.digest))
    assert page.all("span", title="76,288 bytes")


def test_version_shows_how_its_bytes_are_shared_out(hub: ASGIApp) -> None:
    page = visit(hub, "/r/vision/digits:v1.0.0").page

    bar = [(rect["class"], float(rect["x"]), float(rect["width"])) for rect in page.all("rect", y="0")]
    assert [hue for hue, _, _ in bar] == ["kind-model", "kind-dataset", "kind-code", "kind-docs", "kind-prompt"]
    for (_, start, width), (_, following, _) in pairwise(bar):
        assert start + width < following
    assert bar[-1][1] + bar[-1][2] == pytest.approx(1000, abs=0.5)
    assert "Model 154 KiB Data 250 KiB Code 62.0 KiB Docs 19.5 KiB Prompts 2.50 KiB" in page.text


def test_version_shows_its_kitfile_as_yaml(hub: ASGIApp) -> None:
    page = visit(hub, "/r/vision/digits:v1.0.0/kitfile").page

    assert "Kitfile manifestVersion: 1.0.0 package: name: digits version: 1.0.0" in page.text
    assert "diffId" not in page.text
    assert page.all("button", data_from="document-text")
    assert page.all("pre", id="document-text", tabindex="0")


def test_version_lists_annotations_and_referrers(hub: ASGIApp) -> None:
    page = visit(hub, "/r/vision/digits:v1.0.0/layers").page

    assert "Annotations ml.kitops.modelkit.cli-version 1.7.0" in page.text
    assert "application/vnd.dev.sigstore.bundle.v0.3+json" in page.text
    assert f"/r/vision/digits@{Digest.of(b'signature')}" in page.links()


def test_manifest_is_given_to_be_saved_byte_for_byte(hub: ASGIApp) -> None:
    version = DIGITS.build()
    (link,) = [a["href"] for a in visit(hub, "/r/vision/digits:v1.0.0/layers").page.all("a", download="")]
    answer = visit(hub, link)

    assert answer.body == version.document.raw
    name = f"digits-{version.summary.digest.short}.manifest.json"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_manifest_is_found_by_tag_too(hub: ASGIApp) -> None:
    assert visit(hub, "/r/vision/digits:latest/manifest.json").body == DIGITS.build().document.raw


def test_version_that_says_nothing_of_itself_shows_nothing() -> None:
    page = shown(replace(DIGITS, name="", format="", framework="", licence="", version="", description="").build(), "")

    assert "What it is Kind ModelKit How big it is" in page.text


def test_artifact_of_another_kind_shows_its_layers_and_its_config() -> None:
    named = layer("text/plain", 10, **{"org.opencontainers.image.title": "notes.txt"})
    page = shown(other(named, layer("application/x", 1 << 30), config=b'{"a":{"b":[1,"x"]}}'))

    assert "Layer notes.txt text/plain" in page.text
    assert "Layer unnamed application/x" in page.text
    assert "Other 1.00 GiB" in shown(SHELF.details["team/thing"][0], "").text
    config = shown(SHELF.details["team/thing"][0], "/kitfile").text
    assert "Config Shown as it was pushed: " in config
    assert "not a ModelKit or a ModelPack." in config
    assert '{ "a": { "b": [ 1, "x" ] } }' in config


def test_modelpack_without_a_kitfile_still_tells_what_its_layers_are() -> None:
    weight = layer("application/vnd.cncf.model.weight.v1.raw", 5, **{"org.cncf.model.filepath": "model.gguf"})
    page = shown(other(weight, layer("application/vnd.cncf.model.doc.v1.tar", 3), kind="ModelPack"))

    assert "Model model.gguf application/vnd.cncf.model.weight.v1.raw" in page.text
    assert "Docs unnamed" in page.text


@pytest.mark.parametrize("config", [None, b"", b"not json", b'{"a":1,"a":2}', b"[" * 2000])
def test_version_with_a_config_that_cannot_be_read_is_shown_without(config: bytes | None) -> None:
    page = shown(other(layer("application/x", 7), config=config))

    assert "Layer unnamed application/x" in page.text
    assert "no config that can be read" in shown(SHELF.details["team/thing"][0], "/kitfile").text


def test_version_with_a_kitfile_that_is_none_shows_the_config() -> None:
    detail = DIGITS.build()
    page = shown(
        VersionDetail(summary=detail.summary, document=detail.document, config=b'{"model":[]}', referrers=()),
        "/kitfile",
    )

    assert "Config Shown as it was pushed: config.model: must be an object" in page.text
    assert '"model": []' in page.text


def test_version_without_layers_has_no_contents() -> None:
    page = shown(other(), "")

    assert "Contents" not in page.text
    assert not page.all("rect", y="0")


def test_version_with_empty_layers_has_a_bar_all_the_same() -> None:
    page = shown(other(layer("application/x", 0)), "")

    assert [(rect["x"], rect["width"]) for rect in page.all("rect", y="0")] == [("0.0", "1000.0")]


def test_version_with_very_many_layers_shows_the_first_and_says_so() -> None:
    page = shown(other(*(layer(f"application/x{number}", 1) for number in range(4096))))

    assert page.text.count("unnamed") == 500
    assert "And 3,596 more layers; the manifest lists them all." in page.text


def test_version_with_a_very_long_config_shows_its_beginning_and_says_so() -> None:
    page = shown(other(config=dumps(list(range(5000)))), "/kitfile")

    assert "Only the first 2,000 lines are shown." in page.text
    assert "1998" in page.text
    assert "1999" not in page.text


def test_version_with_a_very_long_annotation_shows_its_beginning() -> None:
    page = shown(other(annotations={"long": "x" * 3000}))

    assert "x" * 2000 + "…" in page.text
    assert "x" * 2001 not in page.text


def test_index_lists_its_manifests_and_links_them() -> None:
    kind = "application/vnd.cncf.model.manifest.v1+json"
    child = Descriptor(media_type=mediatype.OCI_MANIFEST, digest=Digest.of(b"child"), size=700, artifact_type=kind)
    plain = Descriptor(media_type=mediatype.OCI_MANIFEST, digest=Digest.of(b"plain"), size=7)
    raw = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_INDEX,
        "manifests": [
            {**child.to_json(), "platform": {"os": "linux", "architecture": "arm64"}},
            {**plain.to_json(), "annotations": {ORIGINAL_TAG: "q4_0"}},
        ],
    }
    document = parse_document(dumps(raw))
    summary = replace(DIGITS.build().summary, kind="index", digest=document.describe().digest)
    page = shown(VersionDetail(summary=summary, document=document, config=None, referrers=()))

    assert "Manifest q4_0" in page.text
    assert "Manifest linux/arm64 application/vnd.cncf.model.manifest.v1+json" in page.text
    assert {f"/r/team/thing@{child.digest}", f"/r/team/thing@{plain.digest}"} <= set(page.links())


def test_index_of_modelkits_says_how_labels_choose_one() -> None:
    raw = {"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "artifactType": INDEX_TYPE, "manifests": []}
    document = parse_document(dumps(raw))
    summary = replace(DIGITS.build().summary, kind="index", digest=document.describe().digest)
    page = shown(VersionDetail(summary=summary, document=document, config=None, referrers=()), "")

    assert "orchard index info --remote" in page.text
    assert "--label KEY=VALUE" in page.text


def test_version_says_why_facts_are_missing() -> None:
    detail = DIGITS.build()
    page = shown(replace(detail, summary=replace(detail.summary, note="unreadable: config: not JSON")), "")

    assert "unreadable: config: not JSON" in page.text
