"""`orchard.open` over HTTP: what it asks for, what it believes, what goes wrong."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import orchard
from orchard.errors import IntegrityError, NotFoundError, RemoteError, UnsupportedError
from orchard.remote import Options, Retry
from support.cli import HubProgram, Program
from support.faultserver import FaultServer, answer, drop_after, status
from support.modelfiles import safetensors_bytes
from support.projects import write_files
from support.registries import Running

KITFILE = """\
manifestVersion: 1.0.0
package: {name: mymodel}
model: {path: model/model.safetensors, parts: [{path: model/config.json}]}
datasets:
  - {path: data}
"""
WEIGHT = np.random.default_rng(7).standard_normal((1024, 2048), np.float32)  # 8 MiB
MODEL = safetensors_bytes({"lm_head.weight": WEIGHT, "other": np.zeros(6_000_000, np.float32)})
CSV = b"x,y\n" + b"".join(b"%d,%d\n" % (number, number * 2) for number in range(100_000))
IMPATIENT = Options(retry=Retry(attempts=1))


def make(directory: Path) -> Path:
    import polars as pl  # noqa: PLC0415 -- slow

    files: dict[str, str | bytes] = {
        "Kitfile": KITFILE,
        "model/model.safetensors": MODEL,
        "model/config.json": "{}",
        "data/train.csv": CSV,
    }
    write_files(directory, files)
    pl.DataFrame({"x": [1, 2, 3]}).write_parquet(directory / "data/train.parquet")
    return directory


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project, and a home that holds it as ``mymodel:v1``."""
    project, home = make(tmp_path_factory.mktemp("project")), tmp_path_factory.mktemp("home")
    orchard.pack(project, tag="mymodel:v1", home=home)
    return project, home


@pytest.fixture
def server(kit: tuple[Path, Path]) -> Iterator[FaultServer]:
    with FaultServer() as running:
        orchard.push("mymodel:v1", f"{running.host}/team/mymodel:v1", home=kit[1])
        running.seen.clear()
        yield running


def named(server: FaultServer) -> str:
    return f"{server.host}/team/mymodel:v1"


def test_one_tensor_of_a_remote_file_takes_three_requests_of_its_layer(server: FaultServer, tmp_path: Path) -> None:
    with orchard.open(named(server), home=tmp_path) as opened:
        tensor = opened.tensor("model/model.safetensors", "lm_head.weight")

    np.testing.assert_array_equal(np.asarray(tensor), WEIGHT)
    ranges = [seen.headers["range"] for seen in server.seen if "range" in seen.headers]
    sizes = [int(end) - int(start) + 1 for start, end in (text.removeprefix("bytes=").split("-") for text in ranges)]
    assert len(ranges) == 3
    assert sum(sizes) < 1.05 * WEIGHT.nbytes
    assert [seen.line.split("/")[4] for seen in server.seen] == ["manifests", "manifests", "blobs", *["blobs"] * 3]

    server.seen.clear()
    with orchard.open(named(server), home=tmp_path) as opened:
        opened.tensor("model/model.safetensors", "lm_head.weight")
    assert len([seen for seen in server.seen if "range" in seen.headers]) == 2


@pytest.mark.peer("docker-registry")
def test_another_makers_registry_is_read_in_place(registry: Running, kit: tuple[Path, Path], tmp_path: Path) -> None:
    name = f"{registry.host}/team/mymodel:v1"
    orchard.push("mymodel:v1", name, home=kit[1])

    with orchard.open(name, home=tmp_path) as opened:
        assert [file.path for file in opened.list("model")] == ["model/config.json", "model/model.safetensors"]
        np.testing.assert_array_equal(np.asarray(opened.tensor("model/model.safetensors", "lm_head.weight")), WEIGHT)
        assert opened.read("data/train.csv", offset=1000, size=50) == CSV[1000:1050]
        assert b"".join(opened.stream("data/train.csv")) == CSV
    with orchard.open(name, home=tmp_path, verify=True) as opened:
        assert opened.read("data/train.csv") == CSV


def test_many_threads_may_read_one_version(server: FaultServer, tmp_path: Path) -> None:
    with orchard.open(named(server), home=tmp_path) as opened, ThreadPoolExecutor(8) as pool:

        def part(number: int) -> bytes:
            with opened.open("data/train.csv") as file:
                file.seek(number * 1000)
                return file.read(1000)

        assert b"".join(pool.map(part, range(64))) == CSV[:64_000]
        tensors = pool.map(lambda _: opened.tensor("model/model.safetensors", "lm_head.weight").nbytes, range(4))
        assert [*tensors] == [WEIGHT.nbytes] * 4


def test_reading_goes_on_where_a_connection_breaks(server: FaultServer, tmp_path: Path) -> None:
    with orchard.open(named(server), home=tmp_path) as opened:
        opened.tensors("model/model.safetensors")
        server.on("GET", "/blobs/", drop_after(1_000_000))

        tensor = opened.tensor("model/model.safetensors", "lm_head.weight")

    np.testing.assert_array_equal(np.asarray(tensor), WEIGHT)


def test_a_registry_without_ranges_is_read_while_that_costs_little(server: FaultServer, tmp_path: Path) -> None:
    def whole(exchange: object) -> bool:
        del exchange.headers["Range"]  # type: ignore[attr-defined]
        return False

    server.on("GET", "/blobs/", whole, times=1 << 20)
    with orchard.open(named(server), home=tmp_path) as opened:
        assert opened.read("data/train.csv", offset=5, size=5) == CSV[5:10]


def test_failures_are_errors_of_ours(server: FaultServer, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="v2"):
        orchard.open(named(server).replace("v1", "v2"), home=tmp_path)
    with orchard.open(named(server), home=tmp_path, options=IMPATIENT) as opened:
        server.on("GET", "/blobs/", status(500), times=50)
        with pytest.raises(RemoteError, match="500"):
            opened.list()
        with pytest.raises(RemoteError, match="500"):
            opened.read("data/train.csv")


def test_a_registry_that_answers_with_another_part_is_not_believed(server: FaultServer, tmp_path: Path) -> None:
    with orchard.open(named(server), home=tmp_path, options=IMPATIENT) as opened:
        wrong = answer(206, {"Content-Range": "bytes 0-9/10"}, bytes(10))
        server.on("GET", "/blobs/", wrong, times=50)
        with pytest.raises((RemoteError, IntegrityError), match="asked for"):
            opened.tensors("model/model.safetensors")


def test_a_local_version_needs_no_network(kit: tuple[Path, Path]) -> None:
    with orchard.open("mymodel:v1", home=kit[1]) as opened:
        assert opened.read("data/train.csv") == CSV
        assert opened.version.kit.kitfile.package.name == "mymodel"
        with pytest.raises(UnsupportedError, match="not a model file"):
            opened.tensors("data/train.csv")


def test_what_the_page_shows_in_python_works(hub: HubProgram, kit: tuple[Path, Path], tmp_path: Path) -> None:
    orchard.push("mymodel:v1", f"{hub.host}/team/mymodel:v1", home=kit[1])
    page = (Path(__file__).parents[2] / "docs/reading.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    register = "import fsspec\nfrom orchard.integrations import ModelKitFileSystem as M\n"
    register += "fsspec.register_implementation('modelkit', M, clobber=True)\n"  # as installing does
    script = register + "\n".join(blocks).replace("registry.example.com", hub.host)
    environ = Program(tmp_path / "home").variables

    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "lm_head.weight F32 (1024, 2048)" in done.stdout
