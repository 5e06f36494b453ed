"""What the hub finds out about versions by itself: insights, facts, states, and how it goes on."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchard.errors import NotFoundError, OrchardError
from orchard.formats import IndexedFile, LayerKind
from orchard.hub import catalog
from orchard.hub.catalog import Blob
from orchard.hub.jobs import HopelessError
from orchard.hub.jobs.hashing import hashing
from orchard.hub.jobs.looking import Room
from orchard.hub.jobs.overseeing import Overseer
from orchard.hub.jobs.studying import Understander
from orchard.hub.jobs.understanding import FIND, finding_versions, understanding
from orchard.hub.queue import State
from orchard.hub.registry import Contents, Registry, Shelf
from orchard.insight import SafetensorsInsight
from orchard.oci import Digest
from orchard.project import index_version, read_version
from support import modelpacks
from support.archive_tars import member, tar
from support.hubclient import manifest
from support.hubinside import Inside
from support.modelfiles import safetensors_by_hand
from support.queues import Bench
from support.versions import Made, bring, bring_to, kit, plain_artifact

NAME = "team/model"
WEIGHTS = safetensors_by_hand({"layer.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}, b"\0" * 24)
README = b"---\nlicense: mit\n---\n# Digits\n\nReads digits.\n"
KITFILE = """\
package: {name: digits, version: 1.2.3, license: Apache-2.0, authors: [Ana, Ben]}
model:
  name: net
  path: net
  framework: PyTorch
  parameters:
    lr: 2.0e-5
    epochs: 3
    shuffle: true
    optimizer: {name: adam, betas: [0.9, 0.99]}
    metrics: {accuracy: 0.97, per_class: {one: 1.0}}
datasets:
  - {name: train, path: data}
docs:
  - {path: README.md}
