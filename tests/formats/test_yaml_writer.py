import pytest
from hypothesis import given

from orchard.formats import Kitfile, Model, Package, kitfile_from_json, parse_kitfile, to_yaml
from orchard.oci import JSON, Digest, loads
from support.formats_values import kitfiles, texts, valid_kitfiles, values

# Each row was written by yaml.v3 3.0.1, from the JSON value on the left, as the value of a key.
TEXTS = {
    "a": "a",
    "": '""',
    "true": '"true"',
    "yes": '"yes"',
    "1.0": '"1.0"',
    "~": '"~"',
    "0x1": '"0x1"',
    "1:30": '"1:30"',
    "2001-01-01": '"2001-01-01"',
    "2001-13-01": "2001-13-01",
    "a: b": "'a: b'",
    "a:b": "a:b",
    "a:": "'a:'",
    "a #b": "'a #b'",
    "a#b": "a#b",
    "- a": "'- a'",
    "-a": "-a",
    "-": "'-'",
    "?a": "?a",
    "a,b": "a,b",
    "[a": "'[a'",
    " a": "' a'",
    "a ": "'a '",
    "'a": "'''a'",
    "a'b": "a'b",
    '"a': "'\"a'",
    "---": "'---'",
    "<<": "<<",
    "=": "=",
    "a\tb": '"a\\tb"',
    "é": "é",
    "\x85": '"\\N"',
    "\ufeff": '"\\uFEFF"',
    "\ufffe": '"\\uFFFE"',
    "😀": '"\\U0001F600"',
    "\x7f": '"\\x7F"',
    "\\": "\\",
    "a\nb": "|-\n    a\n    b",
    "a\nb\n": "|\n    a\n    b",
    "a\n\n": "|+\n    a\n",
    "  a\nb": "|2-\n      a\n    b",
    "a\n\n  b\n": "|\n    a\n\n      b",
    "a \nb": '"a \\nb"',
    "a\r\nb": '"a\\r\\nb"',
    "a\n---\nb": "|-\n    a\n    ---\n    b",
}


def written(parameters: JSON) -> str:
    return (
        to_yaml(Kitfile(model=Model(parameters={"k": parameters})))
        .partition("    k:")[2]
        .removesuffix("\n")
        .removeprefix(" ")
    )


@pytest.mark.parametrize(("text", "expected"), TEXTS.items(), ids=[ascii(text) for text in TEXTS])
def test_a_text_is_written_as_yaml_v3_does(text: str, expected: str) -> None:
    assert written(text) == expected.replace("\n    ", "\n      ").replace("\n\n      ", "\n\n      ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("\na", '"\\na"'), ("\n", '"\\n"'), ("a\u2028b", '"a\\Lb"'), ("\u2029", '"\\P"')],
)
def test_a_text_that_yaml_v3_would_lose_is_quoted(text: str, expected: str) -> None:
    assert written(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-12, "-12"),
        (1_000_000, "1000000"),
        (2**64, "18446744073709551616"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1.5, "1.5"),
        (100000.0, "100000"),
        (1e6, "1e+06"),
        (1234567.5, "1.2345675e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e300, "1e+300"),
        ({}, "{}"),
        ([], "[]"),
        (
            [1, [2, [{"a": 1, "b": [3]}]]],
            "\n      - 1\n      - - 2\n        - - a: 1\n            b:\n              - 3",
        ),
        ({"a b": {"c": []}, "": 1}, '\n      "": 1\n      a b:\n        c: []'),
        ({"x": {"y\nz": 1}}, "\n      x:\n        ? |-\n          y\n          z\n        : 1"),
        ({"x" * 129: [1, 2]}, f"\n      ? {'x' * 129}\n      : - 1\n        - 2"),
    ],
)
def test_a_value_is_written_as_yaml_v3_does(value: JSON, expected: str) -> None:
    assert written(value) == expected


def test_keys_of_parameters_are_in_the_order_of_yaml_v3() -> None:
    ordered = [
        "_",
        "1",
        "1a",
        "1_",
        "2",
        "10",
        "10a",
        "A1",
        "a-b",
        "a_b",
        "a1",
        "a01",
        "a2",
        "a10",
        "a100",
        "a1000",
        "ab",
        "b",
        "é",
    ]

    assert [
        line.split(":")[0].strip('" ') for line in written(dict.fromkeys(sorted(ordered), 0)).split("\n")[1:]
    ] == ordered


def test_authors_stand_in_one_line() -> None:
    kitfile = Kitfile(package=Package(authors=("a", "b: c", "d, e", "true", "", "a\nb", "x]", "a?", "#")))

    assert to_yaml(kitfile) == (
        'manifestVersion: ""\npackage:\n'
        """  authors: [a, 'b: c', 'd, e', "true", "", "a\\nb", 'x]', 'a?', '#']\n"""
    )


def test_digests_stand_in_the_config_alone() -> None:
    digest = Digest.of(b"")
    kitfile = Kitfile(model=Model(path="a", parameters={"digest": 1}, digest=digest, diff_id=digest))

    assert to_yaml(kitfile) == 'manifestVersion: ""\nmodel:\n  path: a\n  parameters:\n    digest: 1\n'


@given(valid_kitfiles())
def test_yaml_that_was_written_is_read_as_the_same_kitfile(kitfile: Kitfile) -> None:
    assert parse_kitfile(to_yaml(kitfile).encode()).to_json() == kitfile.to_json()


@given(kitfiles())
def test_a_config_of_a_stranger_is_written_as_yaml(kitfile: Kitfile) -> None:
    read = kitfile_from_json(loads(kitfile.to_json(), what="config", limit=1 << 20))

    assert to_yaml(read).endswith("\n")


@given(values, texts)
def test_parameters_survive_yaml(parameters: JSON, description: str) -> None:
    kitfile = Kitfile(model=Model(path="m", description=description, parameters=[parameters]))

    assert parse_kitfile(to_yaml(kitfile).encode()).to_json() == kitfile.to_json()
