import pytest

from orchard.formats import card_licenses, card_texts, read_card
from orchard.formats.licenseexpr import is_spdx


def test_front_matter_is_read() -> None:
    card = read_card(
        b"\xef\xbb\xbf---\r\nlicense: apache-2.0\r\nlanguage:\r\n- en\r\n- no\r\ntags: [a]\r\n---\r\n# Title\r\n"
    )

    assert card_licenses(card) == ["Apache-2.0"]
    assert card_texts(card, "language") == ["en", "no"]
    assert card_texts(card, "datasets") == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"# Title\n",
        b"---\nnever ends",
        b"---\n- a\n---\n",
        b"---\na: &x [1]\nb: *x\n---\n",
        b"---\n\t\n---\n",
        b"---\n" + b"[" * 500 + b"\n---\n",
        b"---\n\xff\xfe: 1\xff\n---x\n---\n" + b"x" * 300_000,
        b"---\na: 1\na: 2\n---\n",
    ],
)
def test_what_is_no_front_matter_says_nothing(raw: bytes) -> None:
    assert not card_licenses(read_card(raw))


@pytest.mark.parametrize(
    "text",
    [
        "MIT",
        "Apache-2.0",
        "GPL-2.0-only",
        "GPL-2.0+",
        "MIT OR Apache-2.0",
        "(MIT AND BSD-3-Clause) OR ISC",
        "GPL-2.0-or-later WITH Classpath-exception-2.0",
        "LicenseRef-Gemma",
        "DocumentRef-x:LicenseRef-y",
        "CC-BY-NC-SA-4.0",
        "CC0-1.0",
        "((MIT))",
    ],
)
def test_spdx_expressions_are_known(text: str) -> None:
    assert is_spdx(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mit license",
        "Apache 2.0",
        "MIT OR",
        "OR MIT",
        "(MIT",
        "MIT)",
        "MIT MIT",
        "llama3",
        "proprietary",
        "other",
        "MIT WITH",
        "https://example.com",
        "MIT/Apache-2.0",
        "(" * 500,
        "MIT AND " * 200 + "MIT",
        "WITH",
        "()",
    ],
)
def test_what_is_no_spdx_expression_is_not(text: str) -> None:
    assert not is_spdx(text)