"""


def net(*, weights: bytes = WEIGHTS, data: bytes = b"a,b\n1,2\n", form: str = "tar", **options: Any) -> Made:  # noqa: ANN401
    """Make a kit of weights, data and a README."""

    def packed(*parts: bytes) -> bytes:
        raw = tar(*parts).read()
        return gzip.compress(raw, mtime=0) if form == "tar+gzip" else raw

    return kit(
        KITFILE,
        (LayerKind.MODEL, "net", packed(member("net/model.safetensors", weights)), form),
        (LayerKind.DATASET, "data", packed(member("data/train.csv", data), member("data/more.csv", b"x")), form),
        (LayerKind.DOCS, "README.md", packed(member("README.md", README)), form),
        **options,
    )


def silent(done: int, total: int | None, note: str) -> None:
    """Hear how far it is."""


def understand(hub: Inside, digest: Digest, name: str = NAME) -> str:
    return Understander(hub.premises, silent).understand(name, digest)


def contents(hub: Inside, reference: str = "v1", name: str = NAME) -> Contents:
    return hub.registry.readable(hub.who, name).contents(reference)


def facts(hub: Inside, reference: str = "v1") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fact in contents(hub, reference).facts():
        found[fact.key] = [*found[fact.key], fact.value] if fact.key in found else [fact.value]
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


@pytest.mark.parametrize("form", ["tar", "tar+gzip"])
def test_a_kit_is_understood_whole(hub: Inside, form: str) -> None:
    digest = bring(hub, NAME, "v1", net(form=form))
    assert understand(hub, digest) == "ready"
    found = contents(hub)
    assert [file.path for file in found.files()] == [
        "README.md",
        "data/more.csv",
        "data/train.csv",
        "net/model.safetensors",
    ]
    assert all(file.digest is not None for file in found.files())
    assert found.files().file("data/more.csv").digest == str(Digest.of(b"x"))
    weights = found.insight("net/model.safetensors")
    assert isinstance(weights, SafetensorsInsight)
    assert weights.parameters == 6
    assert found.insights()["net/model.safetensors"] == weights
    assert found.insight("data/more.csv") is None
    conclusion = found.conclusion()
    assert conclusion is not None
    assert conclusion.models[0].parameters == 6
    assert found.understanding().card == README.decode()
    assert found.understanding().note is None


def test_facts_say_what_the_kitfile_and_the_files_say(hub: Inside) -> None:
    made = net(annotations={"org.opencontainers.image.source": "https://example.com/x", "ml.orchard.git.dirty": "true"})
    understand(hub, bring(hub, NAME, "v1", made))
    found = facts(hub)
    layers = made[1].layers
    wanted = {
        "name": "net",
        "version": "1.2.3",
        "license": "Apache-2.0",
        "author": ["Ana", "Ben"],
        "framework": "PyTorch",
        "format": "safetensors",
        "params": 6.0,
        "kind": "ModelKit",
        "files": 4.0,
        "dataset": "train",
        "dataset.train.digest": str(layers[1].digest),
        "dataset.train.size": 9.0,
        "param.lr": 2e-5,
        "param.epochs": 3.0,
        "param.shuffle": "true",
        "param.optimizer.name": "adam",
        "param.optimizer.betas": "[0.9,0.99]",
        "metric.accuracy": 0.97,
        "metric.per_class.one": 1.0,
        "git.remote": "https://example.com/x",
        "git.dirty": "true",
        "size": float(sum(layer.size for layer in layers) + made[1].config.size),
        "size.new": float(sum(layer.size for layer in layers) + made[1].config.size),
    }
    assert {key: found.get(key) for key in wanted} == wanted


def test_new_bytes_are_those_that_the_version_before_did_not_have(hub: Inside) -> None:
    first, second = net(), net(data=b"a,b\n3,4\n")
    bring(hub, NAME, "v1", first)
    understand(hub, bring(hub, NAME, "v2", second))
    assert facts(hub, "v2")["size.new"] == second[1].layers[1].size + second[1].config.size


def test_every_format_has_the_files_that_unpacking_it_gives(hub: Inside) -> None:
    made = [getattr(modelpacks, name)() for name in FORMATS]
    made += [modelpacks.docker("v0.1"), modelpacks.docker("v0.2")]
    for number, artifact in enumerate(made):
        store, tag = artifact.store(), f"v{number}"
        digest = bring(hub, NAME, tag, (store, artifact.manifest))
        assert understand(hub, digest) in {"ready", "partial"}  # weights there are no weights
        wanted = index_version(read_version(store, artifact.manifest.describe()), store, hashed=True)
        found = contents(hub, tag)
        assert found.gaps() == []
        assert [_row(file) for file in found.files()] == [_row(file) for file in wanted]
        for file in found.files():
            assert str(Digest.of(b"".join(found.part(file).read(0, file.size)))) == file.digest
        assert facts(hub, tag)["files"] == len(wanted)


def _row(file: IndexedFile) -> tuple[object, ...]:
    return file.path, file.size, file.mode, file.offset, file.digest, file.kind


FORMATS = ("modctl", "modctl_tar", "aikit", "olot", "ramalama", "kitops", "cnai")


def test_plain_artifacts_are_understood_too(hub: Inside) -> None:
    title = {"org.opencontainers.image.title": "model.safetensors"}
    made = plain_artifact(
        ("application/octet-stream", WEIGHTS, title), annotations={"org.opencontainers.image.licenses": "MIT"}
    )
    assert understand(hub, bring(hub, NAME, "v1", made)) == "ready"
    found = facts(hub)
    assert (found["params"], found["license"], found["kind"], found["files"]) == (6.0, "MIT", "artifact", 1.0)


def test_of_images_nothing_is_said(hub: Inside) -> None:
    hub.push_image(NAME, "v1", b"layer")
    digest = hub.registry.readable(hub.who, NAME).manifest("v1").digest
    assert understand(hub, digest) == "there is nothing to be said about it"
    assert contents(hub).understanding().state == "nothing"
    assert understand(hub, Digest.of(b"other")) == "it is gone"


BROKEN = {
    "an archive that is none": ({"form": "tar"}, b"no archive at all" * 100),
    "compression that is none": ({"form": "tar+gzip"}, b"\x1f\x8b" + b"x" * 500),
    "a path that leaves": ({"form": "tar"}, tar(member("../evil", b"x")).read()),
    "a file twice": ({"form": "tar"}, tar(member("a", b"x"), member("a", b"y")).read()),
}


@pytest.mark.parametrize(("options", "raw"), BROKEN.values(), ids=BROKEN.keys())
def test_hostile_layers_are_told_and_harm_nothing_else(hub: Inside, options: dict[str, str], raw: bytes) -> None:
    good = tar(member("good/a.txt", b"x")).read()
    made = kit(
        "datasets: [{path: bad}, {path: good}]\n",
        (LayerKind.DATASET, "bad", raw, options["form"]),
        (LayerKind.DATASET, "good", good, "tar"),
    )
    assert understand(hub, bring(hub, NAME, "v1", made)) == "partial"
    found = contents(hub)
    assert [file.path for file in found.files()] == ["good/a.txt"]
    assert found.understanding().gaps
    assert found.understanding().note is not None


def test_a_version_of_nothing_but_damage_is_unreadable(hub: Inside) -> None:
    made = kit("datasets: [{path: bad}]\n", (LayerKind.DATASET, "bad", b"no archive", "tar"))
    assert understand(hub, bring(hub, NAME, "v1", made)) == "unreadable"


def test_a_kit_whose_config_does_not_fit_is_unreadable(hub: Inside) -> None:
    layer = hub.push_blob(NAME, b"x")
    config = hub.push_blob(NAME, b'{"manifestVersion":"1.0.0"}')
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.kitops.modelkit.config.v1+json",
                "digest": str(config),
                "size": 27,
            },
            "layers": [{"mediaType": "application/vnd.kitops.modelkit.code.v1.tar", "digest": str(layer), "size": 1}],
        }
    ).encode()
    assert understand(hub, hub.push_manifest(NAME, raw, "v1")) == "unreadable"
    assert "is not in its config" in (contents(hub).understanding().note or "")
    assert len(contents(hub).files()) == 0
    with pytest.raises(NotFoundError, match="is not in this version"):
        contents(hub).file("x")
    assert facts(hub)["kind"] == "ModelKit"


def test_unreadable_headers_make_a_version_partly_understood(hub: Inside) -> None:
    assert understand(hub, bring(hub, NAME, "v1", net(weights=b"\xff" * 64))) == "partial"
    (gap,) = contents(hub).understanding().gaps
    assert gap.startswith("net/model.safetensors: ")


def test_layers_are_looked_into_once(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    understand(hub, bring(hub, NAME, "v1", net()))
    digest = bring(hub, "team/other", "v1", net())
    read = _reads(hub, monkeypatch)
    assert understand(hub, digest, "team/other") == "ready"
    assert max(read) < 1024  # its config and its README, no archive


def test_indexes_of_many_files_are_remembered_until_more_is_known(hub: Inside) -> None:
    archive = tar(*(member(f"d/{number}", b"x") for number in range(300))).read()
    made = kit("datasets: [{path: d}]\n", (LayerKind.DATASET, "d", archive, "tar"))
    bring(hub, NAME, "v1", made)
    assert len(contents(hub).files()) == 0
    understand(hub, made[1].describe().digest)
    first = contents(hub).files()
    assert len(first) == 300
    assert contents(hub).files() is first
    _unhash(hub, made[1].layers[0].digest)
    again = contents(hub).files()
    assert again.file("d/7").digest is None


def test_a_version_that_says_too_much_is_cut_short(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = bring(hub, NAME, "v1", net())
    with monkeypatch.context() as patch:
        patch.setattr("orchard.hub.jobs.looking.LAYER", 100)
        assert understand(hub, digest) == "ready"
    assert "they say more than is kept" in (contents(hub).understanding().note or "")
    with hub.database.write() as connection:
        catalog.understood.outdate(connection)
    for _ in range(2):  # once it is examined, once it is known
        with monkeypatch.context() as patch:
            patch.setattr(Room, "take", lambda *_: False)
            assert understand(hub, digest) == "ready"
        assert "more in this version than is put together" in (contents(hub).understanding().note or "")
        assert understand(hub, digest) == "ready"
        assert contents(hub).understanding().note is None


def test_weights_are_never_read(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 80 << 20
    header = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    archive = tar(member("net/m.safetensors", safetensors_by_hand(header, bytes(size)))).read()
    made = kit(
        "model: {path: net}\n",
        (LayerKind.MODEL, "net", archive, "tar"),
    )
    digest = bring(hub, NAME, "v1", made)
    read = _reads(hub, monkeypatch)
    assert understand(hub, digest) == "ready"
    assert sum(read) < 8 << 20
    assert facts(hub)["params"] == size
    with hub.database.read() as connection:
        ((layer, form, _),) = catalog.understood.to_hash(connection, limit=10)
    assert (layer, form) == (made[1].layers[0].digest, "tar")
    bench = Bench(hub.database)
    hashing(hub.premises, bench.process(), rate=1 << 40).handler(Ran({}))
    (file,) = contents(hub).files()
    assert file.digest == str(Digest.of(safetensors_by_hand(header, bytes(size))))
    with hub.database.read() as connection:
        assert catalog.understood.to_hash(connection, limit=10) == []


def test_ten_gigabytes_are_understood_in_two_seconds(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = bring_sparse(hub, size=10 << 30, tensors=320)
    read = _reads(hub, monkeypatch)
    began = time.process_time()
    assert understand(hub, digest) == "ready"
    assert time.process_time() - began < 10  # 0.2 on a quiet machine; `make bench` measures it
    assert sum(read) < 8 << 20
    assert facts(hub)["params"] == 5 << 30


def bring_sparse(hub: Inside, *, size: int, tensors: int) -> Digest:
    """Push a kit of one large archive whose weights are a hole in a file: whoever read them would take long."""
    step = size // tensors
    header = safetensors_by_hand(
        {
            f"layers.{number}.weight": {
                "dtype": "BF16",
                "shape": [step // 2],
                "data_offsets": [number * step, (number + 1) * step],
            }
            for number in range(tensors)
        }
    )
    length = len(header) + size
    block = bytearray(member("net/model.safetensors")[:512])
    block[124:136] = length.to_bytes(12, "big")
    block[124] = 0x80  # a size of more than 8 GiB is written in base 256
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    layer = Digest.parse(f"sha256:{'ab' * 32}")
    file = hub.files.content(layer).file
    assert file is not None
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        out.write(bytes(block) + header)
        out.truncate(512 + length + -length % 512 + 1024)
    stored = Blob(layer, file.stat().st_size)
    with hub.database.write() as connection:
        catalog.repositories.link(connection, catalog.repositories.make(connection, NAME, 0), stored, at=0)
    config = json.dumps({"manifestVersion": "1.0.0", "model": {"path": "net", "digest": str(layer)}}).encode()
    hub.push_blob(NAME, config)
    kind = "application/vnd.kitops.modelkit.{}.v1{}"
    raw = json.loads(manifest(config))
    raw["config"]["mediaType"] = kind.format("config", "+json")
    raw["layers"] = [{"mediaType": kind.format("model", ".tar"), "digest": str(layer), "size": stored.size}]
    return hub.push_manifest(NAME, json.dumps(raw).encode(), "v1")


def _reads(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the sizes of all reads of blobs."""
    read: list[int] = []
    original = hub.files.content

    def noted(digest: Digest) -> Any:  # noqa: ANN401 -- a content that notes
        content = original(digest)
        inner = content.read

        def noting(start: int, stop: int) -> Iterator[bytes]:
            read.append(stop - start)
            return inner(start, stop)

        content.read = noting  # type: ignore[method-assign,assignment]
        return content

    monkeypatch.setattr(hub.files, "content", noted)
    return read


