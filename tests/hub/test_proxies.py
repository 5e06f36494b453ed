import json
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from orchard.hub.access import ANONYMOUS
from orchard.hub.catalog import proxies
from orchard.hub.catalog.proxies import Proxy
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.jobs.studying import Understander
from orchard.oci import Descriptor, Digest, mediatype, parse_document
from orchard.remote import Registry
from orchard.store import Bytes, MemoryStore, copy_graph, referrer_graph
from support import faultserver
from support.faultserver import Exchange, FaultServer
from support.hubclient import Answer, describe, index, kind_of, manifest, subject
from support.hubinside import CATALOG, Inside, MakeHub, Only
from support.hubs import Hub, Nursery, dice, read_all, running_hub, send_head, wait_until
from support.queues import Bench
from support.registries import Running, docker_registry

NAME = "mirror/team/model"


@pytest.fixture
def upstream() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def hub(make_hub: MakeHub, upstream: FaultServer) -> Inside:
    made = make_hub(allow=["http://127.0.0.1:*"])
    made.proxy("mirror", upstream.url)
    return made


def publish(upstream: FaultServer, tag: str, *layers: bytes, config: bytes = b"{}", **fields: object) -> bytes:
    """Put an artifact into the other registry."""
    for data in (config, *layers):
        upstream.add_blob(data)
    raw = manifest(config, *layers, **fields)
    upstream.add_manifest(kind_of(raw), raw, tag)
    return raw


def pull(hub: Inside | Hub, reference: object = "v1", name: str = NAME) -> Answer:
    return hub.get(f"/v2/{name}/manifests/{reference}")


def fetch(hub: Inside | Hub, data: bytes, name: str = NAME, **headers: str) -> Answer:
    return hub.get(f"/v2/{name}/blobs/{Digest.of(data)}", **headers)


def asked(upstream: FaultServer, part: str) -> list[str]:
    return [line for line in upstream.lines() if part in line]


def test_what_is_not_here_comes_from_there_and_is_here_afterwards(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"layer")
    first = pull(hub)
    assert (first.status, first.body) == (200, raw)
    assert first.headers["content-type"] == mediatype.OCI_MANIFEST
    assert first.headers["docker-content-digest"] == str(Digest.of(raw))
    assert fetch(hub, b"layer").body == b"layer"
    assert fetch(hub, b"{}").body == b"{}"
    upstream.seen.clear()
    assert pull(hub).body == raw
    assert pull(hub, Digest.of(raw)).body == raw
    assert fetch(hub, b"layer").body == b"layer"
    assert upstream.seen == []


def test_versions_that_are_fetched_are_understood_once_their_bytes_are_here(
    make_hub: MakeHub, upstream: FaultServer
) -> None:
    hub = make_hub(allow=["http://127.0.0.1:*"], queue=lambda database: Bench(database).process())
    hub.proxy("mirror", upstream.url)
    title = {"org.opencontainers.image.title": "README.md"}
    layer = {"mediaType": "text/markdown", **describe(b"# Card"), "annotations": title}
    raw = publish(upstream, "v1", b"# Card", artifactType="application/vnd.example", layers=[layer])
    understander = Understander(hub.premises, lambda *_: None)
    pull(hub)
    assert [task.kind for task in Bench(hub.database).records()] == ["understand"]
    assert understander.understand(NAME, Digest.of(raw)) == "waiting"
    with hub.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM tasks")
    fetch(hub, b"# Card")
    assert [task.payload["digest"] for task in Bench(hub.database).records()] == [str(Digest.of(raw))]
    assert understander.understand(NAME, Digest.of(raw)) == "ready"
    assert hub.registry.readable(hub.who, NAME).contents("v1").understanding().card == "# Card"


def test_a_digest_is_never_asked_for_twice_and_a_tag_again_after_a_while(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"layer")
    pull(hub)
    hub.clock.time += 299
    pull(hub)
    assert asked(upstream, "manifests/v1") == ["GET /v2/team/model/manifests/v1"]
    hub.clock.time += 2
    assert pull(hub).body == raw
    assert asked(upstream, "manifests/v1")[1:] == ["HEAD /v2/team/model/manifests/v1"]
    hub.clock.time += 1e6
    assert pull(hub, Digest.of(raw)).body == raw
    assert asked(upstream, f"manifests/{Digest.of(raw)}") == []


