"""The hub beside the field's registries: the same work, the same machine, in turns."""

import hashlib
import json
import os
import resource
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.asking import MIB, Answered, Client, Moved, Pieces
from bench.servers import Server, run_docker_registry, run_hub, run_zot

GIB: Final = 1 << 30
PASSWORD: Final = "a password for measuring"  # noqa: S105 -- of a hub that lives for a minute
SMALL: Final = "bench/small"
LARGE: Final = "bench/large"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
EMPTY: Final = b"{}"
CONNECTIONS: Final = 16
SECONDS: Final = 5
TAGS: Final = 10_000
REFERRERS: Final = 1_000
AT_ONCE: Final = 64  # tags of one push
PULLERS: Final = 1_000
SLOW_BLOB: Final = 4 * MIB
OURS: Final = "hub"


def rows(root: Path, size: int, runs: int) -> None:
    """Measure all of it and print it.

    Args:
        root: Where to work.
        size: Bytes of a blob, if less than 1 GiB.
        runs: How often; medians are shown.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not shutil.which("wrk"):
        print("wrk is not on PATH, so the hub is not measured")
        return
    _start(root, runs)
    with ExitStack() as stack:
        servers = {OURS: stack.enter_context(run_hub(root / OURS, password=PASSWORD))}
        for program, run in (("docker-registry", run_docker_registry), ("zot", run_zot)):
            if shutil.which(program):
                servers[program] = stack.enter_context(run(root / program))
            else:
                print(f"{program} is not on PATH, so it is left out")
        clients = {name: _client(name, server) for name, server in servers.items()}
        _manifests(clients, runs)
        _blobs(clients, min(size, GIB), runs)
        ours = clients[OURS]
        _pulls(ours)
        _lists(ours, runs)


def _client(name: str, server: Server) -> Client:
    client = Client(server)
    if name == OURS:
        scope = "%20".join(f"repository:{repository}:pull,push" for repository in (SMALL, LARGE))
        client.log_in(PASSWORD, scope)
    return client


def _start(root: Path, runs: int) -> None:
    """Measure how long a hub takes to its first answer."""
    print(f"\n{'start of a hub, logins on':<44}{'s':>8}{'CPU s':>8}{'target':>12}")
    first: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    for number in range(max(3, runs)):
        place = root / f"start-{number}"
        for times in (first, again):
            began = time.perf_counter()
            with run_hub(place, password=PASSWORD) as server:
                Client(server).ask("GET", "/healthz")
                times.append((time.perf_counter() - began, server.cpu_seconds))
        shutil.rmtree(place)
    for name, times, target in (("with its data directory", again, "<= 1"), ("for the first time", first, "")):
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:<44}{wall:>8.2f}{cpu:>8.2f}{target:>12}", flush=True)


def _manifests(clients: Mapping[str, Client], runs: int) -> None:
    for client in clients.values():
        client.push_manifest(SMALL, "v1", image(client, SMALL, 1))
    print(
        f"\nGET of a manifest by its tag, {CONNECTIONS} connections; the hub's with a registry token, others' without"
    )
    print(f"{'server':<28}{'requests/s':>12}{'CPU us':>10}{'p50 ms':>9}{'p99 ms':>9}{'x docker':>10}")
    measured: dict[str, list[Answered]] = {name: [] for name in clients}
    for client in clients.values():
        client.hammer(f"/v2/{SMALL}/manifests/v1", connections=CONNECTIONS, seconds=1)
    for _ in range(runs):
        for name, client in clients.items():
            measured[name].append(client.hammer(f"/v2/{SMALL}/manifests/v1", connections=CONNECTIONS, seconds=SECONDS))
    rates = {name: statistics.median(one.rate for one in found) for name, found in measured.items()}
    for name, found in measured.items():
        ratio = rates[name] / rates["docker-registry"] if "docker-registry" in rates else 0.0
        print(f"{name:<28}{rates[name]:>12.0f}{_answered(found)}{ratio:>10.1f}", flush=True)
    print(f"{'target':<28}{'':>12}{'<= 100':>10}{'':>9}{'<= 5':>9}{'>= 8':>10}")


def _blobs(clients: Mapping[str, Client], size: int, runs: int) -> None:
    print(f"\na blob of {size / GIB:.2f} GiB; the server's CPU-s/GiB and growth")
    print(f"{'work':<28}{'server':<18}{'GB/s':>8}{'CPU-s/GiB':>11}{'MiB more':>10}{'x docker':>10}")
    pushed: dict[str, list[Moved]] = {name: [] for name in clients}
    fresh: dict[str, list[Moved]] = {name: [] for name in clients}
    again: dict[str, list[Moved]] = {name: [] for name in clients}
    for _ in range(runs):
        pieces = Pieces(size)
        for name, client in clients.items():
            os.sync()
            pushed[name].append(client.upload(LARGE, pieces))
            fresh[name].append(client.download(LARGE, pieces.digest, size))
            client.download(LARGE, pieces.digest, size)
            again[name].append(client.download(LARGE, pieces.digest, size))
    for work, measured, target in (
        ("PUT, verified, durable", pushed, (1.6, 64, 2.0)),
        ("GET, first after the push", fresh, None),
        ("GET", again, (0.55, 64, 1.15)),
    ):
        speeds = {name: statistics.median(one.speed for one in found) for name, found in measured.items()}
        for name, found in measured.items():
            ratio = speeds[name] / speeds["docker-registry"] if "docker-registry" in speeds else 0.0
            cpu = statistics.median(one.cpu_seconds for one in found)
            growth = max(one.growth_mib for one in found)
            print(f"{work:<28}{name:<18}{speeds[name]:>8.2f}{cpu:>11.2f}{growth:>10.0f}{ratio:>10.2f}", flush=True)
        if target is not None:
            cpu, growth, ratio = target
            print(f"{'':<28}{'target':<18}{'':>8}{f'<= {cpu}':>11}{f'<= {growth}':>10}{f'>= {ratio}':>10}")


def _pulls(client: Client) -> None:
    """Pull the same blob a thousand times at once."""
    content = os.urandom(SLOW_BLOB)
    pushed = client.push_blob(LARGE, content)
    client.server.forget_peak()
    began, before = time.perf_counter(), client.server.cpu_seconds
    failed = client.pull_slowly(LARGE, str(pushed["digest"]), content, clients=PULLERS)
    seconds, cpu = time.perf_counter() - began, client.server.cpu_seconds - before
    title = f"{PULLERS} slow pulls at once of {SLOW_BLOB >> 20} MiB"
    print(f"\n{title:<44}{'failed':>8}{'RSS MiB':>9}{'s':>8}{'CPU s':>8}")
    print(f"{OURS:<44}{failed:>8}{client.server.peak_mib:>9.0f}{seconds:>8.1f}{cpu:>8.2f}")
    print(f"{'target':<44}{'0':>8}{'<= 400':>9}", flush=True)


def _lists(client: Client, runs: int) -> None:
    """Ask for long lists."""
    manifest = image(client, SMALL, 2)
    raw = json.dumps(manifest).encode()
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    for start in range(0, TAGS, AT_ONCE):
        tags = "&".join(f"tag=v{number:05}" for number in range(start, min(start + AT_ONCE, TAGS)))
        client.push_manifest(SMALL, f"{digest}?{tags}", manifest)
    subject = {"mediaType": MANIFEST, "digest": digest, "size": len(raw)}
    for number in range(REFERRERS):
        about = {
            **manifest,
            "artifactType": "application/x-bench",
            "subject": subject,
            "annotations": {"n": f"{number}"},
        }
        data = json.dumps(about).encode()
        client.push_manifest(SMALL, f"sha256:{hashlib.sha256(data).hexdigest()}", about)
    asked = {
        f"tags of {TAGS}, the first page of 1,000": f"/v2/{SMALL}/tags/list",
        f"tags of {TAGS}, the last page of 1,000": f"/v2/{SMALL}/tags/list?last=v08999",
        f"referrers, {REFERRERS}": f"/v2/{SMALL}/referrers/{digest}",
    }
    print(f"\n{'lists, one connection':<44}{'requests/s':>12}{'CPU us':>10}{'p50 ms':>9}{'p99 ms':>9}{'target':>9}")
    for name, path in asked.items():
        found = [client.hammer(path, connections=1, seconds=2) for _ in range(runs)]
        rate = statistics.median(one.rate for one in found)
        print(f"{name:<44}{rate:>12.0f}{_answered(found)}{'<= 50':>9}", flush=True)
    walk = _walk(client)
    print(f"{f'tags of {TAGS}, all pages, one after the other':<44}{'':>12}{'':>10}{walk:>9.1f}", flush=True)


def _walk(client: Client) -> float:
    """Read a whole list of tags; give the milliseconds."""
    began = time.perf_counter()
    path, count = f"/v2/{SMALL}/tags/list", 0
    while path:
        response, data = client.ask("GET", path)
        count += len(json.loads(data)["tags"])
        path = (response.headers["Link"] or "").partition("<")[2].partition(">")[0]
    assert count > TAGS, f"{count} tags"
    return (time.perf_counter() - began) * 1000


def image(client: Client, repository: str, number: int) -> dict[str, object]:
    """Push the blobs of a small image, and give its manifest: about 800 bytes."""
    config = client.push_blob(repository, json.dumps({"number": number}).encode())
    layers = [client.push_blob(repository, f"layer {layer}".encode()) for layer in range(3)]
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {**config, "mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": layers,
    }


def _answered(found: Sequence[Answered]) -> str:
    values: tuple[Callable[[Answered], float], ...] = (lambda one: one.p50_ms, lambda one: one.p99_ms)
    cpu = statistics.median(one.cpu_us for one in found)
    return f"{cpu:>10.0f}" + "".join(f"{statistics.median(map(value, found)):>9.2f}" for value in values)
