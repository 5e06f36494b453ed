"""Reading a version where it lies: how many requests and bytes a registry is asked for. ``python -m bench.reading``."""

import argparse
import json
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import orchard
from orchard.insight import InMemory, read_gguf, read_safetensors

GIB = 1 << 30
TENSOR = 64 << 20
LAYERS = 300
RUNS = 5
KITFILE = """\
manifestVersion: 1.0.0
package: {name: reading}
model: {path: model/model.safetensors}
docs:
  - {path: docs}
"""


class Cost(NamedTuple):
    """What one piece of work asked of the registry.

    Attributes:
        requests: All of them.
        data: Those for layers.
        size: Bytes of all bodies of layers.
        seconds: Wall time.
    """

    requests: int
    data: int
    size: int
    seconds: float


class Registry(ThreadingHTTPServer):
    """Serves one version out of a local store, ranges and all, and counts."""

    daemon_threads = True

    def __init__(self, layout: Path, version: orchard.Version) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.layout = layout
        self.manifest = version.manifest.raw
        self.media_type = version.manifest.media_type
        self.digest = str(version.digest)
        self.seen: list[tuple[str, int]] = []

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.server_port}"


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Registry

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer with a manifest or a blob."""
        if "/manifests/" in self.path:
            headers = {"Content-Type": self.server.media_type, "Docker-Content-Digest": self.server.digest}
            self._reply(200, self.server.manifest, headers)
            return
        digest = self.path.rpartition("/")[2]
        path = self.server.layout / "blobs" / digest.replace(":", "/")
        size = path.stat().st_size
        start, end, status = 0, size, 200
        if given := self.headers.get("Range", "").removeprefix("bytes="):
            first, _, last = given.partition("-")
            start, end, status = int(first), int(last) + 1 if last else size, 206
        with path.open("rb") as file:
            file.seek(start)
            self._reply(status, file.read(end - start), {"Content-Range": f"bytes {start}-{end - 1}/{size}"})

    do_HEAD = do_GET  # noqa: N815 -- what http.server looks for

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.server.seen.append((self.path, len(body) if self.command == "GET" else 0))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def rows(root: Path, size: int = 4 * GIB) -> None:
    """Measure and print."""
    print(f"\n{'reading in place':<44}{'requests':>9}{'of data':>9}{'x bytes':>9}{'ms':>8}   target")
    with _served(root, size) as (registry, layers):
        reference = f"{registry.host}/bench/reading:v1"

        def tensor(home: Path) -> None:
            with orchard.open(reference, home=home) as opened:
                assert opened.tensor("model/model.safetensors", "model.layers.0.weight").nbytes == TENSOR

        def cat(home: Path) -> None:
            with orchard.open(reference, home=home) as opened:
                assert len(opened.read("docs/0500.md")) == len(_page(500))

        fresh, seen = root / "fresh", root / "fresh"
        whole = f"{size / GIB:.1f} GiB"
        for name, work, home, wanted, target in (
            (f"one 64 MiB tensor of a {whole} file", tensor, fresh, TENSOR, "<= 3 of data, <= 2 x"),
            ("the same, a second time", tensor, seen, TENSOR, ""),
            ("one small file of 1,000 in a layer", cat, fresh, len(_page(500)), ""),
            ("the same, a second time", cat, seen, len(_page(500)), ""),
        ):
            cost = _measure(registry, layers, lambda work=work, home=home: work(home))  # type: ignore[misc]
            times = f"{cost.size / wanted:>9.2f}{cost.seconds * 1000:>8.0f}"
            print(f"{name:<44}{cost.requests:>9}{cost.data:>9}{times}   {target}")
    print(f"\n{'header':<44}{'CPU ms':>9}   target")
    for name, seconds, target in (
        ("safetensors, 4,000 tensors", _least(lambda: read_safetensors(InMemory(_safetensors(4000, 0)))), "<= 50"),
        ("GGUF, 150,000 tokens and merges", _least(lambda: read_gguf(_vocabulary())), "<= 200"),
    ):
        print(f"{name:<44}{seconds * 1000:>9.0f}   {target}")


@contextmanager
def _served(root: Path, size: int) -> Iterator[tuple[Registry, frozenset[str]]]:
    """Pack a model of a size and a thousand pages, and serve them."""
    project = root / "reading"
    (project / "model").mkdir(parents=True)
    (project / "docs").mkdir()
    header = _safetensors(LAYERS, size)
    with (project / "model" / "model.safetensors").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + _content(size))
    for number in range(1000):
        (project / "docs" / f"{number:04}.md").write_bytes(_page(number))
    (project / "Kitfile").write_text(KITFILE)
    version = orchard.pack(project, tag="reading:v1", home=root / "packed")
    registry = Registry(root / "packed" / "layout", version)
    threading.Thread(target=registry.serve_forever, daemon=True).start()
    try:
        yield registry, frozenset(str(layer.descriptor.digest) for layer in version.layers)
    finally:
        registry.shutdown()
        registry.server_close()


def _content(size: int) -> int:
    return TENSOR + (LAYERS - 1) * ((size - TENSOR) // (LAYERS - 1) // 4 * 4)


def _safetensors(count: int, size: int) -> bytes:
    """Write the header of a model; the first tensor has 64 MiB, the others share the rest."""
    each = max((size - TENSOR) // max(count - 1, 1) // 4 * 4, 0)
    entries, at = {}, 0
    for number in range(count):
        length = TENSOR if number == 0 and size else each
        entries[f"model.layers.{number}.weight"] = {
            "dtype": "F32",
            "shape": [length // 4],
            "data_offsets": [at, at + length],
        }
        at += length
    raw = json.dumps(entries).encode()
    return len(raw).to_bytes(8, "little") + raw


def _page(number: int) -> bytes:
    return b"A page of a project.\n" * (100 + number % 50)


def _vocabulary() -> InMemory:
    words = b"".join(struct.pack("<Q6s", 6, b"token ") for _ in range(150_000))
    keys = b"".join(
        struct.pack("<Q", len(name)) + name + struct.pack("<IIQ", 9, 8, 150_000) + words
        for name in (b"tokenizer.ggml.tokens", b"tokenizer.ggml.merges")
    )
    return InMemory(b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + keys)


def _measure(registry: Registry, layers: frozenset[str], work: Callable[[], None]) -> Cost:
    registry.seen.clear()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    data = [size for path, size in registry.seen if path.rpartition("/")[2] in layers]
    return Cost(len(registry.seen), len(data), sum(data), seconds)


def _least(work: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Measure in a temporary directory."""
    parser = argparse.ArgumentParser(prog="bench.reading", description=__doc__)
    parser.add_argument("--gib", type=float, default=4, help="size of the model")
    parser.add_argument("--dir", default=None, help="where to work (default: the temporary directory)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orchard-bench-", dir=arguments.dir) as name:
        rows(Path(name), int(arguments.gib * GIB))


if __name__ == "__main__":
    main()
