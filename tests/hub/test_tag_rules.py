"""Rules for tags: what patterns mean, who may move what, and what is written down."""

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import DeniedError, InvalidError, InvalidReferenceError, NotFoundError
from orchard.hub.access import ANONYMOUS, Principal
from orchard.hub.registry import Kind, Movers, Reach, TagPattern
from orchard.oci import Digest, mediatype
from support.hubinside import Inside, MakeHub, NamedDoor
from support.hubs import manifest

NAME = "team/model"
V1 = f"/v2/{NAME}/manifests/v1"
OLD, NEW = manifest(b"{}"), manifest(b"{}", annotations={"a": "b"})
TAG_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
PEOPLE = {
    "ana": Reach(site_admin=False, role="maintainer"),
    "ben": Reach(site_admin=False, role="writer", teams=frozenset({"release"})),
    "eve": Reach(site_admin=False, role="writer"),
    "root": Reach(site_admin=True, role=None),
}


def reach(who: Principal, _: str) -> Reach:
    return PEOPLE[who.name]


@pytest.fixture
def guarded(make_hub: MakeHub) -> Inside:
    """A hub with people in it, and a repository with a tag."""
    hub = make_hub(access=lambda _: NamedDoor(), reach=reach)
    assert push(hub, "ana", OLD) == 201
    return hub


def push(hub: Inside, who: str, raw: bytes, target: str = V1, **headers: str) -> int:
    login = {"authorization": who}
    name = target.removeprefix("/v2/").partition("/manifests/")[0]
    assert hub.request("POST", f"/v2/{name}/blobs/uploads/?digest={Digest.of(b'{}')}", b"{}", login).status == 201
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return hub.request("PUT", target, raw, {**login, **more, "content-type": mediatype.OCI_MANIFEST}).status


def protect(hub: Inside, scope: str, pattern: str, movers: Movers, kind: Kind = Kind.PROTECTED) -> int:
    return (
        hub.registry.governed(Principal("root" if scope == "*" else "ana"), scope)
        .add_tag_rule(kind, pattern, movers)
        .id
    )


def freeze(hub: Inside, scope: str, pattern: str) -> int:
    return protect(hub, scope, pattern, Movers(), Kind.IMMUTABLE)


