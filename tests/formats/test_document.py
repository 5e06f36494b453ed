import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError, UsageError
from orchard.formats import KitfileDocument, parse_kitfile
from orchard.oci import JSON, go_dumps
from support.formats_values import values

TEXT = """\
# The kit of the year.
manifestVersion: "1.0.0"   # as ever
package: {name: digits, authors: [Ada, Bob]}

model:
    name: 'old'            # four blanks, and quotes
    path: model.bin
    description: |
        Two
        lines.

    parameters:  # what it took
        epochs: 3
        # the rate
        rate: 0.1
        layers: [1, 2]
# a list at the margin
code:
- path: src  # ours
- path: lib
  license: MIT

docs: []
# the end
"""


def changed(text: str, place: str, value: JSON) -> str:
    document = KitfileDocument(text.encode())
    document.set(place, value)
    return document.dump().decode()


def test_a_document_that_was_not_changed_is_the_same_bytes() -> None:
    raw = b"\xef\xbb\xbf{manifestVersion:   1.0.0 , }\r\n\r\n# x"

    assert KitfileDocument(raw).dump() is raw


# Each row: a place, a value, what stood there and what stands there then. All else stays.
CHANGES: tuple[tuple[str, JSON, str, str], ...] = (
    ("model.name", "new", "name: 'old' ", "name: new "),
    ("model.name", "a: b", "name: 'old' ", "name: 'a: b' "),
    ("model.name", "1.10", "name: 'old' ", 'name: "1.10" '),
    ("manifestVersion", "1.0", '"1.0.0"   # as', '"1.0"   # as'),
    ("package.name", "x, y", "{name: digits,", "{name: 'x, y',"),
    ("package.license", "MIT", "Bob]}", "Bob], license: MIT}"),
    ("package.authors[1]", "Eve", "Bob]", "Eve]"),
    ("package.authors[2]", "Eve", "Bob]", "Bob, Eve]"),
    ("package.authors", ["Eve"], "[Ada, Bob]", "[Eve]"),
    ("model.description", "One\nor two.", "|\n        Two\n        lines.\n", "|-\n      One\n      or two.\n"),
    ("model.description", "One.", "|\n        Two\n        lines.\n", "One.\n"),
    ("model.description", "One\n\n", "|\n        Two\n        lines.\n", '"One\\n\\n"\n'),
    ("model.version", "2", "2]\n#", '2]\n    version: "2"\n#'),
    ("model.parameters.epochs", 4, "epochs: 3", "epochs: 4"),
    ("model.parameters.rate", None, "rate: 0.1", "rate: null"),
    ("model.parameters.rate", {"a": 1, "b": [2]}, "rate: 0.1", "rate:\n          a: 1\n          b:\n            - 2"),
    ("model.parameters.layers", [3, 4], "[1, 2]", "[3, 4]"),
    ("model.parameters.layers[0]", {"a": [1]}, "[1, 2]", "[{a: [1]}, 2]"),
    ("model.parameters.new", True, "2]\n#", "2]\n        new: true\n#"),
    ("model.parameters.new.deep", [1], "2]\n#", "2]\n        new:\n          deep:\n            - 1\n#"),
    (
        "model.parameters",
        1,
        "parameters:  # what it took\n        epochs: 3\n        # the rate\n        rate: 0.1\n        layers: [1, 2]",
        "parameters: 1",
    ),
    ("code[0].description", "new", "src  # ours", "src  # ours\n  description: new"),
    ("code[1].path", "library", "path: lib", "path: library"),
    ("code[2]", {"path": "a", "license": "MIT"}, "MIT\n", "MIT\n- path: a\n  license: MIT\n"),
    ("code[1]", {"path": "a"}, "path: lib\n  license: MIT", "path: a"),
    ("docs[0].path", "README.md", "docs: []", "docs: [{path: README.md}]"),
    ("datasets[0]", {"path": "d"}, "docs: []\n", "docs: []\ndatasets:\n  - path: d\n"),
)


@pytest.mark.parametrize(
    ("place", "value", "before", "after"), CHANGES, ids=[f"{place}={value}" for place, value, *_ in CHANGES]
)
def test_set_changes_the_value_and_nothing_else(place: str, value: JSON, before: str, after: str) -> None:
    assert TEXT.count(before) == 1

    assert changed(TEXT, place, value) == TEXT.replace(before, after)


