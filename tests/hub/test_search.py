"""Search: what is found, by whom, in which order."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from orchard.hub.access import ANONYMOUS, EverybodyInside, Kind, OpenDoor, Principal, Visibility
from orchard.hub.access.limits import Limit, Pattern
from orchard.hub.app.people import Entrance, people_of
from orchard.hub.app.surfaces import api
from orchard.hub.catalog.excerpts import Piece, passage
from orchard.hub.catalog.finding import MOST_COUNTED
from orchard.hub.db.fulltext import Phrase
from orchard.hub.http import Surface
from orchard.hub.registry import Wish, parse
from orchard.hub.settings import Settings
from support.hubapi import ask, everything, ok, problem_of
from support.hubclient import index, manifest, subject
from support.hubfirm import Sender, staffed
from support.hubinside import Inside, MakeHub
from support.knownversions import Known, push_version

ENGINES = True
CARD = (
    "# Digits\n\nThis model reads digits.\n\n## Intended use\n\n" + "Everything else. " * 40 + "It was made for banks."
)
EIGHT: Known = {"params": 8e9, "license": "Apache-2.0", "format": "gguf", "metric.f1": 0.5, "author": ["ana", "bo"]}


def surfaces(hub: Inside) -> Sequence[Surface]:
    settings = Settings(data=hub.data)
    entrance = Entrance(OpenDoor(), EverybodyInside(), people_of(settings, hub.database))
    return [api(hub.registry, entrance, settings, threads=hub.threads)]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub(surfaces=surfaces)


@pytest.fixture
def story(hub: Inside) -> Inside:
    def push(name: str, known: Known, card: str = "") -> None:
        hub.clock.time += 60
        push_version(hub, name, known, card=card)

    push("team/digits:v1", {"params": 5000, "license": "MIT", "metric.f1": 0.9}, CARD)
    push(
        "team/digits:v2", {"params": 6000, "license": "mit", "description": "Reads digits for banks", "metric.f1": 0.95}
    )
    push("other/llama:v1", EIGHT)
    push("other/banks:v1", {"format": "onnx", "metric.f1": "none"})
    push("other/plain:v1", {"format": "gguf"}, "Unlike digits.")
    return hub


def found(hub: Inside, path: str, **headers: str) -> list[str]:
    return [f"{one['repository']}:{one['version']['tags'][0]}" for one in everything(hub, path, **headers)]


def search(hub: Inside, query: str, **headers: str) -> list[str]:
    return found(hub, f"/search?q={quote(query)}", **headers)


ORDERS = {
    "q=digits": "digits:v2 digits:v1 plain:v1",
    "q=banks": "banks:v1 digits:v2 digits:v1",
    "q=igi": "digits:v2 digits:v1",
    "q=igi%20team": "digits:v2 digits:v1",
    "q=ank": "banks:v1",
    "q=-igi": "plain:v1 banks:v1 llama:v1",
    "q=banks&latest=true": "banks:v1 digits:v2",
    "q=digits&sort=newest": "plain:v1 digits:v2 digits:v1",
    "q=namespace:other": "plain:v1 banks:v1 llama:v1",
    "q=namespace:other&sort=oldest": "llama:v1 banks:v1 plain:v1",
    "q=params:*&sort=params": "digits:v1 digits:v2 llama:v1",
    "sort=-metric.f1": "digits:v2 digits:v1 llama:v1 plain:v1 banks:v1",
    "sort=license&latest=true": "llama:v1 digits:v2 plain:v1 banks:v1",
    "sort=-params&latest=true": "llama:v1 digits:v2 plain:v1 banks:v1",
    "q=namespace:other&sort=-repo": "plain:v1 llama:v1 banks:v1",
    "q=namespace:other&sort=pulls": "plain:v1 banks:v1 llama:v1",
}


def test_versions_come_in_the_order_that_was_asked_for_however_small_the_parts(story: Inside) -> None:
    for asked, expected in ORDERS.items():
        for limit in (1, 2, 100):
            names = [name.partition("/")[2] for name in found(story, f"/search?{asked}&limit={limit}")]
            assert " ".join(names) == expected, (asked, limit)


def test_hit_tells_what_matters_and_where_the_words_are(story: Inside) -> None:
    (hit,) = ok(story, "GET", "/search?q=banks%20license:mit%20metric.f1%3C0.95&sort=params")["items"]
    assert (hit["repository"], hit["version"]["tags"]) == ("team/digits", ["v1"])
    assert hit["facts"] == {"license": ["MIT"], "metric.f1": [0.9], "params": [5000.0]}
    assert (
        "".join(piece["text"] for piece in hit["passage"])
        == "…else. Everything else. Everything else. It was made for banks."
    )
    assert [piece["text"] for piece in hit["passage"] if piece["isMatch"]] == ["banks"]
    (hit,) = ok(story, "GET", "/search?q=author:bo&facts=metric.f1,none")["items"]
    assert hit["facts"]["metric.f1"] == [0.5]
    assert hit["facts"]["author"] == ["ana", "bo"]
    assert hit["passage"] == []


def test_what_is_no_version_is_not_found(hub: Inside) -> None:
    raw = hub.push_image("team/kit", "v1", b"weights")
    hub.push_image("team/kit", "signed", b"signature", subject=subject(raw))
    part = manifest(b"{}", b"part")
    hub.push_blob("team/kit", b"part")
    hub.push_manifest("team/kit", part)
    hub.push_manifest("team/kit", index(part), "both")
    assert search(hub, "kit") == ["team/kit:both", "team/kit:v1"]
    hub.push_image("team/kit", f"sha256-{'0' * 64}.sig", b"old signature")
    assert search(hub, "kit") == ["team/kit:both", "team/kit:v1"]


def test_query_that_is_not_understood_is_a_problem_that_says_where(hub: Inside) -> None:
    status, detail = problem_of(ask(hub, "GET", "/search?q=llama%20prams%3E7e9"))
    assert status == 400
    assert detail == "there is no field 'prams'; did you mean params? (at character 7 of the query)"
    for path, said in {
        "/search?sort=beauty": "sort='beauty' is no order; take relevance, newest, oldest, or a field",
        "/search?sort=tag": "sort='tag' is no order",
        "/search?after=x": "after='x' does not come from the `next` of this list",
        "/search?sort=params&after=WzEsMl0": "",
        f"/search?q={'x' * 1001}": "query: Expected `str` of length <= 1000",
        "/search/facets?q=%22": "the quote that begins here is not closed",
        "/repositories/team/none/-/versions?q=x": "there is no repository team/none",
    }.items():
        status, detail = problem_of(ask(hub, "GET", path)) if said else (400, "")
        assert status in {400, 404}
        assert said in detail


MADE_UP: tuple[object, ...] = (
    None,
    1,
    {},
    [],
    [1],
    [1, 2, 3],
    [True, 1],
    [1e999, 1],
    [1 << 80, 1],
    [[1], 1],
    ["\ud800", 1],
)


def test_place_that_was_made_up_is_refused(hub: Inside) -> None:
    for mark in MADE_UP:
        after = urlsafe_b64encode(json.dumps(mark).encode()).decode().rstrip("=")
        for sort in ("", "repo", "params"):
            status, detail = problem_of(ask(hub, "GET", f"/search?after={after}&sort={sort}"))
            assert (status, "does not come from the `next`" in detail) == (400, True), (mark, sort)


def test_facets_count_what_versions_have_in_common(story: Inside) -> None:
    facets = ok(story, "GET", "/search/facets")
    assert (facets["versions"], facets["isExact"]) == (5, True)
    licence = facets["values"]["license"][0]["value"]
    assert licence.lower() == "mit"
    assert facets["values"] == {
        "kind": [{"value": "image", "versions": 5}],
        "format": [{"value": "gguf", "versions": 2}, {"value": "onnx", "versions": 1}],
        "license": [{"value": licence, "versions": 2}, {"value": "Apache-2.0", "versions": 1}],
        "architecture": [],
        "framework": [],
        "dataset": [],
        "namespace": [{"value": "other", "versions": 3}, {"value": "team", "versions": 2}],
        "tag": [{"value": "v1", "versions": 4}, {"value": "v2", "versions": 1}],
    }
    assert ok(story, "GET", "/search/facets?q=license:mit")["values"]["format"] == []
    assert MOST_COUNTED == 2000


def test_fields_are_listed_with_those_that_versions_have(story: Inside) -> None:
    fields = {one["name"]: one for one in ok(story, "GET", "/search/fields")["fields"]}
    assert fields["params"] == {
        "name": "params",
        "kind": "number",
        "about": "Parameters of the model.",
        "example": "params>7e9",
        "aliases": ["parameters"],
        "value": 5000.0,
    }
    assert (fields["metric.f1"]["value"], fields["metric.f1"]["example"]) == (0.5, "metric.f1>=0.5")
    assert all(parse(field["example"]).terms for field in fields.values())
    assert fields["metric."]["kind"] == "any"
    assert fields["format"]["value"] == "gguf"


def test_versions_of_a_repository_are_filtered_and_sorted(story: Inside) -> None:
    path = "/repositories/team/digits/-/versions"
    tags = [one["tags"][0] for one in everything(story, f"{path}?limit=1&sort=metric.f1")]
    assert tags == ["v1", "v2"]
    assert [one["tags"][0] for one in everything(story, f"{path}?q=params%3E5k")] == ["v2"]
    assert everything(story, f"{path}?q=llama") == []
    assert len(everything(story, path)) == 2


# Who finds what --------------------------------------------------------------------------------------------------


def test_everybody_finds_only_what_they_may_read(make_hub: MakeHub) -> None:
    hub, people = staffed(make_hub)
    for who, name in (("ml-owner", "ml/secret"), ("ops-owner", "ops/secret"), ("ops-owner", "ops/open")):
        Sender(hub, who).push_image(name, "v1", name.encode())
    by = people.authority.repository(Principal("ops-owner"), "ops/open")
    people.namespaces.set_repository_visibility(by, "ops/open", Visibility.PUBLIC)
    expected = {
        "root": ["ops/open:v1", "ops/secret:v1", "ml/secret:v1"],
        "ml-reader": ["ops/open:v1", "ml/secret:v1"],
        "ops-reader": ["ops/open:v1", "ops/secret:v1"],
        "ml+ci": ["ops/open:v1", "ml/secret:v1"],
        "eve": ["ops/open:v1"],
    }
    for who, names in expected.items():
        for query in ("", "tag:v1", "-repo:none"):
            assert sorted(search(hub, query, authorization=who)) == sorted(names), (who, query)
        facets = ok(hub, "GET", "/search/facets", authorization=who)
        assert facets["versions"] == len(names)
    assert search(hub, "") == ["ops/open:v1"]


def test_token_finds_only_what_it_is_good_for(make_hub: MakeHub) -> None:
    hub, people = staffed(make_hub)
    for name in ("ml/a", "ml/b"):
        Sender(hub, "ml-owner").push_image(name, "v1", name.encode())

    def finds(*patterns: str, action: str = "pull", ticket: Limit | None = None) -> list[str]:
        limit = Limit(tuple((Pattern.parse(one), frozenset((action,))) for one in patterns))
        who = Principal("ml-reader", Kind.USER, (limit,), ticket)
        return sorted(hit.repository for hit in hub.registry.finder.find(who, Wish(query=parse(""))).hits)

    assert finds("**") == ["ml/a", "ml/b"]
    assert finds("ml/a") == ["ml/a"]
    assert finds("ops/**") == []
    assert finds("**", action="push") == []
    assert finds("**", ticket=Limit((), catalog=False)) == []
    assert finds("ml/a", ticket=Limit((), catalog=True)) == ["ml/a"]  # what clients of registries get for lists
    nobody = hub.registry.finder.find(ANONYMOUS, Wish(query=parse(""))).hits
    assert nobody == ()
    assert people.rights.sight(Principal("ml-reader")) is not None


# Passages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "phrases", "expected"),
    [
        ("all about cats", ["cat"], "all about [cats]"),
        ("concatenate cats, Cats", ["cat"], "concatenate [cats], [Cats]"),
        ("the intended\n use", ["intended use"], "the [intended use]"),
        ("dogs", ["cat"], ""),
        ("x " * 100 + "cat" + " y" * 200, ["cat"], "…" + "x " * 29 + "[cat]" + " y" * 79 + "…"),
        ("cat " * 3, ["cat"], "[cat] [cat] [cat] "),
        ("anything", [], ""),
    ],
)
def test_passage_shows_the_words_in_their_surroundings(text: str, phrases: list[str], expected: str) -> None:
    wanted = [Phrase(tuple(one.split()), whole=False) for one in phrases]
    pieces: tuple[Piece, ...] = passage(text, wanted)
    assert "".join(f"[{piece.text}]" if piece.found else piece.text for piece in pieces) == expected


def test_long_card_without_the_words_takes_no_time() -> None:
    assert passage("<b>ca " * 20_000, [Phrase(("cat",) * 200, whole=True)]) == ()
