"""What somebody sees who looks around: repositories stretch by stretch, what was done lately, and parts of searches."""

from dataclasses import replace

import pytest

from orchard.hub.access import ANONYMOUS, Principal
from orchard.hub.catalog import shelving
from orchard.hub.registry import Deed, Stretch, Wish, parse
from support.hubinside import Inside, MakeHub, Only
from support.knownversions import push_version

ENGINES = True
NAMES = [f"team/model-{number:02}" for number in range(12)]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub()


def around(hub: Inside, **wanted: str) -> str:
    """Name what is on a page of five, with what leads further."""
    found = hub.registry.showcase.names(ANONYMOUS, Stretch(**wanted, limit=5))
    names = [name[-2:] for name in found.names]
    return f"{'<' * found.earlier} {' '.join(names)} {'>' * found.later}".strip()


def test_repositories_are_named_stretch_by_stretch_in_both_directions(
    hub: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*NAMES, "other/model-50"):
        push_version(hub, f"{name}:v1")
    for few in (shelving.FEW, 3):  # all at once, then by the index
        monkeypatch.setattr(shelving, "FEW", few)
        assert around(hub, namespace="team") == "00 01 02 03 04 >"
        assert around(hub, namespace="team", after=NAMES[4]) == "< 05 06 07 08 09 >"
        assert around(hub, namespace="team", after=NAMES[9]) == "< 10 11"
        assert around(hub, namespace="team", before=NAMES[10]) == "< 05 06 07 08 09 >"
        assert around(hub, namespace="team", before=NAMES[5]) == "00 01 02 03 04 >"
        assert around(hub) == "50 00 01 02 03 >"
        assert around(hub, namespace="nowhere") == ""
    assert hub.registry.showcase.names(ANONYMOUS, Stretch(limit=1)).count is None
    monkeypatch.setattr(shelving, "FEW", 13)
    assert hub.registry.showcase.names(ANONYMOUS, Stretch(limit=1)).count == 13


def told(hub: Inside, namespace: str = "", who: Principal = ANONYMOUS) -> list[str]:
    return [
        f"{one.repository} {one.deed} {' '.join(one.tags)} {one.more or ''}".strip()
        for one in hub.registry.showcase.lately(who, namespace, limit=8)
    ]


def test_what_was_done_lately_is_told_once_and_newest_first(hub: Inside) -> None:
    first = hub.push_image("team/a", "v1", b"one")
    hub.clock.time += 5
    hub.push_manifest("team/a", first, "latest")  # a client that sends each tag by itself
    hub.push_image("other/b", f"sha256-{'0' * 64}.sig", b"signature")
    hub.clock.time += 600
    for number in range(3):
        hub.push_image("other/b", f"v{number}", f"b {number}".encode())
    hub.clock.time += 600
    second = hub.push_image("team/a", "v2", b"two")
    hub.clock.time += 600
    hub.push_manifest("team/a", second, "latest")
    hub.clock.time += 600
    hub.push_manifest("team/a", second, "prod")
    assert hub.request("DELETE", "/v2/team/a/manifests/v1").status == 202

    assert told(hub) == [
        "team/a removed v1",
        "team/a tagged prod",
        "team/a moved latest",
        "team/a pushed v2",
        "other/b pushed v2 2",
        "team/a pushed latest v1",
    ]
    assert told(hub, "other") == ["other/b pushed v2 2"]
    (moved,) = [one for one in hub.registry.showcase.lately(ANONYMOUS, limit=8) if one.deed is Deed.MOVED]
    assert moved.account == "anonymous"
    assert moved.digest is not None


def test_nobody_is_told_of_what_they_may_not_see(make_hub: MakeHub) -> None:
    hub = make_hub(policy=Only(anonymous={"a/secret", "b/open"}, eve={"b/open"}, asked={"b/open"}))
    for name in ("a/secret", "b/open"):
        hub.push_image(name, "v1", name.encode())

    for who in (Principal("eve"), Principal("asked")):
        assert told(hub, who=who) == ["b/open pushed v1"]
        found = hub.registry.showcase.names(who, Stretch(limit=5))
        assert (list(found.names), found.count) == (["b/open"], 1)
        looked = hub.registry.finder.look(who, Wish(query=parse(""), latest=True))
        assert [hit.repository for hit in looked.hits] == ["b/open"]
        assert looked.common is not None
        assert looked.common.values["namespace"] == [("b", 1)]
    assert len(told(hub)) == 2


def one_by_one(hub: Inside, wish: Wish) -> str:
    """Name the repositories that are found, part by part."""
    seen = ""
    while True:
        found = hub.registry.finder.look(ANONYMOUS, wish)
        assert all(hit.among == 2 for hit in found.hits)
        seen += "".join(hit.repository[-1] for hit in found.hits)
        if found.after is None:
            return seen
        wish = replace(wish, after=found.after)


def test_no_repository_comes_twice_however_small_the_parts(hub: Inside) -> None:
    for version in range(2):
        for number in range(3):
            hub.clock.time += 60
            push_version(hub, f"team/model-{number}:v{version}", {"params": 100.0 - 10 * version + number})
    for asked in ("", "model", "odel", "params>1"):
        for sort, expected in {"": "210", "oldest": "012", "-params": "210", "params": "012"}.items():
            for limit in (1, 2, 9):
                wish = Wish(query=parse(asked), sort=sort, latest=True, limit=limit)
                assert one_by_one(hub, wish) == expected, wish


def test_parts_of_more_than_is_read_at_once_go_on(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.hub.catalog.finding.MOST_SURVEYED", 4)
    for number in range(10):
        hub.clock.time += 60
        push_version(hub, f"team/{'big' if number else 'small'}:v{number}")

    first = hub.registry.finder.look(ANONYMOUS, Wish(query=parse(""), latest=True))
    assert [hit.repository for hit in first.hits] == ["team/big"]
    assert first.common is not None
    assert (first.common.total, first.common.exact) == (4, False)
    last = hub.registry.finder.look(ANONYMOUS, Wish(query=parse(""), latest=True, after=first.after or ""))
    assert ([hit.repository for hit in last.hits], last.after, last.common) == (["team/small"], None, None)
    each = hub.registry.finder.look(ANONYMOUS, Wish(query=parse(""), limit=3))
    assert [hit.version.tags for hit in each.hits] == [("v9",), ("v8",), ("v7",)]
    more = hub.registry.finder.look(ANONYMOUS, Wish(query=parse(""), limit=9, after=each.after or ""))
    assert [hit.version.tags for hit in more.hits] == [("v6",), ("v5",), ("v4",), ("v3",)]
