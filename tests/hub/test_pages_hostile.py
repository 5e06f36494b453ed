"""Artifacts are written by anybody: whatever they say about themselves is text on a page, and nothing else."""

from dataclasses import replace
from functools import cache

import pytest
from starlette.types import ASGIApp

from orchard.hub.http.pages.text import visible
from orchard.hub.registry import VersionDetail
from orchard.oci import Descriptor, Digest, dumps, parse_document
from support.pages import DIGITS, KITOPS, Kit, Shelf, app
from support.vectors import VECTORS
from support.webpage import Answer, visit

cases = pytest.mark.parametrize("text", VECTORS.values(), ids=VECTORS.keys())


def poisoned(text: str) -> VersionDetail:
    """Make a kit that says one thing wherever a kit can say something."""
    kit = Kit(
        name=text,
        description=text,
        framework=text,
        format=text,
        licence=text,
        version=text,
        layers=(
            ("model", text, 10, {"description": text}),
            ("part", text + "2", 10, {"name": text, "type": text}),
            ("datasets", text + "3", 10, {"name": text, "description": text, "parameters": {text: [text]}}),
        ),
        parameters={text: text, "list": [{text: text}]},
        annotations={text: text, "org.opencontainers.image.source": text},
        referrers=(Descriptor(media_type="application/x", digest=Digest.of(b"x"), size=1, artifact_type=text[:255]),),
    )
    detail = kit.build()
    return replace(detail, summary=replace(detail.summary, pushed_by=text, note=text, kind=text))


LAYERS = "/r/team/model:latest/layers"
SHELF = Shelf()
HUB = app(SHELF)


def hub(text: str) -> ASGIApp:
    return holding(poisoned(text))


def holding(detail: VersionDetail) -> ASGIApp:
    """Give a hub that holds one version: always the same hub, because templates take a while to compile."""
    SHELF.details = {"team/model": [detail]}
    return HUB


def squeezed(text: str) -> str:
    """Write a text as a page shows it, white space aside."""
    return " ".join(str(visible(text)).split())


def assert_same_bones(hostile: Answer, harmless: Answer) -> None:
    bones = [bone for bone in hostile.page.skeleton if bone[0] != "span" or bone[1] != ("class",)]
    assert bones == [bone for bone in harmless.page.skeleton if bone[0] != "span" or bone[1] != ("class",)]


@cache
def _harmless(path: str) -> Answer:
    return visit(hub("harmless"), path)


@cases
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/r/team/model",
        "/r/team/model:latest",
        "/r/team/model:latest/layers",
        "/r/team/model:latest/kitfile",
        "/r/team/model:latest/history",
    ],
)
def test_hostile_kit_changes_no_element_and_no_attribute(text: str, path: str) -> None:
    assert_same_bones(visit(hub(text), path), _harmless(path))


@cases
def test_hostile_kit_is_shown_as_the_text_that_it_is(text: str) -> None:
    page = visit(hub(text), "/r/team/model:latest").page

    assert page.text.count(squeezed(text[:100])) >= 10


@cases
def test_hostile_address_is_refused_without_a_trace(text: str) -> None:
    answer = visit(hub("harmless"), f"/r/{_quoted(text)}")

    assert answer.status == 404
    if answer.page.elements:  # an address with a line feed fits no route at all: then there is no page, only a word
        assert_same_bones(answer, visit(hub("harmless"), "/r/NOTHING"))


@cases
def test_hostile_layers_of_an_unknown_artifact_change_no_element(text: str) -> None:
    def unknown(text: str) -> ASGIApp:
        detail = poisoned("x")
        annotations = {"org.opencontainers.image.title": text}
        odd = Descriptor(media_type=text[:255], digest=Digest.of(b"1"), size=1, annotations=annotations)
        config = dumps({text: text})
        manifest = {
            "schemaVersion": 2,
            "artifactType": text,
            "config": Descriptor.of(config, "application/x").to_json(),
            "layers": [odd.to_json()],
        }
        return holding(replace(detail, document=parse_document(dumps(manifest)), config=config))

    assert_same_bones(visit(unknown(text), LAYERS), visit(unknown("x"), LAYERS))


def test_nothing_that_hides_or_reorders_reaches_the_reader() -> None:
    text = "".join(VECTORS[name] for name in ("null", "escape", "bidi", "isolate", "zero-width", "tags"))
    answer = visit(hub(text), "/r/team/model:latest")

    assert "photo_[U+202E]gnp.exe" in answer.text
    assert "lat[U+200B]est" in answer.text
    assert "a[U+0000]b[U+001B]]0;owned" in answer.text
    assert not [character for character in answer.text if visible(character) != character]


def test_right_to_left_text_is_kept_and_kept_to_itself() -> None:
    assert (
        '<bdi class="wrap">\u05e9\u05dc\u05d5\u05dd &lt;b&gt;</bdi>' in visit(hub(VECTORS["right-to-left"]), "/").text
    )


def test_name_that_is_too_long_for_a_table_is_cut_there_and_whole_on_its_page() -> None:
    long = "A" * 4000

    assert long not in visit(hub(long), "/").text
    assert "A" * 59 + "…" in visit(hub(long), "/").text
    assert long in visit(hub(long), "/r/team/model:latest").text


def test_media_type_cannot_choose_a_class_or_a_style() -> None:
    kit = replace(DIGITS, layers=(("model", "m", 1, {}),)).build()
    raw = kit.document.raw.replace(f"{KITOPS}.model.v1.tar".encode(), b"a/b\\u0022 class=\\u0022tag")
    odd = holding(replace(kit, document=parse_document(raw)))

    assert "a/b&#34; class=&#34;tag" in visit(odd, "/r/team/model:latest/layers").text


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())
