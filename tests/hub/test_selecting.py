"""Which versions a query finds, on both engines."""

import re

import pytest
from sqlalchemy import select, text

from orchard.hub import catalog
from orchard.hub.catalog import QueryError, parse, selecting
from orchard.hub.db.fulltext import search_texts
from orchard.hub.db.schema import manifests
from support.hubinside import Inside
from support.knownversions import Known, push_version

ENGINES = True
CARD = '# Digits\n\nReads handwritten digits; see the *intended use*. 模型说明。 it\'s "NEAR" 100% fun_ny'
FOUND = {
    "": "abcdef",
    # words
    "digits": "ab",
    "DIGITS": "ab",
    "digi": "abf",
    '"digi"': "",
    "handwritten": "a",
    '"intended use"': "a",
    '"use intended"': "",
    "intended handwritten": "a",
    "模型": "a",
    "llama3": "cd",
    '"llama 3"': "cd",
    "llama-3": "cd",
    "team": "abc",
    "-team": "def",
    "apache": "ac",
    "digits apache": "a",
    "TRANSLATES": "d",
    "description:translates": "d",
    "description:digits": "",
    "card:digits": "a",
    "card:*": "a",
    "-card:*": "bcdef",
    # texts
    "license:apache-2.0": "ac",
    "license:APACHE-2.0,mit": "abc",
    "license:apa*": "ac",
    "license:*2.0": "ac",
    "license:*%*": "",
    "license:_it": "",
    "-license:apache-2.0": "bdef",
    "license!=apache-2.0": "bdef",
    "license:*": "abc",
    "-license:*": "def",
    'author:"Ana Lima"': "a",
    "author:ana*": "a",
    "author:bo": "ab",
    "dataset:digits": "ab",
    "version:1.0": "a",
    "param.optimizer:adamw": "a",
    "param.lr:*": "ab",
    # numbers
    "params>7e9": "cd",
    "params>=8B": "cd",
    "params:8B": "c",
    "params:8B..80B": "cd",
    "params<1M": "ab",
    "metric.accuracy>=0.95": "b",
    "metric.accuracy>=0.95 license:mit": "b",
    "metric.accuracy>=0.95 license:apache-2.0": "",
    "metric.accuracy:0.9": "a",
    "metric.grade:a,0.9": "a",
    "param.lr<=1e-3": "b",
    "param.lr=0.01": "a",
    # what is live
    "repo:team/digits": "ab",
    "repo:*/llama*": "cd",
    "namespace:team": "abc",
    "tag:prod": "b",
    "tag:v*": "acdf",
    "tag:v*1": "acdf",
    "tag:v_1": "",
    "tag:V1": "",
    "tag:*": "abcdf",
    "is:tagged": "abcdf",
    "-is:tagged": "e",
    "kind:IMAGE": "abcdef",
    "kind:modelkit": "",
    "by:anonymous": "abcdef",
    "by:an*": "abcdef",
    "-by:ana": "abcdef",
    "pulls:0": "bcdef",
    "pulls>=3": "a",
    "size>1GiB": "",
    "size>0": "abcdef",
    "pushed<1d": "bcdef",
    "pushed>1d": "a",
    "pushed>=2027-01-15": "bcdef",
    "pushed:2027-01": "abcdef",
}


@pytest.fixture
def story(hub: Inside) -> Inside:
    hub.clock.time -= 2 * 86_400
    first: Known = {
        "name": "Digits",
        "license": "Apache-2.0",
        "author": ["Ana Lima", "bo"],
        "dataset": ["digits", "test"],
    }
    more: Known = {"params": 5000, "version": "1.0", "param.lr": 0.01, "param.optimizer": "AdamW"}
    push_version(hub, "team/digits:v1", {**first, **more, "metric.accuracy": 0.9, "metric.grade": "A"}, card=CARD)
    hub.clock.time += 2 * 86_400
    second: Known = {"name": "Digits", "license": "MIT", "author": "bo", "dataset": "digits", "params": 6000}
    push_version(hub, "team/digits:prod", {**second, "param.lr": 0.001, "metric.accuracy": 0.97})
    push_version(hub, "team/llama-3:v1", {"params": 8.03e9, "license": "apache-2.0"})
    push_version(hub, "other/llama3:v1", {"params": 70e9, "description": "Translates everything"})
    push_version(hub, "other/bare")
    push_version(hub, "other/digitron:vx1")
    return hub


