import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError, InvalidError, LimitExceededError
from orchard.formats import parse_kitfile

PARAMETERS = "model:\n  parameters:\n    "

BOMB = "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9) if before else 'lol'}]\n"
    for before, name in zip(["", *"abcdefgh"], "abcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, r"line 1: anchors \(&name\) are not supported"),
        ("package: *a", r"aliases \(\*name\) are not supported"),
        ("package: {name: &a b}", "line 1: anchors"),
        ("package: {name: a}\nmodel:\n  <<: {path: b}\n", "line 3: merge keys"),
        ("code: [!!python/object/apply:os.system [ls]]", "the tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        ("package: !local {name: a}", "the tag '!local' is not supported"),
        ("package: {name: ! a}", "the tag '!' is not supported"),
        ("package: !!str {name: a}", "the tag 'tag:yaml.org,2002:str' is not supported"),
        ("package: {name: !!map a}", "the tag 'tag:yaml.org,2002:map' is not supported"),
        ("package: {name: !!binary aGk=}", "the tag 'tag:yaml.org,2002:binary' is not supported"),
        ("package: {name: !<" + "x" * 2000 + "> a}", "a tag is longer than 1024 characters"),
        ("package: {name: a, name: b}", "line 1: the key 'name' stands in line 1 already"),
        ("docs: []\ncode: []\n'docs': []", "line 3: the key 'docs' stands in line 1 already"),
        ("{[a]: b}", "a key must be a text"),
        ("? {a: b}\n: c", "a key must be a text"),
        ("package: {}\n---\npackage: {}", "line 2: a second document begins here"),
        ("%YAML 1.1\n---\npackage: {}", "YAML directives are not supported"),
        ("%TAG ! tag:yaml.org,2002:python/\n---\npackage: {}", "YAML directives are not supported"),
        (PARAMETERS + "a: .nan", "line 3: model.parameters: .nan has no JSON form"),
        (PARAMETERS + "1: a", "line 3: model.parameters: the key '1' is not a text; quote it"),
        ('package: {name: "\\ud800"}', "an escape stands for half a character"),
        ('package: {name: "\\UFFFFFFFF"}', "not YAML"),
        ('package: {name: "\\U00110000"}', "not YAML"),
    ],
)
def test_parse_refuses_what_a_kitfile_has_no_use_for(text: str, message: str) -> None:
    with pytest.raises(InvalidDocumentError, match=message):
        parse_kitfile(text.encode())


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "{a: ", "[["])
def test_parse_stops_at_once_where_it_nests_too_deep(opening: str) -> None:
    """In a process of its own: other parsers die of this."""
    code = (
        "from orchard.formats import parse_kitfile\nfrom orchard.errors import LimitExceededError\n"
        f"try:\n    parse_kitfile(({opening!r} * 200000).encode())\n"
        "except LimitExceededError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)

    assert done.stdout.strip() == "Kitfile: line 1: nested deeper than 64 levels"


def test_parse_takes_sixty_four_levels_and_not_one_more() -> None:
    inner = 64 - 2  # the document and the model are two

    parse_kitfile(f"model: {{parameters: {'[' * inner}1{']' * inner}}}".encode())
    with pytest.raises(LimitExceededError, match="nested deeper than 64 levels"):
        parse_kitfile(f"model: {{parameters: {'[' * (inner + 1)}{']' * (inner + 1)}}}".encode())


@pytest.mark.unmeasured
def test_parse_stops_at_sixty_five_thousand_values() -> None:
    with pytest.raises(LimitExceededError, match="more than 65536 values"):
        parse_kitfile(("model:\n parameters:\n" + " -\n" * (1 << 16)).encode())


@pytest.mark.parametrize(
    "text",
    [
        "a: " * 300_000,
        "!" * 1_000_000,
        "\n" * 100_000,
        "'" * 500_000,
        '"' + "\\" * 1_000_000,
        ": " * 500_000,
        "a\n" * 50_000,
        "{" + "a:" * 500_000,
    ],
    ids=["keys", "tag", "lines", "quotes", "backslashes", "colons", "words", "flow"],
)
def test_parse_answers_in_time_whatever_a_large_file_says(text: str) -> None:
    begun = time.monotonic()

    with pytest.raises(InvalidError, match="Kitfile: "):
        parse_kitfile(text.encode())

    assert time.monotonic() - begun < 30  # 0.5 s on a quiet machine; what is quadratic here takes minutes


@given(st.binary(max_size=200))
def test_parse_never_crashes_on_random_bytes(raw: bytes) -> None:
    try:
        parse_kitfile(raw)
    except InvalidError as error:
        assert str(error).startswith("Kitfile: ")  # noqa: PT017 -- the rest is whatever it is


YAML_PIECES = st.one_of(
    st.sampled_from("ab1~{}[],'\"#!&*?%@\\\t"),
    st.sampled_from(["- ", ": ", "\n", "\n  ", "\n    ", "|\n  ", ">\n  ", "? ", "<<", "---\n", "...\n", "\\x"]),
    st.sampled_from(["path", "code", "model", "docs", "parameters", "name"]),
)


@given(st.lists(YAML_PIECES, max_size=40).map("".join))
def test_parse_never_crashes_on_what_looks_like_yaml(text: str) -> None:
    try:
        parse_kitfile(text.encode())
    except InvalidError as error:
        assert str(error).startswith("Kitfile: ")  # noqa: PT017 -- the rest is whatever it is
