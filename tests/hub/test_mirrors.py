import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchard.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    OrchardError,
    RemoteError,
)
from orchard.hub.access import ANONYMOUS, Principal
from orchard.hub.catalog.mirrors import Mirror
from orchard.hub.jobs import HopelessError, Mirroring, MirrorKeeper, MirrorWish, Spreader, StoppedError
from orchard.hub.queue import TaskQueue
from orchard.hub.queue.leases import TableDispatch
from orchard.oci import JSON, Descriptor, Digest, mediatype, parse_document
from orchard.remote import Registry
from orchard.store import Bytes, MemoryStore, copy_graph
from support import faultserver
from support.faultserver import FaultServer
from support.hubclient import kind_of, manifest, subject
from support.hubinside import Inside, MakeHub, Only
from support.hubs import dice, running_hub
from support.registries import docker_registry

ENGINES = True
NAME = "team/model"


@dataclass
class Told:
    """A run that remembers what it was told, and stops when the test wants it to."""

    payload: Mapping[str, JSON]
    attempt: int = 1
    last: bool = False
    notes: list[str] = field(default_factory=list)
    stop_at: str = "\0"

    def progress(self, done: int, total: int | None = None, note: str = "", *, unit: str = "") -> None:  # noqa: ARG002 -- what is counted
        self.notes.append(f"{done}/{total} {note}")
        if self.stop_at in note:
            raise StoppedError("the hub is stopping")

    def log(self, line: str) -> None:
        assert line


@dataclass
class Bench:
    """Mirrors of a hub inside the test."""

    hub: Inside
    mirroring: Mirroring
    mirrors: MirrorKeeper
    queue: TaskQueue

    def add(self, direction: str, remote: str, **wish: object) -> Mirror:
        made = MirrorWish(direction=direction, repository=NAME, remote=remote, **wish)  # type: ignore[arg-type] # checked there
        return self.mirrors.create(ANONYMOUS, made)

    def run(self, mirror: Mirror, stop_at: str = "\0") -> Told:
        told = Told({"mirror": mirror.id}, stop_at=stop_at)
        self.mirroring.run(told)
        return told

    def report(self, mirror: Mirror) -> dict[str, JSON]:
        found = self.mirrors.get(ANONYMOUS, mirror.id)
        assert found.report is not None
        value = json.loads(found.report)
        assert isinstance(value, dict)
        return {"state": found.state, **value}

    def tasks(self) -> list[str]:
        found = []
        while lease := self.queue.take("w", ["mirror"]):
            found.append(str(lease.task.payload["mirror"]))
        return found


@pytest.fixture
def bench(hub: Inside) -> Bench:
    return bench_of(hub)


def bench_of(hub: Inside) -> Bench:
    queue = TaskQueue(hub.database, TableDispatch(hub.clock), steady=hub.clock)
    mirroring = Mirroring(hub.database, hub.registry, vault=hub.vault, gate=hub.gate, queue=queue, now=hub.clock)
    policy = hub.premises.policy
    mirrors = MirrorKeeper(hub.database, policy, mirroring, vault=hub.vault, gate=hub.gate, now=hub.clock)
    return Bench(hub, mirroring, mirrors, queue)


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub(allow=["http://127.0.0.1:*"])


@pytest.fixture
def there() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def publish(server: FaultServer, tag: str, *layers: bytes, **fields: object) -> bytes:
    for data in (b"{}", *layers):
        server.add_blob(data)
    raw = manifest(b"{}", *layers, **fields)
    server.add_manifest(kind_of(raw), raw, tag)
    return raw


def tags(hub: Inside) -> list[str]:
    answer = hub.get(f"/v2/{NAME}/tags/list")
    return list(answer.json["tags"]) if answer.status == 200 else []


def test_a_pull_brings_tags_and_all_they_name(bench: Bench, there: FaultServer) -> None:
    raw = publish(there, "v1", b"layer")
    mirror = bench.add("pull", f"{there.url}/team/model")
    told = bench.run(mirror)
    assert bench.hub.get(f"/v2/{NAME}/manifests/v1").body == raw
    assert bench.hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'layer')}").body == b"layer"
    assert bench.report(mirror) == {
        "state": "done",
        "tags": ["v1"],
        "set": 1,
        "same": 0,
        "deleted": [],
        "blobs": 3,
        "size": len(raw) + 7,
        "failed": {},
    }
    assert told.notes[-1] == "1/1 1 tags set, 0 were right, 3 blobs copied"


