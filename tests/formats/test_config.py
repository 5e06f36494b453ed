import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidDocumentError
from orchard.formats import Code, Docs, Kitfile, Model, Package, kitfile_from_json
from orchard.oci import JSON, Digest, loads
from support.formats_values import kitfiles

DIGEST = Digest.of(b"")


def test_to_json_writes_keys_in_the_order_of_kit_and_package_always() -> None:
    assert Kitfile().to_json() == b'{"manifestVersion":"","package":{}}'
    assert Kitfile(docs=(Docs(),)).to_json() == b'{"manifestVersion":"","package":{},"docs":[{"path":""}]}'


@pytest.mark.parametrize(
    ("parameters", "written"),
    [
        (None, "{}"),
        (False, '{"parameters":false}'),
        (0, '{"parameters":0}'),
        ("", '{"parameters":""}'),
        ({}, '{"parameters":{}}'),
        ([], '{"parameters":[]}'),
        ({"b": {"d": 1, "c": 2}, "a": 1}, '{"parameters":{"a":1,"b":{"c":2,"d":1}}}'),
        ({"a": None, "B": 1.0, "": "<&>"}, '{"parameters":{"":"\\u003c\\u0026\\u003e","B":1,"a":null}}'),
    ],
)
def test_to_json_writes_parameters_sorted_and_leaves_out_only_null(parameters: JSON, written: str) -> None:
    config = Kitfile(model=Model(parameters=parameters)).to_json()

    assert config.decode() == f'{{"manifestVersion":"","package":{{}},"model":{written}}}'


def test_to_json_writes_digests_last() -> None:
    config = Kitfile(code=(Code(path="a", license="b", digest=DIGEST, diff_id=DIGEST),)).to_json()

    assert list(json.loads(config)["code"][0]) == ["path", "license", "digest", "diffId"]


def test_to_json_refuses_a_number_that_is_not_finite() -> None:
    with pytest.raises(InvalidDocumentError, match="nan cannot be written as JSON"):
        Kitfile(model=Model(parameters=float("nan"))).to_json()


@given(kitfiles())
def test_a_config_says_what_the_kitfile_said(kitfile: Kitfile) -> None:
    config = kitfile.to_json()

    assert kitfile_from_json(loads(config, what="config", limit=1 << 20)).to_json() == config


def test_a_config_with_unknown_keys_and_nulls_is_read() -> None:
    value: JSON = {
        "manifestVersion": "9",
        "package": {"name": "a", "authors": None, "x-vendor": 1},
        "model": None,
        "code": [{"path": "a", "digest": "", "diffId": str(DIGEST), "later": {}}, None],
        "agents": [1],
    }

    assert kitfile_from_json(value) == Kitfile(
        manifest_version="9", package=Package(name="a"), code=(Code(path="a", diff_id=DIGEST), Code())
    )


def test_a_config_without_any_section_is_read() -> None:
    assert kitfile_from_json({}) == Kitfile()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], r"config: must be an object, not a list"),
        (None, r"config: must be an object, not null"),
        ({"package": "a"}, r"config\.package: must be an object, not a string"),
        ({"package": {"name": 1}}, r"config\.package\.name: must be a string, not a number"),
        ({"package": {"authors": "a"}}, r"config\.package\.authors: must be a list, not a string"),
        ({"package": {"authors": [True]}}, r"config\.package\.authors: must be a string, not true or false"),
        ({"code": {}}, r"config\.code: must be a list, not an object"),
        ({"code": [1.5]}, r"config\.code\[0\]: must be an object, not a number"),
        ({"docs": [{}, {"digest": "sha256:x"}]}, r"config\.docs\[1\]\.digest: 'sha256:x' is not a digest"),
        ({"docs": [{"Path": "a"}]}, r"config\.docs\[0\]: the key 'Path' must be written 'path'"),
        ({"Package": {}}, r"config: the key 'Package' must be written 'package'"),
    ],
)
def test_a_config_of_another_shape_is_refused_with_the_place(value: JSON, message: str) -> None:
    with pytest.raises(InvalidDocumentError, match=message):
        kitfile_from_json(value)


def test_half_characters_of_a_config_become_what_go_makes_of_them() -> None:
    kitfile = kitfile_from_json({"package": {"name": "a\ud800"}, "model": {"parameters": {"\udc00": ["\ud800b"]}}})

    assert kitfile.package.name == "a\ufffd"
    assert kitfile.model is not None
    assert kitfile.model.parameters == {"\ufffd": ["\ufffdb"]}
    kitfile.to_json()


keys = st.sampled_from(
    ["manifestVersion", "package", "model", "code", "datasets", "docs", "path", "parts", "digest", "name"]
)
json_values: st.SearchStrategy[JSON] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@given(json_values)
def test_a_config_is_read_or_refused_and_never_crashes(value: JSON) -> None:
    try:
        kitfile_from_json(value)
    except InvalidDocumentError as error:
        assert str(error).startswith("config")  # noqa: PT017 -- the rest is whatever it is
