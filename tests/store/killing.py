"""Kill a process that pushes, again and again, at random moments; look at the store each time. For test_processes."""

import os
import random
import signal
import sys
import time
from pathlib import Path
from threading import Event

from orchard.oci import Descriptor, mediatype
from orchard.store import Layout, MemoryStore, copy_graph
from support.stores import Pattern, get, manifest_of, put

MIB = 1 << 20
NAME = "localhost/killed"


def make(number: int) -> tuple[MemoryStore, Descriptor]:
    """Make an artifact in memory: a layer of some blocks, a small one, the documents."""
    source = MemoryStore()
    large = Pattern(6 * MIB + number, seed=b"%d " % number)
    content = large.describe()
    source.push(content, large)
    raw = manifest_of([content, put(source, b"small %d" % number)], put(source, b"{}", mediatype.OCI_EMPTY))
    return source, put(source, raw, mediatype.OCI_MANIFEST)


def push(path: Path, source: MemoryStore, document: Descriptor, tag: str) -> None:
    repository = Layout(path).repository(NAME)
    copy_graph(source, repository, document, workers=2)
    repository.tag(document, tag)


def push_and_kill(path: Path, source: MemoryStore, document: Descriptor, tag: str, *, after: float) -> bool:
    """Push in a process of its own, and kill it; tell whether it was still running."""
    child = os.fork()
    if child == 0:
        push(path, source, document, tag)
        os._exit(0)
    Event().wait(after)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def check(path: Path, source: MemoryStore, document: Descriptor, tag: str) -> None:
    """The store is sound after the kill, takes the same again, and has it."""
    layout = Layout(path)
    problems = list(layout.verify())
    assert problems == [], problems
    push(path, source, document, tag)
    assert get(layout.repository(NAME), layout.repository(NAME).resolve(tag)) == get(source, document)
    assert list(layout.verify()) == []


def main(path: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- not a secret
    source, document = make(0)
    start = time.monotonic()
    push(path, source, document, "v0")
    usual = time.monotonic() - start
    killed = number = 0
    while killed < rounds:
        number += 1
        source, document = make(number)
        done = not push_and_kill(path, source, document, f"v{number}", after=chance.uniform(0, usual))
        killed += not done
        usual *= 0.9 if done else 1.03  # so that about half of them are killed, on any machine
        check(path, source, document, f"v{number}")
        Layout(path).remove(NAME, document.digest)
        assert not Layout(path).sweep().busy
    assert [entry.tag for entry in Layout(path).entries()] == ["v0"]
    assert not list((path / "ingest").iterdir())
    sys.stdout.write(f"killed {killed} of {number}\n")


main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
