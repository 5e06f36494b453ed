"""What happened to a version, told to each as much as they may know."""

from collections.abc import Collection

import pytest

from orchard.errors import DeniedError, NotFoundError
from orchard.hub.access import Action, Principal
from orchard.hub.jobs.studying import Understander
from orchard.hub.registry import Happened, Step
from orchard.oci import Digest
from support.hubinside import Inside, MakeHub
from support.hubs import subject
from support.versions import bring, kit

ENGINES = True

NAME = "team/model"
ANA = Principal("ana")


class Readers:
    """A policy: everybody may read and push what is not hidden, and Ana looks after it."""

    def knows(self, who: Principal, action: Action, repository: str) -> bool:
        return self.allows(who, action, repository)

    def allows(self, who: Principal, action: Action, repository: str) -> bool:
        return repository != "hidden" and (action in {Action.PULL, Action.PUSH} or who == ANA)

    def prepare(self, who: Principal, repositories: Collection[str]) -> None:
        """Know everything already."""

    def sight(self, who: Principal) -> None:
        del who


@pytest.fixture(name="hub")
def _hub(make_hub: MakeHub) -> Inside:
    return make_hub(policy=Readers())


def push(hub: Inside, tag: str, layer: bytes) -> Digest:
    hub.clock.time += 60
    return Digest.of(hub.push_image(NAME, tag, layer))


def steps(
    hub: Inside, digest: Digest, who: Principal | None = None
) -> list[tuple[Happened, str | None, Digest | None]]:
    return [(step.what, step.tag, step.other) for step in told(hub, digest, who)]


def told(hub: Inside, digest: Digest, who: Principal | None = None) -> list[Step]:
    return hub.registry.chronicle.of(who or hub.who, NAME, digest)


def test_tags_came_from_somewhere_and_went_on_to_somewhere(hub: Inside) -> None:
    one, two = push(hub, "latest", b"1"), push(hub, "latest", b"2")
    push(hub, "other", b"3")
    hub.clock.time += 60
    assert push(hub, "latest", b"1") == one
    hub.clock.time += 60
    hub.registry.deletable(ANA, NAME).delete_tag("latest")

    assert steps(hub, one) == [
        (Happened.UNTAGGED, "latest", None),
        (Happened.TAGGED, "latest", two),
        (Happened.MOVED, "latest", two),
        (Happened.TAGGED, "latest", None),
        (Happened.PUSHED, None, None),
    ]
    assert steps(hub, two) == [
        (Happened.MOVED, "latest", one),
        (Happened.TAGGED, "latest", one),
        (Happened.PUSHED, None, None),
    ]


def test_what_was_attached_is_told_with_its_kind(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"1")
    hub.clock.time += 60
    about = {"subject": subject(raw), "artifactType": "application/x-signature"}
    signature = Digest.of(hub.push_image(NAME, "sig", b"signature", **about))

    step = told(hub, Digest.of(raw))[0]
    assert (step.what, step.other, step.kind, step.account) == (
        Happened.ATTACHED,
        signature,
        "application/x-signature",
        "anonymous",
    )


def test_who_looks_after_a_repository_is_told_what_was_written_down(hub: Inside) -> None:
    digest = push(hub, "v1", b"1")
    hub.clock.time += 60
    desk = hub.registry.deletable(ANA, NAME)
    desk.delete_manifest(digest)
    hub.clock.time += 60
    desk.restore(desk.trash()[0].id)

    told_to_ana = [what for what, _, _ in steps(hub, digest, ANA)]
    assert Happened.DELETED in told_to_ana
    assert Happened.RESTORED in told_to_ana
    assert told_to_ana[-1] is Happened.PUSHED
    assert {Happened.DELETED, Happened.RESTORED}.isdisjoint(what for what, _, _ in steps(hub, digest))


@pytest.mark.parametrize("who", [None, ANA], ids=["a reader", "who looks after it"])
def test_it_is_told_once_that_the_hub_looked_into_it(hub: Inside, who: Principal | None) -> None:
    digest = bring(hub, NAME, "v1", kit("package: {name: digits}"))
    hub.clock.time += 60
    Understander(hub.premises, lambda *_: None).understand(NAME, digest)

    assert [step.account for step in told(hub, digest, who) if step.what is Happened.UNDERSTOOD] == [None]


def test_nothing_is_told_of_what_is_not_there_or_may_not_be_seen(hub: Inside) -> None:
    push(hub, "v1", b"1")
    with pytest.raises(NotFoundError, match="has no manifest"):
        told(hub, Digest.of(b"no manifest"))
    with pytest.raises(DeniedError, match="hidden"):
        hub.registry.chronicle.of(hub.who, "hidden", Digest.of(b"no manifest"))
