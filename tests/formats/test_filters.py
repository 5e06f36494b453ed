import pytest

from orchard.errors import UsageError
from orchard.formats import Filters, Layer, LayerKind, layer_media_type, parse_filter, parse_filters
from orchard.oci import Descriptor


def layer(kind: LayerKind, path: str, name: str = "") -> Layer:
    return Layer(kind=kind, path=path, name=name, descriptor=Descriptor.of(b"", layer_media_type(kind)))


LAYERS = (
    layer(LayerKind.MODEL, "model.bin", "llm"),
    layer(LayerKind.PART, "./tok/", "tok"),
    layer(LayerKind.CODE, "."),
    layer(LayerKind.DATASET, "data/train.csv", "train"),
    layer(LayerKind.DATASET, "data/test.csv", "test"),
    layer(LayerKind.DOCS, "./README.md"),
    layer(LayerKind.DOCS, "../bad"),
    layer(LayerKind.PROMPT, "a.prompt", "a"),
    layer(LayerKind.MCP_SERVER, "s.mcpb", "s"),
)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (["model"], [0, 1]),
        (["model:"], [0, 1]),
        (["model:tok"], [1]),
        (["model:llm,tok"], [0, 1]),
        (["model:tok/"], [1]),
        (["model:./model.bin"], [0]),
        (["datasets:train"], [3]),
        (["datasets:data/../data/test.csv"], [4]),
        (["datasets", "docs:README.md"], [3, 4, 5]),
        (["docs:./README.md"], [5]),
        (["docs:../bad"], [6]),
        (["code,docs"], [2, 5, 6]),
        (["code:."], [2]),
        (["code:./"], [2]),
        (["prompts,mcpservers"], [7, 8]),
        (["mcpservers:s"], [8]),
        (["kitfile"], []),
        (["kitfile,code:nothing"], []),
        (["datasets:Train"], []),
        (["datasets:README.md"], []),
    ],
)
def test_filters_take_the_layers_they_name(texts: list[str], expected: list[int]) -> None:
    filters = parse_filters(texts)

    assert [number for number, one in enumerate(LAYERS) if filters.selects(one)] == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([], True), (["model"], False), (["model", "kitfile"], True), (["code,kitfile:x"], True)],
)
def test_the_kitfile_is_taken_where_it_is_named_or_nothing_is(
    texts: list[str],
    expected: bool,  # noqa: FBT001 -- a table
) -> None:
    assert parse_filters(texts).kitfile is expected


def test_no_filter_takes_everything() -> None:
    assert Filters().kitfile
    assert all(Filters().selects(one) for one in LAYERS)


@pytest.mark.parametrize("text", ["", "Model", "model,", " model", "dataset", ",", ":a", "models:a", "model\n"])
def test_an_unknown_type_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"invalid filter type .* \(must be one of kitfile, model, datasets, code, docs,"
    ):
        parse_filter(text)


@pytest.mark.parametrize("text", ["model:a:b", "model::", "model:a:"])
def test_a_filter_with_two_colons_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"should be <type1>,<type2>\[:<value1>,<value2>\]"):
        parse_filter(text)