@pytest.fixture
def numbers(story: Inside) -> dict[int, str]:
    with story.database.write() as connection:
        ids = list(connection.execute(select(manifests.c.id).order_by(manifests.c.id)).scalars())
        catalog.pulls.put_back(connection, ids[0], pulls=3, at=5)
    return dict(zip(ids, "abcdef", strict=True))


def find(hub: Inside, query: str) -> set[int]:
    ground = selecting.Ground(hub.database.dialect, round(hub.clock() * 1000))
    statement = select(manifests.c.id).where(selecting.condition(parse(query), ground))
    with hub.database.read() as connection:
        return set(connection.execute(statement).scalars())


def test_queries_find_what_they_ask_for(story: Inside, numbers: dict[int, str]) -> None:
    found = {query: "".join(sorted(numbers[one] for one in find(story, query))) for query in FOUND}
    wrong = {query: (found[query], FOUND[query]) for query in FOUND if found[query] != FOUND[query]}
    assert wrong == {}


def test_versions_are_found_by_how_their_digest_begins(story: Inside, numbers: dict[int, str]) -> None:
    with story.database.read() as connection:
        digest = connection.execute(select(manifests.c.digest).where(manifests.c.id == min(numbers))).scalar_one()
    for query in (digest, digest[:20], digest[7:19]):
        assert find(story, f"digest:{query}") == {min(numbers)}


HOSTILE = (
    '"\'"',
    '"digits\' OR 1=1 --"',
    "NEAR(a",
    "x*^{names}:y" * 20,
    '"a\\"b" -"c*"',
    "name:' name:\\ name:%_",
    "'&|!<->:*a",
    "a\0b",
    "\u202e\ud800x",
    "name:\ud800 tag:\ud800",
    "é" * 900,
    "the " * 20,
    "9" * 500,
    "params:" + "9" * 500,
)


def test_hostile_queries_find_nothing_or_are_refused(story: Inside) -> None:
    everything = find(story, "")
    for query in HOSTILE:
        try:
            assert find(story, query) < everything, query
        except QueryError:
            continue


def test_words_come_with_the_push_and_go_with_the_version(hub: Inside) -> None:
    made = push_version(hub, "team/vision:v1")
    assert find(hub, "vision") == {made.number}
    with hub.database.write() as connection:
        catalog.texts.tell(connection, made.number, "a card")
        catalog.facts.put(connection, made.number, catalog_facts("Eyes"))
    assert find(hub, "vision card eyes") == {made.number}
    with hub.database.write() as connection:
        catalog.texts.tell(connection, made.number, "another")
        catalog.facts.put(connection, made.number, catalog_facts("Ears"))
    assert find(hub, "eyes") == find(hub, '"a card"') == set()
    with hub.database.read() as connection:
        assert catalog.texts.cards(connection, [made.number]) == {made.number: "another"}
    assert hub.request("DELETE", f"/v2/team/vision/manifests/{made.digest}").status == 202
    assert find(hub, "vision") == set()
    with hub.database.read() as connection:
        assert connection.execute(select(search_texts)).all() == []
        index = "search_index" if hub.database.dialect == "sqlite" else "search_vectors"
        assert connection.execute(text(f"SELECT count(*) FROM {index}")).scalar_one() == 0  # noqa: S608 -- a constant


def catalog_facts(name: str) -> list[catalog.Fact]:
    return [catalog.Fact("name", name)]


PLANS = {
    "license:mit": "facts_by_text",
    "license:mi*": "facts_by_text",
    "params>7e9": "facts_by_number",
    "tag:prod": "tags_by_name",
    "digits": "search_index|search_vectors_by_word",
    "pushed<1h": "manifests_by_push",
}


def test_selective_terms_are_looked_up_in_an_index(hub: Inside) -> None:
    lite = hub.database.dialect == "sqlite"
    with hub.database.read() as connection:
        if not lite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # which is best for empty tables
        for query, index in PLANS.items():
            ground = selecting.Ground(hub.database.dialect, 0)
            statement = select(manifests.c.id).where(selecting.condition(parse(query), ground))
            literal = {"literal_binds": True}
            asked = str(statement.compile(connection, compile_kwargs=literal))
            explain = "EXPLAIN QUERY PLAN" if lite else "EXPLAIN"
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {asked}"))
            assert re.search(index, plan), plan
            assert not re.search(r"SCAN (facts|tags|search_texts)", plan), plan