def test_a_tag_that_has_moved_there_moves_here(hub: Inside, upstream: FaultServer) -> None:
    old = publish(upstream, "v1", b"one")
    pull(hub)
    new = publish(upstream, "v1", b"two")
    assert pull(hub).body == old
    hub.clock.time += 301
    assert pull(hub).body == new
    assert pull(hub, Digest.of(old)).body == old
    assert [action for action, _, _ in hub.actions(NAME) if action == "tag.set"] == ["tag.set", "tag.set"]


def test_a_tag_that_is_gone_there_is_gone_here(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"one")
    pull(hub)
    del upstream.tags["v1"]
    hub.clock.time += 301
    assert pull(hub).status == 404
    assert pull(hub, Digest.of(raw)).body == raw
    assert ("tag.delete", None, "v1") in hub.actions(NAME)


def test_an_old_tag_is_given_with_a_warning_while_the_registry_is_down(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"layer")
    pull(hub)
    hub.clock.time += 301
    upstream.on("*", "", faultserver.status(503), times=faultserver.FOREVER)
    stale = pull(hub)
    assert (stale.status, stale.body) == (200, raw)
    assert stale.headers["warning"].startswith(f'299 - "{NAME} may be out of date: ')


#   what the registry says       what a client of ours hears, and how
ANSWERS = [
    (faultserver.status(404, "MANIFEST_UNKNOWN"), 404, "MANIFEST_UNKNOWN"),
    (faultserver.status(403, "DENIED"), 403, "DENIED"),
    (faultserver.challenge('Basic realm="x"'), 403, "DENIED"),
    (faultserver.status(429, "TOOMANYREQUESTS", Retry_After="60"), 429, "TOOMANYREQUESTS"),
    (faultserver.status(500), 502, "DENIED"),
    (faultserver.status(503), 502, "DENIED"),
    (faultserver.drop, 502, "DENIED"),
    (faultserver.answer(200, {"Content-Type": mediatype.OCI_MANIFEST}, b"not JSON"), 502, "DENIED"),
    (faultserver.redirect("http://169.254.169.254/latest"), 403, "DENIED"),
]


@pytest.mark.parametrize(("fault", "status", "code"), ANSWERS)
def test_what_the_other_registry_refuses_is_told_for_what_it_is(
    hub: Inside, upstream: FaultServer, fault: faultserver.Fault, status: int, code: str
) -> None:
    upstream.on("*", "/manifests/", fault, times=faultserver.FOREVER)
    answer = pull(hub)
    assert (answer.status, answer.code) == (status, code)
    assert "www-authenticate" not in answer.headers


def test_nobody_waits_for_a_registry_that_has_just_failed(hub: Inside, upstream: FaultServer) -> None:
    upstream.on("*", "", faultserver.status(503), times=faultserver.FOREVER)
    pull(hub)
    before = len(upstream.seen)
    assert pull(hub).status == 502
    assert len(upstream.seen) == before
    hub.clock.time += 6
    upstream.rules.clear()
    raw = publish(upstream, "v1", b"layer")
    assert pull(hub).body == raw


def test_what_is_missing_is_asked_for_again_after_ten_seconds(hub: Inside, upstream: FaultServer) -> None:
    assert pull(hub).status == 404
    raw = publish(upstream, "v1", b"layer")
    assert pull(hub).status == 404
    hub.clock.time += 11
    assert pull(hub).body == raw


def test_bytes_that_are_wrong_are_never_given_whole_and_never_kept(hub: Inside, upstream: FaultServer) -> None:
    publish(upstream, "v1", b"a layer that is right")
    digest = str(Digest.of(b"a layer that is right"))
    pull(hub)
    upstream.blobs[digest] = b"a layer that is wrong"
    with pytest.raises(Exception, match="the registry behind this repository failed"):
        fetch(hub, b"a layer that is right")
    assert not hub.files.path(Digest.parse(digest)).exists()
    assert list(hub.files.sessions()) == []
    hub.clock.time += 6
    upstream.blobs[digest] = b"a layer that is right"
    assert fetch(hub, b"a layer that is right").body == b"a layer that is right"


