from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.errors import (
    LimitExceededError,
)
from orchard.oci import Descriptor, Digest, mediatype, parse_document
from orchard.store import Guarded, Layout, MemoryStore, Source, copy_graph
from support.stores import (
    Recorder,
    Target,
    Watcher,
    describe,
    get,
    put,
    put_index,
    put_manifest,
)


def order(sink: Target) -> list[Digest]:
    return [content.digest for content in sink.pushed]


# ---- what is copied, and in which order ----


def test_copy_of_an_artifact_brings_all_of_it_children_first(source: MemoryStore, sink: Target) -> None:
    document = put_manifest(source, b"one", b"three" * 10, b"two" * 5)

    copy_graph(source, sink, document)

    assert order(sink)[-1] == document.digest
    assert len(order(sink)) == 5
    assert get(sink, document) == get(source, document)


def test_copy_sends_the_largest_blobs_first(source: MemoryStore, sink: Target) -> None:
    document = put_manifest(source, b"x" * 10, b"x" * 1000, b"x" * 100)

    copy_graph(source, sink, document, workers=1)

    assert [content.size for content in sink.pushed[:-1]] == [1000, 100, 10, 2]


def test_copy_of_a_blob_alone_brings_it(source: MemoryStore, sink: Target) -> None:
    content = put(source, b"only this")

    copy_graph(source, sink, content)
    copy_graph(source, sink, content)

    assert order(sink) == [content.digest]


def test_copy_of_nested_indexes_brings_children_before_parents(source: MemoryStore, sink: Target) -> None:
    low, high = put_manifest(source, b"low"), put_manifest(source, b"high")
    inner = put_index(source, low)
    middle = put_index(source, inner, high)
    outer = put_index(source, low, middle, inner)

    copy_graph(source, sink, outer)

    places = {digest: place for place, digest in enumerate(order(sink))}
    assert places[low.digest] < places[inner.digest] < places[middle.digest] < places[outer.digest]
    assert places[high.digest] < places[middle.digest]
    assert len(order(sink)) == len(places) == 8


def test_copy_brings_what_stands_twice_once(source: MemoryStore, sink: Target) -> None:
    document = put_manifest(source, b"same", b"same", b"{}")

    copy_graph(source, sink, put_index(source, document, document))

    assert len(order(sink)) == len(set(order(sink))) == 4


def test_copy_does_not_bring_the_subject(source: MemoryStore, sink: Target) -> None:
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
    target = Target()

    def children_are_there(content: Descriptor, given: Source) -> None:
        if mediatype.is_document(content.media_type):
            document = parse_document(get(given, content), content.media_type)
            assert all(target.inner.exists(child) for child in document.children)

    target.before_push = children_are_there

    copy_graph(source, target, made[-1], workers=3)

    assert get(target, made[-1]) == get(source, made[-1])


# ---- what is skipped ----


def test_copy_when_the_sink_has_the_root_then_nothing_else_is_asked_for(source: MemoryStore, sink: Target) -> None:
    document = put_manifest(source, b"layer")
    copy_graph(source, sink, document)
    sink.asked.clear()
    sink.pushed.clear()

    copy_graph(source, sink, document)

    assert sink.asked == [document.digest]
    assert sink.pushed == []


def test_copy_when_the_sink_has_a_blob_then_it_is_not_read(source: MemoryStore, sink: Target) -> None:
    first, second = put_manifest(source, b"shared", b"one"), put_manifest(source, b"shared", b"two")
    copy_graph(source, sink, first)
    recorder = Recorder(source)

    copy_graph(recorder, sink, second)

    assert {digest for digest, _ in recorder.opened} == {second.digest, describe(b"two").digest}


def test_copy_when_the_sink_has_a_nested_document_then_what_is_below_is_not_asked_for(
    source: MemoryStore, sink: Target
) -> None:
    inner = put_manifest(source, b"layer")
    outer = put_index(source, inner)
    copy_graph(source, sink, inner)
    sink.asked.clear()

    copy_graph(source, sink, outer)

    assert sink.asked == [outer.digest, inner.digest]
    assert order(sink)[-1] == outer.digest


# ---- bounds ----


def chain(source: MemoryStore, depth: int) -> Descriptor:
    document = put_manifest(source, b"deep down")
    for _ in range(depth):
        document = put_index(source, document)
    return document


def test_copy_of_indexes_nested_to_the_limit_is_done_and_one_more_is_refused(source: MemoryStore, sink: Target) -> None:
    copy_graph(source, sink, chain(source, 8))

    with pytest.raises(LimitExceededError, match=r"^source: .*nested deeper than 8 levels"):
        copy_graph(source, Target(), chain(source, 9))


def test_copy_of_a_long_way_round_is_done(source: MemoryStore, sink: Target) -> None:
    documents = [put_manifest(source, b"deep down")]
    for _ in range(60):
        documents.append(put_index(source, documents[-1]))
    root = put_index(source, *documents)

    copy_graph(source, sink, root)

    assert order(sink)[2:] == [document.digest for document in [*documents, root]]


def test_copy_when_all_documents_are_too_large_then_refused(
    source: MemoryStore, sink: Target, monkeypatch: pytest.MonkeyPatch
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

    copy_graph(source, Target(before_push=meet), document, workers=3)


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

    class Tidy(Target):
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
