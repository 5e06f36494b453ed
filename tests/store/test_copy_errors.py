"""Whose fault it is, and what becomes of the rest."""

import signal
from contextlib import AbstractContextManager
from threading import Barrier, Event, main_thread

import pytest

from orchard.errors import (
    IntegrityError,
    InvalidDocumentError,
    LimitExceededError,
    NotFoundError,
    OrchardError,
    RemoteError,
    StorageError,
)
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, Readable, mediatype
from orchard.store import MemoryStore, Source, copy_graph
from support.stores import (
    TEXT,
    Pattern,
    Recorder,
    Target,
    Watcher,
    describe,
    index_of,
    manifest_of,
    put,
    put_manifest,
)

MIB = 1 << 20


def test_copy_when_the_source_lacks_the_root_then_says_so(source: MemoryStore, sink: Target) -> None:
    absent = describe(b"{}", mediatype.OCI_MANIFEST)

    with pytest.raises(NotFoundError, match=f"^source: {absent.digest} is not"):
        copy_graph(source, sink, absent)


def test_copy_when_the_source_lacks_a_blob_then_says_so_and_the_document_is_not_pushed(
    source: MemoryStore, sink: Target
) -> None:
    absent = describe(b"absent")
    document = put(source, manifest_of([absent], put(source, b"{}", mediatype.OCI_EMPTY)), mediatype.OCI_MANIFEST)

    with pytest.raises(NotFoundError, match=f"^source: {absent.digest} is not"):
        copy_graph(source, sink, document)

    assert not sink.inner.exists(document)


def test_copy_when_the_source_breaks_while_it_is_read_then_names_it(source: MemoryStore, sink: Target) -> None:
    content = put(source, b"some bytes")

    with pytest.raises(RemoteError, match=f"^source: {content.digest}: the connection broke$"):
        copy_graph(Recorder(source, breaks_after=4), sink, content)


def test_copy_when_the_source_lies_about_a_blob_then_it_is_the_source_that_failed(
    source: MemoryStore, sink: Target
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
    source: MemoryStore, sink: Target, raw: bytes, error: type[OrchardError], why: str
) -> None:
    document = put(source, raw, mediatype.OCI_MANIFEST)

    with pytest.raises(error, match=f"^source: .*{why}"):
        copy_graph(source, sink, document)

    assert sink.pushed == []


def test_copy_when_a_document_is_not_what_its_digest_says_then_refused(source: MemoryStore, sink: Target) -> None:
    document = put_manifest(source, b"layer")

    with pytest.raises(IntegrityError, match=f"^source: {document.digest}"):
        copy_graph(Recorder(source, change=lambda chunk: chunk.replace(b"2", b"3")), sink, document)


def test_copy_when_the_sink_fails_then_it_is_the_destination(source: MemoryStore) -> None:
    def full(_content: Descriptor, _source: Source) -> None:
        raise StorageError("disk full")

    content = put(source, b"some bytes")

    with pytest.raises(StorageError, match=f"^destination: {content.digest}: disk full$"):
        copy_graph(source, Target(before_push=full), content)


def test_copy_when_the_sink_cannot_be_asked_then_it_is_the_destination(source: MemoryStore) -> None:
    class Unreachable(Target):
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
        copy_graph(Both(), Target(before_push=fail), document, workers=2, observer=Slow())

    assert set(started) == {failing.digest, endless.digest}
    assert 0 <= read < endless.size


def test_copy_when_the_user_interrupts_then_all_stops(source: MemoryStore, sink: Target) -> None:
    def interrupt(_content: Descriptor, _source: Source) -> None:
        raise KeyboardInterrupt

    sink.before_push = interrupt

    with pytest.raises(KeyboardInterrupt):
        copy_graph(source, sink, put_manifest(source, b"layer"))

    assert sink.pushed == []


@pytest.mark.unmeasured  # what interrupts it may interrupt coverage, which then waits for itself for ever
def test_copy_when_the_user_interrupts_the_wait_then_what_runs_stops(sink: Target) -> None:
    large, pause, waiting, arrived = Pattern(1 << 40), Event(), main_thread().ident, Event()

    def arrive(_number: int, _frame: object) -> None:
        arrived.set()
        raise KeyboardInterrupt

    def interrupt(content: Descriptor, given: Source) -> None:
        assert waiting is not None
        while not arrived.is_set():  # a signal that comes just before the other thread falls asleep does not wake it
            pause.wait(0.05)
            signal.pthread_kill(waiting, signal.SIGINT)  # to any thread, and the one that waits may sleep on
            arrived.wait(1)
        with given.open(content) as body:
            while body.read(MIB):
                pass

    sink.before_push = interrupt
    content = Descriptor(media_type=TEXT, digest=Digest.of(b""), size=1 << 40)
    before = signal.signal(signal.SIGINT, arrive)
    try:
        with pytest.raises(KeyboardInterrupt):
            copy_graph(large, sink, content)
    finally:
        signal.signal(signal.SIGINT, before)


def test_copy_when_a_watcher_fails_then_its_error_comes(source: MemoryStore, sink: Target) -> None:
    class Broken(Watcher):
        def started(self, content: Descriptor, /) -> None:
            raise ZeroDivisionError(content.digest.short)

    with pytest.raises(ZeroDivisionError):
        copy_graph(source, sink, put_manifest(source, b"layer"), observer=Broken())