@pytest.mark.parametrize("wrong", [b"", b"short", b"a layer that is much too long"])
def test_a_blob_of_another_size_is_refused(hub: Inside, upstream: FaultServer, wrong: bytes) -> None:
    publish(upstream, "v1", b"a layer")
    pull(hub)
    upstream.blobs[str(Digest.of(b"a layer"))] = wrong
    assert fetch(hub, b"a layer").status == 502
    assert not hub.files.path(Digest.of(b"a layer")).exists()


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"one")
    upstream.manifests[str(Digest.of(raw))] = mediatype.OCI_MANIFEST, manifest(b"{}", b"two")
    assert pull(hub, Digest.of(raw)).status == 502
    assert hub.actions(NAME) == []


def test_a_transfer_that_breaks_goes_on_where_it_was(hub: Inside, upstream: FaultServer) -> None:
    layer = dice(1).randbytes(300_000)
    publish(upstream, "v1", layer)
    pull(hub)
    upstream.on("GET", "/blobs/", faultserver.cut_after(100_000))
    assert fetch(hub, layer).body == layer


def test_many_who_want_one_blob_let_it_be_fetched_once(hub: Inside, upstream: FaultServer) -> None:
    layer = dice(2).randbytes(3 << 20)
    publish(upstream, "v1", layer)
    pull(hub)
    go = Event()

    def slowly(exchange: Exchange) -> None:
        exchange.reply(200, {}, layer[: 1 << 20], length=len(layer))
        go.wait(60)
        exchange.wfile.write(layer[1 << 20 :])

    upstream.on("GET", "/blobs/", slowly)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(fetch, hub, layer) for _ in range(8)]
        Event().wait(0.2)
        go.set()
        assert all(one.result().body == layer for one in waiting)
    assert len(asked(upstream, "GET /v2/team/model/blobs/")) == 1


def test_the_first_bytes_arrive_before_the_last_are_there(hub: Inside, upstream: FaultServer) -> None:
    layer = dice(3).randbytes(2 << 20)
    publish(upstream, "v1", layer)
    pull(hub)
    go = Event()

    def slowly(exchange: Exchange) -> None:
        exchange.reply(200, {}, layer[: 1 << 20], length=len(layer))
        go.wait(60)
        exchange.wfile.write(layer[1 << 20 :])

    upstream.on("GET", "/blobs/", slowly)
    _, content = hub.registry.readable(ANONYMOUS, NAME).held(Digest.of(layer))
    pieces = content.read(0, len(layer))
    assert layer.startswith(next(pieces))
    assert not hub.files.path(Digest.of(layer)).exists()
    go.set()
    for _ in pieces:
        continue
    assert hub.files.path(Digest.of(layer)).read_bytes() == layer


def test_a_part_from_the_middle_is_fetched_alone(hub: Inside, upstream: FaultServer) -> None:
    layer = dice(4).randbytes(5000)
    publish(upstream, "v1", layer)
    pull(hub)
    part = fetch(hub, layer, range="bytes=1000-1999")
    assert (part.status, part.body) == (206, layer[1000:2000])
    assert part.headers["content-range"] == "bytes 1000-1999/5000"
    assert not hub.files.path(Digest.of(layer)).exists()


def test_a_blob_can_be_asked_about_without_being_fetched(hub: Inside, upstream: FaultServer) -> None:
    publish(upstream, "v1", b"layer")
    pull(hub)
    answer = hub.request("HEAD", f"/v2/{NAME}/blobs/{Digest.of(b'layer')}")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "5", b"")
    assert asked(upstream, "GET /v2/team/model/blobs/") == []


def test_a_blob_that_no_manifest_here_names_is_measured_first(hub: Inside, upstream: FaultServer) -> None:
    upstream.add_blob(b"layer")
    assert fetch(hub, b"layer").body == b"layer"
    assert fetch(hub, b"missing").code == "BLOB_UNKNOWN"


def test_a_blob_that_is_too_large_is_refused(hub: Inside, upstream: FaultServer) -> None:
    hub.proxy("mirror", upstream.url, largest=4)
    publish(upstream, "v1", b"layer")
    pull(hub)
    answer = fetch(hub, b"layer")
    assert (answer.status, answer.code) == (403, "DENIED")
    assert "mirror fetches 4 at most" in answer.json["errors"][0]["message"]


