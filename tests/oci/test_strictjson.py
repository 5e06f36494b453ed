import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError, InvalidError, LimitExceededError
from orchard.oci import JSON, dumps, loads, refuse_variants

LIMIT = 1 << 20

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_loads_when_written_by_dumps_then_the_same(value: JSON) -> None:
    assert loads(dumps(value), what="it", limit=LIMIT) == value


@given(st.binary(max_size=200) | st.text('[]{}",:1a\\ ').map(str.encode) | values.map(dumps))
def test_loads_of_any_bytes_gives_a_value_or_an_error_of_ours(raw: bytes) -> None:
    complaint = "it: "
    try:
        value = loads(raw, what="it", limit=LIMIT)
    except InvalidError as error:
        complaint = str(error)
    else:
        assert value == json.loads(raw)

    assert complaint.startswith("it: ")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b'{"a":1,"a":2}', "'a' stands twice", id="duplicate key"),
        pytest.param(b'{"a":1,"\\u0061":2}', "'a' stands twice", id="duplicate key, escaped"),
        pytest.param(b'[{"x":{"b":1,"c":2,"b":3}}]', "'b' stands twice", id="duplicate key, deep"),
        pytest.param(b"NaN", "NaN is not a JSON number", id="NaN"),
        pytest.param(b"[Infinity]", "Infinity is not a JSON number", id="Infinity"),
        pytest.param(b"[-Infinity]", "-Infinity is not a JSON number", id="-Infinity"),
        pytest.param(b"[1e999]", "1e999 is too large", id="number that becomes infinite"),
        pytest.param(b"1" * 5000, "Exceeds the limit", id="number with 5000 digits"),
        pytest.param(b"\xef\xbb\xbf{}", "not JSON", id="byte-order mark"),
        pytest.param("{}".encode("utf-16"), "not UTF-8 at byte 0", id="UTF-16"),
        pytest.param(b'"\xff"', "not UTF-8 at byte 1", id="not UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', "not UTF-8", id="surrogate in UTF-8"),
        pytest.param(b'{"a":"\\ud800"}', "UTF-8 can hold", id="half a character"),
        pytest.param(b'{"\\uDFFF":1}', "UTF-8 can hold", id="half a character in a key"),
        pytest.param(b'"\x01"', "not JSON", id="control character"),
        pytest.param(b"{} {}", "not JSON", id="two documents"),
        pytest.param(b"{'a':1}", "not JSON", id="single quotes"),
        pytest.param(b"[1,]", "not JSON", id="trailing comma"),
        pytest.param(b"// x\n1", "not JSON", id="comment"),
        pytest.param(b"", "not JSON", id="empty"),
    ],
)
def test_loads_when_a_document_can_be_read_in_two_ways_then_refused(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=f"^it: .*{why}"):
        loads(raw, what="it", limit=LIMIT)


def test_loads_when_a_character_is_written_as_two_halves_then_read() -> None:
    assert loads(b'"\\ud83d\\ude00 \\\\ud800"', what="it", limit=LIMIT) == "\U0001f600 \\ud800"


@pytest.mark.parametrize(("size", "fits"), [(99, True), (100, True), (101, False)])
def test_loads_at_the_limit(size: int, fits: bool) -> None:  # noqa: FBT001 -- a column of the table
    raw = b'"' + b"x" * (size - 2) + b'"'

    if fits:
        assert loads(raw, what="it", limit=100) == "x" * (size - 2)
    else:
        with pytest.raises(LimitExceededError, match="101 bytes, at most 100"):
            loads(raw, what="it", limit=100)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [1, 63, 64])
def test_loads_when_nested_to_the_limit_then_read(opening: bytes, closing: bytes, depth: int) -> None:
    loads(opening * depth + b"1" + closing * depth, what="it", limit=LIMIT)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b"[", b""), (b'[{"a":', b"")])
@pytest.mark.parametrize("depth", [65, 5000, 100_000])
def test_loads_when_nested_deeper_then_refused(opening: bytes, closing: bytes, depth: int) -> None:
    with pytest.raises(LimitExceededError, match="deeper than 64"):
        loads(opening * depth + b"1" + closing * depth, what="it", limit=LIMIT)


def test_loads_when_brackets_stand_in_strings_then_they_do_not_count() -> None:
    text = '[{"' * 100 + "\\" * 7 + '"' + "]" * 300

    assert loads(dumps([text, {text: [text]}]), what="it", limit=LIMIT) == [text, {text: [text]}]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'"' + b'\\"' * 2_000_000, id="string of quotes without an end"),
        pytest.param(b'"' + b"\\" * 4_000_000, id="string of backslashes without an end"),
        pytest.param(b'"' * 4_000_000, id="quotes"),
        pytest.param(b"]" * 4_000_000, id="closing brackets"),
        pytest.param(b"-" * 4_000_000, id="signs"),
    ],
)
def test_loads_of_four_hostile_megabytes_takes_no_time(raw: bytes) -> None:
    start = time.process_time()

    with pytest.raises(InvalidDocumentError, match="not JSON"):
        loads(raw, what="it", limit=4 << 20)

    assert time.process_time() - start < 20  # 0.3 on a quiet machine; what is quadratic here takes hours


@pytest.mark.parametrize("key", ["Layers", "LAYERS", "layer\u017f"])
def test_refuse_variants_when_only_the_case_differs_then_refused(key: str) -> None:
    with pytest.raises(InvalidDocumentError, match="must be written 'layers'"):
        refuse_variants({"other": 1, key: []}, frozenset(("layers", "config")), what="it")


@pytest.mark.parametrize("value", [None, 1, "Layers", ["Layers"], {}, {"layers": 1}, {"other": 1, "layers2": 2}])
def test_refuse_variants_when_nothing_is_ambiguous_then_accepted(value: JSON) -> None:
    refuse_variants(value, frozenset(("layers",)), what="it")


def test_dumps_is_compact_and_keeps_the_order() -> None:
    assert dumps({"b": [1, "é"], "a": None}) == '{"b":[1,"é"],"a":null}'.encode()


def test_dumps_when_a_file_name_is_not_utf8_then_refused() -> None:
    with pytest.raises(InvalidDocumentError, match=r"UTF-8 can hold: .*caf\\udce9"):
        dumps({"path": b"caf\xe9".decode("utf-8", "surrogateescape")})
