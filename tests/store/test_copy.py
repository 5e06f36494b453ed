import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.errors import (
    IntegrityError,
    InvalidDocumentError,
    LimitExceededError,
    NotFoundError,
    OrchardError,
    RemoteError,
    StorageError,
)
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Readable, mediatype, parse_document
from orchard.store import Bytes, Guarded, Layout, MemoryStore, Source, copy_graph, origin
from support.stores import (
    TEXT,
    Pattern,
    Recorder,
    Watcher,
    describe,
    get,
    index_of,
    manifest_of,
    put,
    put_index,
    put_manifest,
)

MIB = 1 << 20


@dataclass(slots=True)
class Sink:
    """A memory store that writes down what happens to it, and can be told to fail."""

    inner: MemoryStore = field(default_factory=MemoryStore)
    asked: list[Digest] = field(default_factory=list)
    pushed: list[Descriptor] = field(default_factory=list)
    before_push: Callable[[Descriptor, Source], None] = lambda _content, _source: None
    lock: Lock = field(default_factory=Lock)

    def exists(self, content: Descriptor) -> bool:
        with self.lock:
            self.asked.append(content.digest)
        return self.inner.exists(content)

    def push(self, content: Descriptor, source: Source) -> None:
        self.before_push(content, source)
        self.inner.push(content, source)
        with self.lock:
            self.pushed.append(content)

    def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
        return self.inner.open(content, offset)


@pytest.fixture
def source() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def order(sink: Sink) -> list[Digest]:
    return [content.digest for content in sink.pushed]


# ---- what is copied, and in which order ----


def test_copy_of_an_artifact_brings_all_of_it_children_first(source: MemoryStore, sink: Sink) -> None:
    document = put_manifest(source, b"one", b"three" * 10, b"two" * 5)

    copy_graph(source, sink, document)

    assert order(sink)[-1] == document.digest
    assert len(order(sink)) == 5
    assert get(sink, document) == get(source, document)


def test_copy_sends_the_largest_blobs_first(source: MemoryStore, sink: Sink) -> None:
    document = put_manifest(source, b"x" * 10, b"x" * 1000, b"x" * 100)

    copy_graph(source, sink, document, workers=1)

    assert [content.size for content in sink.pushed[:-1]] == [1000, 100, 10, 2]


def test_copy_of_a_blob_alone_brings_it(source: MemoryStore, sink: Sink) -> None:
    content = put(source, b"only this")

    copy_graph(source, sink, content)
    copy_graph(source, sink, content)

    assert order(sink) == [content.digest]


def test_copy_of_nested_indexes_brings_children_before_parents(source: MemoryStore, sink: Sink) -> None:
    low, high = put_manifest(source, b"low"), put_manifest(source, b"high")
    inner = put_index(source, low)
    middle = put_index(source, inner, high)
    outer = put_index(source, low, middle, inner)

    copy_graph(source, sink, outer)

    places = {digest: place for place, digest in enumerate(order(sink))}
    assert places[low.digest] < places[inner.digest] < places[middle.digest] < places[outer.digest]
    assert places[high.digest] < places[middle.digest]
    assert len(order(sink)) == len(places) == 8


def test_copy_brings_what_stands_twice_once(source: MemoryStore, sink: Sink) -> None:
    document = put_manifest(source, b"same", b"same", b"{}")

    copy_graph(source, sink, put_index(source, document, document))

    assert len(order(sink)) == len(set(order(sink))) == 4


def test_copy_does_not_bring_the_subject(source: MemoryStore, sink: Sink) -> None:
    absent = describe(b"{}", mediatype.OCI_MANIFEST)
    signature = put_manifest(source, b"signature", subject=absent.to_json())

    copy_graph(source, sink, signature)

    assert sink.inner.exists(signature)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sets(st.integers(0, 8)), st.sets(st.integers(0, 40), max_size=3)), min_size=1, max_size=9))