def test_an_interrupted_study_goes_on_where_it_was(hub: Inside) -> None:
    digest = bring(hub, NAME, "v1", net())
    steps = 0

    def until(limit: int) -> Callable[[int, int | None, str], None]:
        def tell(done: int, total: int | None, note: str) -> None:
            nonlocal steps
            steps += 1
            if steps > limit:
                raise OrchardError(f"stopped at {done} of {total}: {note}")

        return tell

    with pytest.raises(OrchardError, match="stopped at 1 of 3"):
        Understander(hub.premises, until(4)).understand(NAME, digest)
    assert contents(hub).understanding().state == "waiting"
    steps = 0
    assert Understander(hub.premises, until(100)).understand(NAME, digest) == "ready"
    assert steps < 8


def with_queue(hub: Inside) -> tuple[Registry, Bench]:
    """Make a registry whose pushes ask for work."""
    bench = Bench(hub.database)
    return Registry(replace(hub.premises, queue=bench.process())), bench


def test_a_push_asks_once_for_its_version(hub: Inside) -> None:
    registry, bench = with_queue(hub)
    made = net()
    digest = bring_to(registry, hub, NAME, "v1", made)
    bring_to(registry, hub, NAME, "v2", made)
    (task,) = bench.records()
    assert task.payload == {"repository": NAME, "digest": str(digest)}
    run = Ran(task.payload)
    understanding(hub.premises).handler(run)
    assert run.notes[-1] == f"{NAME}@{digest}: ready"
    assert ("version.understood", str(digest), None) in hub.actions(NAME)


