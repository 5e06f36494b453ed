"""Registries that lie, refuse, break or vanish: the promised exit code, one line, and nothing half-done."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Lock

import pytest

from orchard.oci import mediatype
from orchard.store import Layout
from support.cli import ERROR, HubProgram, Program
from support.faultserver import FOREVER, Exchange, Fault, FaultServer, answer, challenge, cut_after, drop, status
from support.projects import contents, make_blob_project

AT_ONCE = {"Retry-After": "0"}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def reference(server: FaultServer, shelf: Program) -> str:
    """A version that the server holds, whole and sound."""
    name = f"{server.host}/team/tiny:v1"
    shelf.ok("push", "tiny:v1", name)
    server.seen.clear()
    return name


def _layer(server: FaultServer, number: int = 0) -> str:
    (_, raw), *_ = server.manifests.values()
    digest = json.loads(raw)["layers"][number]["digest"]
    assert isinstance(digest, str)
    return digest


def assert_fails_cleanly(
    program: Program, reference: str, there: Path, *, code: int, parts: tuple[str, ...] = ()
) -> None:
    """Neither pull nor unpack works; each says why in one line and leaves nothing behind."""
    for arguments in (("pull", reference), ("unpack", reference, "-d", str(there))):
        ran = program(*arguments)
        assert ran.code == code, ran
        complaint = ran.complaint
        assert all(part in complaint for part in parts), (parts, complaint)
        assert "Pulled" not in ran.stdout
    assert_stored_nothing(program)
    assert not there.exists()


def assert_stored_nothing(program: Program) -> None:
    layout = Layout(program.home / "layout")
    assert (layout.entries(), list(layout.verify())) == ([], [])


def _flip(server: FaultServer) -> str:
    digest = _layer(server)
    data = server.blobs[digest]
    server.blobs[digest] = data[:-1] + bytes([data[-1] ^ 1])
    return digest


def _shorten(server: FaultServer) -> str:
    digest = _layer(server)
    server.blobs[digest] = server.blobs[digest][:-100]
    return digest


def _lengthen(server: FaultServer) -> str:
    digest = _layer(server)
    server.blobs[digest] += b"more"
    return digest


def _forget(server: FaultServer) -> str:
    digest = _layer(server)
    del server.blobs[digest]
    return digest


def _other_manifest(server: FaultServer) -> str:
    digest = server.tags["v1"]
    media_type, raw = server.manifests[digest]
    server.manifests[digest] = media_type, raw.replace(b'"layers"', b'"layerz"')
    return ""


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(_flip, 6), (_shorten, 6), (_lengthen, 6), (_forget, 3), (_other_manifest, 6)],
    ids=["wrong-bytes", "too-short", "too-long", "missing-layer", "wrong-manifest"],
)
def test_registry_that_lies_is_found_out(
    program: Program,
    server: FaultServer,
    reference: str,
    tmp_path: Path,
    spoil: Callable[[FaultServer], str],
    code: int,
) -> None:
    assert_fails_cleanly(program, reference, tmp_path / "there", code=code, parts=(spoil(server),))


@pytest.mark.parametrize(
    ("fault", "code", "part"),
    [
        (challenge("Basic realm=x"), 4, "login required; run: orchard login"),
        (status(403, "DENIED"), 4, "not allowed"),
        (status(404, "MANIFEST_UNKNOWN"), 3, "v1"),
        (status(405, "UNSUPPORTED"), 5, "405"),
        (status(429, "TOOMANYREQUESTS", Retry_After="0"), 5, "too many requests"),
        (status(429, "TOOMANYREQUESTS", Retry_After="9999"), 5, "9999 s"),
        (answer(500, AT_ONCE), 5, "500"),
        (answer(502, AT_ONCE), 5, "502"),
        (answer(503, AT_ONCE), 5, "503"),
        (answer(418), 5, "418"),
        (answer(200, {"Content-Type": "text/html"}, b"<html>"), 7, ""),
    ],
    ids=["401", "403", "404", "405", "429", "429-long", "500", "502", "503", "418", "html"],
)
def test_registry_that_refuses_gets_the_promised_exit_code(
    program: Program, server: FaultServer, reference: str, fault: Fault, code: int, part: str
) -> None:
    server.on("*", "/manifests/", fault, FOREVER)
    ran = program("pull", reference)
    assert ran.code == code, ran
    assert part in ran.complaint
    assert server.host in ran.complaint
    assert "\x1b" not in ran.stderr
    assert not (program.home / "layout" / "index.json").exists()


@pytest.mark.parametrize(
    ("fault", "code", "part"),
    [
        (challenge("Basic realm=x"), 4, "login required"),
        (status(403, "DENIED"), 4, "not allowed"),
        (status(429, "TOOMANYREQUESTS", Retry_After="0"), 5, "too many requests"),
        (answer(507, AT_ONCE), 5, "507"),
    ],
    ids=["401", "403", "429", "507"],
)
def test_push_that_is_refused_tags_nothing(
    shelf: Program, server: FaultServer, fault: Fault, code: int, part: str
) -> None:
    server.on("*", "/blobs/uploads/", fault, FOREVER)
    ran = shelf("push", "tiny:v1", f"{server.host}/team/tiny:v1")
    assert ran.code == code, ran
    assert part in ran.complaint
    assert "Pushed" not in ran.stdout
    assert server.tags == {}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_concurrency_limits_how_many_blobs_are_on_their_way(
    program: Program, server: FaultServer, tmp_path: Path, concurrency: int
) -> None:
    counter = _Counter()
    name = f"{server.host}/team/many:v1"
    program.ok("pack", make_blob_project(tmp_path / "project", *[300_000] * 6), "-t", name)
    server.on("*", "/blobs/(uploads/.+|sha256:.+)", counter, FOREVER)
    program.ok("push", name, "--concurrency", str(concurrency))
    Program(tmp_path / "second").ok("pull", name, "--concurrency", str(concurrency))
    assert counter.most <= concurrency
    assert concurrency == 1 or counter.most > 1


class _Counter:
    """Counts how many requests are being answered at the same time, and makes each take a moment."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = Lock()

    def __call__(self, _: Exchange) -> bool:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        Event().wait(0.03)
        with self._lock:
            self._now -= 1
        return False


