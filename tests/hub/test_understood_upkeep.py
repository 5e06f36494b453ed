"""What is known of versions, on both engines: what is still to be done, and what goes with what."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import func, select

from orchard.formats import LayerKind
from orchard.hub import catalog
from orchard.hub.catalog import LayerRow, Understanding, understood
from orchard.hub.db.understood import facts, insights, layer_files, understandings
from orchard.hub.jobs.studying import Understander, revision
from orchard.hub.registry import Collector, Registry
from orchard.oci import Digest
from support.archive_tars import member, tar
from support.hubinside import Inside
from support.modelfiles import safetensors_by_hand
from support.queues import Bench
from support.versions import Made, bring, kit

ENGINES = True

NAME = "team/model"
WEIGHTS = safetensors_by_hand({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8)
TABLES = (layer_files, insights, understandings, facts)


def model(weights: bytes = WEIGHTS) -> Made:
    archive = tar(member("m/model.safetensors", weights)).read()
    return kit("package: {name: x}\nmodel: {name: net, path: m}\n", (LayerKind.MODEL, "m", archive, "tar"))


def understand(hub: Inside, digest: Digest) -> str:
    return Understander(hub.premises, lambda *_: None).understand(NAME, digest)


def counts(hub: Inside) -> list[int]:
    with hub.database.read() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES]


def test_what_is_known_goes_with_the_version_and_its_layers(hub: Inside) -> None:
    digest = bring(hub, NAME, "v1", model())
    assert understand(hub, digest) == "ready"
    assert all(counts(hub))
    hub.registry.deletable(hub.who, NAME).delete_manifest(digest)
    assert counts(hub)[2:] == [0, 0]
    assert counts(hub)[0] == 1  # the trash may give it back
    hub.registry.upkeep().purge(0)
    Collector(hub.premises, lambda *_: None, keep=0).collect()
    assert counts(hub) == [0, 0, 0, 0]


def test_what_is_to_be_done_is_found(hub: Inside) -> None:
    made = model()
    digest = bring(hub, NAME, "v1", made)
    layer = made[1].layers[0].digest
    with hub.database.write() as connection:
        ((number, _, _),) = understood.due(connection, revision(), limit=10)
        understood.put(connection, number, Understanding("waiting", revision(), 1))
        assert understood.due(connection, revision(), limit=10) == []
        assert understood.pending(connection, revision()) == 0
        assert understood.waiting_for(connection, NAME, layer) == [digest]
        assert understood.waiting_for(connection, "team/other", layer) == []
        understood.put(connection, number, Understanding("ready", revision(), 1))
        assert understood.waiting_for(connection, NAME, layer) == []
        assert understood.states(connection) == {"ready": 1}
        assert understood.put_layer(connection, LayerRow(layer, "tar", 1, 0))
        assert not understood.put_layer(connection, LayerRow(Digest.of(b"gone"), "tar", 1, 0))
        assert not understood.put_insights(connection, Digest.of(b"gone"), [])
        assert understood.unhashed(connection) == 1
        assert understood.to_hash(connection, limit=1) == [(layer, "tar", made[1].layers[0].size)]
        assert understood.speakers(connection, NAME) == [(number, digest)]
        assert understood.outdate(connection, [number]) == 1
        assert understood.due(connection, revision(), limit=10) == [(number, digest, NAME)]
        assert understood.layers(connection, [layer])[layer, "tar"].revision == 0


def test_new_bytes_are_counted_against_the_version_pushed_before(hub: Inside) -> None:
    first, second = (
        model(),
        model(safetensors_by_hand({"w": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"x")),
    )
    found = []
    for tag, made in (("v1", first), ("v2", second)):
        digest = bring(hub, NAME, tag, made)
        hub.push_image(NAME, "image", tag.encode())  # images are no versions of a model
        with hub.database.read() as connection:
            speaker = understood.speaker(connection, NAME, digest)
            assert speaker is not None
            found.append(understood.new_bytes(connection, speaker.id))
    assert found == [sum(one.size for one in (*made[1].layers, made[1].config)) for made in (first, second)]


def test_a_blob_that_comes_late_has_its_versions_looked_into_again(hub: Inside) -> None:
    made = model()
    digest = bring(hub, NAME, "v1", made)
    with hub.database.write() as connection:
        speaker = understood.speaker(connection, NAME, digest)
        assert speaker is not None
        understood.put(connection, speaker.id, Understanding("waiting", revision(), 1))
    bench = Bench(hub.database)
    registry = Registry(replace(hub.premises, queue=bench.process()))
    with made[0].open(made[1].layers[0]) as body:
        raw = body.read(1 << 20)
    upload = registry.writable(hub.who, NAME).start_upload("sha256", lasting=False)
    upload.append([raw])
    upload.commit(made[1].layers[0].digest)
    upload.close()
    assert [task.payload["digest"] for task in bench.records()] == [str(digest)]
    assert catalog.understood.speaks("ModelKit", None)


def test_two_workers_may_find_out_the_same_at_once(hub: Inside) -> None:
    made = model()
    digest = bring(hub, NAME, "v1", made)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: understand(hub, digest), range(8))) == ["ready"] * 8
    assert counts(hub)[0] == 1