def test_restoring_a_version_asks_for_it_again(hub: Inside) -> None:
    registry, _ = with_queue(hub)
    digest = bring_to(registry, hub, NAME, "v1", net())
    understand(hub, digest)
    deletable = registry.deletable(hub.who, NAME)
    deletable.delete_manifest(digest)
    assert understand(hub, digest) == "it is gone"
    deletable.restore(deletable.trash(before=None, limit=1)[0].id)
    assert contents(hub).understanding().state == "waiting"
    assert understand(hub, digest) == "ready"


def test_versions_that_nobody_understood_are_found(hub: Inside) -> None:
    bench = Bench(hub.database)
    digest = bring(hub, NAME, "v1", net())
    hub.push_image("team/image", "v1", b"layer")
    premises = replace(hub.premises, queue=bench.process())
    kind = finding_versions(premises)
    assert kind.name == FIND
    kind.handler(Ran({}))
    (task,) = bench.records()
    assert (task.payload["digest"], task.state) == (str(digest), State.WAITING)
    understand(hub, digest)
    run = Ran({})
    kind.handler(run)
    assert run.notes[-1] == "asked for 0 versions to be understood"
    with hub.database.write() as connection:
        assert catalog.understood.outdate(connection) == 1
    run = Ran({})
    kind.handler(run)
    assert run.notes[-1] == "asked for 1 versions to be understood"