# Patterns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*", ["v1", "latest", "a.b-c_d"], []),
        ("v1", ["v1"], ["v10", "V1", "xv1"]),
        ("v*", ["v", "v1", "v1.0"], ["latest", "xv1"]),
        ("v?.?", ["v1.0"], ["v10.0", "v1.", "v1"]),
        ("v[0-9]*", ["v1", "v1-rc"], ["va", "v"]),
        ("[!v]*", ["latest"], ["v1"]),
        ("[a-]x", ["ax", "-x"], ["bx"]),
        ("v*,!v0.*", ["v1.0"], ["v0.1", "latest"]),
        ("!latest", ["v1", "latest-2"], ["latest"]),
        ("!latest,!dev-*", ["v1"], ["latest", "dev-1"]),
        ("prod, staging", ["prod", "staging"], ["production"]),
        ("*-prod-*", ["eu-prod-1", "a-prod-prod-"], ["prod-1", "eu-prod"]),
    ],
)
def test_pattern_means_what_it_says(pattern: str, yes: list[str], no: list[str]) -> None:
    parsed = TagPattern.parse(pattern)
    assert [tag for tag in [*yes, *no] if parsed.matches(tag)] == yes


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "an empty part; write [*] for all"),
        ("a,,b", "an empty part"),
        ("!", "an empty part"),
        ("a/b", "holds '/', which no tag can hold"),
        ("^v[0-9]+$", "holds '\\^'"),
        ("v[", "a \\[ that no \\] closes"),
        ("v[]", "a \\[ that no \\] closes, or nothing"),
        ("v[z-a]", "the range z-a, which runs backwards"),
        ("v[/]", "no character of a tag fits"),
        ("x" * 513, "more than 512 characters"),
    ],
)
def test_what_is_no_pattern_is_refused_in_words(pattern: str, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        TagPattern.parse(pattern)


@given(st.text(TAG_CHARACTERS[:3] + "*?", min_size=1, max_size=12), st.text(TAG_CHARACTERS[:3], max_size=12))
def test_stars_and_question_marks_mean_what_they_mean_to_shells(pattern: str, tag: str) -> None:
    assert TagPattern.parse(pattern).matches(tag) == fnmatchcase(tag, pattern)


def test_no_pattern_takes_long() -> None:
    worst = TagPattern.parse("*a" * 255 + "b")
    began = time.perf_counter()
    assert not worst.matches("a" * 128)
    assert time.perf_counter() - began < 20  # no time at all; a backtracking matcher needs years


# Immutable tags ---------------------------------------------------------------------------------------------------


def test_immutable_tag_is_set_once_and_never_moves(guarded: Inside) -> None:
    freeze(guarded, NAME, "v*")
    assert push(guarded, "ana", OLD) == 201  # the same again changes nothing
    assert push(guarded, "ana", NEW) == 403
    assert push(guarded, "ana", NEW, f"/v2/{NAME}/manifests/v2") == 201
    assert push(guarded, "ana", OLD, f"/v2/{NAME}/manifests/v2") == 403
    assert guarded.get(V1, authorization="eve").body == OLD


def test_denial_says_which_rule_and_what_to_do(guarded: Inside) -> None:
    freeze(guarded, "team", "v*")
    answer = guarded.request("PUT", V1, NEW, {"authorization": "eve", "content-type": mediatype.OCI_MANIFEST})
    assert (answer.status, answer.code) == (403, "DENIED")
    assert answer.json["errors"][0]["message"] == (
        "tag v1 cannot be moved by eve: tags v* of team are immutable; use another tag, or have the rule removed by"
        " whoever governs it"
    )


def test_manifest_behind_an_immutable_tag_is_not_deleted(guarded: Inside) -> None:
    freeze(guarded, NAME, "v*")
    for target in (V1, f"/v2/{NAME}/manifests/{Digest.of(OLD)}"):
        assert guarded.request("DELETE", target, headers={"authorization": "ana"}).status == 403
    assert push(guarded, "ana", NEW, f"/v2/{NAME}/manifests/latest") == 201
    assert guarded.request("DELETE", f"/v2/{NAME}/manifests/latest", headers={"authorization": "ana"}).status == 202
    with pytest.raises(DeniedError, match="tag v1 cannot be deleted"):
        guarded.registry.deletable(Principal("ana"), NAME).delete_repository()
    assert guarded.get(V1, authorization="eve").body == OLD


def test_of_several_tags_one_that_may_not_move_stops_all(guarded: Inside) -> None:
    freeze(guarded, NAME, "v1")
    assert push(guarded, "ana", NEW, f"/v2/{NAME}/manifests/{Digest.of(NEW)}?tag=v2&tag=v1") == 403
    assert guarded.get(f"/v2/{NAME}/tags/list", authorization="ana").json["tags"] == ["v1"]
    assert guarded.get(f"/v2/{NAME}/manifests/{Digest.of(NEW)}", authorization="ana").status == 404


def test_rule_holds_in_its_scope_and_below_until_it_is_removed(guarded: Inside) -> None:
    number = freeze(guarded, "team", "v*")
    freeze(guarded, "tea", "v*")
    assert push(guarded, "ana", OLD, "/v2/team/a/b/manifests/v1") == 201
    assert push(guarded, "ana", NEW, "/v2/team/a/b/manifests/v1") == 403
    assert push(guarded, "ana", OLD, "/v2/teams/a/manifests/v1") == 201
    assert push(guarded, "ana", NEW, "/v2/teams/a/manifests/v1") == 201
    guarded.registry.governed(Principal("ana"), "team").remove_tag_rule(number)
    assert push(guarded, "ana", NEW, "/v2/team/a/b/manifests/v1") == 201
    assert guarded.actions("team") == [("tag-rule.add", None, None), ("tag-rule.remove", None, None)]


def test_rule_of_a_wider_scope_is_not_removed_in_a_narrower_one(guarded: Inside) -> None:
    number = freeze(guarded, "team", "v*")
    repository = guarded.registry.governed(Principal("ana"), NAME)
    assert [rule.id for rule in repository.tag_rules()] == [number]
    with pytest.raises(NotFoundError, match=f"team/model itself has no rule {number}"):
        repository.remove_tag_rule(number)


# Protected tags ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("movers", "may"),
    [
        (Movers(role="maintainer"), ["ana"]),
        (Movers(role="writer"), ["ana", "ben", "eve"]),
        (Movers(users=("eve",)), ["eve"]),
        (Movers(teams=("release", "ops")), ["ben"]),
        (Movers(role="owner", users=("eve",), teams=("release",)), ["ben", "eve"]),
    ],
    ids=str,
)
def test_protected_tag_is_set_moved_and_deleted_by_some_only(guarded: Inside, movers: Movers, may: list[str]) -> None:
    protect(guarded, NAME, "prod", movers)
    prod = f"/v2/{NAME}/manifests/prod"
    for who in ("ana", "ben", "eve"):
        codes = [push(guarded, who, raw, prod) for raw in (OLD, NEW)]
        codes.append(guarded.request("DELETE", prod, headers={"authorization": who}).status)
        assert codes == ([201, 201, 202] if who in may else [403, 403, 404])


