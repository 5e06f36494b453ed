"""The index and the extractor are one opinion: what the one lists the other writes, what the one refuses both do."""

import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive import Extractor
from orchard.errors import InvalidError
from orchard.project import Held, OpenVersion, index_version
from support.archive_tars import END, block, directory, gnu_long, member, pax
from support.kits import dataset_kit

SAFE = ["a", "b", "c/d", "c/e/f", "c/é", "./g", "g/h", "i" * 120, "j", "k/l/m/n"]
NAMES = st.sampled_from([*SAFE * 4, "../x", "/a", "a//b", "a/.", ".", ""])


@st.composite
def parts(draw: st.DrawFn) -> bytes:
    name, content = draw(NAMES), draw(st.sampled_from([b"", b"x", b"y" * 700, b"z" * 300_000]))
    shapes = {
        "file": lambda: member(name[:100], content),
        "directory": lambda: directory(name[:100]),
        "pax": lambda: pax({"path": name}) + member("short", content),
        "long": lambda: gnu_long(name.encode()) + member("short", content),
        "old": lambda: member(name[:100], content, kind=b"\0"),
        "link": lambda: block(name[:100], kind=b"2", link=b"a"),
    }
    often = ["file", "directory", "pax", "long", "old"] * 3
    return shapes[draw(st.sampled_from([*often * 2, "link"]))]()


def extracted(raw: bytes) -> dict[str, bytes] | None:
    with tempfile.TemporaryDirectory() as name:
        try:
            files = Extractor(Path(name), portable=False).extract_tar(io.BytesIO(raw))
        except InvalidError:
            return None
        return {path: (Path(name) / path).read_bytes() for path in files}


def indexed(raw: bytes, form: str, *, hashed: bool) -> dict[str, bytes] | None:
    version, store = dataset_kit(("d", gzip.compress(raw, 1) if form == "tar+gzip" else raw, form))
    try:
        listed = {file.path for file in index_version(version, store, hashed=hashed)}
    except InvalidError:
        return None
    with OpenVersion(version, Held(store, version.kit.layers)) as opened:
        found = {file.path: opened.read(file.path) for file in opened.list()}
    assert found.keys() == listed
    return found


@pytest.mark.parametrize("form", ["tar", "tar+gzip"])
@given(
    layout=st.lists(parts(), max_size=6),
    end=st.sampled_from([END] * 6 + [b"", END[:512], END + bytes(2048), END + b"x"]),
    hashed=st.booleans(),
)
def test_index_then_agrees_with_unpacking(form: str, layout: list[bytes], end: bytes, *, hashed: bool) -> None:
    raw = b"".join(layout) + end

    assert indexed(raw, form, hashed=hashed) == extracted(raw)
