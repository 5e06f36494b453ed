import json
from pathlib import Path

import pytest

from orchard.errors import StorageError
from orchard.oci import JSON, dumps, mediatype
from orchard.store import Layout
from support.stores import describe, put_manifest

REF_NAME = "org.opencontainers.image.ref.name"
NAME = "example.com/team/model"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def write(layout: Layout, *entries: JSON, **head: JSON) -> None:
    (layout.path / "oci-layout").write_bytes(dumps({"imageLayoutVersion": "1.0.0"}))
    (layout.path / "index.json").write_bytes(dumps({"schemaVersion": 2, **head, "manifests": list(entries)}))


def entry(name: str | None = None) -> dict[str, JSON]:
    descriptor = describe(b"theirs", mediatype.OCI_MANIFEST).to_json()
    return descriptor if name is None else {**descriptor, "annotations": {REF_NAME: name, "their.own": "x"}}


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        (None, "localhost/_", None),
        ("v1", "localhost/_", "v1"),
        ("model:v1", "localhost/model", "v1"),
        ("example.com/team/model:v1", "example.com/team/model", "v1"),
        ("localhost:5000/model:v1", "localhost:5000/model", "v1"),
        ("Strange Name", "localhost/_", "Strange Name"),
    ],
)
def test_entry_of_another_tool_is_given_a_sensible_place(
    layout: Layout, name: str | None, repository: str, tag: str | None
) -> None:
    write(layout, entry(name))

    (found,) = layout.entries()

    assert (found.repository, found.tag) == (repository, tag)
    assert found.descriptor == describe(b"theirs", mediatype.OCI_MANIFEST)


def test_entry_of_another_tool_is_kept_as_it_is(layout: Layout) -> None:
    theirs: JSON = {**entry("v1"), "platform": {"os": "linux"}, "strange": [1]}
    write(layout, theirs, annotations={"a": "b"}, unknown=True)

    document = put_manifest(layout.repository(NAME), b"layer")
    layout.repository(NAME).tag(document, "v1")

    written = json.loads((layout.path / "index.json").read_bytes())
    assert written["manifests"][0] == theirs
    assert written["annotations"] == {"a": "b"}
    assert written["unknown"] is True
    assert [e.repository for e in layout.entries()] == ["localhost/_", NAME]


def test_index_when_changed_by_another_then_read_again(layout: Layout, tmp_path: Path) -> None:
    other = Layout(tmp_path)
    document = put_manifest(layout.repository(NAME), b"layer")
    for number in range(5):
        (layout if number % 2 else other).repository(NAME).tag(document, f"v{number}")

        assert layout.entries() == other.entries()
        assert len(layout.entries()) == number + 1


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b'{"schemaVersion":2,"manifests":[', "not JSON", id="cut off"),
        pytest.param(b"\0" * 100, "not JSON", id="zeros"),
        pytest.param(b"[]", "no list of manifests", id="a list"),
        pytest.param(b"{}", "no list of manifests", id="no manifests"),
        pytest.param(b'{"manifests":{}}', "no list of manifests", id="manifests is an object"),
        pytest.param(b'{"manifests":[{"mediaType":"a/b"}]}', "entry 0", id="entry without a digest"),
        pytest.param(b'{"manifests":[],"manifests":[]}', "stands twice", id="twice"),
    ],
)
def test_index_when_damaged_then_said_and_nothing_is_lost(layout: Layout, raw: bytes, why: str) -> None:
    document = put_manifest(layout.repository(NAME), b"layer")
    layer = describe(b"layer")
    index = layout.path / "index.json"
    index.write_bytes(raw)

    for use in (
        layout.entries,
        lambda: layout.repository(NAME).resolve("v1"),
        lambda: layout.repository(NAME).tag(document, "v1"),
        lambda: put_manifest(layout.repository(NAME), b"another"),
        lambda: layout.untag(NAME, "v1"),
        lambda: layout.remove(NAME, document.digest),
        layout.sweep,
        layout.verify,
    ):
        with pytest.raises(StorageError, match=rf"index\.json is damaged: .*{why}"):
            use()

    assert index.read_bytes() == raw
    assert layout.path_of(layer) is not None


def test_index_when_lost_then_said_and_nothing_is_lost(layout: Layout) -> None:
    put_manifest(layout.repository(NAME), b"layer")
    (layout.path / "index.json").unlink()

    for use in (layout.entries, layout.sweep, lambda: put_manifest(layout.repository(NAME), b"another")):
        with pytest.raises(StorageError, match=r"index\.json is missing; put it back"):
            use()

    assert layout.path_of(describe(b"layer")) is not None


def test_index_when_it_is_a_directory_then_said(layout: Layout) -> None:
    (layout.path / "index.json").mkdir()

    with pytest.raises(StorageError, match=r"index\.json: Is a directory"):
        layout.entries()


def test_layout_when_its_place_is_a_file_then_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    layout = Layout(tmp_path / "file")

    with pytest.raises(StorageError, match=r"file: (Not a directory|File exists)"):
        put_manifest(layout.repository(NAME), b"layer")
    with pytest.raises(StorageError, match="Not a directory"):
        layout.entries()


def test_entry_says_when_it_was_made_and_keeps_saying_so(tmp_path: Path) -> None:
    times = iter(range(100, 200, 10))
    layout = Layout(tmp_path, now=lambda: next(times))
    repository = layout.repository(NAME)
    first = put_manifest(repository, b"one")
    repository.tag(first, "v1")
    repository.tag(put_manifest(repository, b"two"), "v2")
    repository.tag(repository.resolve("v2"), "v1")

    expected = [("v2", 130), ("v1", 140), (None, 110)]
    assert [(e.tag, e.added) for e in layout.entries()] == expected
    assert [(e.tag, e.added) for e in Layout(tmp_path).entries()] == expected


def test_document_remembers_the_tags_that_moved_on(layout: Layout) -> None:
    repository = layout.repository(NAME)
    first, second = put_manifest(repository, b"one"), put_manifest(repository, b"two")
    for document in (first, second, first, second):
        repository.tag(document, "latest")
        repository.tag(document, "best")
    layout.untag(NAME, "best")

    former = {(e.digest, e.tag): e.former_tags for e in Layout(layout.path).entries()}
    assert former == {(first.digest, None): ("latest", "best"), (second.digest, "latest"): ("latest", "best")}


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00+01:00", ""])
def test_entry_with_a_time_that_is_none_has_no_time(layout: Layout, time: str) -> None:
    write(layout, {**entry("v1"), "annotations": {"ml.orchard.added": time}})

    assert [e.added for e in layout.entries()] == [None]