def test_what_protects_and_what_freezes_hold_together(guarded: Inside) -> None:
    protect(guarded, "*", "v*", Movers(role="maintainer"))
    freeze(guarded, "team", "v*")
    assert push(guarded, "eve", NEW, f"/v2/{NAME}/manifests/v2") == 403
    assert push(guarded, "ana", NEW, f"/v2/{NAME}/manifests/v2") == 201
    assert push(guarded, "ana", OLD, f"/v2/{NAME}/manifests/v2") == 403


@pytest.mark.parametrize(
    ("kind", "movers", "complaint"),
    [
        (Kind.IMMUTABLE, Movers(role="owner"), "moved by nobody"),
        (Kind.PROTECTED, Movers(), "must say who may move them"),
        (Kind.PROTECTED, Movers(role="king"), "'king' is no role; there are reader, writer, maintainer, owner"),
    ],
)
def test_rule_that_makes_no_sense_is_refused(guarded: Inside, kind: Kind, movers: Movers, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        protect(guarded, NAME, "v*", movers, kind)


def test_scope_has_a_bounded_number_of_rules(guarded: Inside) -> None:
    for number in range(100):
        freeze(guarded, NAME, f"v{number}")
    with pytest.raises(InvalidError, match="has 100 rules for tags already"):
        freeze(guarded, NAME, "one-more")


def test_only_administrators_say_what_holds_for_the_whole_hub(guarded: Inside) -> None:
    with pytest.raises(DeniedError, match="ana may not say what holds for the whole hub"):
        guarded.registry.governed(Principal("ana"), "*")
    with pytest.raises(InvalidReferenceError, match="NO"):
        guarded.registry.governed(Principal("ana"), "NO")


# Overrides --------------------------------------------------------------------------------------------------------


def test_administrator_breaks_a_rule_only_on_purpose_and_it_is_written_down(guarded: Inside) -> None:
    freeze(guarded, NAME, "v*")
    assert push(guarded, "root", NEW) == 403
    assert push(guarded, "ana", NEW, orchard_override="please") == 403
    assert push(guarded, "root", NEW, orchard_override="leaked key in v1") == 201
    assert ("tag.override", str(Digest.of(NEW)), "v1") in guarded.actions(NAME)
    gone = guarded.request("DELETE", V1, headers={"authorization": "root", "orchard-override": "again"})
    assert gone.status == 202
    assert guarded.actions(NAME)[-2:] == [("tag.override", str(Digest.of(NEW)), "v1"), ("tag.delete", None, "v1")]


def test_rules_are_shown_to_whoever_may_read(guarded: Inside) -> None:
    protect(guarded, "*", "prod", Movers(role="owner", teams=("release",)))
    (rule,) = guarded.registry.readable(ANONYMOUS, NAME).tag_rules()
    assert str(rule) == (
        "tags prod of the whole hub are protected: only whoever is owner or more, team release may set, move or"
        " delete them"
    )
