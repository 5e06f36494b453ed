"""Retention: what stays and why, what goes, and that a run does what the dry run said."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import ConflictError, InvalidError, StorageError
from orchard.hub.catalog import Retention
from orchard.hub.catalog.census import Resident
from orchard.hub.jobs.retention import purge_trash, retention
from orchard.hub.registry import GovernedScope, KeepRule, Kind, Movers, Plan
from orchard.hub.registry.retaining import plan
from orchard.oci import JSON, Digest
from support.hubinside import Inside
from support.hubs import index, manifest, subject

NAME = "team/model"
DAY = 24 * 3600.0


class Once:
    """One run of a task."""

    attempt = 1
    last = False

    def __init__(self, **payload: JSON) -> None:
        self.payload = payload
        self.told: list[tuple[int, int | None, str]] = []

    def progress(self, done: int, total: int | None = None, note: str = "", *, unit: str = "") -> None:  # noqa: ARG002 -- what is counted
        self.told.append((done, total, note))

    def log(self, line: str) -> None:
        assert line


@pytest.fixture
def scope(hub: Inside) -> GovernedScope:
    return hub.registry.governed(hub.who, NAME)


def push(hub: Inside, *tags: str, **fields: object) -> Digest:
    """Push a version a day after the last one."""
    hub.clock.time += DAY
    raw = hub.push_image(NAME, tags[0] if tags else "gone", b"layer", annotations={"at": str(hub.clock.time)}, **fields)
    for tag in tags[1:]:
        hub.push_manifest(NAME, raw, tag)
    if not tags:
        assert hub.request("DELETE", f"/v2/{NAME}/manifests/gone").status == 202
    return Digest.of(raw)


def gone(plan: Plan) -> set[Digest]:
    return {decision.digest for decision in plan.goes}


def why(plan: Plan, digest: Digest) -> tuple[str, ...]:
    (found,) = [decision.reasons for decision in plan.stays if decision.digest == digest]
    return found


def there(hub: Inside, digest: Digest) -> bool:
    return hub.get(f"/v2/{NAME}/manifests/{digest}").status == 200


# Rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ([KeepRule(last=2)], ["v4", "dev5"]),
        ([KeepRule(tags="v*")], ["v1", "v3", "v4", "dev5"]),
        ([KeepRule(tags="v*", last=2)], ["v3", "v4", "dev5"]),
        ([KeepRule(pushed_days=2)], ["v3", "v4", "dev5"]),
        ([KeepRule(pulled_days=1)], ["v1", "dev5"]),
        ([KeepRule(pulled_days=1, last=1), KeepRule(tags="dev2")], ["v1", "dev2", "dev5"]),
        ([KeepRule(tags="none")], ["dev5"]),
    ],
    ids=lambda value: " and ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_versions_stay_that_any_rule_keeps(
    hub: Inside, scope: GovernedScope, rules: list[KeepRule], kept: list[str]
) -> None:
    versions = {tag: push(hub, tag) for tag in ("v1", "dev2", "v3", "v4", "dev5")}
    hub.get(f"/v2/{NAME}/manifests/v1")
    scope.set_retention(rules)
    expected = {digest for tag, digest in versions.items() if tag not in kept}
    thought = scope.plan()
    assert gone(thought) == expected
    assert scope.retain() == thought
    assert {digest for digest in versions.values() if not there(hub, digest)} == expected
    assert scope.plan().goes == ()


def test_without_rules_everything_stays(hub: Inside, scope: GovernedScope) -> None:
    digest = push(hub)
    hub.clock.time += 100 * DAY
    assert scope.plan().goes == ()
    assert why(scope.plan(), digest) == ("no rules say what may go",)


def test_nearest_scope_that_says_anything_holds_alone(hub: Inside, scope: GovernedScope) -> None:
    versions = [push(hub, f"v{number}") for number in range(3)]
    wider = hub.registry.governed(hub.who, "team")
    wider.set_retention([KeepRule(last=1)])
    assert gone(scope.plan()) == set(versions[:2])
    scope.set_retention([KeepRule(tags="v0")])
    assert gone(scope.plan()) == {versions[1]}
    scope.set_retention([])
    assert scope.retention() == Retention("team", (KeepRule(last=1),))


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (KeepRule(), "must say which tags, how many, or how many days"),
        (KeepRule(last=0), "says 0; numbers of versions and days are above 0"),
        (KeepRule(pushed_days=-1), "says -1"),
        (KeepRule(pulled_days=float("nan")), "says nan"),
        (KeepRule(tags="a/b"), "which no tag can hold"),
    ],
)
def test_rule_that_makes_no_sense_is_refused(scope: GovernedScope, rule: KeepRule, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        scope.set_retention([rule])
    assert scope.retention() is None


def test_number_of_rules_is_bounded(scope: GovernedScope) -> None:
    with pytest.raises(InvalidError, match="101 rules of retention"):
        scope.set_retention([KeepRule(last=1)] * 101)


# What stays for other reasons -------------------------------------------------------------------------------------


def test_newest_version_and_what_tag_rules_hold_never_go(hub: Inside, scope: GovernedScope) -> None:
    frozen, guarded, old, newest = (push(hub, tag) for tag in ("v1", "prod", "dev1", "dev2"))
    scope.add_tag_rule(Kind.IMMUTABLE, "v*")
    scope.add_tag_rule(Kind.PROTECTED, "prod", Movers(role="owner"))
    scope.set_retention([KeepRule(tags="none")])
    thought = scope.plan()
    assert gone(thought) == {old}
    assert why(thought, newest) == ("it is the newest version",)
    assert why(thought, frozen) == ("tags v* of team/model are immutable",)
    assert why(thought, guarded)[0].startswith("tags prod of team/model are protected")
    scope.retain()
    assert not there(hub, old)


def test_what_a_version_without_a_tag_needs_time_for_is_left_alone(hub: Inside, scope: GovernedScope) -> None:
    young = push(hub)
    push(hub, "v2")
    scope.set_retention([KeepRule(tags="none")])
    hub.clock.time -= DAY / 2
    assert why(scope.plan(), young) == ("it has no tag yet, and its push may still be on its way",)
    hub.clock.time += DAY
    assert gone(scope.plan()) == {young}


def test_parts_of_an_index_stay_with_it_and_go_with_it(hub: Inside, scope: GovernedScope) -> None:
    part, shared = push(hub), push(hub)
    raws = [hub.get(f"/v2/{NAME}/manifests/{digest}").body for digest in (part, shared)]
    old = hub.push_manifest(NAME, index(*raws), "old")
    hub.clock.time += DAY
    new = hub.push_manifest(NAME, index(raws[1]), "new")
    hub.clock.time += DAY
    scope.set_retention([KeepRule(tags="new")])
    thought = scope.retain()
    assert gone(thought) == {old, part}
    assert why(thought, shared) == (f"{new} lists it",)
    assert (there(hub, shared), there(hub, part)) == (True, False)


def test_signatures_stay_and_go_with_what_they_sign(hub: Inside, scope: GovernedScope) -> None:
    old, new = push(hub, "v1"), push(hub, "v2")
    signatures = []
    for digest in (old, new):
        raw = hub.get(f"/v2/{NAME}/manifests/{digest}").body
        signatures.append(hub.push_manifest(NAME, manifest(b"{}", subject=subject(raw))))
    tagged = hub.push_manifest(NAME, manifest(b"{}", b"layer", annotations={"s": "1"}), f"sha256-{str(new)[7:]}.sig")
    hub.clock.time += 3 * DAY
    scope.set_retention([KeepRule(last=1)])
    thought = scope.retain()
    assert gone(thought) == {old, signatures[0]}
    assert why(thought, signatures[1]) == (f"it is about {new}",)
    assert why(thought, tagged) == (f"it is about {new}",)
    repository = hub.registry.deletable(hub.who, NAME)
    (entry,) = [entry for entry in repository.trash() if entry.what == str(old)]
    assert set(repository.restore(entry.id).manifests) == {old, signatures[0]}


def test_subject_of_what_stays_stays(hub: Inside, scope: GovernedScope) -> None:
    base = push(hub, "base")
    raw = hub.get(f"/v2/{NAME}/manifests/base").body
    adapter = push(hub, "lora", subject=subject(raw))
    push(hub, "v2")
    scope.set_retention([KeepRule(tags="lora")])
    assert why(scope.plan(), base) == (f"{adapter} is about it",)


# Runs -------------------------------------------------------------------------------------------------------------


def test_run_that_was_agreed_to_is_refused_if_anything_else_would_go(hub: Inside, scope: GovernedScope) -> None:
    first, _, _ = (push(hub, f"v{number}") for number in range(3))
    scope.set_retention([KeepRule(last=2)])
    agreed = scope.plan()
    push(hub, "v3")
    with pytest.raises(ConflictError, match="has changed since the dry run"):
        scope.retain(mark=agreed.mark)
    assert there(hub, first)
    assert scope.retain(mark=scope.plan().mark).goes


def test_run_thinks_again_when_others_change_the_repository_meanwhile(hub: Inside) -> None:
    versions = [push(hub, f"v{number}") for number in range(130)]
    hub.registry.governed(hub.who, NAME).set_retention([KeepRule(last=10)])
    saved = versions[119]

    def tell(done: int, total: int | None, _: str) -> None:
        if (done, total) == (100, 120):
            hub.registry.governed(hub.who, "team").add_tag_rule(Kind.IMMUTABLE, "v119")

    outcome = hub.registry.upkeep().retain(NAME, tell=tell)
    assert gone(outcome) == set(versions[:119])
    assert there(hub, saved)


def test_run_that_is_stopped_leaves_what_it_has_done(hub: Inside) -> None:
    for number in range(130):
        push(hub, f"v{number}")
    hub.registry.governed(hub.who, NAME).set_retention([KeepRule(last=10)])

    def stop(*_: object) -> None:
        raise StorageError("stopped")

    with pytest.raises(StorageError, match="stopped"):
        hub.registry.upkeep().retain(NAME, tell=stop)
    assert len(hub.get(f"/v2/{NAME}/tags/list").json["tags"]) == 30


def test_what_goes_can_be_restored(hub: Inside, scope: GovernedScope) -> None:
    old = push(hub, "v1")
    push(hub, "v2")
    scope.set_retention([KeepRule(last=1)])
    scope.retain()
    repository = hub.registry.deletable(hub.who, NAME)
    (entry,) = repository.trash()
    assert (entry.why, entry.what) == ("retention: no rule of team/model keeps it", str(old))
    assert repository.restore(entry.id).tags == ("v1",)


def test_task_applies_rules_to_every_repository_that_they_speak_of(hub: Inside) -> None:
    for name in ("team/a", "team/b", "else/c"):
        for number in range(3):
            hub.clock.time += DAY
            hub.push_image(name, f"v{number}", b"%d" % number)
    kind = retention(hub.registry)
    assert (kind.name, kind.every) == ("retention", 3600.0)
    kind.handler(Once())
    hub.registry.governed(hub.who, "team").set_retention([KeepRule(last=1)])
    run = Once()
    kind.handler(run)
    tags = {name: hub.get(f"/v2/{name}/tags/list").json["tags"] for name in ("team/a", "team/b", "else/c")}
    assert tags == {"team/a": ["v2"], "team/b": ["v2"], "else/c": ["v0", "v1", "v2"]}
    assert [note for _, _, note in run.told] == ["team/a", "team/b", "4 manifests went to the trash"]
    assert hub.actions("team/a")[-1][0] == "manifest.delete"
    kind.handler(Once(scope="else/c"))
    kind.handler(Once(scope="team/none"))
    assert hub.get("/v2/else/c/tags/list").json["tags"] == ["v0", "v1", "v2"]


def test_task_empties_the_trash_of_what_is_old(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"layer")
    hub.request("DELETE", f"/v2/{NAME}/manifests/{Digest.of(raw)}")
    kind = purge_trash(hub.registry, 7 * DAY)
    kind.handler(Once())
    assert len(hub.registry.deletable(hub.who, NAME).trash()) == 1
    hub.clock.time += 7 * DAY
    kind.handler(Once())
    assert hub.registry.deletable(hub.who, NAME).trash() == []


# Whatever a repository holds --------------------------------------------------------------------------------------

HOUR = 3_600_000
NOW = 1000 * HOUR
RULES = st.builds(
    KeepRule,
    tags=st.sampled_from([None, "a*", "!b*", "*"]),
    last=st.sampled_from([None, 1, 3]),
    pushed_days=st.sampled_from([None, 2.0]),
    pulled_days=st.sampled_from([None, 2.0]),
).filter(lambda rule: rule != KeepRule())


def name_of(number: int) -> str:
    return str(Digest.of(str(number).encode()))


@st.composite
def repositories(draw: st.DrawFn) -> list[Resident]:
    count = draw(st.integers(0, 12))
    found = []
    for number in range(count):
        lists = draw(st.sets(st.integers(0, max(0, number - 1)), max_size=2)) if number else set()
        about = draw(st.sets(st.integers(0, 13), max_size=1)) - {number}
        tags = draw(st.sets(st.sampled_from(["a1", "a2", "b1", "prod"]), max_size=2))
        times = st.integers(0, 1000).map(lambda hours: hours * HOUR)
        found.append(
            Resident(
                id=number,
                digest=name_of(number),
                pushed_at=draw(times),
                asked_at=draw(st.none() | times),
                tags=sorted(tags),
                about={name_of(each) for each in about},
                lists={name_of(each) for each in lists},
            )
        )
    return sorted(found, key=lambda resident: (-resident.pushed_at, -resident.id))


@given(repositories(), st.lists(RULES, min_size=1, max_size=3))
def test_plan_keeps_whole_what_it_keeps_and_lets_nothing_go_that_is_needed(
    residents: Sequence[Resident], rules: list[KeepRule]
) -> None:
    thought = plan(
        NAME,
        residents,
        Retention(NAME, tuple(rules)),
        lasting=lambda tag: f"{tag} lasts" if tag == "prod" else None,  # type: ignore[arg-type, return-value] # a fake
        now=NOW,
        grace=24 * HOUR,
    )
    stays = {str(decision.digest) for decision in thought.stays}
    goes = [str(decision.digest) for decision in thought.goes]
    assert sorted([*stays, *goes]) == sorted(resident.digest for resident in residents)
    assert all(decision.reasons for decision in thought.stays)
    for resident in residents:
        if resident.digest in stays:
            assert resident.lists <= stays
            assert not resident.about & set(goes)
        else:
            assert "prod" not in resident.tags
            assert not resident.about & stays
            assert resident.tags or NOW - resident.pushed_at >= 24 * HOUR or resident.digest in listed(residents)
            assert not any(rule == KeepRule(tags=rule.tags) and rule.tags == "*" and resident.tags for rule in rules)
            later = set(goes[goes.index(resident.digest) :])
            assert resident.lists & set(goes) <= later  # an index goes before what it lists
    if any(resident.tags for resident in residents):
        assert stays


def listed(residents: Sequence[Resident]) -> set[str]:
    found = {digest for resident in residents for digest in resident.lists}
    present = {resident.digest for resident in residents}
    return found | {resident.digest for resident in residents if resident.about & present}
