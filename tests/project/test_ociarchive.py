"""Archives that other people wrote: read in any order, and refused where they mean two things or lead elsewhere."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchard.archive import Limits
from orchard.errors import (
    IntegrityError,
    InvalidDocumentError,
    InvalidError,
    LimitExceededError,
    NotFoundError,
    OrchardError,
    UnsafeArchiveError,
    UsageError,
)
from orchard.oci import JSON, Descriptor, Reference, dumps, mediatype
from orchard.project import ArchiveFile, ArchiveStream, Named, copy_all, destinations
from orchard.project.ociarchive import write_index
from orchard.store import Layout
from support.archive_tars import block, member, pax, tar
from support.stores import describe, get, index_of, manifest_of

MARKER = b'{"imageLayoutVersion":"1.0.0"}'
LAYER, CONFIG = b"a layer", b"{}"
MANIFEST = manifest_of([describe(LAYER)], describe(CONFIG, mediatype.OCI_EMPTY))
ROOT = describe(MANIFEST, mediatype.OCI_MANIFEST)


def blob(data: bytes, name: Descriptor | None = None) -> bytes:
    return member(f"blobs/sha256/{(name or describe(data)).digest.hex}", data)


def index(root: Descriptor = ROOT, annotations: Mapping[str, str] | None = None) -> bytes:
    entry: dict[str, JSON] = {**root.to_json(), "annotations": dict[str, JSON](annotations or {})}
    return dumps({"schemaVersion": 2, "manifests": [entry]})


PARTS = [member("oci-layout", MARKER), member("index.json", index()), *map(blob, (MANIFEST, LAYER, CONFIG))]


def write(path: Path, *parts: bytes) -> Path:
    path.write_bytes(tar(*parts).read())
    return path


def load_into(layout: Layout, path: Path, limits: Limits | None = None) -> list[Reference]:
    """Load a file, and the same as a stream into another store: both must come out the same."""
    ends: list[tuple[Reference, ...] | OrchardError] = []
    for streamed in (False, True):
        target = Layout(layout.path / str(streamed))
        try:
            ends.append(_load_once(target, path, limits or Limits(), streamed=streamed))
        except OrchardError as error:
            ends.append(error)
            assert target.entries() == []
    from_file, from_stream = ends
    assert type(from_file) is type(from_stream), ends
    if isinstance(from_stream, OrchardError):
        raise from_stream
    assert from_file == from_stream
    return list(from_stream)


def _load_once(layout: Layout, path: Path, limits: Limits, *, streamed: bool) -> tuple[Reference, ...]:
    with layout.writing(), path.open("rb") as body:
        source = ArchiveStream(body, layout, limits=limits) if streamed else ArchiveFile(path, limits)
        wanted = destinations(source.held)
        copy_all(source, wanted, lambda reference: layout.repository(reference.name))
    return tuple(one.reference for one in wanted)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layouts")


def test_archive_in_any_order_with_foreign_members_is_loaded(layout: Layout, tmp_path: Path) -> None:
    foreign = [member("manifest.json", b"[]"), member("blobs/md5/abc", b"x"), member("./notes/README", b"hello")]
    path = write(tmp_path / "a.tar", *reversed(PARTS), *foreign)
    assert load_into(layout, path) == [Reference("localhost", "_", digest=ROOT.digest)]
    with ArchiveFile(path) as archive:
        assert get(archive, describe(LAYER)) == LAYER


@pytest.mark.parametrize(
    ("annotations", "repository", "tag"),
    [
        ({}, None, None),
        ({"org.opencontainers.image.ref.name": "v1"}, None, "v1"),
        ({"org.opencontainers.image.ref.name": "host.io/a/b:v1"}, "host.io/a/b", "v1"),
        ({"org.opencontainers.image.ref.name": "b:v1"}, "localhost/b", "v1"),
        ({"io.containerd.image.name": "docker.io/library/x:3", "org.opencontainers.image.ref.name": "3"},
         "docker.io/library/x", "3"),
        ({"ml.orchard.repository": "h.io/m", "org.opencontainers.image.ref.name": "v1"}, "h.io/m", "v1"),
        ({"ml.orchard.repository": "h.io/m", "org.opencontainers.image.ref.name": "h.io/m:v1"}, "h.io/m", "v1"),
        ({"ml.orchard.repository": "../../etc", "org.opencontainers.image.ref.name": "../x"}, None, None),
        ({"ml.orchard.repository": "localhost/_"}, None, None),
    ],
)  # fmt: skip
def test_names_of_any_tool_are_understood(
    tmp_path: Path, annotations: dict[str, str], repository: str | None, tag: str | None
) -> None:
    parts = [PARTS[0], member("index.json", index(ROOT, annotations)), *PARTS[2:]]
    with ArchiveFile(write(tmp_path / "a.tar", *parts)) as archive:
        (held,) = archive.held
    assert (held.repository, held.tag) == (repository, tag)


WRONG = describe(b"another layer")
HOSTILE = {
    "two-indexes": ([*PARTS, member("index.json", index())], UnsafeArchiveError, "index.json stands twice"),
    "two-blobs": ([*PARTS, blob(LAYER)], UnsafeArchiveError, "stands twice"),
    "wrong-content": ([*PARTS[:3], blob(b"a LAYER", describe(LAYER)), PARTS[4]], IntegrityError, "does not match"),
    "wrong-size": ([*PARTS[:3], blob(b"longer than that", describe(LAYER)), PARTS[4]], IntegrityError, "bytes"),
    "blob-missing": ([*PARTS[:3], PARTS[4]], NotFoundError, describe(LAYER).digest.hex),
    "manifest-missing": ([*PARTS[:2], *PARTS[3:]], NotFoundError, ROOT.digest.hex),
    "no-index": ([PARTS[0], *PARTS[2:]], InvalidDocumentError, "index.json is missing.*orchard export"),
    "no-marker": (PARTS[1:], InvalidDocumentError, "oci-layout is missing"),
    "later-marker": (
        [member("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'), *PARTS[1:]], InvalidDocumentError, "not a layout"
    ),
    "marker-is-no-json": ([member("oci-layout", b"1.0.0 "), *PARTS[1:]], InvalidDocumentError, "oci-layout"),
    "huge-index": ([PARTS[0], member("index.json", bytes(5 << 20))], InvalidDocumentError, "at most 4194304"),
    "index-is-a-manifest": ([PARTS[0], member("index.json", MANIFEST)], InvalidDocumentError, "index.json"),
    "traversal": ([*PARTS, member("blobs/../../../etc/passwd", b"x")], UnsafeArchiveError, "not a plain relative"),
    "absolute": ([*PARTS, member("/etc/passwd", b"x")], UnsafeArchiveError, "not a plain relative path"),
    "symlink": ([*PARTS, block("blobs/sha256/x", kind=b"2", link=b"/etc/passwd")], UnsafeArchiveError, "symbolic link"),
    "hardlink": ([*PARTS, block("index.json", kind=b"1", link=b"oci-layout")], UnsafeArchiveError, "hard link"),
    "device": ([*PARTS, block("blobs/sha256/x", kind=b"3")], UnsafeArchiveError, "device"),
    "claims-a-tebibyte": ([*PARTS, pax({"size": str(1 << 40)}), block("blobs/sha256/x")], InvalidError, "ends within"),
    "claims-more-than-all": ([*PARTS, pax({"size": str(1 << 62)}), block("x")], LimitExceededError, "in all"),
    "nothing": ([], InvalidDocumentError, "is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archive_is_refused_and_nothing_is_visible(layout: Layout, tmp_path: Path, name: str) -> None:
    parts, error, match = HOSTILE[name]
    with pytest.raises(error, match=match):
        load_into(layout, write(tmp_path / "a.tar", *parts))


def test_archive_with_too_many_members_is_refused(layout: Layout, tmp_path: Path) -> None:
    many = [member(f"x{number}", b"") for number in range(20)]
    with pytest.raises(LimitExceededError, match="more than 20 members"):
        load_into(layout, write(tmp_path / "a.tar", *PARTS, *many), Limits(members=20))


@pytest.mark.parametrize(("magic", "program"), [(b"\x1f\x8b\x08", "gunzip"), (b"\x28\xb5\x2f\xfd", "zstd -d")])
def test_compressed_archive_says_what_undoes_it(layout: Layout, tmp_path: Path, magic: bytes, program: str) -> None:
    (tmp_path / "a.tar.gz").write_bytes(magic + bytes(1000))
    with pytest.raises(InvalidError, match=f"is compressed; undo that first: {program}"):
        load_into(layout, tmp_path / "a.tar.gz")


@pytest.mark.parametrize("size", [0, 1, 511, 512, 1000, 3000])
def test_archive_that_is_cut_off_is_refused(layout: Layout, tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.tar", *PARTS)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InvalidError, match="ends"):
        load_into(layout, path)


def test_index_of_indexes_that_never_ends_is_refused(layout: Layout, tmp_path: Path) -> None:
    raw, parts = MANIFEST, [blob(MANIFEST), blob(LAYER), blob(CONFIG)]
    kind = mediatype.OCI_MANIFEST
    for _ in range(12):
        raw, kind = index_of([describe(raw, kind)]), mediatype.OCI_INDEX
        parts.append(blob(raw))
    top = member("index.json", index(describe(raw, mediatype.OCI_INDEX)))
    with pytest.raises(LimitExceededError, match="nested deeper"):
        load_into(layout, write(tmp_path / "a.tar", PARTS[0], top, *parts))


def test_file_that_is_a_pipe_says_how_to_stream_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="orchard load - <"):
        ArchiveFile(tmp_path / "pipe")


def test_destinations_under_a_prefix_and_under_one_name() -> None:
    other = describe(b"other", mediatype.OCI_MANIFEST)
    held = [Named(ROOT, "localhost/a", "v1"), Named(ROOT, "localhost/a", "v2"), Named(other, "localhost/a", None)]
    placed = destinations(held, prefix="host.io/team")
    assert [str(one.reference) for one in placed] == [
        "host.io/team/a:v1", "host.io/team/a:v2", f"host.io/team/a@{other.digest}"
    ]  # fmt: skip
    renamed = destinations(held, name=Reference.parse("b:new"))
    assert [str(one.reference) for one in renamed] == ["b:new", f"b@{other.digest}"]
    assert [str(one.reference) for one in destinations(held[:2], name=Reference.parse("b"))] == ["b:v1", "b:v2"]
    with pytest.raises(UsageError, match="holds 2 versions"):
        destinations([*held, Named(other, "localhost/c", "v1")], name=Reference.parse("b:new"))


def test_index_json_names_what_only_one_version_is_called_by_its_tag_alone() -> None:
    held = [Named(ROOT, "localhost/b", "v1"), Named(ROOT, "localhost/a", "v1"), Named(ROOT, "localhost/a", "v2")]
    value = json.loads(write_index(held))
    names = [one["annotations"]["org.opencontainers.image.ref.name"] for one in value["manifests"]]
    assert names == ["localhost/a:v1", "v2", "localhost/b:v1"]
    assert write_index(held[::-1]) == write_index(held)


def test_index_json_that_lists_what_is_no_manifest_is_refused(layout: Layout, tmp_path: Path) -> None:
    listed = index(describe(MANIFEST, "text/plain"), {"org.opencontainers.image.ref.name": "x:v1"})
    path = write(tmp_path / "a.tar", PARTS[0], member("index.json", listed), *PARTS[2:])

    with pytest.raises(InvalidDocumentError, match=r"index\.json: sha256:.* is of type 'text/plain'"):
        load_into(layout, path)
