"""The pages of a hub with 10,000 versions: how long each takes the server, and what goes over the line."""

import sqlite3
import time
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from bench.million import fill, name_of
from bench.servers import Server, run_hub

VERSIONS: Final = 10_000
REPOSITORIES: Final = 10
TIMES: Final = 20  # each page, for every run
ASKED: Final = {"Accept-Encoding": "gzip", "Accept": "text/html"}
# Twelve facts of each version: five metrics, five parameters, and what its model is.
_FACTS: Final = """\
INSERT INTO facts (manifest_id, key, position, number)
    WITH RECURSIVE k(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM k WHERE i < 4)
    SELECT m.id, 'metric.m' || k.i, 0, m.id % 97 / 97.0 + k.i FROM manifests m, k UNION ALL
    SELECT m.id, 'param.p' || k.i, 0, m.id % 7 + k.i FROM manifests m, k UNION ALL
    SELECT id, 'params', 0, 7000000000 FROM manifests;
INSERT INTO facts (manifest_id, key, position, text, folded)
    SELECT id, 'format', 0, 'safetensors', 'safetensors' FROM manifests;
ANALYZE
"""


def rows(root: Path, runs: int) -> None:
    """Fill a hub, ask for its pages, and print it."""
    with run_hub(root):
        pass  # makes the tables
    catalog = root / "data" / "catalog.sqlite3"
    fill(catalog, VERSIONS, REPOSITORIES)
    with closing(sqlite3.connect(catalog)) as connection:
        connection.executescript(_FACTS)
    name = name_of(1)
    pages = {
        "first page": ("/", 50.0),
        "versions, 100 rows": (f"/r/{name}", 50.0),
        "versions, 100 rows by a metric": (f"/r/{name}?sort=-metric.m0", 50.0),
        "versions, 100 rows of a filter": (f"/r/{name}?q=metric.m0%3E0.5", 50.0),
        "versions, 1,000 rows": (f"/r/{name}?rows=1000", 150.0),
        "tags": (f"/r/{name}/-/tags", 50.0),
        "search, nothing asked": ("/search", 50.0),
        "search, a word of every name": ("/search?q=model", 50.0),
        "search, by a metric": ("/search?q=metric.m0%3E0.5&sort=-metric.m0", 50.0),
        "namespace": (f"/n/{name.partition('/')[0]}", 50.0),
    }
    print(f"\npages of {VERSIONS:,} versions in {REPOSITORIES} repositories, one asked after the other")
    print(f"{'page':<34}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'KiB':>8}{'target':>9}")
    with run_hub(root, "--workers", "0") as server:
        for page, (path, most) in pages.items():
            _row(page, path, server, times=TIMES * runs, most=most)


def _row(page: str, path: str, server: Server, *, times: int, most: float) -> None:
    connection = HTTPConnection(server.host)
    took, size = [], 0
    before = server.cpu_seconds
    for _ in range(times):
        began = time.perf_counter()
        connection.request("GET", path, headers=ASKED)
        answer = connection.getresponse()
        size = len(answer.read())
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"{path}: {answer.status}")
    cpu = (server.cpu_seconds - before) * 1000 / times
    took.sort()
    p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
    print(f"{page:<34}{p50:>9.1f}{p95:>9.1f}{cpu:>9.1f}{size / 1024:>8.1f}{f'<= {most:.0f}':>9}", flush=True)
