"""One of several processes that use a store at once: pack, tag, move a shared tag, remove. Run by test_processes."""

import sys
from pathlib import Path

from orchard.oci import Descriptor, mediatype
from orchard.store import Layout, LocalRepository
from support.stores import TEXT, manifest_of, put

NAME = "localhost/shared"


def pack(layout: Layout, repository: LocalRepository, number: int) -> Descriptor:
    """Bring a config that all share, a layer that some share, and one of our own; then the document."""
    with layout.writing():
        config = put(repository, b"{}", mediatype.OCI_EMPTY)
        shared = layout.ingest([b"shared %d" % (number % 3)] * 1000, TEXT)
        own = layout.ingest([b"%s %d" % (sys.argv[2].encode(), number)], TEXT)
        raw = manifest_of([shared.descriptor, own.descriptor], config)
        return put(repository, raw, mediatype.OCI_MANIFEST)


def main(path: Path, name: str, count: int) -> None:
    layout = Layout(path)
    repository = layout.repository(NAME)
    for number in range(count):
        document = pack(layout, repository, number)
        repository.tag(document, f"{name}-{number}")
        repository.tag(document, "latest")
        if number % 3 == 1:
            layout.untag(NAME, f"{name}-{number}")
        if number % 3 == 2:
            layout.remove(NAME, document.digest)


main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
