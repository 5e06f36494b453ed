"""The fsspec filesystem, and the libraries that read through it."""

import pickle
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import duckdb
import fsspec
import pandas as pd
import polars as pl
import pytest

import orchard
from orchard.errors import InvalidReferenceError, UnsupportedError
from orchard.integrations import ModelKitFileSystem
from support.faultserver import FaultServer
from support.projects import write_files

KITFILE = """\
manifestVersion: 1.0.0
package: {name: data}
datasets:
  - {name: data, path: data}
docs:
  - {path: README.md}
"""
FRAME = pd.DataFrame({"x": range(5000), "y": [number * 0.5 for number in range(5000)]})
CSV = FRAME.to_csv(index=False).encode()


def _parquet() -> bytes:
    out = BytesIO()
    pl.from_pandas(FRAME).write_parquet(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultServer]:
    project = write_files(
        tmp_path_factory.mktemp("project"),
        {"Kitfile": KITFILE, "data/train.csv": CSV, "data/deep/train.parquet": _parquet(), "README.md": "# Data\n"},
    )
    home = tmp_path_factory.mktemp("home")
    with FaultServer() as running:
        orchard.pack(project, tag=f"{running.host}/team/data:v1", home=home)
        orchard.push(f"{running.host}/team/data:v1", home=home)
        yield running


@pytest.fixture
def root(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the address of a version, as a process that has never seen it would use it."""
    fsspec.register_implementation("modelkit", ModelKitFileSystem, clobber=True)
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "home"))
    ModelKitFileSystem.clear_instance_cache()
    yield f"modelkit://{server.host}/team/data:v1"
    for filesystem in ModelKitFileSystem._cache.values():  # noqa: SLF001 -- fsspec keeps them for ever
        filesystem.invalidate_cache()
    ModelKitFileSystem.clear_instance_cache()


def test_files_are_listed_and_found(root: str) -> None:
    filesystem, path = fsspec.url_to_fs(root)

    assert filesystem.ls(path, detail=False) == [f"{path}/README.md", f"{path}/data"]
    assert filesystem.find(path) == [f"{path}/README.md", f"{path}/data/deep/train.parquet", f"{path}/data/train.csv"]
    assert filesystem.glob(f"{path}/**/train.*") == [f"{path}/data/deep/train.parquet", f"{path}/data/train.csv"]
    assert [(top, sorted(below), sorted(files)) for top, below, files in filesystem.walk(f"{path}/data")] == [
        (f"{path}/data", ["deep"], ["train.csv"]),
        (f"{path}/data/deep", [], ["train.parquet"]),
    ]
    assert filesystem.info(f"{path}/data/train.csv")["size"] == len(CSV)
    assert filesystem.isdir(path)
    assert filesystem.isdir(f"{path}/data/deep")
    assert filesystem.isfile(f"{path}/README.md")
    assert not filesystem.exists(f"{path}/nothing")


def test_files_are_read_whole_or_in_part(root: str) -> None:
    filesystem, path = fsspec.url_to_fs(root)

    assert filesystem.cat(f"{path}/data/train.csv") == CSV
    for start, end in [(0, 10), (5, None), (-9, None), (None, -3), (-9, -3), (10, 5), (0, 10**9)]:
        assert filesystem.cat_file(f"{path}/data/train.csv", start, end) == CSV[start:end]
    with fsspec.open(f"{root}/README.md", "rt") as file:
        assert file.read() == "# Data\n"
    assert filesystem.head(f"{path}/data/train.csv", 3) == CSV[:3]


def test_what_is_not_there_is_not_found(root: str) -> None:
    for use in (ModelKitFileSystem.open, ModelKitFileSystem.ls, ModelKitFileSystem.cat_file):
        with pytest.raises(FileNotFoundError, match="'nothing' is not in this version"):
            use(*fsspec.url_to_fs(f"{root}/nothing"))
    with pytest.raises(FileNotFoundError, match="v2"):
        fsspec.open(root.replace(":v1", ":v2") + "/README.md").open()
    with pytest.raises(InvalidReferenceError, match="needs a tag or a digest"):
        fsspec.open(root.replace(":v1", "") + "/README.md").open()


def test_writing_is_refused(root: str) -> None:
    with pytest.raises(UnsupportedError, match="a version never changes"):
        fsspec.open(f"{root}/README.md", "wb").open()


def test_pandas_reads_csv(root: str) -> None:
    pd.testing.assert_frame_equal(pd.read_csv(f"{root}/data/train.csv"), FRAME)
    pd.testing.assert_frame_equal(pd.read_csv(f"{root}/data/train.csv", storage_options={"verify": True}), FRAME)


def test_polars_reads_csv_and_parquet(root: str) -> None:
    with fsspec.open(f"{root}/data/train.csv") as file:
        assert pl.read_csv(file).equals(pl.from_pandas(FRAME))
    with fsspec.open(f"{root}/data/deep/train.parquet") as file:
        assert pl.read_parquet(file).equals(pl.from_pandas(FRAME))


def test_duckdb_reads_csv_and_parquet(root: str) -> None:
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("modelkit"))
        csv = connection.read_csv(f"{root}/data/*.csv").aggregate("count(*), sum(y)")
        assert csv.fetchall() == [(5000, sum(FRAME["y"]))]
        parquet = connection.read_parquet(f"{root}/data/deep/train.parquet").aggregate("sum(x)")
        assert parquet.fetchall() == [(sum(range(5000)),)]
        query = f"FROM '{root}/data/train.csv' SELECT max(x)"
        assert connection.sql(query).fetchall() == [(4999,)]
        connection.unregister_filesystem("modelkit")


def test_a_local_version_is_read_too(root: str, tmp_path: Path) -> None:
    assert root
    project = write_files(tmp_path / "p", {"Kitfile": KITFILE.partition("docs")[0], "data/a.csv": CSV})
    version = orchard.pack(project, tag="local:v1")

    for name in ("local:v1", str(version.digest), f"local@{version.digest}"):
        assert len(pd.read_csv(f"modelkit://{name}/data/a.csv")) == 5000


def test_a_filesystem_goes_to_other_processes(root: str) -> None:
    filesystem, path = fsspec.url_to_fs(root)

    again = pickle.loads(pickle.dumps(filesystem))  # noqa: S301 -- as Dask does with its own

    assert again.cat(f"{path}/README.md") == b"# Data\n"


def test_a_tag_is_looked_up_once_until_told_otherwise(root: str, server: FaultServer) -> None:
    filesystem, path = fsspec.url_to_fs(root)
    filesystem.ls(path)
    server.seen.clear()

    filesystem.ls(path)
    filesystem.info(f"{path}/data/train.csv")
    assert server.seen == []

    filesystem.invalidate_cache()
    filesystem.ls(path)
    assert server.seen


def test_fsspec_finds_it_by_its_entry_point() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, _, name = pyproject["project"]["entry-points"]["fsspec.specs"]["modelkit"].partition(":")

    assert getattr(sys.modules[module], name) is ModelKitFileSystem


def test_it_costs_nothing_where_it_is_not_used() -> None:
    probe = "import orchard, orchard.integrations, sys; sys.exit('fsspec' in sys.modules)"
    subprocess.run([sys.executable, "-c", probe], check=True)
