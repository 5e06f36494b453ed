from pathlib import Path

import pytest

from orchard.errors import IntegrityError
from orchard.oci import mediatype
from orchard.store import Layout, LocalRepository, SweepReport
from support.stores import describe, get, index_of, put, put_index, put_manifest

NAME = "example.com/team/model"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "store")


@pytest.fixture
def repository(layout: Layout) -> LocalRepository:
    return layout.repository(NAME)


def stored(layout: Layout) -> set[str]:
    return {path.name for path in (layout.path / "blobs").rglob("*") if path.is_file()}


def test_sweep_keeps_what_is_listed_and_deletes_the_rest(layout: Layout, repository: LocalRepository) -> None:
    tagged, untagged = put_manifest(repository, b"one"), put_manifest(repository, b"two")
    repository.tag(tagged, "v1")
    nested = put_index(repository, put_index(repository, put_manifest(repository, b"three")))
    put(repository, b"nobody needs this")
    before = stored(layout)

    report = layout.sweep()

    assert report == SweepReport(blobs=1, bytes=17)
    assert before - stored(layout) == {describe(b"nobody needs this").digest.hex}
    assert all(repository.exists(document) for document in (tagged, untagged, nested))
    assert list(layout.verify()) == []


def test_sweep_after_a_removal_keeps_what_others_need(layout: Layout, repository: LocalRepository) -> None:
    first, second = put_manifest(repository, b"shared", b"mine"), put_manifest(repository, b"shared", b"yours")
    layout.remove(NAME, first.digest)

    report = layout.sweep()

    assert report.blobs == 2
    assert report.bytes == first.size + 4
    assert layout.path_of(describe(b"mine")) is None
    assert repository.exists(second)


