"""What Go 1.26's ``json.Marshal`` writes for the same value."""

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError
from orchard.oci import JSON, go_dumps

TABLE: list[tuple[JSON, str]] = [
    (0.0, "0"),
    (-0.0, "-0"),
    (1.0, "1"),
    (-1.0, "-1"),
    (1.5, "1.5"),
    (100.0, "100"),
    (0.1, "0.1"),
    (123456789.125, "123456789.125"),
    (1e20, "100000000000000000000"),
    (123456789012345680000.0, "123456789012345680000"),
    (999999999999999900000.0, "999999999999999900000"),
    (1e21, "1e+21"),
    (-1e21, "-1e+21"),
    (1.5e21, "1.5e+21"),
    (1e22, "1e+22"),
    (1e100, "1e+100"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (0.000001, "0.000001"),
    (0.0000015, "0.0000015"),
    (9.99e-7, "9.99e-7"),
    (1e-7, "1e-7"),
    (-1e-7, "-1e-7"),
    (1.25e-9, "1.25e-9"),
    (1e-10, "1e-10"),
    (5e-324, "5e-324"),
    (2.2250738585072014e-308, "2.2250738585072014e-308"),
    (4503599627370497.5, "4503599627370498"),
    (9007199254740993.0, "9007199254740992"),
    ("", '""'),
    ("plain", '"plain"'),
    ('a"b', '"a\\"b"'),
    ("a\\b", '"a\\\\b"'),
    ("a/b", '"a/b"'),
    ("\b\f\n\r\t", '"\\b\\f\\n\\r\\t"'),
    ("\x00\x01\x1f\x7f", '"\\u0000\\u0001\\u001f\x7f"'),
    ("<a href='x'>&amp;</a>", "\"\\u003ca href='x'\\u003e\\u0026amp;\\u003c/a\\u003e\""),
    ("\u2028\u2029", '"\\u2028\\u2029"'),
    ("é ü 漢 😀", '"é ü 漢 😀"'),
    ("\ufeff\ufffd\u0085\u00a0", '"\ufeff\ufffd\u0085\u00a0"'),
    (None, "null"),
    (True, "true"),
    (False, "false"),
    ([], "[]"),
    ({}, "{}"),
    ([1, "a", None, [True]], '[1,"a",null,[true]]'),
    ({"<k>": {"a": [1, 2]}}, '{"\\u003ck\\u003e":{"a":[1,2]}}'),
    (9223372036854775807, "9223372036854775807"),
    (-9223372036854775808, "-9223372036854775808"),
]


@pytest.mark.parametrize(("value", "expected"), TABLE, ids=[ascii(expected) for _, expected in TABLE])
def test_go_dumps_writes_what_go_writes(value: JSON, expected: str) -> None:
    assert go_dumps(value) == expected.encode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_go_dumps_of_a_float_is_the_same_float(value: float) -> None:
    assert struct.pack("d", float(json.loads(go_dumps(value)))) == struct.pack("d", value + 0.0)


@given(st.text())
def test_go_dumps_of_a_text_is_the_same_text(text: str) -> None:
    written = go_dumps(text)

    assert json.loads(written) == text
    assert not set("<>&\u2028\u2029") & set(written.decode())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_go_dumps_when_a_number_is_not_finite_then_refused(value: float) -> None:
    with pytest.raises(InvalidDocumentError, match="cannot be written as JSON"):
        go_dumps({"a": [value]})


def test_go_dumps_when_a_file_name_is_not_utf8_then_refused() -> None:
    with pytest.raises(InvalidDocumentError, match="UTF-8 can hold"):
        go_dumps(["\udce9"])
