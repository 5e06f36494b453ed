"""Understanding versions in a hub, whatever they weigh. ``make bench ONLY=understanding``."""

import json
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.insights import GIB, gguf, kit
from orchard.hub import catalog
from orchard.hub.access import EverybodyInside, OpenDoor
from orchard.hub.app.drivers import open_queue
from orchard.hub.catalog.records import Blob
from orchard.hub.db import Database, migrate
from orchard.hub.db.sqlite import open_sqlite
from orchard.hub.jobs.studying import Understander
from orchard.hub.registry import Premises, Recall, Registry
from orchard.hub.storage.filesystem import Filesystem
from orchard.oci import Digest

_TYPE: Final = "application/vnd.kitops.modelkit.{}.v1{}"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_RUNS: Final = 3
_NO_HOLE: Final = 16 << 20  # bytes at the beginning of a file that hold all that it says


class _Hub:
    """A hub inside the process, whose blobs are put where it keeps them: nobody waits for 10 GiB to be pushed."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True)
        self.root = root
        self.files = Filesystem(root)
        self.database: Database = open_sqlite(root / "catalog.sqlite3")
        migrate(self.database)
        self.premises = Premises(
            self.database,
            self.files,
            EverybodyInside(),
            recall=Recall(0),
            now=time.time,
            queue=open_queue(self.database),
        )
        self.registry = Registry(self.premises)

    def put(self, name: str, content: bytes) -> dict[str, object]:
        digest = Digest.of(content)
        self._place(digest).write_bytes(content)
        return self._linked(name, digest, len(content))

    def put_archive(self, name: str, files: Mapping[str, Path]) -> dict[str, object]:
        """Make a sparse archive of sparse files. Only what is small is read whole, and must have its own digest."""
        path = self.root / "archive.tar"
        with path.open("wb") as out:
            for member, source in files.items():
                info = tarfile.TarInfo(member)
                info.size = source.stat().st_size
                out.write(info.tobuf(tarfile.GNU_FORMAT))
                start = out.tell()
                with source.open("rb") as file:
                    out.write(file.read(_NO_HOLE))
                out.seek(start + info.size + -info.size % 512)
            size = out.truncate(out.tell() + 1024)
        digest = Digest.of(path.read_bytes() if size < GIB else name.encode())
        path.rename(self._place(digest))
        return self._linked(name, digest, size)

    def _place(self, digest: Digest) -> Path:
        path = self.files.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _linked(self, name: str, digest: Digest, size: int) -> dict[str, object]:
        with self.database.write() as connection:
            repository = catalog.repositories.make(connection, name, 0)
            catalog.repositories.link(connection, repository, Blob(digest, size), at=0)
        return {"digest": str(digest), "size": size}

    def push(self, name: str, files: Mapping[str, Path]) -> Digest:
        """Push a kit whose model is these files."""
        layer = self.put_archive(name, files)
        kitfile = {"manifestVersion": "1.0.0", "model": {"path": "model", "digest": layer["digest"]}}
        config = self.put(name, json.dumps(kitfile).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _TYPE.format("config", "+json"), **config},
            "layers": [{"mediaType": _TYPE.format("model", ".tar"), **layer}],
        }
        raw = json.dumps(manifest).encode()
        self.registry.writable(OpenDoor().login(None, ""), name).put_manifest(raw, _MANIFEST)
        return Digest.of(raw)

    def understand(self, name: str, digest: Digest) -> str:
        return Understander(self.premises, lambda *_: None).understand(name, digest)


def rows(root: Path) -> None:
    """Measure and print."""
    shards = kit(root / "kit", 10 * GIB)
    tokens = root / "tokens.gguf"
    tokens.write_bytes(gguf(150_000))
    kits = {
        "a 10 GiB safetensors kit in 4 shards": ({f"model/{path.name}": path for path in shards.iterdir()}, 2000),
        "a GGUF of 150,000 tokens and merges": ({"model/m.gguf": tokens}, 200),
    }
    print(f"\n{'understanding in a hub, after the push':<52}{'CPU ms':>9}   target")
    for what, (files, most) in kits.items():
        costs = []
        for run in range(_RUNS):
            hub = _Hub(root / f"hub-{most}-{run}")
            digest = hub.push("bench/kit", files)
            began = time.process_time()
            state = hub.understand("bench/kit", digest)
            costs.append((time.process_time() - began) * 1000)
            hub.database.close()
            assert state == "ready", state
        print(f"{what:<52}{min(costs):>9.0f}   <= {most}", flush=True)
