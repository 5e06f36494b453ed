"""Words and numbers as a person reads them."""

import sys
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it.ruler import Ruler
from markupsafe import Markup

from orchard.hub.http.pages import markdown, text
from orchard.hub.http.pages.kitfile import lines

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories
KEPT = set("\t\n\u200c\u200d")
# Ignorable by default, though of other categories; and hieroglyph controls that are newer than Python's tables.
MORE = {*map(chr, [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0])} | {
    chr(code)
    for first, last in [(0x180B, 0x180F), (0xFFF0, 0xFFF8), (0x13430, 0x1343F), (0xE0000, 0xE0FFF)]
    for code in range(first, last + 1)
}


def test_visible_shows_exactly_what_unicode_calls_unseen() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    shown = {character for character in characters if text.visible(character) != character}

    unseen = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in UNSEEN}
    assert shown == (unseen | MORE) - KEPT


def test_visible_names_what_it_shows() -> None:
    assert text.visible("a\u202eb\U000e0041") == "a[U+202E]b[U+E0041]"


@given(st.text())
def test_visible_text_can_always_be_sent(given_text: str) -> None:
    shown = text.visible(given_text + "\ud800")

    assert str(shown).encode().decode() == shown
    assert text.visible(shown) == shown


def test_visible_leaves_alone_what_is_no_text_of_others() -> None:
    markup = Markup("a\x00b")

    assert text.visible(3) == 3
    assert text.visible(None) is None
    assert text.visible(markup) is markup


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (10_234, "9.99 KiB"),
        (10_239, "10.0 KiB"),
        (102_399, "100 KiB"),
        (1023 * 1024, "1.00 MiB"),
        (152 << 20, "152 MiB"),
        (1 << 30, "1.00 GiB"),
        (5 << 40, "5.00 TiB"),
        (2**63 - 1, "8.00 EiB"),
        (1 << 80, "1048576 EiB"),
    ],
)
def test_size_has_three_digits(count: int, written: str) -> None:
    assert text.size(count) == written


@given(st.integers(min_value=1 << 10, max_value=2**63 - 1))
def test_size_is_never_off_by_more_than_half_a_percent(count: int) -> None:
    number, unit = text.size(count).split()

    assert len(number.replace(".", "")) == 3
    power = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB").index(unit) + 1
    assert float(number) * 1024**power == pytest.approx(count, rel=0.0051)


@pytest.mark.parametrize(("count", "written"), [(0, "0 bytes"), (1, "1 byte"), (1_572_864, "1,572,864 bytes")])
def test_exact_size_counts_bytes(count: int, written: str) -> None:
    assert text.exact_size(count) == written


@pytest.mark.parametrize(
    ("number", "noun", "written"),
    [
        (1, "version", "1 version"),
        (1204, "version", "1,204 versions"),
        (2, "repository", "2 repositories"),
        (0, "layer", "0 layers"),
        (3, "day", "3 days"),
    ],
)
def test_count_knows_plurals(number: int, noun: str, written: str) -> None:
    assert text.count(number, noun) == written


@pytest.mark.parametrize(
    ("age", "written"),
    [
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=23), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=30), "1 month ago"),
        (timedelta(days=364), "12 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(hours=-1), "2026-11-23 13:00:00 UTC"),
    ],
)
def test_age_is_told_in_the_largest_unit(age: timedelta, written: str) -> None:
    assert text.ago(NOW - age, NOW) == written


def test_times_are_told_in_utc() -> None:
    moment = datetime.fromisoformat("2026-11-23T13:30:11+01:00")

    assert text.exact_time(moment) == "2026-11-23 12:30:11 UTC"
    assert text.machine_time(moment) == "2026-11-23T12:30:11Z"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("name: x", ("", "name:", " x")),
        ("  - path: a/b", ("  - ", "path:", " a/b")),
        ("- - a: 1", ("- - ", "a:", " 1")),
        ('"a: b": c', ("", '"a: b":', " c")),
        ("parameters:", ("", "parameters:", "")),
        ("  - item", ("", "", "  - item")),
        ("https://example.com", ("", "", "https://example.com")),
        ("", ("", "", "")),
        ("source: https://example.com", ("", "source:", " https://example.com")),
    ],
)
def test_line_is_taken_apart_at_its_key(line: str, parts: tuple[str, str, str]) -> None:
    (found,) = lines(line, 10)

    assert (found.indent, found.key, found.rest) == parts


def test_text_in_a_block_has_no_keys() -> None:
    document = "a:\n  b: |-\n    note: this\n\n    is: text\n  c: d\n"

    assert [line.key for line in lines(document, 100)] == ["a:", "b:", "", "", "", "c:", ""]


@given(st.text(alphabet='ab:- |>"\\\n#{}[]', max_size=200))
def test_lines_lose_nothing(document: str) -> None:
    assert "\n".join(line.indent + line.key + line.rest for line in lines(document, 1000)) == document


def test_lines_stop_where_they_should() -> None:
    assert len(list(lines("a\n" * 100, 7))) == 7


def test_parser_of_documents_is_ready_before_threads_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = markdown.parser()

    def late(ruler: object) -> None:
        raise AssertionError(f"{ruler} orders its rules while others use them")

    monkeypatch.setattr(Ruler, "__compile__", late)
    assert parser.render("# hi *there*\n\n> `x`\n") == (
        "<h1>hi <em>there</em></h1>\n<blockquote>\n<p><code>x</code></p>\n</blockquote>\n"
    )