def test_reading_archives_gives_way_and_goes_on(hub: Inside) -> None:
    made = net()
    understand(hub, bring(hub, NAME, "v1", made))
    first, second = sorted(made[1].layers[:2], key=lambda layer: str(layer.digest))
    _unhash(hub, first.digest, second.digest)
    bench = Bench(hub.database)
    slow = iter(range(0, 1000, 30))
    hashing(hub.premises, bench.process(), rate=1 << 40, slice_=100.0, steady=lambda: float(next(slow))).handler(
        Ran({})
    )
    with hub.database.read() as connection:
        assert [one[0] for one in catalog.understood.to_hash(connection, limit=10)] == [second.digest]
    (task,) = bench.records()
    assert task.kind == "hash-files"


def test_archives_that_are_damaged_are_not_read_again_and_again(hub: Inside) -> None:
    made = net()
    understand(hub, bring(hub, NAME, "v1", made))
    digest = made[1].layers[1].digest
    _unhash(hub, digest)
    file = hub.files.content(digest).file
    assert file is not None
    file.chmod(0o600)
    file.write_bytes(bytes(file.stat().st_size))
    hashing(hub.premises, Bench(hub.database).process(), rate=1 << 40).handler(Ran({}))
    with hub.database.read() as connection:
        assert catalog.understood.to_hash(connection, limit=10) == []
    assert contents(hub).files().file("data/train.csv").digest is None


def _unhash(hub: Inside, *digests: Digest) -> None:
    """Forget what files of layers hash to."""
    with hub.database.write() as connection:
        for row in catalog.understood.layers(connection, digests).values():
            files = json.loads(row.document or b"")
            files["files"] = [file[:4] for file in files["files"]]
            document = json.dumps(files).encode()
            catalog.understood.put_layer(connection, replace(row, hashed=False, document=document))


