"""A power cut at any moment leaves no document in the index whose blobs have no names."""

import subprocess
import sys
from pathlib import Path

PROBE = """
import os, sys
from pathlib import Path
from orchard.oci import Descriptor, dumps
from orchard.oci.mediatype import OCI_MANIFEST
from orchard.store import Bytes, Layout

def seen(event, words):
    if event == "os.rename" and os.fspath(words[1]).startswith(sys.argv[1]):  # coverage renames files too
        print("named", os.path.basename(os.fspath(words[1])))
    elif event == "open" and isinstance(words[0], (str, Path)) and os.fspath(words[0]).endswith("blobs/sha256"):
        print("settled")

layout = Layout(Path(sys.argv[1]))
repository = layout.repository("localhost/x")
repository.push(Descriptor.of(b"first", "text/plain"), Bytes(b"first"))
sys.addaudithook(seen)
config, layer = Descriptor.of(b"{}", "application/json"), layout.ingest([b"layer"], "text/plain").descriptor
repository.push(config, Bytes(b"{}"))
raw = dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.to_json(), "layers": [layer.to_json()]})
repository.push(Descriptor.of(raw, OCI_MANIFEST), Bytes(raw))
"""


def test_names_of_blobs_are_flushed_once_and_before_the_index_names_their_document(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, tmp_path / "layout"], capture_output=True, text=True, check=True
    )
    events = ["named blob" if len(line) > 60 else line for line in done.stdout.splitlines()]
    assert events == ["named blob"] * 3 + ["settled", "named index.json"]
