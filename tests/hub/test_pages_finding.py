"""The pages on which people find things: search, its fields, and namespaces."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote, unquote_plus

import pytest

from orchard.hub.access import Name, OpenDoor, People, Principal, Role, Visibility
from orchard.hub.catalog import Quota
from orchard.hub.http import Access, Guard, Site, build_app
from orchard.hub.http.pages import Pages
from orchard.hub.http.pages.finding import Finding
from orchard.hub.http.pages.text import visible
from orchard.hub.registry import KeepRule, Kind, narrowed, parse, widened
from support.hubfirm import Introduced, Sender, staffed
from support.hubinside import Inside, MakeHub, quick_directory
from support.knownversions import Known, push_version
from support.people import OPERATOR, give
from support.vectors import VECTORS
from support.webpage import Answer, Webpage

CARD = "# Digits\n\nThis model reads digits.\n\n## Intended use\n\n" + "Else. " * 40 + "It was <b>made</b> for banks."
WORDS = [text for name, text in VECTORS.items() if name != "null"]


def furnish(hub: Inside, door: Access, people: People, *, login: bool) -> Inside:
    section = Finding(hub.registry, people.directory, login=login)
    pages = Pages(
        hub.registry, now=lambda: datetime.fromtimestamp(hub.clock.time, UTC), login=login, sections=[section]
    )
    site = Site(routes=pages.routes(), problem=pages.problem, public=pages.public)
    guard = Guard(loopback_only=not login)
    hub.app = build_app(hub.registry, door, hub.threads, guard=guard, site=site, timeout=5.0)
    return hub


@pytest.fixture(name="hub")
def _hub(make_hub: MakeHub) -> Inside:
    hub = make_hub()
    return furnish(hub, OpenDoor(), hub.people, login=False)


@pytest.fixture(name="story", scope="module")
def _story() -> Iterator[Inside]:
    with quick_directory() as data:
        hub = Inside(data)
        furnish(hub, OpenDoor(), hub.people, login=False)
        with hub.threads:
            _push(hub, "team/digits:v1", {"params": 5000, "license": "MIT", "metric.f1": 0.9, "format": "onnx"}, CARD)
            _push(hub, "team/digits:v2", {"params": 6000, "license": "mit", "metric.f1": 0.95, "format": "onnx"})
            gguf: Known = {"license": "Apache 2.0", "format": "gguf"}
            _push(hub, "other/llama:v1", {**gguf, "params": 8e9, "dataset": "a"})
            _push(hub, "other/deep/llama:v1", {**gguf, "params": 7e9, "dataset": "b"})
            yield hub
        hub.database.close()


def _push(hub: Inside, name: str, known: Known, card: str = "") -> None:
    hub.clock.time += 3600
    push_version(hub, name, known, card=card)


def page(hub: Inside, target: str, status: int = 200, **headers: str) -> Webpage:
    answer = hub.request("GET", target, headers=headers)
    assert answer.status == status, target
    return Answer(answer.status, dict(answer.headers), answer.body).page


def found(shown: Webpage) -> list[str]:
    return [link.removeprefix("/r/") for link in shown.links() if link.startswith("/r/") and not {*":?"} & {*link}]


# ---- what was found --------------------------------------------------------------------------------------------------


def test_result_says_what_it_is_and_why_it_was_found(story: Inside) -> None:
    shown = page(story, "/search?q=digits+metric.f1>0.5&sort=-metric.f1")

    assert "team/ digits v2 1 more version found image · 6.00K parameters · onnx · mit metric.f1 0.95" in shown.text
    assert "2 versions" in shown.text
    assert shown.all("a", href="/r/team/digits?q=digits+metric.f1%3E0.5")
    assert "2 hours ago by anonymous" in shown.text
    cards = page(story, "/search?q=banks")
    assert "Else. It was <b>made</b> for banks." in cards.text
    assert len(cards.all("mark")) == 1


def test_every_version_is_shown_to_whoever_wants_it(story: Inside) -> None:
    both = page(story, "/search?q=digits&each=version")

    assert found(both) == ["team/digits", "team/digits"]
    assert both.all("input", type="hidden", name="each", value="version")
    assert both.all("a", href="/search?q=digits", aria_current="") == []


def test_part_of_a_name_finds_its_repository(story: Inside) -> None:
    assert found(page(story, "/search?q=igi")) == ["team/digits"]
    assert found(page(story, "/search?q=DIGI+eam")) == ["team/digits"]
    assert found(page(story, "/search?q=eep%2Flla")) == ["other/deep/llama"]


def test_versions_come_in_the_order_that_is_chosen(story: Inside) -> None:
    shown = page(story, "/search?q=params>1")

    for wanted, order in {
        "/search?q=params%3E1": "deep/llama llama digits",
        "/search?q=params%3E1&sort=params": "digits deep/llama llama",
        "/search?q=params%3E1&sort=-params": "llama deep/llama digits",
        "/search?q=params%3E1&sort=oldest": "digits llama deep/llama",
    }.items():
        assert shown.all("a", href=wanted), wanted
        assert [name.partition("/")[2] for name in found(page(story, wanted))] == order.split()
    assert "This cannot be answered" in page(story, "/search?sort=beauty", 400).text


def test_large_results_have_parts(hub: Inside) -> None:
    for number in range(23):
        push_version(hub, f"team/model-{number}:v1")

    first = page(hub, "/search?q=model")
    (following,) = first.all("a", rel="next")
    last = page(hub, following["href"])

    assert (len(found(first)), len(found(last))) == (20, 3)
    assert not {*found(first)} & {*found(last)}
    assert "Further results" in last.text
    assert last.all("a", href="/search?q=model")
    assert page(hub, "/search?after=x", 400).text.count("does not come from the `next` of this list") == 1


def test_nothing_found_says_what_to_try(story: Inside) -> None:
    shown = page(story, "/search?q=digits+format:gguf")

    assert "No version that you can see is like this. Ask for less: without digits without format:gguf" in shown.text
    assert {"/search?q=digits", "/search?q=format%3Agguf"} <= {*shown.links()}
    assert "Try a shorter word" in page(story, "/search?q=zebra").text
    assert "There is nothing further." in page(story, "/search?q=digits&each=version&after=WzAsIDAsIDBd").text


def test_empty_hub_says_that_there_is_nothing(hub: Inside) -> None:
    assert "There is no version here that you can see." in page(hub, "/search").text
    assert "No version that you can see has any." in page(hub, "/search/fields").text


# ---- asking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "says", "marked"),
    [
        ("llama prams>7e9 x", "There is no field 'prams'; did you mean params? (at character 7 of", "prams>7e9"),
        ('a "b', "The quote that begins here is not closed", '"b'),
        ("format:", "needs a value right behind it", "…"),
        ("x" * 1001, "the query has 1,001 characters", "x"),
    ],
)
def test_query_that_is_not_understood_is_kept_and_marked(story: Inside, typed: str, says: str, marked: str) -> None:
    shown = page(story, f"/search?q={quote(typed)}", 400)

    assert says.lower() in shown.text.lower()
    assert shown.all("input", name="q", value=typed, aria_invalid="true", aria_describedby="complaint")
    assert shown.all("details", class_="help mt-3", open="")
    assert f"{typed[: typed.index(marked)] if marked in typed[:40] else typed}" in shown.text


def test_terms_can_be_taken_away(story: Inside) -> None:
    shown = page(story, "/search?q=llama+format:gguf+-license:mit&sort=newest")

    for less in ("format%3Agguf+-license%3Amit", "llama+-license%3Amit", "llama+format%3Agguf"):
        assert shown.all("a", href=f"/search?q={less}&sort=newest"), less


def test_facets_narrow_the_search_and_widen_it_again(story: Inside) -> None:
    shown = page(story, "/search")
    assert "Format gguf 2 onnx 2" in shown.text
    assert "Namespace other 2 team 2" in shown.text
    assert "Dataset" not in shown.text
    assert "Kind" not in shown.text

    narrow = page(story, "/search?q=license%3A%22Apache+2.0%22+format%3Agguf")
    assert found(narrow) == ["other/deep/llama", "other/llama"]
    assert narrow.all("a", href="/search?q=format%3Agguf", aria_label="No longer only Licence Apache 2.0")
    assert shown.all("a", href="/search?q=license%3A%22Apache+2.0%22")


def test_examples_and_fields_are_searches_that_can_be_made(story: Inside) -> None:
    shown, fields = page(story, "/search"), page(story, "/search/fields")
    links = {link for link in (*shown.links(), *fields.links()) if link.startswith("/search?q=")}

    assert len(links) > 40
    for link in links:
        parse(unquote_plus(link.removeprefix("/search?q=").partition("&")[0]))
    assert "metric.f1 0.9 metric.f1>=0.9" in fields.text
    assert "license Its licence, an SPDX identifier. Also licence. license:apache-2.0,mit" in fields.text


@pytest.mark.parametrize("key", ["license", "dataset", "tag"])
def test_any_value_can_be_asked_for_and_no_longer(key: str) -> None:
    for value in WORDS:
        query = parse("llama")
        text = narrowed(query, key, value)
        if text is None:
            assert len(value) > 900
            continue
        assert widened(parse(text), key, value) == "llama", value
        assert widened(parse(text), key, f"{value}x"[-250:]) is None
    assert widened(parse("-license:mit metric.f1>1 mit"), "license", "mit") is None
    assert narrowed(parse("a " * 24), "license", "mit") is None


def test_hostile_versions_are_found_and_run_nothing(hub: Inside) -> None:
    for number, word in enumerate(WORDS):
        known = dict.fromkeys(("license", "format", "framework", "architecture", "dataset", "description"), word)
        push_version(hub, f"red/team-{number}:v1", {**known, f"metric.{word[:60]}": word}, card=f"{word} digits {word}")

    for target in ("/", "/search", "/search?q=digits", "/search?q=digits&each=version", "/search/fields", "/n/red"):
        shown = page(hub, target)
        assert len(shown.all("script")) == 1
        for tag, attributes in shown.elements:
            assert tag not in {"iframe", "object", "style", "base", "animate", "math", "img", "textarea"}
            assert not [name for name in attributes if name.startswith("on") or name == "style"], target
            assert not attributes.get("href", "/").strip().startswith(("javascript:", "data:", "//")), target
    asked = [link for link in page(hub, "/search/fields").links() if link.startswith("/search?")]
    assert {hub.get(link).status for link in asked} == {200}
    links = [link for link in page(hub, "/search").links() if "license%3A%22" in link]
    assert len(links) == 10
    for link in links:
        assert found(page(hub, link)), link


def test_hostile_query_is_shown_as_the_text_that_it_is(story: Inside) -> None:
    for text in WORDS:
        answer = story.get(f"/search?q={quote(text)}")
        shown = Answer(answer.status, dict(answer.headers), answer.body).page

        assert answer.status in {200, 400}
        assert len(shown.all("script")) == 1
        (box,) = shown.all("input", name="q")
        assert box["value"] == visible(text.strip()[:2000])


# ---- namespaces ------------------------------------------------------------------------------------------------------


def test_namespace_shows_its_repositories(story: Inside) -> None:
    shown = page(story, "/n/other")

    assert "Namespace · 2 repositories" in shown.text
    assert list(dict.fromkeys(found(shown))) == ["other/deep/llama", "other/llama"]
    assert "Lately other/deep/llama pushed v1" in shown.text
    assert "There is no limit. 2 repositories" in shown.text
    assert "No tag is protected. Every version is kept until somebody deletes it." in shown.text
    assert shown.all("input", name="q", value="namespace:other ")


def test_namespace_shows_what_holds_there(hub: Inside) -> None:
    push_version(hub, "other/model:v1")
    somebody = Principal("ana")
    scope, allotment = hub.registry.governed(somebody, "other"), hub.registry.allotment(somebody)
    scope.add_tag_rule(Kind.IMMUTABLE, "v*")
    scope.set_retention([KeepRule(last=3)])
    allotment.set("other", Quota(1000, 7))
    hub.proxy("other", "https://registry.example/v2")

    text = page(hub, "/n/other").text

    assert "of 1000 B" in text
    assert "1 repository of at most 7" in text
    assert "tags v* of other are immutable Kept:" in text
    assert "stands for repositories of registry.example: they can be pulled, not pushed" in text
    allotment.set("other", Quota(0, None))
    assert "100 % of its quota" in page(hub, "/n/other").text


@pytest.mark.parametrize("name", ["nowhere", "UPPER", "%3Cb%3E", "a%20b"])
def test_namespace_that_is_not_there_looks_like_one_that_may_not_be_seen(story: Inside, name: str) -> None:
    assert "There is no namespace" in page(story, f"/n/{name}", 404).text


def test_pages_of_a_repository_lead_to_its_namespace(story: Inside) -> None:
    for target in ("/r/other/deep/llama", "/r/other/deep/llama:v1"):
        assert {"/n/other", "/search?q=repo%3Aother%2Fdeep%2F%2A"} <= {*page(story, target).links()}
    assert found(page(story, "/search?q=repo:other/deep/*")) == ["other/deep/llama"]


# ---- who finds what --------------------------------------------------------------------------------------------------


@pytest.fixture(name="firm", scope="module")
def _firm() -> Iterator[Inside]:
    with quick_directory() as data:
        hub, people = staffed(lambda **options: Inside(data, **options))
        furnish(hub, Introduced(), people, login=True)
        for who, name in (("ml-owner", "ml/secret"), ("ops-owner", "ops/secret"), ("ops-owner", "ops/open")):
            Sender(hub, who).push_image(name, "v1", name.encode())
        by = people.authority.repository(Principal("ops-owner"), "ops/open")
        people.namespaces.set_repository_visibility(by, "ops/open", Visibility.PUBLIC)
        people.users.create(OPERATOR, Name("guest"))
        people.teams.create(OPERATOR, Name("guests"))
        give(people, "user:guest", "ml/secret", Role.READER)
        give(people, "team:guests", "ml", Role.READER)
        with hub.threads:
            yield hub
        hub.database.close()


def test_nobody_finds_or_counts_what_they_may_not_read(firm: Inside) -> None:
    hub = firm
    for who, seen in {
        "root": {"ml/secret", "ops/secret", "ops/open"},
        "ml-reader": {"ml/secret", "ops/open"},
        "ops-reader": {"ops/secret", "ops/open"},
        "eve": {"ops/open"},
    }.items():
        for target in ("/", "/search", "/search?q=secret+v1", "/search?q=ecre", "/search?q=tag:v1", "/n/ops"):
            shown = page(hub, target, authorization=who)
            for name in {"ml/secret", "ops/secret", "ops/open"} - seen:
                assert f"/r/{name}" not in "".join(shown.links()), (who, target)
                assert f">{name}<" not in shown.text
        everything = page(hub, "/search", authorization=who).text
        assert f"{len(seen)} version{'s' * (len(seen) > 1)}" in everything
        counted = f"{len(seen)} repositor{'ies' if len(seen) > 1 else 'y'}"
        assert counted in page(hub, "/", authorization=who).text
        assert ("ml 1" in everything) == ("ml/secret" in seen)


def test_namespace_is_there_for_those_who_may_see_something_of_it(firm: Inside) -> None:
    hub = firm
    for who, target, status in (
        ("eve", "/n/ml", 404),
        ("ops-reader", "/n/ml", 404),
        ("ml-reader", "/n/ml", 200),
        ("eve", "/n/ops", 200),
        ("root", "/n/ml", 200),
    ):
        page(hub, target, status, authorization=who)
    assert "There is no namespace ml that you can see." in page(hub, "/n/ml", 404, authorization="eve").text
    page(hub, "/n/ml", 404)
    assert "ops/open" in page(hub, "/n/ops").text


def test_members_and_rules_are_shown_to_those_whom_they_concern(firm: Inside) -> None:
    owner, reader, guest = (page(firm, "/n/ml", authorization=who) for who in ("ml-owner", "ml-reader", "guest"))

    assert "Namespace of the team ml · 1 repository" in owner.text
    assert "Who may do what Who Role Where ml-owner owner everywhere ml-maintainer maintainer everywhere" in owner.text
    assert "guest reader ml/secret" in owner.text
    assert "team guests reader everywhere" in owner.text
    assert "Storage" in owner.text
    assert owner.all("a", href="/n/ml/-/settings")
    assert "ml-owner owner everywhere" in reader.text
    for hidden in ("guest", "Storage", "/-/settings"):
        assert hidden not in reader.text + "".join(reader.links())
    assert "Namespace · 1 repository" in guest.text
    assert "ml-owner" not in guest.text.replace("by ml-owner", "")


def test_namespace_of_an_account_names_it(firm: Inside) -> None:
    shown = page(firm, "/n/eve", authorization="eve")

    assert "Namespace of the account eve" in shown.text
    assert "Nothing has been pushed here yet." in shown.text
    assert "eve owner everywhere" in shown.text