def test_a_version_that_kills_whoever_looks_into_it_is_given_up(hub: Inside) -> None:
    digest = bring(hub, NAME, "v1", net())
    Understander(hub.premises, silent).give_up(NAME, digest)
    found = contents(hub).understanding()
    assert (found.state, "its log says why" in (found.note or "")) == ("unreadable", True)
    run = Ran({"repository": NAME, "digest": str(digest)}, last=True)
    understanding(hub.premises).handler(run)
    assert contents(hub).understanding().state == "ready"


def test_a_task_that_names_no_version_is_hopeless(hub: Inside) -> None:
    with pytest.raises(HopelessError, match="does not name a version"):
        understanding(hub.premises).handler(Ran({}))


def test_versions_are_understood_again_when_somebody_asks(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(hub.database)
    overseer = Overseer(hub.premises, bench.process())
    digest = bring(hub, NAME, "v1", net())
    assert overseer.overview().pending == 1
    understand(hub, digest)
    assert (dict(overseer.overview().states), overseer.overview().pending) == ({"ready": 1}, 0)
    assert overseer.again(NAME, "v1") == 1
    assert overseer.overview().pending == 1
    assert [task.payload["digest"] for task in bench.records()] == [str(digest)]
    read = _reads(hub, monkeypatch)
    assert contents(hub).files().file("README.md").digest is not None
    assert understand(hub, digest) == "ready"
    assert max(read) >= 2048  # archives, anew
    assert overseer.everything_again() == 1
    assert [task.kind for task in bench.records()] == [FIND, "understand"]
    with pytest.raises(NotFoundError, match="no version to understand in team/none"):
        overseer.again("team/none")


class Ran:
    """One run of a handler, as a test sees it."""

    def __init__(self, payload: Any, *, last: bool = False) -> None:  # noqa: ANN401 -- JSON
        self.payload = payload
        self.attempt = 1
        self.last = last
        self.notes: list[str] = []

    def progress(self, done: int, total: int | None = None, note: str = "", *, unit: str = "") -> None:  # noqa: ARG002 -- notes only
        self.notes.append(note)

    def log(self, line: str) -> None:
        assert line


def test_pulled_through_versions_wait_for_their_bytes(hub: Inside) -> None:
    made = net()
    bring(hub, NAME, "v1", made)
    with hub.database.write() as connection:
        repository = catalog.repositories.find(connection, NAME)
        assert repository is not None
        catalog.repositories.unlink(connection, repository, made[1].layers[0].digest)
    assert understand(hub, made[1].describe().digest) == "waiting"
    assert contents(hub).understanding().state == "waiting"
    assert [file.path for file in contents(hub).files()][:1] == ["README.md"]
    bench = Bench(hub.database)
    registry = Registry(replace(hub.premises, queue=bench.process()))
    layer = made[1].layers[0]
    Shelf(registry, hub.who, NAME).push(layer, made[0])
    (task,) = bench.records()
    assert task.payload["digest"] == str(made[1].describe().digest)
    assert understand(hub, made[1].describe().digest) == "ready"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(where=st.integers(0, 2559), what=st.binary(min_size=1, max_size=24), form=st.sampled_from(["tar", "tar+gzip"]))
def test_no_bytes_of_a_layer_break_the_study(hub: Inside, where: int, what: bytes, form: str) -> None:
    raw = bytearray(tar(member("d/a.csv", b"a,b\n1,2\n"), member("d/m.safetensors", WEIGHTS)).read())
    if form == "tar+gzip":
        raw = bytearray(gzip.compress(bytes(raw), mtime=0))
    start = where % len(raw)
    raw[start : start + len(what)] = what
    made = kit("datasets: [{path: d}]\n", (LayerKind.DATASET, "d", bytes(raw), form))
    assert understand(hub, bring(hub, NAME, "v1", made)) in {"ready", "partial", "unreadable"}
    contents(hub).files()
    contents(hub).insights()
