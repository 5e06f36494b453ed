"""``orchard pack --push``: the same version that ``pack`` and ``push`` give, without a byte of it on this machine."""

import os
import subprocess
from pathlib import Path
from threading import Event

import pytest

import orchard
from support.cli import HubProgram, Program

MIB = 1 << 20


def _write(root: Path, size: int = 37 * MIB) -> Path:
    root.mkdir()
    (root / "many").mkdir()
    (root / "weights.bin").write_bytes(os.urandom(size))
    for number in range(300):
        (root / "many" / f"{number}.txt").write_bytes(os.urandom(30_000))
    (root / "README.md").write_text("hello")
    (root / "Kitfile").write_text(
        "manifestVersion: 1.0.0\npackage:\n  name: big\nmodel:\n  name: m\n  path: weights.bin\n"
        "code:\n  - path: many\ndocs:\n  - path: README.md\n"
    )
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("tree") / "project")


def content(home: Path) -> list[Path]:
    """Every file below a home, but for the notes of the cache."""
    return [path for path in home.rglob("*") if path.is_file() and "cache" not in path.relative_to(home).parts]


@pytest.mark.parametrize("where", ["hub", pytest.param("registry", marks=pytest.mark.peer("docker-registry"))])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_pack_push_gives_the_version_that_pack_gives_and_keeps_nothing(
    request: pytest.FixtureRequest, program: Program, tree: Path, where: str, compression: str
) -> None:
    host = request.getfixturevalue(where).host
    reference = f"{host}/stream/{compression}:v1"
    pushed = program.digest("pack", tree, "-t", reference, "--push", "--compression", compression)
    assert not content(program.home)
    other = Program(program.home.parent / "other")
    assert other.digest("pack", tree, "-t", reference, "--compression", compression) == pushed
    third = Program(program.home.parent / "third")
    third.ok("unpack", reference, "-d", program.home.parent / "out")
    subprocess.run(["diff", "-r", tree, program.home.parent / "out"], check=True)


def test_pack_push_again_then_nothing_is_read_or_sent(program: Program, tree: Path, hub: HubProgram) -> None:
    Event().wait(2.1)  # what is younger than two seconds is not remembered
    reference = f"{hub.host}/again/x:v1"
    first = program.ok("pack", tree, "-t", reference, "--push", "--output", "json").document
    again = program.ok("pack", tree, "-t", reference, "--push", "--output", "json").document
    assert again["digest"] == first["digest"]
    assert not any(layer["new"] for layer in again["layers"])


def test_pack_push_without_cache_then_no_file_at_all_is_written(program: Program, tree: Path, hub: HubProgram) -> None:
    program.ok("pack", tree, "-t", f"{hub.host}/nothing/x:v1", "--push", "--no-cache")
    assert not program.home.exists() or not any(path.is_file() for path in program.home.rglob("*"))


def test_pack_push_says_what_it_did_and_ends_with_the_line_that_scripts_read(
    program: Program, tree: Path, hub: HubProgram
) -> None:
    lines = program.ok("pack", tree, "-t", f"{hub.host}/lines/x:v1,v2", "--push").lines
    assert [line.split(": ")[0] for line in lines] == [
        *("Pushed model layer", "Pushed code layer", "Pushed docs layer"),
        *("Pushed configuration", "Pushed manifest", "Model saved"),
    ]
    assert program.digest("inspect", "--remote", f"{hub.host}/lines/x:v2") == lines[-1].split()[-1]


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ((), "--push needs a --tag that names the registry"),
        (("-t", "x:v1"), "a registry is needed here"),
    ],
)
def test_pack_push_without_a_registry_then_it_says_so(
    program: Program, tree: Path, tag: tuple[str, ...], message: str
) -> None:
    ran = program("pack", tree, *tag, "--push")
    assert (ran.code, message in ran.complaint) == (2, True)


def test_pack_push_to_nobody_then_it_fails_and_keeps_nothing(program: Program, tree: Path) -> None:
    ran = program("pack", tree, "-t", "127.0.0.1:1/x/y:v1", "--push")
    assert "127.0.0.1:1" in ran.complaint
    assert not content(program.home)


def test_pack_push_while_a_file_grows_then_no_version_appears(
    program: Program, tmp_path: Path, hub: HubProgram
) -> None:
    root = _write(tmp_path / "growing", 300 * MIB)
    reference = f"{hub.host}/growing/x:v1"
    running = program.start("pack", root, "-t", reference, "--push")
    with (root / "weights.bin").open("ab") as file:
        while running.poll() is None:
            file.write(b"x" * 4096)
            file.flush()
    assert running.returncode not in {0, -9}
    assert program("inspect", "--remote", reference).code != 0


def test_sdk_pack_push_then_the_registry_has_it_and_the_home_does_not(
    tmp_path: Path, tree: Path, hub: HubProgram
) -> None:
    reference, home = f"{hub.host}/sdk/x:v1", tmp_path / "home"
    said = {"org.opencontainers.image.vendor": "Example"}
    version = orchard.pack(tree, tag=reference, push=True, cache=False, annotations=said, home=home)
    assert not [path for path in home.rglob("*") if path.is_file()]
    assert orchard.inspect(reference, remote=True, home=home).digest == version.digest
    assert version.manifest.annotations == said
