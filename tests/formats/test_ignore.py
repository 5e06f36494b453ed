import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError, InvalidError, LimitExceededError
from orchard.formats import ALWAYS_IGNORED, IgnoreRules
from support.formats_ignored import LEFT_OUT, TREE


@pytest.mark.parametrize(("text", "left_out"), LEFT_OUT, ids=[ascii(text) for text, _ in LEFT_OUT])
def test_a_kitignore_leaves_out_what_kit_leaves_out(text: str, left_out: tuple[str, ...] | None) -> None:
    if left_out is None:
        with pytest.raises(InvalidDocumentError, match=r"\A\.kitignore: line 1: "):
            IgnoreRules.parse(text)
        return

    rules = IgnoreRules.parse(text)

    assert tuple(path for path in TREE if rules.matches(path)) == left_out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n\n[z", r"line 3: '\[z': a '\[' is not closed"),
        ("[a-", "line 1: .* a range in .* has no end"),
        ("[a-]", "a range in .* has no end"),
        ("[-a]", "'-' in a wrong place"),
        ("[^]", "holds nothing"),
        ("[a\\", "there is nothing behind the last backslash"),
        ("[b-a]", "the range b-a ends before it begins"),
        ("a\\", "there is nothing behind the last backslash"),
        ("!", "an exception needs a pattern"),
        ("! ", "an exception needs a pattern"),
        ("!/", "an exception needs a pattern"),
    ],
)
def test_a_pattern_that_is_none_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidDocumentError, match=message):
        IgnoreRules.parse(text)


@pytest.mark.parametrize("name", ALWAYS_IGNORED)
def test_the_kitfile_and_the_ignore_file_are_never_content(name: str) -> None:
    rules = IgnoreRules.parse(f"!{name}\n!*\n!**")

    assert rules.matches(name)
    assert not rules.matches(f"sub/{name}")


def test_the_directory_itself_is_never_left_out() -> None:
    rules = IgnoreRules.parse("*\n**\n.\n")

    assert not rules.matches(".")
    assert rules.may_descend(".")


@pytest.mark.parametrize(
    ("text", "directory", "expected"),
    [
        ("", "a", True),
        ("a", "a", False),
        ("a", "b", True),
        ("a", "a/b", False),
        ("a\n!b", "a", False),
        ("a\n!a/b/c", "a", True),
        ("a\n!a/b/c", "a/b", True),
        ("a\n!a/b/c", "a/d", False),
        ("a\n!a/b/c", "a/b/c", True),
        ("!a/b\na", "a", False),
        ("a\n!**/c", "a", True),
        ("!**/c\na", "a", False),
        ("a\n!a/*.py", "a", True),
        ("a\n!a/*.py", "a/b", False),
        ("a\n!a/**", "a", True),
        ("a\n!b/*", "a", False),
        ("*\n!?/x", "a", True),
        ("*\n!?/x", "aa", False),
        ("**/x\n!k*", "y/x", False),
        ("**/x\n!**/k*", "y/x", True),
    ],
)
def test_may_descend_is_false_only_where_nothing_is_kept(
    text: str,
    directory: str,
    expected: bool,  # noqa: FBT001 -- a table
) -> None:
    assert IgnoreRules.parse(text).may_descend(directory) is expected


names = st.sampled_from(["a", "b", "ab", "a.b", "Kitfile", ".x"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
patterns = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["a", "*", "**/", "?", "[ab]"]),
    st.lists(st.sampled_from(["a", "b", ".", "*", "**", "?", "/", "**/", "[^a]", "\\*", "!"]), max_size=5).map("".join),
)


@given(st.lists(patterns, max_size=5).map("\n".join), st.lists(paths, min_size=5, max_size=20))
def test_what_is_not_descended_into_holds_nothing_that_is_kept(text: str, found: list[str]) -> None:
    rules = IgnoreRules.parse(text)

    for path in found:
        directory = path.partition("/")[0]
        assert rules.may_descend(directory) or rules.matches(path) or path == directory


@given(st.lists(patterns, max_size=5).map("\n".join), paths)
def test_the_last_pattern_that_matches_alone_decides(text: str, path: str) -> None:
    always = path.partition("/")[0] in ALWAYS_IGNORED

    assert IgnoreRules.parse(f"{text}\n{path}").matches(path)
    assert IgnoreRules.parse(f"{text}\n!{path}").matches(path) == always


@given(st.text(max_size=60))
def test_parse_never_crashes(text: str) -> None:
    try:
        IgnoreRules.parse(text).matches("a/b")
    except InvalidError as error:
        assert str(error).startswith(".kitignore: ")  # noqa: PT017 -- the rest is whatever it is


def test_a_file_or_a_list_that_is_too_long_is_refused() -> None:
    IgnoreRules.parse("\n".join(f"a{number}" for number in range(10_000)))
    with pytest.raises(LimitExceededError, match="10001 patterns, at most 10000"):
        IgnoreRules.parse("\n".join(f"a{number}" for number in range(10_001)))
    with pytest.raises(LimitExceededError, match="over 1048576 characters"):
        IgnoreRules.parse("#" * ((1 << 20) + 1))
    with pytest.raises(LimitExceededError, match="longer than 65536 characters together"):
        IgnoreRules.parse("*" + "a" * 65_536)


@pytest.mark.parametrize(
    "text",
    ["*a" * 30_000 + "b", "**/a/" * 10_000 + "b", "\n".join(["*a*a*b", "**/a*/**"] * 3000), "[a-z]*\n" * 9000],
    ids=["stars", "directories", "many", "classes"],
)
def test_no_pattern_makes_a_path_slow(text: str) -> None:
    rules = IgnoreRules.parse(text)
    begun = time.monotonic()

    rules.matches("a" * 250 + "/" + "a/" * 1000 + "a")

    assert time.monotonic() - begun < 10  # 0.1 s on a quiet machine; a backtracking matcher needs years


def test_a_path_of_many_directories_is_matched() -> None:
    rules = IgnoreRules.parse("**/z\nx")

    assert rules.matches("a/" * 2000 + "z")
    assert not rules.matches("a/" * 2000 + "y")
