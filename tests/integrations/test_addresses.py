import pytest

from orchard.errors import InvalidReferenceError
from orchard.integrations import split_address

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("localhost:8080/team/model:v1/data/train.csv", "localhost:8080/team/model:v1", "data/train.csv"),
        ("registry.example.com/a/b/c:v1/x", "registry.example.com/a/b/c:v1", "x"),
        ("registry.example.com/model:v1", "registry.example.com/model:v1", ""),
        ("registry.example.com/model:v1/", "registry.example.com/model:v1", ""),
        ("registry.example.com/model:v1//x//y/", "registry.example.com/model:v1", "x/y"),
        (f"registry.example.com/model@{DIGEST}/x", f"registry.example.com/model@{DIGEST}", "x"),
        (f"localhost:5000/model:v1@{DIGEST}/x", f"localhost:5000/model:v1@{DIGEST}", "x"),
        ("[::1]:5000/model:v1/x", "[::1]:5000/model:v1", "x"),
        ("mymodel:v1/data/x", "mymodel:v1", "data/x"),
        ("team/mymodel:v1/data/x", "team/mymodel:v1", "data/x"),
        ("mymodel:1/data/x", "mymodel:1", "data/x"),
        ("registry:5000/model:v1/x", "registry:5000/model:v1", "x"),
        ("my.model:v1/x", "my.model:v1", "x"),
        ("/mymodel:v1/x", "mymodel:v1", "x"),
        (f"{DIGEST}/x", DIGEST, "x"),
        ("registry.example.com/model:v1/a:b/c@d", "registry.example.com/model:v1", "a:b/c@d"),
    ],
)
def test_split_address_then_finds_where_the_path_begins(text: str, name: str, path: str) -> None:
    for address in (text, f"modelkit://{text}"):
        found = split_address(address)
        assert (found.name, found.path) == (name, path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("registry.example.com/team/model/data/train.csv", "needs a tag or a digest"),
        ("127.0.0.1:5000/team/data/train.csv", "needs a tag or a digest"),
        ("localhost:5000/team/data/train.csv", "needs a tag or a digest"),
        ("", "needs a tag or a digest"),
        ("registry.example.com/Team/model:v1/x", "must be in lower case"),
        ("registry.example.com/model:v1,v2/x", "names several tags"),
        ("registry.example.com/model@sha256:0/x", "is not a digest"),
    ],
)
def test_split_address_when_it_is_none_then_says_why(text: str, why: str) -> None:
    with pytest.raises(InvalidReferenceError, match=why):
        split_address(f"modelkit://{text}")