def test_connection_that_breaks_now_and_then_does_not_matter(
    program: Program, server: FaultServer, tmp_path: Path
) -> None:
    project = make_blob_project(tmp_path / "project", 2_000_000)
    name = f"{server.host}/team/blobs:v1"
    program.ok("pack", project, "-t", name)
    server.on("PUT", "/blobs/uploads/", drop)
    program.ok("push", name)
    server.on("GET", f"/blobs/{_layer(server)}", cut_after(700_000), 2)
    second = Program(tmp_path / "second")
    second.ok("pull", name)
    second.ok("unpack", name, "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)


def test_connection_that_always_breaks_is_a_remote_error(program: Program, server: FaultServer, reference: str) -> None:
    server.on("GET", f"/blobs/{_layer(server)}", cut_after(0), FOREVER)
    ran = program("pull", reference)
    assert (ran.code, server.host in ran.complaint) == (5, True), ran
    assert_stored_nothing(program)


@pytest.mark.parametrize("host", ["nonexistent.invalid", "localhost:1"], ids=["unknown-host", "nobody-listens"])
def test_registry_that_is_not_there_is_a_remote_error(shelf: Program, tmp_path: Path, host: str) -> None:
    there = tmp_path / "there"
    runs = [shelf("push", "tiny:v1", f"{host}/x/y:v1"), shelf("unpack", f"{host}/x/y:v1", "-d", there)]
    for ran in runs:
        assert ran.code == 5, ran
        assert host in ran.complaint
    assert not there.exists()


@pytest.mark.parametrize("kind", ["application/vnd.oci.image.config.v1+json", "application/vnd.unknown.config.v1+json"])
def test_artifact_of_another_kind_is_not_a_modelkit(
    program: Program, server: FaultServer, tmp_path: Path, kind: str
) -> None:
    config = {"mediaType": kind, "digest": server.add_blob(b"{}"), "size": 2}
    body = {"schemaVersion": 2, "mediaType": mediatype.OCI_MANIFEST, "config": config, "layers": []}
    server.add_manifest(mediatype.OCI_MANIFEST, json.dumps(body).encode(), "v1")
    reference = f"{server.host}/team/image:v1"
    assert_fails_cleanly(program, reference, tmp_path / "there", code=7, parts=("not a ModelKit",))


def test_index_of_several_versions_is_refused(program: Program, server: FaultServer, tmp_path: Path) -> None:
    body = {"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": []}
    server.add_manifest(mediatype.OCI_INDEX, json.dumps(body).encode(), "v1")
    reference = f"{server.host}/team/index:v1"
    assert_fails_cleanly(program, reference, tmp_path / "there", code=7, parts=("index", "by its digest"))


def test_hub_that_is_killed_while_it_receives_keeps_what_it_acknowledged(
    program: Program, project: Path, hub_to_kill: HubProgram, tmp_path: Path
) -> None:
    hub = hub_to_kill
    first = f"{hub.host}/kept/tiny:v1"
    digest = program.digest("pack", project, "-t", first)
    program.ok("push", first)
    big = f"{hub.host}/big/blobs:v1"
    whole = program.digest("pack", make_blob_project(tmp_path / "big", 60_000_000, 60_000_000), "-t", big)
    before = hub.received
    with (tmp_path / "log").open("wb") as log:
        pushing = program.start("push", big, output=log)
    while hub.received < before + 4_000_000:
        assert pushing.poll() is None
    hub.end(signal.SIGKILL)
    assert pushing.wait(60) == 5
    said = (tmp_path / "log").read_text().splitlines()
    assert [line.startswith(ERROR) for line in said] == [False, True]
    assert hub.host in said[1]

    hub.start()
    assert program.ok("inspect", "--remote", first).document["digest"] == digest
    assert program("inspect", "--remote", big).code == 3
    assert program.digest("push", big) == whole
    assert Program(tmp_path / "second").digest("pull", big) == whole