def test_sweep_keeps_a_document_that_another_repository_lists(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")
    other = layout.repository("localhost/other")
    other.push(document, repository)
    layout.remove(NAME, document.digest)

    assert layout.sweep() == SweepReport()
    assert other.exists(document)


def test_sweep_when_all_is_removed_then_nothing_is_left(layout: Layout, repository: LocalRepository) -> None:
    layout.remove(NAME, put_manifest(repository, b"layer").digest)

    assert layout.sweep().blobs == 3
    assert stored(layout) == set()
    assert layout.sweep() == SweepReport()


@pytest.mark.parametrize(("partials", "freed", "left"), [(False, 5, ["x.partial"]), (True, 12, [])])
def test_sweep_deletes_what_interrupted_runs_left(
    layout: Layout,
    repository: LocalRepository,
    partials: bool,  # noqa: FBT001 -- a column of the table
    freed: int,
    left: list[str],
) -> None:
    put_manifest(repository, b"layer")
    (layout.path / "ingest/0123").write_bytes(b"stale")
    (layout.path / "ingest/x.partial").write_bytes(b"resumed")

    report = layout.sweep(partials=partials)

    assert report == SweepReport(blobs=0, bytes=freed)
    assert [path.name for path in (layout.path / "ingest").iterdir()] == left


def test_sweep_leaves_files_alone_that_are_no_blobs(layout: Layout, repository: LocalRepository) -> None:
    put_manifest(repository, b"layer")
    strange = layout.path / "blobs/sha256/README"
    strange.write_bytes(b"hands off")

    layout.sweep()

    assert strange.exists()


def test_sweep_while_somebody_writes_then_does_nothing_and_says_so(layout: Layout, repository: LocalRepository) -> None:
    with repository.writing():
        content = put(repository, b"its document is still to come")
        with layout.writing():
            assert layout.sweep() == SweepReport(busy=True)
        assert layout.sweep() == SweepReport(busy=True)

    assert repository.exists(content)
    assert layout.sweep().blobs == 1


@pytest.mark.parametrize("damage", [b"", b"x" * 10, b"{}"], ids=["empty", "other bytes", "other JSON"])
def test_sweep_when_a_document_is_damaged_then_deletes_nothing(
    layout: Layout, repository: LocalRepository, damage: bytes
) -> None:
    document = put_manifest(repository, b"layer")
    put(repository, b"nobody needs this")
    path = layout.path_of(document)
    assert path is not None
    path.write_bytes(damage)
    before = stored(layout)

    with pytest.raises(IntegrityError, match=f"nothing was deleted: .*{document.digest}.*; pull that version again"):
        layout.sweep()

    assert stored(layout) == before
    layout.remove(NAME, document.digest)
    assert layout.sweep().blobs == 4


def test_sweep_when_a_document_is_missing_then_deletes_nothing(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")
    layout.discard(document.digest)

    with pytest.raises(IntegrityError, match=f"nothing was deleted: {document.digest} is not in the local store"):
        layout.sweep()

    assert layout.path_of(describe(b"layer")) is not None


def test_sweep_when_a_blob_is_named_by_sha512_then_it_is_a_blob_too(layout: Layout) -> None:
    layout.ingest([b"unneeded"], "text/plain", algorithm="sha512")

    assert layout.sweep() == SweepReport(blobs=1, bytes=8)


def test_verify_when_all_is_well_then_finds_nothing(layout: Layout, repository: LocalRepository) -> None:
    put_index(repository, put_manifest(repository, b"layer"))
    put(repository, b"needed by nobody, but sound")

    assert list(layout.verify()) == []


def test_verify_finds_what_is_damaged_and_what_is_missing(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"rotten", b"lost", b"cut off")
    orphan = put(repository, b"rotten, needed by nobody")
    contents = [describe(data) for data in (b"rotten", b"lost", b"cut off")]
    paths = [layout.path_of(content) for content in [*contents, orphan]]
    for path, damage in zip(paths, (b"rotten"[::-1], None, b"cut", b"x"), strict=True):
        assert path is not None
        path.unlink() if damage is None else path.write_bytes(damage)

    problems = {problem.digest: problem.message for problem in layout.verify()}

    rotten, lost, cut_off = (content.digest for content in contents)
    assert problems.keys() == {rotten, lost, cut_off, orphan.digest}
    assert "does not match" in problems[rotten]
    assert "missing, or not 4 bytes long" in problems[lost]
    assert "does not match" in problems[cut_off]
    assert not repository.exists(document)


def test_verify_finds_a_document_that_is_damaged(layout: Layout, repository: LocalRepository) -> None:
    document = put_manifest(repository, b"layer")
    path = layout.path_of(document)
    assert path is not None
    path.write_bytes(b"{}")

    (problem,) = layout.verify()

    assert problem.digest == document.digest


def test_verify_finds_a_document_that_is_sound_but_no_document(layout: Layout, repository: LocalRepository) -> None:
    blob = put(repository, b"not JSON", "text/plain")
    index = put_index(repository, put_manifest(repository, b"layer"))
    claimed = describe(b"not JSON", mediatype.OCI_MANIFEST)
    put_index(repository, claimed)

    problems = list(layout.verify())

    assert [problem.digest for problem in problems] == [blob.digest]
    assert "not JSON" in problems[0].message
    assert repository.exists(index)


def test_verify_finds_a_link_in_the_place_of_a_blob(layout: Layout, repository: LocalRepository) -> None:
    put_manifest(repository, b"layer")
    digest = describe(b"elsewhere").digest
    (layout.path / "blobs/sha256" / digest.hex).symlink_to("/dev/null")

    (problem,) = layout.verify()

    assert problem.digest == digest


def test_verify_when_blobs_are_swept_meanwhile_then_they_are_no_problem(
    layout: Layout, repository: LocalRepository
) -> None:
    for number in range(5):
        path = layout.path_of(put(repository, b"%d" % number))
        assert path is not None
        path.write_bytes(b"x")
    problems = layout.verify()
    next(problems)

    layout.sweep()

    assert list(problems) == []


def test_discard_lets_the_next_push_bring_it_anew(layout: Layout, repository: LocalRepository) -> None:
    content = put(repository, b"layer")
    path = layout.path_of(content)
    assert path is not None
    path.write_bytes(b"reyal")
    (problem,) = layout.verify()

    layout.discard(problem.digest)
    layout.discard(problem.digest)

    put(repository, b"layer")
    assert get(repository, content) == b"layer"


def test_index_of_nothing_is_kept(layout: Layout, repository: LocalRepository) -> None:
    put(repository, index_of([]), mediatype.OCI_INDEX)

    assert layout.sweep() == SweepReport()


def test_drop_takes_out_only_entries_that_are_still_the_same(layout: Layout, repository: LocalRepository) -> None:
    moved, gone = put_manifest(repository, b"one"), put_manifest(repository, b"two")
    seen = layout.entries()
    repository.tag(moved, "v1")

    dropped = layout.drop(seen)

    assert [entry.digest for entry in dropped] == [gone.digest]
    assert [(entry.tag, entry.digest) for entry in layout.entries()] == [("v1", moved.digest)]


def test_would_free_tells_what_drop_and_sweep_then_free(layout: Layout, repository: LocalRepository) -> None:
    put_manifest(repository, b"shared", b"mine"), put_manifest(repository, b"shared", b"yours")
    (layout.path / "ingest").mkdir(exist_ok=True)
    (layout.path / "ingest/x.partial").write_bytes(b"partial")
    entries = layout.entries()[:1]
    before = stored(layout)

    told = layout.would_free(entries, partials=True)

    assert stored(layout) == before
    layout.drop(entries)
    assert layout.sweep(partials=True) == told
    assert told.blobs == 2
