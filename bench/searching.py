"""Searching a hub of 10,000 versions. ``make bench ONLY=searching``; ``SIZE=40G`` takes 100,000."""

import json
import random
import sqlite3
import statistics
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bench.hubs import PASSWORD
from bench.million import basic
from bench.servers import Server, run_hub
from orchard.hub.db.folding import described

GIB: Final = 1 << 30
VERSIONS: Final = 10_000  # at up to 4 GiB
EACH: Final = 20  # versions of a repository
STARTED: Final = 1_790_000_000_000  # milliseconds since 1970
TIMES: Final = 20
MOST: Final = 50  # ms
_HUNDREDTHS: Final = 95
_MODELS: Final = ("llama", "mistral", "qwen", "gemma", "bert", "phi", "falcon", "whisper", "digits", "resnet", "yolo")
_FACTS: Final = "INSERT INTO facts (manifest_id, key, position, text, number, folded) VALUES (?, ?, 0, ?, ?, ?)"
_TEXTS: Final = "INSERT INTO search_texts (manifest_id, names, about, facts, card, source) VALUES (?, ?, ?, ?, ?, ?)"
_MANIFESTS: Final = (
    "INSERT INTO manifests (id, repository_id, digest, media_type, kind, size, pushed_at, pushed_by, total_size,"
    " layer_count, model_name, description, licence, model_format)"
    " VALUES (?, ?, ?, 'application/vnd.oci.image.manifest.v1+json', 'ModelKit', 900, ?, 'admin', ?, 4, ?, ?, ?, ?)"
)
_ASKED: Final = {
    "nothing: the newest": "",
    "a name": "q=digits",
    "a word of every card": "q=the",
    "two words, one of each repository": "q=llama word7&latest=true",
    "a phrase": 'q="word1 word2"',
    "a licence that half have": "q=license:apache-2.0",
    "a rare licence": "q=license:llama3",
    "five terms": "q=params>7e9 format:gguf license:apache-2.0 metric.accuracy>=0.95 tag:v2",
    "what is not under a licence": "q=-license:mit",
    "the best of all, one of each repository": "sort=-metric.accuracy&latest=true",
    "a digest": "q=digest:sha256:ab",
}


def rows(root: Path, size: int) -> None:
    """Fill a hub, ask it, and print how long that took."""
    versions = VERSIONS * 10 if size > 4 * GIB else VERSIONS
    with run_hub(root, password=PASSWORD):
        pass  # makes the tables
    catalog = root / "data" / "catalog.sqlite3"
    _fill(catalog, versions)
    print(f"\nsearch in {versions:,} versions, {catalog.stat().st_size >> 20} MiB; ms of {TIMES} requests")
    print(f"{'what':<42}{'CPU':>8}{'p50':>8}{'p95':>8}{'target':>9}")
    with run_hub(root, "--workers", "0", password=PASSWORD) as hub, closing(HTTPConnection(hub.host)) as connection:
        for what, asked in _ASKED.items():
            _row(what, hub, lambda asked=asked: _ask(connection, "/search", asked))  # type: ignore[misc]
        for asked in ("", "q=llama"):
            _row(f"facets of {asked or 'all'}", hub, lambda asked=asked: _ask(connection, "/search/facets", asked))  # type: ignore[misc]


def _row(what: str, hub: Server, ask: Callable[[], float]) -> None:
    ask()
    before = hub.cpu_seconds
    took = [ask() for _ in range(TIMES)]
    spent = (hub.cpu_seconds - before) / TIMES * 1000
    worst = statistics.quantiles(took, n=100, method="inclusive")[_HUNDREDTHS - 1]
    print(f"{what:<42}{spent:>8.1f}{statistics.median(took):>8.1f}{worst:>8.1f}{f'<= {MOST}':>9}", flush=True)


def _ask(connection: HTTPConnection, path: str, asked: str) -> float:
    """Ask, and give the milliseconds until the answer was whole."""
    address = f"/api/v1{path}?limit=25&{quote(asked, safe='=&')}" if path == "/search" else f"/api/v1{path}?{asked}"
    began = time.perf_counter()
    connection.request("GET", address, headers={"Authorization": basic()})
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    assert answer.status == 200, body  # noqa: PLR2004 -- the HTTP status
    assert json.loads(body)
    return took * 1000


def _fill(catalog: Path, versions: int) -> None:
    """Fill a catalog that has its tables; triggers make the full text."""
    chance = random.Random(5)
    with closing(sqlite3.connect(catalog, isolation_level=None)) as connection:
        for pragma in ("synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for repository in range(1, versions // EACH + 1):
            name = f"team-{repository % 40}/{chance.choice(_MODELS)}-{repository}"
            values = (repository, name, name.partition("/")[0], STARTED)
            connection.execute("INSERT INTO repositories (id, name, namespace, created_at) VALUES (?, ?, ?, ?)", values)
            for number in range(EACH):
                _put(connection, repository * EACH + number, name=name, chance=chance)
        connection.execute("INSERT INTO tags SELECT repository_id, 'v' || (id % 20), id, 1, 'admin' FROM manifests")
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _put(connection: sqlite3.Connection, version: int, *, name: str, chance: random.Random) -> None:
    licence = chance.choice(["apache-2.0"] * 5 + ["mit"] * 4 + ["llama3"])
    kind = chance.choice(["safetensors"] * 6 + ["gguf"] * 3 + ["onnx"])
    about, card = " ".join(_words(chance, 12)), " ".join(_words(chance, 300))
    digest = f"sha256:{chance.getrandbits(256):064x}"
    model = name.rpartition("/")[2]
    values = (version, version // EACH, digest, STARTED + chance.randrange(10**10), chance.randrange(10**10))
    connection.execute(_MANIFESTS, (*values, model, about, licence, kind))
    known: Mapping[str, str | float] = {
        "license": licence,
        "format": kind,
        "framework": "pytorch",
        "architecture": "LlamaForCausalLM",
        "params": chance.choice([5e3, 1e9, 7e9, 8e9, 70e9]),
        "metric.accuracy": chance.random(),
        "metric.loss": chance.random(),
        **{f"param.p{number}": chance.random() for number in range(15)},
    }
    connection.executemany(_FACTS, (_fact(version, key, value) for key, value in known.items()))
    parts = described([name, model], about, [licence, kind])
    source = zlib.compress(card.encode())
    connection.execute(_TEXTS, (version, parts["names"], parts["about"], parts["facts"], card, source))


def _fact(version: int, key: str, value: str | float) -> tuple[int, str, str | None, float | None, str | None]:
    if isinstance(value, str):
        return version, key, value, None, value.lower()
    return version, key, None, value, None


def _words(chance: random.Random, count: int) -> Iterator[str]:
    """Give words as a language has them: a few of them everywhere."""
    yield "the"
    for _ in range(count):
        yield f"word{int(chance.paretovariate(0.7)) % 5000}"
