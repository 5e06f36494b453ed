import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.remote.challenge import Challenge, parse_challenges

BEARER = {"realm": "https://a.example/token", "service": "s", "scope": "repository:x:pull,push"}


@pytest.mark.parametrize(
    ("headers", "challenges"),
    [
        ([], []),
        ([""], []),
        (['Basic realm="x"'], [Challenge("basic", {"realm": "x"})]),
        (["Basic"], [Challenge("basic")]),
        (["BASIC realm=bare"], [Challenge("basic", {"realm": "bare"})]),
        (
            ['Bearer realm="https://a.example/token",service="s",scope="repository:x:pull,push"'],
            [Challenge("bearer", BEARER)],
        ),
        (
            ['  Bearer   realm = "https://a.example/token" , service=s , SCOPE="repository:x:pull,push"'],
            [Challenge("bearer", BEARER)],
        ),
        (
            ['Bearer realm="r", Basic realm="b"', "Negotiate YIIJvwYGKwYBBQUCoIIJszCC=="],
            [Challenge("bearer", {"realm": "r"}), Challenge("basic", {"realm": "b"}), Challenge("negotiate")],
        ),
        (["Negotiate, Basic realm=b"], [Challenge("negotiate"), Challenge("basic", {"realm": "b"})]),
        ([r'Basic realm="a \"quoted\" \\ word"'], [Challenge("basic", {"realm": 'a "quoted" \\ word'})]),
        (['Bearer realm="one",realm="two"'], []),
        (['Bearer realm="one",REALM="two", Basic realm="b"'], [Challenge("basic", {"realm": "b"})]),
        (['Bearer realm="unclosed'], [Challenge("bearer")]),
        (['"nonsense"'], []),
    ],
)
def test_parse_reads_what_servers_send(headers: list[str], challenges: list[Challenge]) -> None:
    assert parse_challenges(headers) == challenges


@given(st.lists(st.text(max_size=200), max_size=3))
def test_parse_never_fails(headers: list[str]) -> None:
    assert all(challenge.scheme for challenge in parse_challenges(headers))


WORDS = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@given(st.lists(st.tuples(WORDS, st.dictionaries(WORDS, VALUES, min_size=1, max_size=4)), min_size=1, max_size=3))
def test_parse_gives_back_what_was_quoted(written: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"')

    line = ", ".join(
        f"{scheme} " + ",".join(f'{key}="{quoted(value)}"' for key, value in parameters.items())
        for scheme, parameters in written
    )

    assert parse_challenges([line]) == [Challenge(scheme, parameters) for scheme, parameters in written]


def test_parse_of_a_hostile_line_takes_no_time() -> None:
    assert parse_challenges([" " * 100_000, '"' * 100_000, "a=" * 50_000, "Bearer " + "\\" * 100_000]) is not None