def test_copy_of_any_graph_brings_all_and_never_a_parent_before_its_children(
    nodes: list[tuple[set[int], set[int]]],
) -> None:
    source, made = MemoryStore(), list[Descriptor]()
    for blobs, children in nodes:
        below = [made[child % len(made)] for child in sorted(children)] if made else []
        layers = [bytes([65 + blob]) for blob in sorted(blobs)]
        node = put_index(source, *below, annotations={"n": str(len(made))}) if below else put_manifest(source, *layers)
        made.append(node)
    target = Sink()

    def children_are_there(content: Descriptor, given: Source) -> None:
        if mediatype.is_document(content.media_type):
            document = parse_document(get(given, content), content.media_type)
            assert all(target.inner.exists(child) for child in document.children)

    target.before_push = children_are_there

    copy_graph(source, target, made[-1], workers=3)

    assert get(target, made[-1]) == get(source, made[-1])


# ---- what is skipped ----


def test_copy_when_the_sink_has_the_root_then_nothing_else_is_asked_for(source: MemoryStore, sink: Sink) -> None:
    document = put_manifest(source, b"layer")
    copy_graph(source, sink, document)
    sink.asked.clear()
    sink.pushed.clear()

    copy_graph(source, sink, document)

    assert sink.asked == [document.digest]
    assert sink.pushed == []


def test_copy_when_the_sink_has_a_blob_then_it_is_not_read(source: MemoryStore, sink: Sink) -> None:
    first, second = put_manifest(source, b"shared", b"one"), put_manifest(source, b"shared", b"two")
    copy_graph(source, sink, first)
    recorder = Recorder(source)

    copy_graph(recorder, sink, second)

    assert {digest for digest, _ in recorder.opened} == {second.digest, describe(b"two").digest}


def test_copy_when_the_sink_has_a_nested_document_then_what_is_below_is_not_asked_for(
    source: MemoryStore, sink: Sink
) -> None:
    inner = put_manifest(source, b"layer")
    outer = put_index(source, inner)
    copy_graph(source, sink, inner)
    sink.asked.clear()

    copy_graph(source, sink, outer)

    assert sink.asked == [outer.digest, inner.digest]
    assert order(sink)[-1] == outer.digest


# ---- errors ----


def test_copy_when_the_source_lacks_the_root_then_says_so(source: MemoryStore, sink: Sink) -> None:
    absent = describe(b"{}", mediatype.OCI_MANIFEST)

    with pytest.raises(NotFoundError, match=f"^source: {absent.digest} is not"):
        copy_graph(source, sink, absent)


def test_copy_when_the_source_lacks_a_blob_then_says_so_and_the_document_is_not_pushed(
    source: MemoryStore, sink: Sink
) -> None:
    absent = describe(b"absent")
    document = put(source, manifest_of([absent], put(source, b"{}", mediatype.OCI_EMPTY)), mediatype.OCI_MANIFEST)

    with pytest.raises(NotFoundError, match=f"^source: {absent.digest} is not"):
        copy_graph(source, sink, document)

    assert not sink.inner.exists(document)


def test_copy_when_the_source_breaks_while_it_is_read_then_names_it(source: MemoryStore, sink: Sink) -> None:
    content = put(source, b"some bytes")

    with pytest.raises(RemoteError, match=f"^source: {content.digest}: the connection broke$"):
        copy_graph(Recorder(source, breaks_after=4), sink, content)


def test_copy_when_the_source_lies_about_a_blob_then_it_is_the_source_that_failed(
    source: MemoryStore, sink: Sink
) -> None:
    content = put(source, b"some bytes")

    with pytest.raises(IntegrityError, match=f"^source: {content.digest}: the content does not match"):
        copy_graph(Recorder(source, change=lambda chunk: bytes(len(chunk))), sink, content)


@pytest.mark.parametrize(
    ("raw", "error", "why"),
    [
        pytest.param(b"<html>", InvalidDocumentError, "not JSON", id="HTML"),
        pytest.param(index_of([]), InvalidDocumentError, "sent as", id="of another type"),
        pytest.param(b" " * (MAX_MANIFEST + 1), LimitExceededError, "at most 4194304", id="too large"),
    ],
)
def test_copy_when_a_document_is_none_then_the_source_failed_and_nothing_is_pushed(
    source: MemoryStore, sink: Sink, raw: bytes, error: type[OrchardError], why: str
) -> None:
    document = put(source, raw, mediatype.OCI_MANIFEST)

    with pytest.raises(error, match=f"^source: .*{why}"):
        copy_graph(source, sink, document)

    assert sink.pushed == []