def test_an_index_comes_with_what_it_lists(hub: Inside, upstream: FaultServer) -> None:
    one, two = (publish(upstream, tag, tag.encode()) for tag in ("one", "two"))
    both = index(one, two)
    upstream.add_manifest(mediatype.OCI_INDEX, both, "both")
    assert pull(hub, "both").body == both
    assert pull(hub, Digest.of(two)).body == two
    assert fetch(hub, b"two").body == b"two"


def test_tags_and_referrers_are_those_of_the_other_registry(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"one")
    for tag in ("v3", "v2"):
        publish(upstream, tag, b"one")
    signature = manifest(b"{}", subject=subject(raw), artifactType="application/x")
    upstream.add_manifest(kind_of(signature), signature)
    assert hub.get(f"/v2/{NAME}/tags/list?n=2").json == {"name": NAME, "tags": ["v1", "v2"]}
    assert hub.get(f"/v2/{NAME}/tags/list?last=v2").json["tags"] == ["v3"]
    listed = hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}")
    assert [entry["digest"] for entry in listed.json["manifests"]] == [str(Digest.of(signature))]
    assert pull(hub, Digest.of(signature)).body == signature
    hub.clock.time += 60
    upstream.on("*", "", faultserver.status(503), times=faultserver.FOREVER)
    assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == []
    again = hub.get(f"/v2/{NAME}/referrers/{Digest.of(raw)}")
    assert [entry["digest"] for entry in again.json["manifests"]] == [str(Digest.of(signature))]
    assert "warning" in again.headers


def test_known_tags_are_listed_with_a_warning_while_the_registry_is_down(hub: Inside, upstream: FaultServer) -> None:
    publish(upstream, "v1", b"one")
    pull(hub)
    upstream.on("*", "", faultserver.status(503), times=faultserver.FOREVER)
    answer = hub.get(f"/v2/{NAME}/tags/list")
    assert answer.json["tags"] == ["v1"]
    assert "warning" in answer.headers


def test_nothing_can_be_pushed_there(hub: Inside) -> None:
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/")
    assert (answer.status, answer.code) == (403, "DENIED")
    assert "push to that one, or elsewhere" in answer.json["errors"][0]["message"]


def test_what_is_deleted_here_comes_again_when_it_is_asked_for(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"one")
    pull(hub)
    assert hub.request("DELETE", f"/v2/{NAME}/manifests/{Digest.of(raw)}").status == 202
    assert pull(hub).body == raw


def test_only_who_may_read_a_repository_lets_it_be_fetched(make_hub: MakeHub, upstream: FaultServer) -> None:
    made = make_hub(allow=["http://127.0.0.1:*"], policy=Only(anonymous={"mirror/team/open"}))
    made.proxy("mirror", upstream.url)
    raw = publish(upstream, "v1", b"one")
    assert pull(made).status == 403
    assert upstream.seen == []
    assert pull(made, name="mirror/team/open").body == raw


def test_names_are_put_together_of_both_prefixes(make_hub: MakeHub, upstream: FaultServer) -> None:
    made = make_hub(allow=["http://127.0.0.1:*"])
    made.proxy("a/b", f"{upstream.url}/deep/prefix")
    made.proxy("a", upstream.url)
    pull(made, name="a/b/model")
    pull(made, name="a/c/model")
    pull(made, name="ab/model")
    assert [line for line in upstream.lines("GET") if "manifests" in line] == [
        "GET /v2/deep/prefix/model/manifests/v1",
        "GET /v2/c/model/manifests/v1",
    ]


def test_a_client_that_takes_the_hub_for_a_mirror_says_whose(hub: Inside, upstream: FaultServer) -> None:
    raw = publish(upstream, "v1", b"one")
    answer = hub.get(f"/v2/team/model/manifests/v1?ns={upstream.host}")
    assert (answer.body, answer.headers["oci-namespace"]) == (raw, upstream.host)
    assert hub.get(f"/v2/team/model/blobs/{Digest.of(b'one')}?ns={upstream.host}").body == b"one"
    assert hub.get("/v2/team/model/manifests/v1?ns=other.example.com").status == 404


