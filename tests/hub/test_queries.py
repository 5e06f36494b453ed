"""The language of queries: what is understood, and what is said where something is not."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.hub.catalog import queries
from orchard.hub.catalog.amounts import Span, age, moment, number
from orchard.hub.catalog.fields import FIELDS, find
from orchard.hub.catalog.queries import MAX_QUERY, MAX_TERMS, QueryError, Test, parse
from orchard.hub.db.folding import fold, spellings, words
from orchard.hub.db.fulltext import Phrase

PAGE: Final = Path(__file__).parents[2] / "docs/search.md"


def only(text: str) -> Any:  # noqa: ANN401 -- a phrase or a test; what is compared with tells
    (term,) = parse(text).terms
    return term.content


def test_words_and_phrases_are_folded() -> None:
    assert only("Llama-31") == Phrase(("llama", "31"), whole=False)
    assert only("Llama-3") == Phrase(("llama", "3"), whole=True)
    assert only('"Où est-il"') == Phrase(("ou", "est", "il"), whole=True)
    assert only("模型").words == ("模", "型")
    assert parse("  ").terms == ()
    assert parse("a -b").terms[1].negated


@pytest.mark.parametrize(
    ("text", "key", "negated"),
    [
        ("license:mit", "license", False),
        ("Licence:mit", "license", False),
        ("-license:mit", "license", True),
        ("license!=mit", "license", True),
        ("-license!=mit", "license", False),
        ("metric.Top-1:5", "metric.Top-1", False),
        ("metrics.loss<1", "metric.loss", False),
        ("params:>7e9", "params", False),
        ("dataset.train.rows>5", "dataset.train.rows", False),
    ],
)
def test_fields_have_names_and_operators(text: str, key: str, negated: bool) -> None:  # noqa: FBT001 -- a column
    (term,) = parse(text).terms
    assert isinstance(term.content, Test)
    assert (term.content.key, term.negated) == (key, negated)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("name:GPT*", [("gpt", "")]),
        ('name:"a*B, c"', [("a*b, c",)]),
        ("format:gguf,SafeTensors", [("gguf",), ("safetensors",)]),
        (r'name:"say \"hi\" \\o"', [(r'say "hi" \o',)]),
        ("tag:Prod", [("Prod",)]),
        ("precision:BF16,int8", [("bfloat16",), ("int8",)]),
        ("name:*", []),
        ("name:a,*", []),
    ],
)
def test_texts_have_wildcards_and_alternatives(text: str, values: list[tuple[str, ...]]) -> None:
    assert [value.text for value in only(text).values] == values


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("params>7e9", Span(low=7e9, above=True)),
        ("params>=7B", Span(low=7e9)),
        ("params<70M", Span(high=70e6, below=True)),
        ("params:7B", Span(6.5e9, 7.5e9, below=True)),
        ("params=7B", Span(7e9, 7e9)),
        ("params:1.5B", Span(1.45e9, 1.55e9, below=True)),
        ("params:7B..13B", Span(6.5e9, 13.5e9, below=True)),
        ("context:32k", Span(31_500, 33_280, below=True)),
        ("files:0", Span(0, 0)),
        ("size<=4GiB", Span(high=4 * 2**30)),
        ("size>500MB", Span(low=5e8, above=True)),
        ("size:10B", Span(10, 10)),
        ("param.lr<=-2.5e-5", Span(high=-2.5e-5)),
        ("pushed<7d", Span(high=7 * 86_400_000, below=True, ago=True)),
        ("pushed>=2026-01-01", Span(low=1_767_225_600_000)),
        ("pushed>2026-01-01", Span(low=1_767_312_000_000)),
        ("pushed:2026-12", Span(1_796_083_200_000, 1_798_761_600_000, below=True)),
        ("pushed:2026", Span(1_767_225_600_000, 1_798_761_600_000, below=True)),
        ("pushed<2026-01-01T01:00:00+01:00", Span(high=1_767_225_600_000, below=True)),
    ],
)
def test_numbers_sizes_and_times_are_spans(text: str, span: Span) -> None:
    (value,) = only(text).values
    assert value.span == span


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("llama prams>7e9", 6, "there is no field 'prams'; did you mean params?"),
        ("accuracy>0.9", 0, "did you mean metric.accuracy or param.accuracy?"),
        ("see http://x", 4, "put what holds a colon into quotes"),
        ('x "y', 2, "the quote that begins here is not closed"),
        ('name:"y', 5, "the quote that begins here is not closed"),
        ("params > 7", 7, "nothing stands right before >; write a field there, as in params>7e9"),
        ("a OR b", 2, "format:gguf,safetensors"),
        ("a AND b", 2, "leave AND out"),
        ("NOT b", 0, "write a - before what must not hold"),
        ("a - b", 2, "a - stands alone"),
        ("params:", 7, "needs a value right behind it, such as params>7e9"),
        ("format:gguf,", 12, "needs a value right behind it"),
        ("params:many", 7, "'many' is not a number; write params>7e9 or params:7B..13B"),
        ("size>big", 5, "'big' is not a number of bytes; write size<4GiB"),
        ("pushed:2026-13", 7, "'2026-13' is not a date or an age"),
        ("pushed>9999", 7, "'9999' is not a date or an age"),
        ("params:1e999", 7, "is not a number"),
        ("license>3", 7, "license is a text and has no order"),
        ("is:pretty", 3, "is:pretty is not known; there is is:tagged"),
        ("!!!", 0, "has no letter and no digit"),
        ("card:!", 5, "has no letter and no digit"),
        ('a"b"', 1, "a space is missing between two terms"),
        ('name:a"b"', 6, "a space is missing between two terms"),
        ("a " * 30, 2 * MAX_TERMS, "more than 24 terms"),
        ("name:" + "a," * 30, 5 + 48, "more than 24 alternatives"),
        ("x" * 10_000, MAX_QUERY, "may have 1,000"),
    ],
)
def test_what_is_not_understood_is_pointed_at(text: str, position: int, said: str) -> None:
    with pytest.raises(QueryError, match=rf"\(at character {position + 1} of the query\)") as caught:
        parse(text)
    assert said in str(caught.value)
    assert caught.value.position == position


def test_query_says_which_filters_are_on_and_how_it_reads_without_each() -> None:
    query = parse('llama  params>7e9 -tag:"old"')
    assert [(one.text, one.field, one.without) for one in query.describe()] == [
        ("llama", None, 'params>7e9 -tag:"old"'),
        ("params>7e9", "params", 'llama -tag:"old"'),
        ('-tag:"old"', "tag", "llama  params>7e9"),
    ]


@pytest.mark.parametrize("example", [example for field in FIELDS for example in field.examples])
def test_examples_of_fields_are_understood(example: str) -> None:
    assert len(parse(example).terms) == 1


def test_page_about_search_shows_queries_that_are_understood_and_fields_that_there_are() -> None:
    page = PAGE.read_text()
    assert len(parse(re.search(r"```\n(.*?)\n```", page, re.DOTALL)[1]).terms) == 8  # type: ignore[index] # it is there
    rows = [row.split(" | ")[0] for row in page.splitlines() if row.startswith("| `")]
    shown = [term for row in rows for term in re.findall(r"`([^`]+)`", row)]
    for term in shown:
        if re.search(r"[a-z][:<>!=]|^-", term):
            parse(term)
        elif term[0].isalpha():
            assert find(term) is not None, term
    known = {one.name for one in FIELDS}
    assert known - set(shown) == {"is", "param.", "metric.", "dataset."}


@given(st.text(st.sampled_from('ab7 "-:=<>!*,.\\()^{}é模\0kB') | st.characters(), max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        found = queries.parse(text)
    except QueryError as error:
        assert 0 <= error.position <= len(text)  # noqa: PT017 -- most texts are understood
    else:
        for one in found.describe():
            queries.parse(one.without)


def test_amounts_that_are_none() -> None:
    assert [number(text) for text in ("", "x", "1x", "1e400", "1..2", "--1")] == [None] * 6
    assert [age(text) for text in ("", "7", "d7", "7s")] == [None] * 4
    assert moment("yesterday") is None


def test_values_and_words_are_folded() -> None:
    assert fold("  Apache \t 2.0 ") == "apache 2.0"
    assert fold("\uff27\uff30\uff34") == fold("gpt")
    assert len(fold("x" * 1000)) == 256
    assert list(words("Ünïted_states' card—v1.2")) == ["united", "states", "card", "v1", "2"]
    assert set(spellings("llama-3")) == {"llama", "3", "llama3"}
    assert set(spellings("resnet50")) == {"resnet50", "resnet", "50"}
