"""What an observer learns of a copy."""

from pathlib import Path

import pytest

from orchard.errors import (
    RemoteError,
)
from orchard.oci import Descriptor
from orchard.store import Bytes, Layout, MemoryStore, Source, copy_graph, origin
from support.stores import (
    Pattern,
    Recorder,
    Target,
    Watcher,
    describe,
    put,
    put_manifest,
)

MIB = 1 << 20


def test_watcher_learns_of_all_that_is_copied(source: MemoryStore, sink: Target) -> None:
    document = put_manifest(source, b"x" * 1000, b"there")
    put(sink.inner, b"there")
    watcher = Watcher()

    copy_graph(source, sink, document, observer=watcher)

    there = describe(b"there").digest
    assert sorted(watcher.started_) == sorted(watcher.finished_)
    assert watcher.finished_ == {digest: digest == there for digest in watcher.finished_}
    assert watcher.sizes == {
        describe(b"x" * 1000).digest: 1000,
        describe(b"{}").digest: 2,
        document.digest: document.size,
    }


def test_watcher_learns_that_the_root_is_skipped(source: MemoryStore, sink: Target) -> None:
    document = put_manifest(source, b"layer")
    copy_graph(source, sink, document)
    watcher = Watcher()

    copy_graph(source, sink, document, observer=watcher)

    assert watcher.started_ == [document.digest]
    assert watcher.finished_ == {document.digest: True}
    assert watcher.sizes == {}


def test_watcher_when_a_sink_starts_over_then_the_sum_is_still_right(source: MemoryStore) -> None:
    content = put(source, b"x" * 1000)

    def read_some(_content: Descriptor, given: Source) -> None:
        with given.open(content) as body:
            body.read(700)

    watcher = Watcher()

    copy_graph(source, Target(before_push=read_some), content, observer=watcher)

    assert watcher.sizes == {content.digest: 1000}
    assert watcher.steps == [700, -700, 1000]


def test_watcher_when_a_sink_goes_on_then_what_it_had_counts(source: MemoryStore, tmp_path: Path) -> None:
    large = Pattern(4 * MIB)
    content = large.describe()
    source.push(content, large)
    repository = Layout(tmp_path).repository("localhost/x")
    with pytest.raises(RemoteError, match="broke"):
        repository.push(content, Recorder(source, breaks_after=3 * MIB))
    watcher = Watcher()

    copy_graph(source, repository, content, observer=watcher)

    assert watcher.steps[0] == 3 * MIB
    assert watcher.sizes == {content.digest: content.size}


def test_watcher_when_a_sink_knows_a_shorter_way_then_all_of_it_counts(source: MemoryStore) -> None:
    content = put(source, b"x" * 1000)
    seen = list[Source]()

    class Sibling(Target):
        def push(self, content: Descriptor, source: Source) -> None:
            seen.append(origin(source))
            self.inner.push(content, Bytes(b"x" * content.size))

    watcher = Watcher()

    copy_graph(source, Sibling(), content, observer=watcher)

    assert seen == [source]
    assert origin(source) is source
    assert watcher.sizes == {content.digest: 1000}