def test_copy_when_a_document_is_not_what_its_digest_says_then_refused(source: MemoryStore, sink: Sink) -> None:
    document = put_manifest(source, b"layer")

    with pytest.raises(IntegrityError, match=f"^source: {document.digest}"):
        copy_graph(Recorder(source, change=lambda chunk: chunk.replace(b"2", b"3")), sink, document)


def test_copy_when_the_sink_fails_then_it_is_the_destination(source: MemoryStore) -> None:
    def full(_content: Descriptor, _source: Source) -> None:
        raise StorageError("disk full")

    content = put(source, b"some bytes")

    with pytest.raises(StorageError, match=f"^destination: {content.digest}: disk full$"):
        copy_graph(source, Sink(before_push=full), content)


def test_copy_when_the_sink_cannot_be_asked_then_it_is_the_destination(source: MemoryStore) -> None:
    class Unreachable(Sink):
        def exists(self, content: Descriptor) -> bool:  # noqa: ARG002 -- the contract's
            raise RemoteError("no route to host")

    document = put_manifest(source, b"layer")

    with pytest.raises(RemoteError, match=f"^destination: {document.digest}: no route to host$"):
        copy_graph(source, Unreachable(), document)


def test_copy_when_one_fails_then_the_others_stop_and_nothing_new_begins(source: MemoryStore) -> None:
    started, both = list[Digest](), Barrier(2)
    failing = put(source, b"f" * 900)
    large = Pattern(64 << 20)
    endless = large.describe()
    rest = [put(source, b"r" * number) for number in range(1, 50)]
    document = put(
        source,
        manifest_of([failing, endless, *rest], put(source, b"{}", mediatype.OCI_EMPTY)),
        mediatype.OCI_MANIFEST,
    )
    read = 0

    class Both(MemoryStore):
        def open(self, content: Descriptor, offset: int = 0) -> AbstractContextManager[Readable]:
            return large.open(content, offset) if content == endless else source.open(content, offset)

    class Slow(Watcher):
        def advanced(self, content: Descriptor, size: int, /) -> None:
            nonlocal read
            if content == endless:
                read += size
                pause.wait(0.01)

    pause = Event()

    def fail(content: Descriptor, _source: Source) -> None:
        started.append(content.digest)
        if content in {failing, endless}:
            both.wait()
        if content == failing:
            raise StorageError("the first error")

    with pytest.raises(StorageError, match="the first error"):
        copy_graph(Both(), Sink(before_push=fail), document, workers=2, observer=Slow())

    assert set(started) == {failing.digest, endless.digest}
    assert 0 <= read < endless.size


def test_copy_when_the_user_interrupts_then_all_stops(source: MemoryStore, sink: Sink) -> None:
    def interrupt(_content: Descriptor, _source: Source) -> None:
        raise KeyboardInterrupt

    sink.before_push = interrupt

    with pytest.raises(KeyboardInterrupt):
        copy_graph(source, sink, put_manifest(source, b"layer"))

    assert sink.pushed == []


def test_copy_when_the_user_interrupts_the_wait_then_what_runs_stops(sink: Sink) -> None:
    large, pause = Pattern(1 << 40), Event()

    def interrupt(content: Descriptor, given: Source) -> None:
        pause.wait(0.05)  # until the other thread waits
        os.kill(os.getpid(), signal.SIGINT)
        with given.open(content) as body:
            while body.read(MIB):
                pass

    sink.before_push = interrupt
    content = Descriptor(media_type=TEXT, digest=Digest.of(b""), size=1 << 40)

    with pytest.raises(KeyboardInterrupt):
        copy_graph(large, sink, content)


def test_copy_when_a_watcher_fails_then_its_error_comes(source: MemoryStore, sink: Sink) -> None:
    class Broken(Watcher):
        def started(self, content: Descriptor, /) -> None:
            raise ZeroDivisionError(content.digest.short)

    with pytest.raises(ZeroDivisionError):
        copy_graph(source, sink, put_manifest(source, b"layer"), observer=Broken())


# ---- bounds ----