def test_a_push_brings_them_there(bench: Bench, there: FaultServer) -> None:
    raw = bench.hub.push_image(NAME, "v1", b"layer")
    bench.run(bench.add("push", f"{there.url}/other/name"))
    assert there.manifests[there.tags["v1"]][1] == raw
    assert there.blobs[str(Digest.of(b"layer"))] == b"layer"


def test_a_second_run_copies_nothing_and_sets_nothing(bench: Bench, there: FaultServer) -> None:
    publish(there, "v1", b"layer")
    mirror = bench.add("pull", f"{there.url}/team/model")
    bench.run(mirror)
    before = bench.hub.actions(NAME)
    there.seen.clear()
    bench.run(mirror)
    assert bench.hub.actions(NAME) == before
    assert not [line for line in there.lines("GET") if "/blobs/" in line]
    report = bench.report(mirror)
    assert (report["set"], report["same"], report["blobs"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("*", ["latest", "v1", "v2-rc"]), ("v*", ["v1", "v2-rc"]), ("v*,!*-rc", ["v1"]), ("latest", ["latest"])],
)
def test_only_wanted_tags_are_mirrored(bench: Bench, there: FaultServer, pattern: str, expected: list[str]) -> None:
    for tag in ("latest", "v1", "v2-rc"):
        publish(there, tag, tag.encode())
    bench.run(bench.add("pull", f"{there.url}/team/model", tags=pattern))
    assert tags(bench.hub) == expected


@pytest.mark.parametrize("wanted", [True, False])
def test_signatures_come_along_if_they_are_wanted(bench: Bench, there: FaultServer, *, wanted: bool) -> None:
    raw = publish(there, "v1", b"layer")
    signature = manifest(b"{}", subject=subject(raw), artifactType="application/x")
    there.add_manifest(kind_of(signature), signature)
    bench.run(bench.add("pull", f"{there.url}/team/model", referrers=wanted))
    listed = bench.hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"]
    assert [entry["digest"] for entry in listed] == ([str(Digest.of(signature))] if wanted else [])


