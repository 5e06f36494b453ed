import pytest

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.formats import (
    Code,
    Dataset,
    Docs,
    Kitfile,
    MCPServer,
    Model,
    ModelPart,
    Package,
    Prompt,
    is_reference,
    parse_kitfile,
)

HEAD = "manifestVersion: 1.0.0\n"


def complaints(text: str) -> list[str]:
    """Give what is wrong with a Kitfile, one line for each problem."""
    with pytest.raises(InvalidDocumentError, match="problem") as caught:
        parse_kitfile((HEAD + text).encode())
    first, *rest = str(caught.value).split("\n")
    assert first == f"Kitfile: {len(rest)} problem{'s' if len(rest) > 1 else ''}"
    return [line.strip() for line in rest]


EVERY_FIELD = """
package: {name: n, version: 1.10, description: d, license: MIT, authors: [a, b]}
model:
  name: n
  path: m
  license: l
  framework: f
  format: g
  version: 2
  description: d
  parts: [{name: n, path: p, license: l, type: t}]
  parameters: {a: 1}
code: [{path: c, description: d, license: l}]
datasets:
  - {name: n, path: e, description: d, license: l, parameters: [1]}
  - {path: f, remotePath: s3://bucket/key?versionId=1, remoteHash: abc}
  - {path: g, remotePath: example.com/team/data:v1}
docs: [{path: h, description: d}]
prompts: [{name: n, path: i, description: d}]
mcpServers: [{name: n, path: j.mcpb, description: d}]
"""
READ = Kitfile(
    manifest_version="1.0.0",
    package=Package(name="n", version="1.10", description="d", license="MIT", authors=("a", "b")),
    model=Model(
        name="n",
        path="m",
        license="l",
        framework="f",
        format="g",
        version="2",
        description="d",
        parts=(ModelPart(name="n", path="p", license="l", type="t"),),
        parameters={"a": 1},
    ),
    code=(Code(path="c", description="d", license="l"),),
    datasets=(
        Dataset(name="n", path="e", description="d", license="l", parameters=[1]),
        Dataset(path="f", remote_path="s3://bucket/key?versionId=1", remote_hash="abc"),
        Dataset(path="g", remote_path="example.com/team/data:v1"),
    ),
    docs=(Docs(path="h", description="d"),),
    prompts=(Prompt(name="n", path="i", description="d"),),
    mcp_servers=(MCPServer(name="n", path="j.mcpb", description="d"),),
)


def test_parse_reads_every_field_of_the_schema() -> None:
    assert parse_kitfile((HEAD + EVERY_FIELD).encode()) == READ


@pytest.mark.parametrize(
    "text",
    [
        "package:",
        "model:",
        "code:",
        "datasets: ~",
        "docs: null",
        "package: {authors: }",
        "package: {name: ~}",
        "mcpServers: []",
    ],
)
def test_parse_takes_nothing_for_an_absent_section(text: str) -> None:
    assert parse_kitfile((HEAD + text).encode()) == Kitfile(manifest_version="1.0.0")


def test_parse_takes_a_kitfile_that_says_nothing() -> None:
    assert parse_kitfile(b"{}") == Kitfile()


def test_parse_takes_a_mark_of_utf_8_and_windows_line_ends() -> None:
    assert parse_kitfile(b"\xef\xbb\xbfmanifestVersion: 1.0.0\r\npackage:\r\n  name: a\r\n").package.name == "a"


def test_parse_drops_authors_that_are_null_as_kit_does() -> None:
    assert parse_kitfile(b"package: {authors: [a, ~, b]}").package.authors == ("a", "b")


@pytest.mark.parametrize("version", ["1.0.0", "1.0", "'1.0.0'", '""', "~"])
def test_parse_takes_the_manifest_versions_that_are_in_use(version: str) -> None:
    parse_kitfile(f"manifestVersion: {version}\n".encode())


TYPE = (
    "line 2: model.parts[0].type: must be at most 64 letters, digits, '_', '.' and '-', with neither '.' nor '-' first"
)
REMOTE = "line 2: datasets[0].remotePath: must be s3://bucket/key or a reference to a kit (registry/name:tag)"
HASH = "line 2: datasets[0].remoteHash: belongs to s3:// paths; a reference is checked by its digest, so remove it"

