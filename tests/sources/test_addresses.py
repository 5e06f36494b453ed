"""What people type for a place to import from."""

import pytest

from orchard.errors import OrchardError, UnsupportedError, UsageError
from orchard.sources import GitAddress, HubAddress, Kind, Tool, parse_address

HF = "https://huggingface.co"


def hub(name: str, kind: Kind = Kind.MODEL, revision: str | None = None, below: str = "") -> HubAddress:
    return HubAddress(endpoint=HF, kind=kind, name=name, revision=revision, below=below)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("org/name", hub("org/name")),
        ("gpt2", hub("gpt2")),
        ("Org/Na.me_1-x", hub("Org/Na.me_1-x")),
        ("datasets/org/name", hub("org/name", Kind.DATASET)),
        ("models/org/name", hub("org/name")),
        (f"{HF}/org/name", hub("org/name")),
        (f"{HF}/org/name/", hub("org/name")),
        ("huggingface.co/org/name", hub("org/name")),
        ("https://hf.co/org/name", hub("org/name")),
        (f"{HF}/gpt2", hub("gpt2")),
        (f"{HF}/gpt2/tree/main", hub("gpt2", revision="main")),
        (f"{HF}/org/name/tree/main/sub/dir", hub("org/name", revision="main", below="sub/dir")),
        (f"{HF}/org/name/blob/refs%2Fpr%2F1/a.gguf", hub("org/name", revision="refs/pr/1", below="a.gguf")),
        (f"{HF}/datasets/org/name/resolve/v1/a.csv?download=true", hub("org/name", Kind.DATASET, "v1", "a.csv")),
        (f"{HF}/org/name/commit/{'a' * 40}", hub("org/name", revision="a" * 40)),
        (f"{HF}/org/name/discussions/3", hub("org/name")),
        ("https://github.com/org/name.git", GitAddress(location="https://github.com/org/name.git")),
        ("github.com/org/name", GitAddress(location="https://github.com/org/name")),
        ("git@github.com:org/name.git", GitAddress(location="git@github.com:org/name.git")),
        ("ssh://git@host/org/name", GitAddress(location="ssh://git@host/org/name")),
        ("./here", GitAddress(location="./here")),
        ("/srv/here", GitAddress(location="/srv/here")),
        ("file:///srv/here", GitAddress(location="file:///srv/here")),
    ],
)
def test_an_address_means_what_people_mean(text: str, expected: HubAddress | GitAddress) -> None:
    assert parse_address(text, environ={}) == expected


@pytest.mark.parametrize(
    ("text", "tool", "kind"),
    [
        ("", None, UsageError),
        ("org/name/more", None, UsageError),
        ("org/na--me", None, UsageError),
        ("../etc", "hf", UsageError),
        ("org/..", None, UsageError),
        ("org/na me", None, UsageError),
        ("org/name\n", None, UsageError),
        ("spaces/org/app", None, UnsupportedError),
        (f"{HF}/spaces/org/app", None, UnsupportedError),
        (f"{HF}/docs/hub/index/more", None, UsageError),
        ("https://example.com/org/name", "hf", UsageError),
        ("svn://example.com/org/name", None, UsageError),
        ("https://[::1/org/name", None, UsageError),
        ("ssh://[::1/org/name", "git", UsageError),
        ("https://example.com:99999/org/name", None, UsageError),
    ],
)
def test_what_is_no_address_is_refused(text: str, tool: Tool | None, kind: type[OrchardError]) -> None:
    with pytest.raises(kind):
        parse_address(text, environ={}, tool=tool)


def test_an_endpoint_may_have_a_path_and_replaces_the_public_one() -> None:
    environ = {"HF_ENDPOINT": "http://mirror.example/hf/"}
    for text in ("org/name", "http://mirror.example/hf/org/name", f"{HF}/org/name"):
        address = parse_address(text, environ=environ)
        assert isinstance(address, HubAddress)
        assert address.url == "http://mirror.example/hf/org/name"


@pytest.mark.parametrize(
    "endpoint", ["mirror.example", "ftp://mirror.example", "https://", "https://[::1", "http://x:a"]
)
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError, match="HF_ENDPOINT"):
        parse_address("org/name", environ={"HF_ENDPOINT": endpoint})


def test_git_fetches_from_a_hub_where_it_is_told_to() -> None:
    address = parse_address("org/name", environ={}, tool="git", ref="v1")
    assert address == GitAddress(location=f"{HF}/org/name", revision="v1")


def test_two_revisions_contradict_each_other() -> None:
    with pytest.raises(UsageError, match=r"names main, --ref names v1"):
        parse_address(f"{HF}/org/name/tree/main", environ={}, ref="v1")


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("https://github.com/org/name.git", "org/name"),
        ("git@github.com:org/name.git", "org/name"),
        ("git@host:name", "name"),
        ("/srv/git/team/project/", "team/project"),
        ("file:///srv/project", "srv/project"),
    ],
)
def test_a_repository_of_git_is_named_by_its_last_two_parts(location: str, name: str) -> None:
    assert GitAddress(location=location).name == name
