"""Bad projects, bad names, bad places: one line that names the thing, the promised exit code, and nothing half-done."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from orchard.store import Layout
from support.cli import PATIENCE, Program, Ran
from support.projects import contents, make_blob_project, write_files

MINIMAL = "manifestVersion: 1.0.0\npackage: {name: x}\n"
CODE = MINIMAL + "code:\n  - path: src\n"

Break = Callable[[Path], object]


def assert_store_sound(program: Program) -> None:
    """Nothing is damaged or missing, and no version was published."""
    layout = Layout(program.home / "layout")
    assert (layout.entries(), list(layout.verify())) == ([], [])


def assert_packs_not(program: Program, project: Path, code: int, *parts: str) -> Ran:
    """Packing fails with one line that holds these parts, and leaves no version behind."""
    ran = program("pack", project, "-t", "bad:v1")
    assert ran.code == code, ran
    assert ran.stdout == ""
    complaint = ran.complaint
    assert all(part in complaint for part in parts), (parts, complaint)
    assert_store_sound(program)
    return ran


def _kitfile(text: str) -> Break:
    return lambda project: (project / "Kitfile").write_text(text)


def _link(name: str, target: str) -> Break:
    return lambda project: (project / name).symlink_to(target)


def _socket(project: Path) -> None:
    here = Path.cwd()
    os.chdir(project)  # the path of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("src/sock")
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("breaks", "code", "parts"),
    [
        pytest.param(lambda p: (p / "Kitfile").unlink(), 3, ["No Kitfile found in", "orchard init"], id="no-kitfile"),
        pytest.param(shutil.rmtree, 3, ["no such directory"], id="no-directory"),
        pytest.param(_kitfile(""), 7, ["Kitfile", "is empty"], id="empty-kitfile"),
        pytest.param(_kitfile("a: [b"), 7, ["Kitfile", "line"], id="not-yaml"),
        pytest.param(_kitfile(CODE + "datasetz: []\n"), 7, ["datasetz", "datasets", "line 5"], id="unknown-key"),
        pytest.param(_kitfile(CODE + "docs:\n  - path: src/\n"), 7, ["src", "code[0]"], id="two-layers-one-path"),
        pytest.param(_kitfile(CODE.replace("src", "none")), 3, ["none", "does not exist"], id="missing-path"),
        pytest.param(_kitfile(CODE.replace("src", "../src")), 7, ["../src"], id="path-outside"),
        pytest.param(_kitfile(CODE.replace("src", "/etc")), 7, ["/etc"], id="path-absolute"),
        pytest.param(
            _link("src/out", "../../elsewhere"), 7, ["src/out", "out of the project", ".kitignore"], id="link-outside"
        ),
        pytest.param(_link("src/loop", "."), 7, ["src/loop", "leads back"], id="link-circle"),
        pytest.param(_link("src/nowhere", "gone"), 7, ["src/nowhere", "leads nowhere"], id="link-nowhere"),
        pytest.param(lambda p: os.mkfifo(p / "src/pipe"), 7, ["src/pipe", ".kitignore"], id="pipe"),
        pytest.param(_socket, 7, ["src/sock", ".kitignore"], id="socket"),
        pytest.param(lambda p: (p / ".kitignore").write_text("src\n"), 7, ["src", ".kitignore"], id="ignored"),
        pytest.param(lambda p: (p / "src" / os.fsdecode(b"\xff")).write_text(""), 7, ["UTF-8"], id="name-not-utf8"),
    ],
)
def test_pack_of_a_bad_project_says_which_thing_and_publishes_nothing(
    program: Program, tmp_path: Path, breaks: Break, code: int, parts: list[str]
) -> None:
    write_files(tmp_path / "elsewhere", {"secret": "x"})
    project = write_files(tmp_path / "project", {"Kitfile": CODE, "src/a.py": "a"})
    breaks(project)
    assert_packs_not(program, project, code, *parts)


def test_pack_when_a_kitfile_has_many_mistakes_names_them_all(program: Program, tmp_path: Path) -> None:
    kitfile = CODE + "  - path: ../up\n  - pth: x\nmodelx: {}\n"
    write_files(tmp_path / "project", {"Kitfile": kitfile, "src/a.py": "a"})
    ran = assert_packs_not(program, tmp_path / "project", 7, "4 problems", "../up", "pth", "modelx", "model")
    assert len(ran.complaint.splitlines()) == 1 + 4


def test_pack_follows_links_that_stay_inside(program: Program, tmp_path: Path) -> None:
    project = write_files(
        tmp_path / "project", {"Kitfile": CODE, "src/a.py": "a", "shared/b.py": "b", "shared/c/d": "d"}
    )
    (project / "src/b.py").symlink_to("../shared/b.py")
    (project / "src/c").symlink_to(project / "shared/c")
    program.ok("pack", project, "-t", "links:v1")
    program.ok("unpack", "links:v1", "-d", tmp_path / "there")
    there = {name: path for name, path in contents(tmp_path / "there").items() if path[1]}
    assert sorted(there) == ["src/a.py", "src/b.py", "src/c/d"]
    assert (tmp_path / "there/src/b.py").read_text() == "b"
    assert not (tmp_path / "there/src/b.py").is_symlink()


@pytest.mark.parametrize("name", ["a.py", "sub"])
def test_pack_of_what_may_not_be_read_says_so(program: Program, tmp_path: Path, name: str) -> None:
    project = write_files(tmp_path / "project", {"Kitfile": CODE, "src/a.py": "a", "src/sub/b.py": "b"})
    locked = project / "src" / name
    mode = locked.stat().st_mode
    locked.chmod(0)
    try:
        assert_packs_not(_powerless(program), project, 9, f"src/{name}", "Permission denied")
    finally:
        locked.chmod(mode)


def test_unpack_where_it_may_not_write_changes_nothing(shelf: Program, tmp_path: Path) -> None:
    write_files(tmp_path / "there", {"src/mine.txt": "mine"})
    before = contents(tmp_path / "there")
    for locked in (tmp_path / "there", tmp_path / "there/src"):
        mode = locked.stat().st_mode
        locked.chmod(0o500)
        try:
            ran = _powerless(shelf)("unpack", "tiny:v1", "-d", tmp_path / "there")
        finally:
            locked.chmod(mode)
        assert ran.code == 9, ran
        assert str(locked) in ran.complaint
        assert contents(tmp_path / "there") == before


def test_command_when_the_home_may_not_be_written_says_so(program: Program, project: Path) -> None:
    program.home.mkdir(mode=0o500)
    ran = _powerless(program)("pack", project, "-t", "x:v1")
    assert ran.code == 9, ran
    assert str(program.home) in ran.complaint


def test_pack_of_a_file_that_keeps_growing_is_a_conflict(program: Program, tmp_path: Path) -> None:
    project = make_blob_project(tmp_path / "project", 30_000_000)
    with _growing(project / "d0.bin"):
        assert_packs_not(program, project, 8, "d0.bin", "changed while it was being packed", "try again")
    program.ok("pack", project, "-t", "good:v1")


@pytest.mark.parametrize(
    ("command", "reference"),
    [
        ("pack", "x:-dash"),
        ("pack", "x:v1,sp ace"),
        ("pack", "x:" + "t" * 129),
        ("pack", "x:"),
        ("inspect", "Upper:v1"),
        ("inspect", "x@sha256:short"),
        ("push", "localhost:99/:v1"),
        ("pull", "localhost:99/x:v1@sha256:zz"),
    ],
)
def test_reference_that_breaks_the_grammar_is_refused(
    program: Program, project: Path, command: str, reference: str
) -> None:
    words = [project, "-t", reference] if command == "pack" else [reference]
    ran = program(command, *words)
    assert ran.code == 7, ran
    assert ran.complaint
    assert not program.home.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["push", "tiny:v1"], 2, ["tiny:v1", "a registry is needed"]),
        (["pull", "tiny:v1"], 2, ["tiny:v1", "a registry is needed"]),
        (["push", "none:v1", "localhost:1/none:v1"], 3, ["none:v1", "not in the local store", "orchard list"]),
        (["inspect", "none:v1"], 3, ["none:v1", "not in the local store"]),
        (["info", "tiny:v1", "-f", "model.nothing"], 3, ["model.nothing", "nothing"]),
        (["info", "tiny:v1", "-f", "datasets[0]"], 2, ["datasets.0.path"]),
        (["tag", "none", "other"], 3, ["none:latest"]),
        (["tag", "tiny:v1", "x@sha256:" + "0" * 64], 2, ["a digest is not a tag"]),
        (["remove", "none:v1"], 3, ["none:v1"]),
        (["remove"], 2, ["--all"]),
        (["remove", "--all", "x:v1"], 2, ["--all"]),
        (["unpack", "tiny:v1,v2"], 2, ["multiple tags"]),
        (["unpack", "tiny:v1", "-o", "-i"], 2, ["--overwrite", "--ignore-existing"]),
        (["unpack", "tiny:v1", "-f", "modelx"], 2, ["modelx", "model"]),
        (["list", "--format", "{{.Nope}}"], 2, ["{{.Nope}}", "Digest"]),
        (["pack", "/nonexistent/x"], 3, ["/nonexistent/x"]),
        (["init", "/nonexistent/x"], 3, ["/nonexistent/x"]),
        (["login", "not a host", "-u", "a", "-p", "b"], 7, ["not a host"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].islower() else None,
)
def test_command_that_cannot_be_done_names_the_thing(
    shelf: Program, tmp_path: Path, arguments: list[str], code: int, parts: list[str]
) -> None:
    ran = shelf(*arguments, cwd=tmp_path)
    assert ran.code == code, ran
    complaint = ran.complaint
    assert all(part in complaint for part in parts), complaint
    assert list(tmp_path.iterdir()) == []


def test_unpack_when_a_file_is_in_the_way_changes_nothing(shelf: Program, tmp_path: Path) -> None:
    write_files(tmp_path, {"README.md": "mine", "data/train.csv": "mine too", "other": ""})
    before = contents(tmp_path)
    ran = shelf("unpack", "tiny:v1", "-d", tmp_path)
    assert ran.code == 8
    complaint = ran.complaint
    assert all(part in complaint for part in ("README.md", "data/train.csv", "--overwrite", "--dir")), complaint
    assert contents(tmp_path) == before


@pytest.mark.parametrize("flags", [(), ("--overwrite",), ("--ignore-existing",)], ids=["plain", "overwrite", "keep"])
def test_unpack_when_a_directory_and_a_file_clash_changes_nothing(
    shelf: Program, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    for there in (write_files(tmp_path / "a", {"src": "file"}), write_files(tmp_path / "b", {"README.md/x": ""})):
        before = contents(there)
        ran = shelf("unpack", "tiny:v1", "-d", there, *flags)
        assert (ran.code, "already exists" in ran.complaint) == (8, True), ran
        assert contents(there) == before


def test_unpack_never_writes_through_a_link(shelf: Program, tmp_path: Path) -> None:
    victim = write_files(tmp_path / "victim", {"main.py": "keep"})
    there = tmp_path / "there"
    there.mkdir()
    (there / "src").symlink_to(victim)
    ran = shelf("unpack", "tiny:v1", "-d", there, "--overwrite")
    assert ran.code == 7
    assert "symbolic link" in ran.complaint
    (there / "src").unlink()
    (there / "README.md").symlink_to(victim / "main.py")
    shelf.ok("unpack", "tiny:v1", "-d", there, "--overwrite")
    assert not (there / "README.md").is_symlink()
    assert contents(victim)["main.py"] == contents(write_files(tmp_path / "same", {"main.py": "keep"}))["main.py"]


def test_unpack_when_another_kitfile_is_there_refuses(shelf: Program, tmp_path: Path) -> None:
    write_files(tmp_path, {"Kitfile": MINIMAL})
    ran = shelf("unpack", "tiny:v1", "-d", tmp_path)
    assert ran.code == 8
    assert "Kitfile exists in" in ran.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["Kitfile"]
    shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--overwrite")
    shelf.ok("unpack", "tiny:v1", "-d", tmp_path, "--ignore-existing")


def test_unpack_of_a_damaged_layer_says_so_and_writes_nothing(program: Program, project: Path, tmp_path: Path) -> None:
    packed = program.ok("pack", project, "-t", "tiny:v1", "--output", "json").document
    digest = str(packed["layers"][3]["digest"])
    blob = program.home / "layout/blobs/sha256" / digest.removeprefix("sha256:")
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    ran = program("unpack", "tiny:v1", "-d", tmp_path / "there")
    assert (ran.code, digest in ran.complaint) == (6, True), ran
    assert not (tmp_path / "there").exists()
    (problem,) = Layout(program.home / "layout").verify()
    assert str(problem.digest) == digest


@pytest.mark.parametrize("name", ["Kitfile", "src"])
def test_unpack_over_what_may_not_be_read_says_so(shelf: Program, tmp_path: Path, name: str) -> None:
    there = write_files(tmp_path / "there", {"Kitfile": "x", "src/main.py": "x"})
    (there / name).chmod(0)
    ran = _powerless(shelf)("unpack", "tiny:v1", "-d", there, "--overwrite")
    (there / name).chmod(0o755)
    assert (ran.code, name in ran.complaint) == (9, True), ran


def test_pack_of_a_directory_that_may_not_be_read_is_a_storage_error(program: Program, tmp_path: Path) -> None:
    tmp_path.joinpath("locked").mkdir(mode=0)
    ran = _powerless(program)("pack", tmp_path / "locked")
    assert (ran.code, "locked" in ran.complaint) == (9, True), ran


def test_stdout_that_is_full_is_an_error_in_one_line(shelf: Program) -> None:
    ran = Program(shelf.home, Path("/bin/sh"))("-c", f"exec {shelf.path} inspect tiny:v1 > /dev/full")
    assert ran.code == 9, ran
    assert ran.complaint


def test_remove_of_several_tags_of_which_one_is_missing_removes_none(program: Program, project: Path) -> None:
    program.ok("pack", project, "-t", "tiny:v1,v2")
    ran = program("remove", "tiny:v1,v9")
    assert (ran.code, "tiny:v9" in ran.complaint) == (3, True)
    program.ok("inspect", "tiny:v1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_pack_that_is_interrupted_says_so_and_leaves_nothing(
    program: Program, tmp_path: Path, number: signal.Signals
) -> None:
    project = make_blob_project(tmp_path / "project", 10, 10)
    for path in project.glob("*.bin"):
        os.truncate(path, 1 << 29)  # so long that it is seen to be at work on a busy machine too
    layout = program.home / "layout"
    ran = _interrupted(program, number, lambda: any(layout.glob("ingest/*")), "pack", project, "-t", "big:v1")
    assert (ran.code, ran.complaint) == (130, "interrupted")
    assert list(layout.glob("ingest/*")) == []
    assert_store_sound(program)


def test_unpack_that_is_interrupted_leaves_the_place_as_it_was(program: Program, tmp_path: Path) -> None:
    project = make_blob_project(tmp_path / "project", 60_000_000, 60_000_000)
    program.ok("pack", project, "-t", "big:v1")
    there = tmp_path / "there"
    ran = _interrupted(
        program, signal.SIGINT, lambda: any(there.glob(".orchard-*/[0-9]*/*")), "unpack", "big:v1", "-d", there
    )
    assert (ran.code, ran.complaint) == (130, "interrupted")
    assert not there.exists()


def _interrupted(program: Program, number: signal.Signals, begun: Callable[[], bool], *arguments: str | Path) -> Ran:
    """Start a command, and send it a signal as soon as it is seen to write."""
    with tempfile.TemporaryFile() as output:
        process = program.start(*arguments, output=output)
        while not begun():
            assert process.poll() is None
        process.send_signal(number)
        code = process.wait(PATIENCE)
        output.seek(0)
        return Ran(tuple(map(str, arguments)), code, "", output.read().decode())


def _powerless(program: Program) -> Program:
    """The same program without root's right to read and write everything."""
    if os.geteuid() != 0:
        return program
    drop = "-dac_override,-dac_read_search"
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("as root this needs setpriv, to give up root's right to read everything")
    return Program(program.home, program.path, prefix=(setpriv, f"--bounding-set={drop}", f"--inh-caps={drop}"))


@contextmanager
def _growing(path: Path) -> Iterator[None]:
    """Append to a file all the time."""
    stop = Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.wait(0.002):
                file.write(b"x")

    thread = Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
