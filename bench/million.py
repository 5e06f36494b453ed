"""A catalog of a million versions beside one of a thousand: what is asked of it must not take longer for that."""

import hashlib
import json
import shutil
import sqlite3
import statistics
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Final

from bench.asking import Answered, Client
from bench.hubs import PASSWORD
from bench.servers import Server, run_hub

GIB: Final = 1 << 30
VERSIONS: Final = 1_000_000  # at 4 GiB and more; fewer for a short run
EACH: Final = 500  # versions of a repository
FEW: Final = 1_000  # versions of the hub beside it
SHARED: Final = 5  # versions that share their weights
STARTED: Final = 1_790_000_000_000  # milliseconds since 1970
SECONDS: Final = 2
MOST: Final = 2.0  # times as long as in the small one
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
RANDOM: Final = """\
local paths = {{}}
for line in io.lines("{file}") do paths[#paths + 1] = line end
request = function() return wrk.format("GET", paths[math.random(#paths)]) end
"""
# Version i is the v-th of repository r: pushes to all repositories come in turns, as they do.
_FILL: Final = """\
INSERT INTO repositories (id, name, namespace, created_at)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :repositories)
    SELECT i, name_of(i), namespace_of(i), :at FROM n;
CREATE TEMP TABLE versions AS
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    SELECT i, (i - 1) % :repositories + 1 AS r, (i - 1) / :repositories + 1 AS v FROM n;
INSERT INTO manifests (id, repository_id, digest, media_type, kind, size, config_digest, pushed_at, pushed_by,
        total_size, layer_count, model_name, model_version, model_format)
    SELECT i, r, digest('m', i), :type, 'image', 900, digest('c', i), :at + i, 'admin',
        9000000, 2, name_of(r), 'v' || v, 'safetensors' FROM versions;
INSERT INTO documents (manifest_id, raw) SELECT i, document(i, r, v) FROM versions;
INSERT INTO manifest_children (manifest_id, position, digest, media_type, size, repository_id)
    SELECT i, 0, digest('c', i), :config, 300, r FROM versions UNION ALL
    SELECT i, 1, digest('l', i), :layer, 5000, r FROM versions UNION ALL
    SELECT i, 2, digest('w', r * 1000 + v / :shared), :layer, 9000000, r FROM versions ORDER BY 1, 2;
INSERT INTO blobs (digest, size, stored_at)
    SELECT digest, max(size), :at FROM manifest_children GROUP BY digest ORDER BY digest;
INSERT INTO blob_links (repository_id, digest, linked_at, namespace, size)
    SELECT DISTINCT c.repository_id, c.digest, :at, r.namespace, c.size
    FROM manifest_children c JOIN repositories r ON r.id = c.repository_id ORDER BY 1, 2;
INSERT INTO tags (repository_id, name, manifest_id, updated_at, updated_by)
    SELECT r, 'v' || v, i, :at + i, 'admin' FROM versions ORDER BY 1, 2;
INSERT INTO tag_history (repository_id, name, digest, at, account)
    SELECT r, 'v' || v, digest('m', i), :at + i, 'admin' FROM versions;
ANALYZE
"""