def chain(source: MemoryStore, depth: int) -> Descriptor:
    document = put_manifest(source, b"deep down")
    for _ in range(depth):
        document = put_index(source, document)
    return document


def test_copy_of_indexes_nested_to_the_limit_is_done_and_one_more_is_refused(source: MemoryStore, sink: Sink) -> None:
    copy_graph(source, sink, chain(source, 8))

    with pytest.raises(LimitExceededError, match=r"^source: .*nested deeper than 8 levels"):
        copy_graph(source, Sink(), chain(source, 9))


def test_copy_of_a_long_way_round_is_done(source: MemoryStore, sink: Sink) -> None:
    documents = [put_manifest(source, b"deep down")]
    for _ in range(60):
        documents.append(put_index(source, documents[-1]))
    root = put_index(source, *documents)

    copy_graph(source, sink, root)

    assert order(sink)[2:] == [document.digest for document in [*documents, root]]


def test_copy_when_all_documents_are_too_large_then_refused(
    source: MemoryStore, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchard.store.copy.MAX_DOCUMENTS", 1000)
    root = put_index(source, *(put_manifest(source, b"%d" % number) for number in range(10)))

    with pytest.raises(LimitExceededError, match=r"^source: the documents are over 1000 bytes"):
        copy_graph(source, sink, root)

    assert sink.pushed == []


def test_copy_uses_as_many_threads_as_asked_for(source: MemoryStore) -> None:
    together = Barrier(3)
    document = put_manifest(source, b"one", b"two")  # and the config

    def meet(content: Descriptor, _source: Source) -> None:
        if content != document:
            together.wait(10)

    copy_graph(source, Sink(before_push=meet), document, workers=3)


# ---- watching ----


def test_watcher_learns_of_all_that_is_copied(source: MemoryStore, sink: Sink) -> None:
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


def test_watcher_learns_that_the_root_is_skipped(source: MemoryStore, sink: Sink) -> None:
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

    copy_graph(source, Sink(before_push=read_some), content, observer=watcher)

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

    class Sibling(Sink):
        def push(self, content: Descriptor, source: Source) -> None:
            seen.append(origin(source))
            self.inner.push(content, Bytes(b"x" * content.size))

    watcher = Watcher()

    copy_graph(source, Sibling(), content, observer=watcher)

    assert seen == [source]
    assert origin(source) is source
    assert watcher.sizes == {content.digest: 1000}


# ---- between real stores ----


def test_copy_from_layout_to_layout_and_back_to_memory_keeps_every_byte(tmp_path: Path) -> None:
    first = Layout(tmp_path / "one").repository("localhost/x")
    second = Layout(tmp_path / "two").repository("example.com/y")
    third = MemoryStore()
    document = put_index(first, put_manifest(first, b"x" * 3_000_000, b"y"), put_manifest(first, b"z"))

    copy_graph(first, second, document)
    copy_graph(second, third, document)

    assert list(Layout(tmp_path / "two").verify()) == []
    assert get(third, document) == get(first, document)
    assert get(third, describe(b"x" * 3_000_000)) == b"x" * 3_000_000


def test_copy_to_a_layout_holds_its_sweep_off(source: MemoryStore, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    document = put_manifest(source, b"one", b"two")
    busy = list[bool]()

    class Sweeping(Watcher):
        def finished(self, content: Descriptor, /, *, skipped: bool) -> None:  # noqa: ARG002 -- the contract's
            busy.append(layout.sweep().busy)

    copy_graph(source, layout.repository("localhost/x"), document, observer=Sweeping())

    assert busy == [True] * 4
    assert layout.sweep().blobs == 0


def test_copy_to_another_guarded_sink_is_guarded_too(source: MemoryStore) -> None:
    events = list[str]()

    class Tidy(Sink):
        @contextmanager
        def writing(self) -> Iterator[None]:
            events.append("begin")
            yield
            events.append("end")

        def push(self, content: Descriptor, source: Source) -> None:
            events.append("push")
            super().push(content, source)

    tidy = Tidy()
    assert isinstance(tidy, Guarded)

    copy_graph(source, tidy, put(source, b"x"))

    assert events == ["begin", "push", "end"]