def test_a_password_is_shown_to_the_registry_and_to_nobody_else(make_hub: MakeHub, upstream: FaultServer) -> None:
    made = make_hub(allow=["http://127.0.0.1:*"])
    made.proxy("mirror", upstream.url, login=("ana", "canary"))
    basic = "Basic YW5hOmNhbmFyeQ=="
    upstream.on("*", "", faultserver.challenge('Basic realm="x"', unless=basic), times=faultserver.FOREVER)
    raw = publish(upstream, "v1", b"one")
    assert pull(made).body == raw
    assert upstream.seen[-1].headers["authorization"] == basic
    stored = b"".join(path.read_bytes() for path in made.data.glob("catalog.sqlite3*"))
    assert b"canary" not in stored


def test_a_registry_that_may_not_be_reached_is_not(make_hub: MakeHub, upstream: FaultServer) -> None:
    made = make_hub()
    made.proxy("mirror", upstream.url)
    answer = pull(made)
    assert (answer.status, answer.code) == (403, "DENIED")
    assert "the hub may not connect" in answer.json["errors"][0]["message"]
    assert upstream.connections == 0


def test_what_a_model_says_of_itself_is_known_at_once(hub: Inside, upstream: FaultServer) -> None:
    kitfile = json.dumps({"manifestVersion": "1.0.0", "package": {"name": "tiny", "version": "2.0"}}).encode()
    kit = "application/vnd.kitops.modelkit."
    raw = publish(upstream, "v1", b"layer", config=kitfile)
    document = json.loads(raw)
    document["config"]["mediaType"] = f"{kit}config.v1+json"
    document["artifactType"] = f"{kit}manifest.v1+json"
    raw = json.dumps(document).encode()
    upstream.add_manifest(mediatype.OCI_MANIFEST, raw, "v1")
    pull(hub)
    (version,) = hub.registry.versions(ANONYMOUS, NAME)
    assert (version.model_name, version.model_version) == ("tiny", "2.0")


def test_nothing_half_is_left_when_the_hub_is_killed_while_it_fetches(
    tmp_path: Path, hubs: Nursery, upstream: FaultServer
) -> None:
    layer = dice(5).randbytes(2 << 20)
    raw = publish(upstream, "v1", layer)
    settings = {"egress_allow": [f"http://127.0.0.1:{upstream.port}"]}
    with hubs.hub(tmp_path, **settings):
        pass
    _add(tmp_path, upstream.url)
    go = Event()

    def hanging(exchange: Exchange) -> None:
        exchange.reply(200, {}, layer[: 1 << 20], length=len(layer))
        go.wait(60)

    upstream.on("GET", "/blobs/", hanging)
    with hubs.hub(tmp_path, **settings) as hub:
        assert pull(hub).body == raw
        with hub.connect() as connection:
            send_head(connection, "GET", f"/v2/{NAME}/blobs/{Digest.of(layer)}")
            connection.recv(1000)
            hub.signal(signal.SIGKILL)
    go.set()
    assert list((tmp_path / "spool").iterdir()) == []
    with hubs.hub(tmp_path, **settings) as hub:
        assert fetch(hub, layer).body == layer
        upstream.seen.clear()
        assert fetch(hub, layer).body == layer
        assert upstream.seen == []


@pytest.mark.parametrize("how", ["cut", "wrong"])
def test_a_client_notices_that_the_bytes_are_not_right(tmp_path: Path, upstream: FaultServer, how: str) -> None:
    layer = dice(6).randbytes(3 << 20)
    publish(upstream, "v1", layer)
    with running_hub(tmp_path, egress_allow=[f"http://127.0.0.1:{upstream.port}"]) as hub:
        _add(tmp_path, upstream.url)
        wait_until(lambda: pull(hub).status == 200)
        if how == "cut":
            upstream.on("GET", "/blobs/", faultserver.cut_after(2 << 20))
            upstream.on("GET", "/blobs/", faultserver.status(404), times=99)
        else:
            upstream.blobs[str(Digest.of(layer))] = layer[:-1] + b"x"
        with hub.connect() as connection:
            send_head(connection, "GET", f"/v2/{NAME}/blobs/{Digest.of(layer)}", "Connection: close")
            received = read_all(connection)
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert len(body) < len(layer)
        assert not (tmp_path / "blobs" / "sha256" / Digest.of(layer).hex[:2] / Digest.of(layer).hex).exists()