def rows(root: Path, size: int, runs: int) -> None:
    """Fill two catalogs, ask the same of both, and print it."""
    if not shutil.which("wrk"):
        print("wrk is not on PATH, so the catalog is not measured")
        return
    versions = max(FEW * 10, round(VERSIONS * min(1.0, size / (4 * GIB))))
    sizes = {"small": (FEW, FEW // 5), "large": (versions, versions // EACH)}
    for name, (count, repositories) in sizes.items():
        with run_hub(root / name, password=PASSWORD):
            pass  # makes the tables
        began = time.perf_counter()
        fill(root / name / "data" / "catalog.sqlite3", count, repositories)
        took = time.perf_counter() - began
        mib = (root / name / "data" / "catalog.sqlite3").stat().st_size >> 20
        print(f"filled: {count} versions in {repositories} repositories, {mib} MiB, {took:.0f} s", flush=True)
    _measure(root, sizes, runs)


def _measure(root: Path, sizes: Mapping[str, tuple[int, int]], runs: int) -> None:
    print("\nCPU us of the server for each request, and ms of half of them at most; in the small and in the large hub")
    print(f"{'work':<34}{'us':>9}{'us':>9}{'ratio':>7}{'ms':>9}{'ms':>9}{'ratio':>7}{'target':>8}")
    for recall, works in (("64MiB", WARM), ("0", COLD)):
        with ExitStack() as stack:
            clients = {name: Client(stack.enter_context(_hub(root / name, recall)), basic()) for name in sizes}
            for work, ask in works.items():
                turns = [(name, ask(clients[name], root, sizes[name])) for _ in range(runs) for name in sizes]
                _row(work, {name: [one for which, one in turns if which == name] for name in sizes})


def _hub(root: Path, recall: str) -> AbstractContextManager[Server]:
    # No upkeep: what the hub does by itself would count, and find that no blob is there.
    return run_hub(root, "--recall", recall, "--workers", "0", password=PASSWORD)


def _row(work: str, found: Mapping[str, list[Answered]]) -> None:
    small, large = (statistics.median(one.p50_ms for one in found[name]) for name in ("small", "large"))
    less, more = (statistics.median(one.cpu_us for one in found[name]) for name in ("small", "large"))
    shown = f"{less:>9.0f}{more:>9.0f}{more / less:>7.2f}{small:>9.2f}{large:>9.2f}{large / small:>7.2f}"
    print(f"{work:<34}{shown}{f'<= {MOST:g}':>8}", flush=True)


def _at(path: str, connections: int = 1) -> Callable[[Client, Path, tuple[int, int]], Answered]:
    def ask(client: Client, root: Path, size: tuple[int, int]) -> Answered:  # noqa: ARG001 -- the same everywhere
        return client.hammer(path, connections=connections, seconds=SECONDS)

    return ask


def _anywhere(client: Client, root: Path, size: tuple[int, int]) -> Answered:
    """Ask for manifests all over the catalog."""
    versions, repositories = size
    paths = root / "paths"
    step = max(1, versions // 20_000)
    lines = (
        f"/v2/{name_of((i - 1) % repositories + 1)}/manifests/v{(i - 1) // repositories + 1}"
        for i in range(1, versions + 1, step)
    )
    paths.write_text("\n".join(lines) + "\n")
    script = root / "random.lua"
    script.write_text(RANDOM.format(file=paths))
    return client.hammer("/", connections=1, seconds=SECONDS, script=script)


def basic() -> str:
    """Show the password at each request: it is remembered, and good everywhere."""
    return "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()


def name_of(repository: int) -> str:
    """Name a repository."""
    return f"{namespace_of(repository)}/model-{repository:05}"


def namespace_of(repository: int) -> str:
    """Name its namespace."""
    return f"team-{repository % 40:02}"


WARM: Final = {
    "manifest, warm, 16 connections": _at(f"/v2/{name_of(1)}/manifests/v1", 16),
    "_catalog?n=100": _at("/v2/_catalog?n=100"),
    "_catalog?n=100, from the middle": _at("/v2/_catalog?n=100&last=team-20"),
    "API: repositories, 20": _at("/api/v1/repositories?limit=20"),
    "API: search, one found": _at("/api/v1/repositories?filter=model-00101&limit=20"),
    "API: search, none found": _at("/api/v1/repositories?filter=nothing-like-it&limit=20"),
    "API: versions, 5": _at(f"/api/v1/repositories/{name_of(1)}/-/versions?limit=5"),
    "tags, 5": _at(f"/v2/{name_of(1)}/tags/list?n=5"),
    "page: all repositories": _at("/"),
}
COLD: Final = {"manifest, cold, anywhere": _anywhere}


def fill(catalog: Path, versions: int, repositories: int) -> None:
    """Fill a catalog that has its tables with so many versions of so many repositories."""

    def digest(kind: str, number: int) -> str:
        return f"sha256:{hashlib.sha256(f'{kind}{number}'.encode()).hexdigest()}"

    def document(version: int, repository: int, number: int) -> bytes:
        layers = [
            {"mediaType": "application/vnd.bench.layer", "digest": digest("l", version), "size": 5000},
            {
                "mediaType": "application/vnd.bench.layer",
                "digest": digest("w", repository * 1000 + number // SHARED),
                "size": 9_000_000,
            },
        ]
        config = {"mediaType": "application/vnd.bench.config", "digest": digest("c", version), "size": 300}
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        return json.dumps({**document, "annotations": {"pad": "x" * 300}}).encode()

    values = {
        "count": versions,
        "repositories": repositories,
        "at": STARTED,
        "shared": SHARED,
        "type": MANIFEST,
        "config": "application/vnd.bench.config",
        "layer": "application/vnd.bench.layer",
    }
    with closing(sqlite3.connect(catalog, isolation_level=None)) as connection:
        for pragma in ("synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("digest", 2, digest, deterministic=True)
        connection.create_function("document", 3, document, deterministic=True)
        connection.create_function("name_of", 1, name_of, deterministic=True)
        connection.create_function("namespace_of", 1, namespace_of, deterministic=True)
        for statement in _FILL.split(";"):
            connection.execute(statement, {key: value for key, value in values.items() if f":{key}" in statement})
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
