import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidReferenceError
from orchard.oci import DEFAULT_TAG, LOCAL_REGISTRY, UNNAMED, Digest, Reference, check_repository, check_tag

HEX = "a" * 64
DIGEST = Digest("sha256", HEX)
D = f"sha256:{HEX}"
LONG = f"sha512:{'b' * 128}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "target", "extra"),
    [
        # kit-cli-and-modelkit.md 3.7, the test table and the rules above it
        ("a/b/c/d", "localhost", "a/b/c/d", "latest", ()),
        ("test.io/a/b/c/d", "test.io", "a/b/c/d", "latest", ()),
        (f"testrepo:ignoredtag@{D}", "localhost", "testrepo", D, ()),
        ("localhost:5000/org/repo:t,x1,x2", "localhost:5000", "org/repo", "t", ("x1", "x2")),
        (D, "localhost", "_", D, ()),
        (LONG, "localhost", "_", LONG, ()),
        (f"_@{D}", "localhost", "_", D, ()),
        ("localhost/foo", "localhost", "localhost/foo", "latest", ()),
        ("testrepo", "localhost", "testrepo", "latest", ()),
        ("testrepo:v1", "localhost", "testrepo", "v1", ()),
        (f"testrepo@{D}", "localhost", "testrepo", D, ()),
        (f"test.io/org/repo@{D}", "test.io", "org/repo", D, ()),
        (f"test.io:443/org/repo:v1@{LONG}", "test.io:443", "org/repo", LONG, ()),
        ("testrepo,a,b", "localhost", "testrepo", "latest", ("a", "b")),
        ("localhost:5000/repo", "localhost:5000", "repo", "latest", ()),
        ("127.0.0.1:5000/repo:A_b.c-D", "127.0.0.1:5000", "repo", "A_b.c-D", ()),
        ("[::1]:5000/repo", "[::1]:5000", "repo", "latest", ()),
        ("[::1]/repo", "[::1]", "repo", "latest", ()),
        ("UPPER.example.com/repo", "UPPER.example.com", "repo", "latest", ()),
        ("team.one", "localhost", "team.one", "latest", ()),
        ("a.b/c", "a.b", "c", "latest", ()),
        ("x/a_b__c-d---e.f/0:_", "localhost", "x/a_b__c-d---e.f/0", "_", ()),
    ],
)
def test_reference_is_read_as_kit_reads_it(
    text: str, registry: str, repository: str, target: str, extra: tuple[str, ...]
) -> None:
    reference, more = Reference.parse_tags(text)

    assert (reference.registry, reference.repository, reference.target, more) == (registry, repository, target, extra)
    assert reference.name == f"{registry}/{repository}"
    assert reference.is_local == (registry == LOCAL_REGISTRY)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the reference is empty"),
        ("_", "names no repository"),
        ("_:v1", "names no repository"),
        (f"test.io/_@{D}", "names no repository"),
        ("test.io/", "names no repository"),
        ("test.io/:v1", "names no repository"),
        (":v1", "names no repository"),
        (f"@{HEX}", "is not a digest"),
        (f"repo@sha256:{HEX[1:]}", "is not a digest"),
        (f"repo@sha256:{HEX.upper()}", "is not a digest"),
        (f"repo@md5:{'a' * 32}", "is not a digest"),
        ("repo@", "is not a digest"),
        (f"repo@{D}\n", "is not a digest"),
        (f"repo@{D}@{D}", "is not a digest"),
        ("repo:", "is not a tag"),
        ("repo:.a", "is not a tag"),
        ("repo:-a", "is not a tag"),
        ("repo:a:b", "is not a tag"),
        ("repo:a/b", "is not a registry host"),
        ("test.io/repo:a/b", "is not a tag"),
        ("repo:v1\n", "is not a tag"),
        ("repo:é", "is not a tag"),
        (f"repo:{'a' * 129}", "is not a tag"),
        ("repo:a,", "is not a tag"),
        ("repo:a,b/c", "is not a tag"),
        ("Repo", "must be in lower case"),
        ("test.io/org/Repo", "must be in lower case"),
        ("a//b", "is not a repository name"),
        ("/a", "is not a repository name"),
        ("a/", "is not a repository name"),
        ("-a", "is not a repository name"),
        ("a-", "is not a repository name"),
        ("a___b", "is not a repository name"),
        ("a._b", "is not a repository name"),
        ("x/../etc", "is not a repository name"),
        ("repo\n", "is not a repository name"),
        ("a b", "is not a repository name"),
        ("a\x1b[31m", "is not a repository name"),
        ("../etc/passwd", "is not a registry host"),
        ("./repo", "is not a registry host"),
        ("a..b/c", "is not a registry host"),
        ("-a.io/c", "is not a registry host"),
        ("https://test.io/a", "is not a registry host"),
        ("user:word@test.io/a", "is not a registry host"),
        ("test.io:port/a", "is not a registry host"),
        ("test.io:123456/a", "is not a registry host"),
        ("exämple.com/a", "is not a registry host"),
        (f"x/{'a' * 255}", "at most 255"),
        (f"test.io/{'a' * 248}", "longer than 255"),
    ],
)
def test_reference_when_it_breaks_the_grammar_then_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidReferenceError, match=why) as caught:
        Reference.parse_tags(text)

    assert str(caught.value).isprintable()