def test_a_signature_that_comes_later_is_brought_later(bench: Bench, there: FaultServer) -> None:
    raw = publish(there, "v1", b"layer")
    mirror = bench.add("pull", f"{there.url}/team/model")
    bench.run(mirror)
    signature = manifest(b"{}", subject=subject(raw), artifactType="application/x")
    there.add_manifest(kind_of(signature), signature)
    bench.run(mirror)
    assert len(bench.hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"]) == 1


def test_what_is_gone_stays_unless_it_was_asked_for(bench: Bench, there: FaultServer) -> None:
    publish(there, "v1", b"one")
    publish(there, "v2", b"two")
    keeps = bench.add("pull", f"{there.url}/team/model")
    bench.run(keeps)
    del there.tags["v1"]
    bench.run(keeps)
    assert tags(bench.hub) == ["v1", "v2"]


def test_only_what_the_mirror_brought_is_taken_away(bench: Bench, there: FaultServer) -> None:
    bench.hub.push_image(NAME, "mine", b"mine")
    publish(there, "v1", b"one")
    publish(there, "v2", b"two")
    mirror = bench.add("pull", f"{there.url}/team/model", deletions=True)
    bench.run(mirror)
    del there.tags["v1"]
    bench.run(mirror)
    assert tags(bench.hub) == ["mine", "v2"]
    assert bench.report(mirror)["deleted"] == ["v1"]


def test_a_source_that_has_nothing_any_more_takes_nothing_away(bench: Bench, there: FaultServer) -> None:
    publish(there, "v1", b"one")
    mirror = bench.add("pull", f"{there.url}/team/model", deletions=True)
    bench.run(mirror)
    there.tags.clear()
    with pytest.raises(HopelessError, match="none of these tags any more"):
        bench.run(mirror)
    assert tags(bench.hub) == ["v1"]
    assert bench.report(mirror)["state"] == "failed"
    with pytest.raises(ConflictError, match="none of these tags any more"):
        bench.mirrors.plan(ANONYMOUS, mirror.id)


def test_a_push_takes_tags_away_where_that_is_asked_for(bench: Bench, there: FaultServer) -> None:
    bench.hub.push_image(NAME, "v1", b"one")
    bench.hub.push_image(NAME, "v2", b"two")
    mirror = bench.add("push", f"{there.url}/team/model", deletions=True)
    bench.run(mirror)
    bench.hub.request("DELETE", f"/v2/{NAME}/manifests/v1")
    bench.run(mirror)
    assert sorted(there.tags) == ["v2"]


def test_a_run_that_was_cut_off_goes_on_where_it_was(bench: Bench, there: FaultServer) -> None:
    for tag in ("v1", "v2"):
        publish(there, tag, dice(1).randbytes(1000) + tag.encode())
    mirror = bench.add("pull", f"{there.url}/team/model")
    with pytest.raises(StoppedError, match="stopping"):
        bench.run(mirror, stop_at="v2")
    assert tags(bench.hub) == ["v1"]
    there.seen.clear()
    bench.run(mirror)
    assert tags(bench.hub) == ["v1", "v2"]
    assert len([line for line in there.lines("GET") if "/blobs/" in line]) == 1


def test_one_tag_that_cannot_be_copied_does_not_keep_the_others(bench: Bench, there: FaultServer) -> None:
    publish(there, "v1", b"one")
    broken = publish(there, "v2", b"two")
    publish(there, "v3", b"three")
    there.manifests[str(Digest.of(broken))] = mediatype.OCI_MANIFEST, manifest(b"{}", b"other")
    mirror = bench.add("pull", f"{there.url}/team/model")
    with pytest.raises(OrchardError, match=r"v2|content"):
        bench.run(mirror)
    assert tags(bench.hub) == ["v1", "v3"]
    report = bench.report(mirror)
    assert report["state"] == "failed"
    assert list(report["failed"]) == ["v2"]  # type: ignore[arg-type] # a table


def test_a_registry_that_is_down_is_a_reason_to_try_again(bench: Bench, there: FaultServer) -> None:
    there.on("*", "", faultserver.drop, times=faultserver.FOREVER)
    mirror = bench.add("pull", f"{there.url}/team/model")
    with pytest.raises(RemoteError, match="the connection broke"):
        bench.run(mirror)
    assert bench.report(mirror)["state"] == "failed"


def test_a_plan_says_what_would_be_done_and_does_nothing(bench: Bench, there: FaultServer) -> None:
    publish(there, "v1", b"one")
    mirror = bench.add("pull", f"{there.url}/team/model", deletions=True)
    bench.run(mirror)
    publish(there, "v2", b"two")
    del there.tags["v1"]
    plan = bench.mirrors.plan(ANONYMOUS, mirror.id)
    assert (plan.tags, plan.deleted, plan.same) == (["v2"], ["v1"], 0)
    assert tags(bench.hub) == ["v1"]


def test_a_password_is_kept_sealed_and_used(bench: Bench, there: FaultServer) -> None:
    basic = "Basic YW5hOmNhbmFyeQ=="
    there.on("*", "", faultserver.challenge('Basic realm="x"', unless=basic), times=faultserver.FOREVER)
    publish(there, "v1", b"one")
    bench.run(bench.add("pull", f"{there.url}/team/model", username="ana", password="canary"))
    assert tags(bench.hub) == ["v1"]
    stored = b"".join(path.read_bytes() for path in bench.hub.data.glob("catalog.sqlite3*"))
    assert b"canary" not in stored


def test_a_mirror_may_what_its_maker_may_when_it_runs(make_hub: MakeHub, there: FaultServer) -> None:
    rights = {"ana": {NAME}}
    hub = make_hub(allow=["http://127.0.0.1:*"], policy=Only(**rights))
    bench, ana = bench_of(hub), Principal("ana")
    publish(there, "v1", b"one")
    wish = MirrorWish(direction="pull", repository=NAME, remote=f"{there.url}/team/model")
    mirror = bench.mirrors.create(ana, wish)
    with pytest.raises(DeniedError, match="bob may not keep mirrors"):
        bench.mirrors.create(Principal("bob"), wish)
    with pytest.raises(NotFoundError, match="there is no mirror"):
        bench.mirrors.get(Principal("bob"), mirror.id)
    assert bench.mirrors.kept(Principal("bob")) == []
    rights["ana"].clear()
    with pytest.raises(HopelessError, match="ana may not"):
        bench.run(mirror)


#   what is said                                            what is wrong with it
WRONG: list[tuple[dict[str, object], str]] = [
    ({"direction": "sideways"}, "a mirror pulls or pushes"),
    ({"every": 5}, "is too often"),
    ({"on_push": True}, "is not started by a push"),
    ({"username": "ana"}, "belong together"),
    ({"remote": "http://127.0.0.1:1/"}, "repository"),
    ({"remote": "http://127.0.0.1:1/team/model?x=y"}, "has a query"),
    ({"tags": "["}, "pattern"),
]


@pytest.mark.parametrize(("said", "why"), WRONG)
def test_a_mirror_that_makes_no_sense_is_refused(bench: Bench, said: dict[str, object], why: str) -> None:
    wish = {"direction": "pull", "repository": NAME, "remote": "http://127.0.0.1:1/team/model", **said}
    with pytest.raises(InvalidError, match=why):
        bench.mirrors.create(ANONYMOUS, MirrorWish(**wish))  # type: ignore[arg-type] # checked there


def test_a_mirror_never_leads_where_the_hub_may_not_go(make_hub: MakeHub, there: FaultServer) -> None:
    bench = bench_of(make_hub())
    with pytest.raises(DeniedError, match="the hub may not connect"):
        bench.add("pull", f"{there.url}/team/model")


def test_a_push_here_starts_the_mirrors_that_want_it(bench: Bench, there: FaultServer) -> None:
    mirror = bench.add("push", f"{there.url}/team/model", on_push=True)
    bench.add("push", f"{there.url}/team/other")
    spreader = Spreader(bench.hub.database, [bench.mirroring.listen])
    bench.hub.push_image("team/another", "v1", b"one")
    spreader.spread()
    bench.hub.clock.time += 3
    assert bench.tasks() == []
    bench.hub.push_image(NAME, "v1", b"one")
    bench.hub.push_image(NAME, "v2", b"two")
    spreader.spread()
    bench.hub.clock.time += 3
    assert bench.tasks() == [str(mirror.id)]


def test_the_clock_starts_mirrors_once_in_their_interval(bench: Bench, there: FaultServer) -> None:
    mirror = bench.add("pull", f"{there.url}/team/model", every=3600)
    bench.add("pull", f"{there.url}/team/other")
    bench.mirroring.schedule(Told({}))
    assert bench.tasks() == [str(mirror.id)]
    bench.hub.clock.time += 3599
    bench.mirroring.schedule(Told({}))
    bench.hub.clock.time += 2
    found = bench.mirrors.get(ANONYMOUS, mirror.id)
    assert found.due_at is not None
    assert found.due_at <= round(bench.hub.clock() * 1000)


def test_a_run_can_be_asked_for_and_a_mirror_be_forgotten(bench: Bench, there: FaultServer) -> None:
    mirror = bench.add("pull", f"{there.url}/team/model")
    bench.mirrors.run(ANONYMOUS, mirror.id)
    assert bench.tasks() == [str(mirror.id)]
    bench.mirrors.remove(ANONYMOUS, mirror.id)
    bench.run(mirror)
    assert bench.mirrors.kept(ANONYMOUS) == []


@pytest.mark.peer("docker-registry")
def test_a_real_registry_is_mirrored_both_ways(bench: Bench, tmp_path: Path) -> None:
    layer = dice(2).randbytes(2_000_000)
    raw = manifest(b"{}", layer)
    signature = manifest(b"{}", subject=subject(raw), artifactType="application/x")
    with docker_registry(tmp_path) as registry:
        store, remote = MemoryStore(), Registry(registry.host).repository("origin/model")
        for data in (b"{}", layer):
            blob = Descriptor(media_type=mediatype.OCTET_STREAM, digest=Digest.of(data), size=len(data))
            store.push(blob, Bytes(data))
        for document in (raw, signature):
            described = parse_document(document, "").describe()
            store.push(described, Bytes(document))
            copy_graph(store, remote, described)
        remote.tag(parse_document(raw, "").describe(), "v1")
        bench.run(bench.add("pull", f"http://{registry.host}/origin/model"))
        assert bench.hub.get(f"/v2/{NAME}/manifests/v1").body == raw
        assert len(bench.hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}").json["manifests"]) == 1
        bench.run(bench.add("push", f"http://{registry.host}/copy/model"))
        copy = Registry(registry.host).repository("copy/model")
        assert copy.resolve("v1").digest == Digest.of(raw)
        assert [one.digest for one in copy.referrers(Digest.of(raw))] == [Digest.of(signature)]


def test_a_hub_is_mirrored_to_another_hub(bench: Bench, tmp_path: Path) -> None:
    raw = bench.hub.push_image(NAME, "v1", dice(3).randbytes(300_000))
    with running_hub(tmp_path) as other:
        bench.run(bench.add("push", f"http://{other.host}/copies/model"))
        assert other.get("/v2/copies/model/manifests/v1").body == raw
        mirror = bench.mirrors.create(
            ANONYMOUS,
            MirrorWish(direction="pull", repository="back/model", remote=f"http://{other.host}/copies/model"),
        )
        bench.run(mirror)
    assert bench.hub.get("/v2/back/model/manifests/v1").body == raw
