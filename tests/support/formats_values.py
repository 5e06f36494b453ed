"""Random values of a Kitfile, for property tests."""

from hypothesis import strategies as st

from orchard.formats import Code, Dataset, Docs, Kitfile, MCPServer, Model, ModelPart, Package, Prompt
from orchard.oci import JSON

# All of Unicode but for halves of characters, with what YAML cares about more often than chance would have it.
characters = st.one_of(
    st.sampled_from("ab1 0-:#,[]{}'\"?!&*|>%@`~.=<\\\n\té\u2028\ufeff😀\x07\x85\r"),
    st.characters(exclude_categories=["Cs"]),
)
texts = st.text(characters, max_size=12)
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)

numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number or 0.0)
)
values: st.SearchStrategy[JSON] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
numbered = st.integers(0, 3)


def _entries(kind: type, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.builds(kind, **fields), max_size=2).map(tuple)


def kitfiles() -> st.SearchStrategy[Kitfile]:
    """Give Kitfiles with any text in any field, as strangers write them."""
    part = _entries(ModelPart, name=texts, path=texts, license=texts, type=texts)
    model = st.builds(Model, name=texts, path=texts, description=texts, parts=part, parameters=values)
    return st.builds(
        Kitfile,
        manifest_version=texts,
        package=st.builds(
            Package, name=texts, version=texts, description=texts, authors=st.lists(texts, max_size=3).map(tuple)
        ),
        model=st.one_of(st.none(), model),
        code=_entries(Code, path=texts, description=texts, license=texts),
        datasets=_entries(Dataset, name=texts, path=texts, remote_path=texts, parameters=values),
        docs=_entries(Docs, path=texts, description=texts),
        prompts=_entries(Prompt, name=texts, path=texts),
        mcp_servers=_entries(MCPServer, name=texts, path=texts),
    )


def valid_kitfiles() -> st.SearchStrategy[Kitfile]:
    """Give Kitfiles that can be packed: no path twice, nothing on several lines but descriptions."""
    model = st.builds(Model, name=lines, path=st.just("model.bin"), description=texts, parameters=values)
    return st.builds(
        Kitfile,
        manifest_version=st.sampled_from(["", "1.0", "1.0.0"]),
        package=st.builds(
            Package, name=lines, version=lines, description=texts, authors=st.lists(lines, max_size=3).map(tuple)
        ),
        model=st.one_of(st.none(), model),
        code=numbered.map(lambda count: tuple(Code(path=f"code/{number}") for number in range(count))),
        datasets=st.tuples(
            st.builds(Dataset, name=lines, path=st.just("./data"), description=texts, parameters=values)
        ),
        docs=numbered.map(lambda count: tuple(Docs(path=f"docs {number}") for number in range(count))),
    )