def test_nobody_else_waits_for_a_registry_that_does_not_answer(tmp_path: Path, upstream: FaultServer) -> None:
    go = Event()

    def hang(exchange: Exchange) -> None:
        go.wait(60)
        exchange.refuse(404)

    with (
        running_hub(tmp_path, egress_allow=[f"http://127.0.0.1:{upstream.port}"]) as hub,
        ThreadPoolExecutor(30) as pool,
    ):
        raw = hub.push_image("team/near", "v1", b"layer")
        _add(tmp_path, upstream.url)
        wait_until(lambda: pull(hub, "probe").status == 404 and len(upstream.seen) > 0)
        upstream.on("*", "/manifests/", hang, times=faultserver.FOREVER)
        waiting = [pool.submit(pull, hub, f"v{number}") for number in range(20)]
        wait_until(lambda: len(upstream.seen) >= 20)
        began = time.monotonic()
        for _ in range(10):
            assert fetch(hub, b"layer", "team/near").body == b"layer"
            assert pull(hub, Digest.of(raw), "team/near").body == raw
        assert time.monotonic() - began < 40  # those that hang do so for 60
        go.set()
        assert {one.result().status for one in waiting} == {404}


@dataclass(frozen=True)
class Through:
    """A real registry with one signed artifact, and a hub before it."""

    raw: bytes
    layer: bytes
    signature: bytes
    hub: Hub
    registry: "Running"


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Through]:
    directory = tmp_path_factory.mktemp("through")
    layer = dice(7).randbytes(3_000_000)
    raw = manifest(b"{}", layer)
    signature = manifest(b"{}", subject=subject(raw), artifactType="application/x")
    with docker_registry(directory) as registry:
        store = MemoryStore()
        for data in (b"{}", layer):
            described = Descriptor(media_type=mediatype.OCTET_STREAM, digest=Digest.of(data), size=len(data))
            store.push(described, Bytes(data))
        remote = Registry(registry.host).repository("team/model")
        for document in (raw, signature):
            described = parse_document(document, "").describe()
            store.push(described, Bytes(document))
            copy_graph(store, remote, described)
        remote.tag(parse_document(raw, "").describe(), "v1")
        with running_hub(directory / "hub", egress_allow=[f"http://{registry.host}"]) as hub:
            _add(directory / "hub", f"http://{registry.host}")
            wait_until(lambda: pull(hub).status == 200)
            yield Through(raw, layer, signature, hub, registry)


#   program    what it is told, with HUB and DIRECTORY
CLIENTS = [
    ("skopeo", "copy --src-tls-verify=false docker://HUB/mirror/team/model:v1 dir:DIRECTORY/out"),
    ("oras", "copy --from-plain-http --recursive HUB/mirror/team/model:v1 --to-oci-layout DIRECTORY/out:v1"),
    ("crane", "pull --insecure --format=oci HUB/mirror/team/model:v1 DIRECTORY/out"),
    ("regctl", "--host reg=HUB,tls=disabled image copy --referrers HUB/mirror/team/model:v1 ocidir://DIRECTORY/out:v1"),
]


@pytest.mark.peer("docker-registry")
@pytest.mark.parametrize(
    ("program", "line"),
    [pytest.param(*client, marks=pytest.mark.peer(client[0]), id=client[0]) for client in CLIENTS],
)
def test_a_foreign_client_pulls_through_from_a_real_registry(
    through: Through, tmp_path: Path, program: str, line: str
) -> None:
    told = line.replace("HUB", through.hub.host).replace("DIRECTORY", str(tmp_path))
    done = subprocess.run([program, *told.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert any(path.read_bytes() == through.layer for path in tmp_path.rglob("*") if path.is_file())
    assert fetch(through.hub, through.layer).body == through.layer


@pytest.mark.peer("docker-registry")
def test_our_client_pulls_through_with_signatures(through: Through) -> None:
    store = MemoryStore()
    here = Registry(through.hub.host).repository(NAME)
    for related in referrer_graph(here, here.resolve("v1")):
        copy_graph(here, store, related.descriptor)
    with store.open(parse_document(through.signature, "").describe()) as body:
        assert body.read(1 << 20) == through.signature


def _add(data: Path, remote: str) -> None:
    database = open_sqlite(data / CATALOG)
    made = Proxy(
        namespace="mirror",
        remote=remote,
        username=None,
        password=None,
        ttl=300,
        largest=None,
        created_at=0,
        created_by="ana",
    )
    with database.write() as connection:
        proxies.put(connection, made)
    database.close()