@pytest.mark.parametrize(
    ("text", "place", "value", "expected"),
    [
        ("package:\n", "package.name", "a", "package:\n  name: a\n"),
        ("package: ~\n", "package.name", "a", "package:\n  name: a\n"),
        ("package: # c\n", "package.name", "a", "package:\n  name: a # c\n"),
        ("{}", "package.name", "a", "{package: {name: a}}"),
        ("{package: {}, }", "code", [{"path": "a"}], "{package: {}, code: [{path: a}]}"),
        ("package:\n  name: a", "package.version", "b", "package:\n  name: a\n  version: b"),
        ("package:\r\n  name: a\r\n", "package.version", "b", "package:\r\n  name: a\r\n  version: b\r\n"),
        ("package:\r\n  name: a\r\n", "model", {"path": "b"}, "package:\r\n  name: a\r\nmodel:\r\n  path: b\r\n"),
        ("\ufeffpackage:\n  name: a\n", "package.name", "b", "\ufeffpackage:\n  name: b\n"),
        ("? package\n: ? name\n  : a\n", "package.name", "b", "? package\n: ? name\n  : b\n"),
        (
            "model:\n  parameters:\n    - 1\n\n# c\n",
            "model.parameters[1]",
            "a\n\n",
            'model:\n  parameters:\n    - 1\n    - "a\\n\\n"\n\n# c\n',
        ),
        ("code:\n  - # c\n    path: a\n", "code[0].path", "b", "code:\n  - # c\n    path: b\n"),
        (
            "model: {path: a, parameters: [\n  1 ]}",
            "model.parameters[1]",
            {},
            "model: {path: a, parameters: [\n  1, {}]}",
        ),
        (
            "model:\n  parameters:\n    -\n    - 1\n",
            "model.parameters[1]",
            2,
            "model:\n  parameters:\n    -\n    - 2\n",
        ),
    ],
)
def test_set_follows_the_style_of_the_document(text: str, place: str, value: JSON, expected: str) -> None:
    assert changed(text, place, value) == expected


def test_set_can_be_repeated_and_the_kitfile_follows() -> None:
    document = KitfileDocument(TEXT.encode())

    document.set("package.name", "one")
    document.set(("model", "parameters", "a.b"), {"c[0]": 1})
    document.set(("model", "parameters", "a.b", "c[0]"), 2)

    assert document.kitfile == parse_kitfile(document.dump())
    assert document.kitfile.package.name == "one"
    assert document.kitfile.model is not None
    assert document.kitfile.model.parameters == {"epochs": 3, "rate": 0.1, "layers": [1, 2], "a.b": {"c[0]": 2}}


@pytest.mark.parametrize("place", [(), "", ".", "a..b", "a[", "a[x]", "[0", "a b[0]c", "a.", "a[000000]"])
def test_set_refuses_what_is_not_a_place(place: str | tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="is not a place in a Kitfile"):
        KitfileDocument(TEXT.encode()).set(place, 1)


@pytest.mark.parametrize("place", ["package.name.first", "code[5]", "code.path", "package[0]", "[0]", "docs[1].path"])
def test_set_refuses_a_place_that_cannot_be(place: str) -> None:
    document = KitfileDocument(TEXT.encode())

    with pytest.raises(UsageError, match="there is no place for"):
        document.set(place, "x")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("model.pth", "a", r"model\.pth: unknown key; did you mean 'path'"),
        ("code[0].path", "/a", "absolute paths"),
        ("code", "a", "must be a list"),
        ("model.parameters.x", float("inf"), "cannot be written as JSON"),
    ],
)
def test_set_refuses_what_would_not_be_valid_and_changes_nothing(place: str, value: JSON, message: str) -> None:
    document = KitfileDocument(TEXT.encode())

    with pytest.raises(InvalidDocumentError, match=message):
        document.set(place, value)

    assert document.dump() == TEXT.encode()
    assert document.kitfile == parse_kitfile(TEXT.encode())


def test_set_refuses_a_style_that_it_cannot_write() -> None:
    document = KitfileDocument(b"model:\n  parameters:\n    - 1\n    -\n    - 3\n")

    with pytest.raises(InvalidDocumentError, match=r"parameters\[1\] cannot be changed in this style of YAML"):
        document.set("model.parameters[1]", 2)


def test_a_document_that_is_not_valid_cannot_be_edited() -> None:
    with pytest.raises(InvalidDocumentError, match=r"\AMine: 1 problem\n  line 1: foo: unknown key"):
        KitfileDocument(b"foo: 1", what="Mine")


def _places(value: JSON, here: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    found = [here]
    if isinstance(value, dict):
        for key, item in value.items():
            found += _places(item, (*here, key))
        found.append((*here, "new"))
    if isinstance(value, list):
        for number, item in enumerate(value):
            found += _places(item, (*here, number))
        found.append((*here, len(value)))
    return found


@given(values, values, st.data())
@settings(max_examples=60)
def test_set_changes_any_value_to_any_other(before: JSON, value: JSON, data: st.DataObject) -> None:
    assume(before is not None)
    document = KitfileDocument(b"model:\n  path: a\n  # here\n")
    document.set("model.parameters", before)
    comment = data.draw(st.booleans())
    if comment:
        document = KitfileDocument(document.dump() + b"# end\n")
    place = data.draw(st.sampled_from(_places(before, ("model", "parameters"))))

    document.set(place, value)

    text = document.dump().decode()
    assert text.startswith("model:\n  path: a\n  ")
    assert text.endswith("# end\n") or not comment
    assert "  # here\n" in text
    found: JSON = document.kitfile.model.parameters if document.kitfile.model else None
    for step in place[2:]:
        assert isinstance(found, dict | list)
        found = found[step]  # type: ignore[index]
    assert go_dumps({"": found}) == go_dumps({"": value}) or isinstance(value, dict | list)
