"""Two hub processes on one PostgreSQL and one object store, behind a real nginx with the configuration that we ship."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from threading import Event

import pytest

from orchard.oci import Digest
from support.drivers import BUCKET
from support.hubclient import Answer
from support.hubs import Hub, dice, running_hub, wait_until
from support.ports import free_port
from support.postgres import Postgres, fresh_catalog_of
from support.swift import Swift

NAME = "team/model"
MIB = 1 << 20
CONFIGURATION = Path(__file__).parents[2] / "deploy/compose/nginx.conf"
pytestmark = pytest.mark.peer("nginx")


@dataclass
class Cluster(Hub):
    """The hubs, as a client sees them: at the address of nginx, which says in ``x-replica`` who answered."""

    replicas: tuple[Hub, ...] = ()


@contextmanager
def nginx(directory: Path, *hubs: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run nginx before some hubs; give its address."""
    port = free_port()
    shipped = CONFIGURATION.read_text()
    servers = "".join(f"    server {hub} max_fails=1 fail_timeout=5s;\n" for hub in hubs)
    changed, servers_found = re.subn(r"(    server hub-\w:8080 .*\n)+", servers, shipped)
    changed, listens_found = re.subn(r"listen 8080;", f"listen 127.0.0.1:{port};", changed)
    changed, workers_found = re.subn(r"worker_processes auto;", "worker_processes 1;", changed)  # they take turns then
    assert (servers_found, listens_found, workers_found) == (1, 1, 1)
    temporary = "".join(
        f"  {name}_temp_path {directory}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    own = f"http {{\n{temporary}  access_log off;\n  add_header x-replica $upstream_addr always;\n"
    (directory / "nginx.conf").write_text(changed.replace("http {\n", own))
    general = f"daemon off; pid {directory}/pid; error_log {directory}/error.log;"
    command = ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-g", general]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:

        def answers() -> bool:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
                return True
            return False

        wait_until(answers)
        yield f"127.0.0.1:{port}", process
        process.send_signal(signal.SIGQUIT if process.poll() is None else 0)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
        process.kill()


@contextmanager
def running_cluster(postgres: Postgres, swift: Swift, directory: Path) -> Iterator[Cluster]:
    """Run two hubs behind nginx."""
    place = {"storage": f"s3://{BUCKET}/{directory.name}", "storage_endpoint": swift.endpoint, "login": "open"}
    with ExitStack() as stack:
        url = stack.enter_context(fresh_catalog_of(postgres))
        hubs = tuple(
            stack.enter_context(running_hub(directory / name, database=url, **place)) for name in ("one", "two")
        )
        host, process = stack.enter_context(nginx(directory, *(hub.host for hub in hubs)))
        yield Cluster(host, process, directory, replicas=hubs)  # type: ignore[arg-type] # its output is bytes


@pytest.fixture(scope="module")
def cluster(postgres: Postgres, swift: Swift, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(postgres, swift, tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def mortal(postgres: Postgres, swift: Swift, tmp_path: Path) -> Iterator[Cluster]:
    """Hubs of one test's own, which it may kill."""
    with running_cluster(postgres, swift, tmp_path) as running:
        yield running


def test_chunks_of_one_upload_may_land_on_any_replica(cluster: Cluster) -> None:
    data = dice(1).randbytes(6 * MIB)
    location = cluster.begin(NAME)
    served = []
    for start in range(0, len(data), MIB):
        piece = data[start : start + MIB]
        span = {"content-range": f"{start}-{start + len(piece) - 1}", "content-type": "application/octet-stream"}
        answer = cluster.request("PATCH", location, piece, span)
        assert answer.status == 202, answer
        location = answer.headers["location"]
        served.append(answer.headers["x-replica"])
    assert set(served) == {hub.host for hub in cluster.replicas}
    assert cluster.request("PUT", f"{location}?digest={Digest.of(data)}").status == 201
    for hub in cluster.replicas:
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(data)}").body == data


def upload(cluster: Cluster, data: bytes, *, kill_at: int) -> tuple[Answer, int]:
    """Push in chunks of 1 MiB as clients do that resume, and kill the replica that gets one. Gives the failures too."""
    answer = cluster.request("POST", f"/v2/{NAME}/blobs/uploads/")
    location, done, failures = answer.headers["location"], 0, 0
    while done < len(data):
        piece = data[done : done + MIB]
        headers = {"content-range": f"{done}-{done + len(piece) - 1}", "content-length": str(len(piece))}
        doomed = next(hub for hub in cluster.replicas if hub.host != answer.headers["x-replica"])  # they take turns
        body = deadly(doomed, piece) if done == kill_at and not failures else [piece]
        try:
            answer = cluster.request("PATCH", location, body, headers)
        except (OSError, HTTPException):
            answer = Answer(0, {}, b"")
        if answer.status == 202:
            location, done = answer.headers["location"], done + len(piece)
            continue
        failures += 1
        answer = cluster.get(location)
        assert answer.status == 204, answer
        location, held = answer.headers["location"], answer.headers["range"]
        done = 0 if held == "0-0" else int(held.partition("-")[2]) + 1
    return cluster.request("PUT", f"{location}?digest={Digest.of(data)}"), failures


def deadly(victim: Hub, piece: bytes) -> Iterator[bytes]:
    """Send half of a chunk, kill whoever gets it, and send the rest."""
    yield piece[: len(piece) // 2]
    Event().wait(0.2)  # it is with the hub by now
    os.kill(victim.process.pid, signal.SIGKILL)
    victim.process.wait(10.0)
    yield piece[len(piece) // 2 :]


def test_replica_that_is_killed_during_an_upload_costs_its_client_one_retry(mortal: Cluster) -> None:
    data = dice(2).randbytes(5 * MIB)
    answer, failures = upload(mortal, data, kill_at=2 * MIB)
    assert answer.status == 201
    assert failures <= 1  # none where the proxy had not found out yet who it is for
    assert mortal.get(f"/v2/{NAME}/blobs/{Digest.of(data)}").body == data


def test_tag_that_is_pushed_on_one_replica_is_seen_on_the_other_at_once(cluster: Cluster) -> None:
    one, two = cluster.replicas
    for number in range(5):
        raw = one.push_image(NAME, "latest", b"%d" % number)
        assert two.get(f"/v2/{NAME}/manifests/latest").body == raw
        raw = two.push_image(NAME, "latest", b"again %d" % number)
        assert one.get(f"/v2/{NAME}/manifests/latest").body == raw
    assert one.request("DELETE", f"/v2/{NAME}/manifests/latest").status == 202
    assert two.get(f"/v2/{NAME}/manifests/latest").status == 404


def test_hubs_that_serve_say_the_same_through_the_proxy(cluster: Cluster) -> None:
    raw = cluster.push_image(NAME, "v1", b"layer")
    answers = [cluster.get(f"/v2/{NAME}/manifests/v1") for _ in range(6)]
    assert {answer.body for answer in answers} == {raw}
    assert {answer.headers["x-replica"] for answer in answers} == {hub.host for hub in cluster.replicas}
