"""What is inside versions: files and their bytes."""

import gzip
import io

import pytest
from msgspec import json

from orchard.archive import members
from orchard.errors import IntegrityError, NotFoundError, UsageError
from orchard.formats import LayerFile, LayerFiles, LayerKind
from orchard.hub.catalog import LayerRow, understood
from orchard.hub.registry import StoredBlobs
from orchard.oci import Descriptor, Digest
from orchard.store import Ranged
from support.archive_tars import member, tar
from support.hubinside import Inside
from support.versions import bring, kit, plain_artifact

NAME = "team/model"
TAR = "application/vnd.oci.image.layer.v1.tar"


def test_bare_files_of_an_artifact_are_known_at_once(hub: Inside) -> None:
    title = {"org.opencontainers.image.title": "data/train.csv"}
    bring(hub, NAME, "v1", plain_artifact(("text/csv", b"a,b\n1,2\n", title), ("text/plain", b"hello", {})))
    contents = hub.registry.readable(hub.who, NAME).contents("v1")
    files = contents.files()
    assert [(file.path, file.size) for file in files] == [
        (Digest.of(b"hello").hex[:12], 5),
        ("data/train.csv", 8),
    ]
    found = contents.file("data/train.csv")
    assert b"".join(found.content.read(2, 5)) == b"b\n1"
    assert found.tag == str(Digest.of(b"a,b\n1,2\n"))
    assert contents.gaps() == []


def test_layers_that_nobody_has_looked_into_are_told(hub: Inside) -> None:
    made = kit("datasets: [{path: d}]\n", (LayerKind.DATASET, "d", tar(member("d/a", b"1")).read(), "tar"))
    bring(hub, NAME, "v1", made)
    contents = hub.registry.readable(hub.who, NAME).contents("v1")
    assert len(contents.files()) == 0
    assert [(gap.layer.path, gap.final) for gap in contents.gaps()] == [("d", False)]
    assert contents.understanding().state == "waiting"
    with pytest.raises(NotFoundError, match="ask again in a moment"):
        contents.file("d/a")


@pytest.mark.parametrize("form", ["tar", "tar+gzip"])
def test_files_in_archives_are_given_by_themselves(hub: Inside, form: str) -> None:
    archive = tar(member("d/a", b"first"), member("d/b", bytes(range(256)) * 20)).read()
    raw = gzip.compress(archive) if form == "tar+gzip" else archive
    bring(hub, NAME, "v1", kit("datasets: [{path: d}]\n", (LayerKind.DATASET, "d", raw, form)))
    _note(hub, raw, form, archive)
    contents = hub.registry.readable(hub.who, NAME).contents("v1")
    found = contents.file("d/b")
    assert b"".join(found.content.read(0, found.file.size)) == bytes(range(256)) * 20
    assert b"".join(found.content.read(250, 260)) == bytes([250, 251, 252, 253, 254, 255, 0, 1, 2, 3])
    assert found.content.url() is None
    with pytest.raises(NotFoundError, match="is a directory"):
        contents.file("d")


def test_damaged_archives_say_why_they_have_no_files(hub: Inside) -> None:
    bring(hub, NAME, "v1", kit("datasets: [{path: d}]\n", (LayerKind.DATASET, "d", b"no tar", "tar")))
    with hub.database.write() as connection:
        understood.put_layer(connection, LayerRow(Digest.of(b"no tar"), "tar", 1, 0, "no archive", hashed=True))
    contents = hub.registry.readable(hub.who, NAME).contents("v1")
    assert [(gap.why, gap.final) for gap in contents.gaps()] == [("no archive", True)]
    with pytest.raises(NotFoundError, match="what could be read of this version"):
        contents.file("d/a")


def test_a_layer_that_contradicts_another_one_is_left_out(hub: Inside) -> None:
    title = {"org.opencontainers.image.title": "same"}
    bring(hub, NAME, "v1", plain_artifact(("text/plain", b"one", title), ("text/plain", b"other", title)))
    contents = hub.registry.readable(hub.who, NAME).contents("v1")
    assert [(file.path, file.size) for file in contents.files()] == [("same", 3)]
    assert "twice" in contents.gaps()[0].why


def test_stored_blobs_can_be_read_in_parts(hub: Inside) -> None:
    hub.push_blob(NAME, b"0123456789")
    source = StoredBlobs(hub.registry.readable(hub.who, NAME).held)
    content = Descriptor.of(b"0123456789", TAR)
    assert isinstance(source, Ranged)
    assert source.read_range(content, 3, 4) == b"3456"
    with source.open(content, 8) as body:
        assert body.read(1) + body.read(5) + body.read(1) == b"89"
    with pytest.raises(UsageError, match="has 10 bytes"):
        source.read_range(content, 8, 4)
    with pytest.raises(NotFoundError, match="has no blob"):
        source.content(Descriptor.of(b"other", TAR))
    with pytest.raises(IntegrityError, match="has 10 bytes, not 11"):
        StoredBlobs(hub.registry.readable(hub.who, NAME).held).content(
            Descriptor(media_type=TAR, digest=content.digest, size=11)
        )


def _note(hub: Inside, raw: bytes, form: str, archive: bytes) -> None:
    """Write down what a layer holds."""
    found = members(io.BytesIO(archive), what="test")
    files = tuple(LayerFile(one.name, one.size, one.mode, one.offset) for one in found if not one.is_directory)
    with hub.database.write() as connection:
        row = LayerRow(Digest.of(raw), form, 1, len(files), document=json.encode(LayerFiles(files)))
        assert understood.put_layer(connection, row)