# Each row: a Kitfile, and all that is wrong with it.
WRONG = {
    "a misspelt key": ("packages: {}", ["line 2: packages: unknown key; did you mean 'package'?"]),
    "another case": ("Package: {}", ["line 2: Package: unknown key; did you mean 'package'?"]),
    "all capitals": ("DATASETS: []", ["line 2: DATASETS: unknown key; did you mean 'datasets'?"]),
    "a strange key": (
        "docs: [{path: a, zzz: 1}]",
        ["line 2: docs[0].zzz: unknown key; known keys are path, description"],
    ),
    "a key of the config": (
        "docs: [{path: a, digest: x}]",
        ["line 2: docs[0].digest: unknown key; known keys are path, description"],
    ),
    "a text for a mapping": ("package: x", ["line 2: package: must be a mapping of keys and values"]),
    "a text for a list": ("code: x", ["line 2: code: must be a list"]),
    "a mapping for a list": ("code: {path: a}", ["line 2: code: must be a list"]),
    "a list for a text": ("package:\n  name: [a]", ["line 3: package.name: must be a text"]),
    "a text for an entry": (
        "code: [a]",
        [
            "line 2: code[0]: 'path' is missing; write '.' for the whole directory",
            "line 2: code[0]: must be a mapping of keys and values",
        ],
    ),
    "no path": (
        "code:\n  - description: a\ndocs:\n  -\n",
        [
            "line 3: code[0]: 'path' is missing; write '.' for the whole directory",
            "line 5: docs[0]: 'path' is missing; write '.' for the whole directory",
        ],
    ),
    "an empty path": (
        'datasets:\n  - path: ""',
        ["line 3: datasets[0]: 'path' is missing; write '.' for the whole directory"],
    ),
    "an empty model": ("model:\n  name: a", ["line 3: model: holds neither a path nor parts nor parameters"]),
    "an absolute path": (
        "model:\n  path: /a",
        ["line 3: model.path: '/a': absolute paths are not supported; write it relative to the Kitfile"],
    ),
    "a drive": (
        r"model: {path: 'C:\a'}",
        [r"line 2: model.path: 'C:\\a': absolute paths are not supported; write it relative to the Kitfile"],
    ),
    "a share": (
        r"model: {path: '\\host\a'}",
        [r"line 2: model.path: '\\\\host\\a': absolute paths are not supported; write it relative to the Kitfile"],
    ),
    "a path that leaves": (
        "prompts:\n  - path: a/../../b",
        ["line 3: prompts[0].path: 'a/../../b': the path leaves the directory of the Kitfile"],
    ),
    "a line break in a path": (
        'docs: [{path: "a\\n"}]',
        ["line 2: docs[0].path: 'a\\n': a path must not hold control characters"],
    ),
    "a URL": (
        "code: [{path: HTTPS://x/y}]",
        ["line 2: code[0].path: https:// is not supported in a path; download it and name the file"],
    ),
    "an s3 path": (
        "datasets: [{path: s3://x/y}]",
        ["line 2: datasets[0].path: s3:// is not supported in a path; download it and name the file"],
    ),
    "the same path twice": (
        "model: {path: ./a}\ncode:\n  - path: a/\n  - path: b/../a",
        [
            "line 4: code[0].path: 'a/' is the path of model as well",
            "line 5: code[1].path: 'b/../a' is the path of model as well",
        ],
    ),
    "a part type": (
        "model: {parts: [{path: a, type: -x}]}",
        [
            TYPE,
        ],
    ),
    "a long part type": (
        f"model: {{parts: [{{path: a, type: {'x' * 65}}}]}}",
        [
            TYPE,
        ],
    ),
    "a line break in a name": (
        'package: {name: "a\\n", authors: ["\\x1b[31m"]}',
        [
            "line 2: package.authors: line breaks and control characters are not allowed here",
            "line 2: package.name: line breaks and control characters are not allowed here",
        ],
    ),
    "a server without a name": (
        "mcpServers:\n  - path: a.mcpb",
        ["line 3: mcpServers[0]: 'name' is missing"],
    ),
    "a server twice": (
        "mcpServers:\n  - {name: a, path: a.mcpb}\n  - {name: a, path: b.mcpb}",
        ["line 4: mcpServers[1].name: 'a' is the name of another server"],
    ),
    "a server of another kind": (
        "mcpServers: [{name: a, path: a.zip}, {name: b}]",
        [
            "line 2: mcpServers[0].path: must be one .mcpb file",
            "line 2: mcpServers[1]: 'path' is missing; write '.' for the whole directory",
        ],
    ),
    "a hash without a remote path": (
        "datasets: [{path: a, remoteHash: x}]",
        ["line 2: datasets[0].remoteHash: belongs to a remotePath, and there is none"],
    ),
    "s3 without a hash": (
        "datasets: [{path: a, remotePath: s3://b/k}]",
        ["line 2: datasets[0].remotePath: an s3:// path needs a remoteHash: the ETag of the object"],
    ),
    "a bucket alone": (
        "datasets: [{path: a, remotePath: s3://b/, remoteHash: x}]",
        [REMOTE],
    ),
    "a remote path of another kind": (
        "datasets: [{path: a, remotePath: https://b/k, remoteHash: x}]",
        [REMOTE],
    ),
    "a hash for a reference": (
        "datasets: [{path: a, remotePath: x.io/y:z, remoteHash: x}]",
        [
            HASH,
        ],
    ),
    "a path within remote data": (
        "code: [{path: .}, {path: data/x/y}, {path: database}]\ndatasets: [{path: data/x, remotePath: x.io/y:z}]",
        ["line 2: code[1].path: lies within datasets[0], which is not stored in the kit"],
    ),
    "a path in a remote directory": (
        "code: [{path: a}]\ndatasets: [{path: ., remotePath: x.io/y:z}]",
        ["line 2: code[0].path: lies within datasets[0], which is not stored in the kit"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_parse_names_every_problem_with_line_and_place(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


@pytest.mark.parametrize("version", ["v2", "2.0.0", "1", "1.0.0-beta"])
def test_parse_refuses_other_manifest_versions(version: str) -> None:
    with pytest.raises(InvalidDocumentError, match=f"line 1: manifestVersion: '{version}' is not supported"):
        parse_kitfile(f"manifestVersion: {version}".encode())


def test_parse_sorts_all_problems_by_line() -> None:
    assert complaints("docs: [{path: /a}]\nmodel:\n  pth: b\ncode:\n  - path: ../c\n") == [
        "line 2: docs[0].path: '/a': absolute paths are not supported; write it relative to the Kitfile",
        "line 4: model: holds neither a path nor parts nor parameters",
        "line 4: model.pth: unknown key; did you mean 'path'?",
        "line 6: code[0].path: '../c': the path leaves the directory of the Kitfile",
    ]


def test_parse_lists_a_hundred_problems_and_counts_the_rest() -> None:
    with pytest.raises(InvalidDocumentError, match="Kitfile: 250 problems") as caught:
        parse_kitfile(("code:\n" + "  - path: /a\n  - path: ../b\n" * 125).encode())

    assert str(caught.value).split("\n")[-1] == "  and 150 more"


def test_parse_names_the_file_that_it_is_told() -> None:
    with pytest.raises(InvalidDocumentError, match=r"\Aproject/Kitfile: 1 problem\n  line 1: "):
        parse_kitfile(b"foo: 1", what="project/Kitfile")


def test_parts_without_a_model_do_not_clash_with_everything() -> None:
    text = "model: {parts: [{path: a}]}\ncode: [{path: .}]\n"

    assert parse_kitfile(text.encode()).code == (Code(path="."),)


def test_a_dataset_elsewhere_may_lie_within_another_path() -> None:
    parse_kitfile(b"code: [{path: .}]\ndatasets: [{path: a/b, remotePath: x.io/y:z}]")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"~", "a Kitfile is a mapping"),
        (b"- a", "a Kitfile is a mapping"),
        (b"a", "a Kitfile is a mapping"),
        (b"\xff", "not UTF-8 at byte 0"),
        ("a: é".encode("utf-16"), "not UTF-8 at byte 0"),
        (b"a: b: c", "line 1: not YAML: mapping values are not allowed here"),
        (b"a: 'b\n", "line 2: not YAML: found unexpected end of stream"),
        (b"a:\tb", r"line 1: not YAML: .*\(there is a tab; write spaces\)"),
        (b"a: \0", "not YAML: "),
    ],
)
def test_parse_says_what_is_not_a_kitfile(raw: bytes, message: str) -> None:
    with pytest.raises(InvalidDocumentError, match=message):
        parse_kitfile(raw)


def test_parse_takes_one_mebibyte_and_not_a_byte_more() -> None:
    comment = b"manifestVersion: 1.0.0\n#".ljust(1 << 20, b"x")

    parse_kitfile(comment)
    with pytest.raises(LimitExceededError, match="1048577 bytes, at most 1048576"):
        parse_kitfile(comment + b"x")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("model.bin", False),
        ("dir/model", False),
        ("team/model:v1", True),
        ("model:v1.bin", True),
        ("registry.example.com/team/model:v1", True),
        ("team/model@sha256:" + "a" * 64, True),
        ("Model:v1", False),
        ("a:b:c", False),
        ("a b:c", False),
        ("", False),
    ],
)
def test_is_reference_tells_what_may_name_a_kit(path: str, expected: bool) -> None:  # noqa: FBT001 -- a table
    assert is_reference(path) is expected