def test_reference_when_several_tags_make_no_sense_then_refused() -> None:
    with pytest.raises(InvalidReferenceError, match="names several tags"):
        Reference.parse("repo:a,b")


def test_reference_of_the_longest_name_is_read() -> None:
    name = f"test.io/{'a' * 247}"

    assert len(Reference.parse(name).name) == 255


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("team/model:v1", "team/model:v1"),
        ("team/model", "team/model"),
        (f"team/model:v1@{D}", f"team/model@{D}"),
        ("test.io/model:v1", "test.io/model:v1"),
        ("localhost:5000/model", "localhost:5000/model"),
        ("localhost/model", "localhost/model"),
        (D, D),
    ],
)
def test_reference_is_written_as_people_do(text: str, written: str) -> None:
    assert str(Reference.parse(text)) == written


def test_reference_to_everything_without_a_name_is_written_as_such() -> None:
    assert str(Reference(LOCAL_REGISTRY, UNNAMED)) == "_"
    assert Reference(LOCAL_REGISTRY, UNNAMED).target == DEFAULT_TAG


def test_reference_when_changed_is_another() -> None:
    reference = Reference.parse("repo:v1")

    assert reference.tagged("v2") == Reference.parse("repo:v2")
    assert reference.at(DIGEST) == Reference.parse(f"repo@{D}")
    assert reference.at(DIGEST).tagged("v3") == Reference.parse("repo:v3")
    assert reference.or_latest() == reference
    assert reference.at(DIGEST).or_latest() == reference.at(DIGEST)
    assert Reference.parse("repo").or_latest() == Reference.parse("repo:latest")
    with pytest.raises(InvalidReferenceError, match="is not a tag"):
        reference.tagged("no tag")


components = st.from_regex(r"\A[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}\Z")
repositories = st.lists(components, min_size=1, max_size=4).map("/".join)
registries = st.sampled_from(["ghcr.io", "localhost:5000", "[::1]:8080", "a.b.c"])
tags = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,20}\Z")


@given(registries, repositories, st.none() | tags | st.just(DIGEST))
def test_reference_when_written_and_read_then_the_same(
    registry: str, repository: str, target: str | Digest | None
) -> None:
    named = Reference(registry, repository)
    reference = named.at(target) if isinstance(target, Digest) else named.tagged(target) if target else named

    assert Reference.parse(str(reference)) == reference


@given(st.text(max_size=60))
def test_reference_of_any_text_is_refused_or_reads_the_same_again(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidReferenceError as error:
        complaint = str(error)
    else:
        complaint = ""
        assert Reference.parse(str(reference)) == reference

    assert complaint == "" or complaint.isprintable()


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "a-" * 500_000, "a." * 500_000 + "/x", "x:" + "a" * 1_000_000, "a" * 500_000 + ".b/-"]
)
def test_reference_of_a_hostile_megabyte_is_refused_at_once(text: str) -> None:
    start = time.process_time()

    with pytest.raises(InvalidReferenceError) as caught:
        Reference.parse(text)

    assert time.process_time() - start < 20  # 0.1 on a quiet machine; a backtracking matcher needs years
    assert len(str(caught.value)) < 500


def test_checks_give_back_what_is_right() -> None:
    assert check_tag("v1.0_a-B") == "v1.0_a-B"
    assert check_repository("team/model") == "team/model"
