"""`migrate`: a home of KitOps' `kit` becomes ours, with nothing changed there."""

import json
import os
from base64 import urlsafe_b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from support.cli import PROGRAMS, Program
from support.projects import contents, make_project

# What kit writes, from what our own layout holds: kit-cli-and-modelkit 3.6.


def _kit_home(program: Program, home: Path, *, nested: bool = False) -> Path:
    """Write the home that `kit` would have, with what the program holds."""
    index = json.loads((program.home / "layout/index.json").read_text())
    storage = home / "storage"
    repositories: dict[str, tuple[list[Any], dict[str, Any]]] = {}
    for entry in index["manifests"]:
        annotations = entry.pop("annotations")
        tag = annotations.get("org.opencontainers.image.ref.name", "").rpartition(":")[2]
        manifests, tags = repositories.setdefault(annotations["ml.orchard.repository"], ([], {}))
        manifests += [] if entry in manifests else [entry]
        tags |= {tag: entry} if tag else {}
    for name, (manifests, tags) in repositories.items():
        place = storage / name if nested else storage
        _link_blobs(program.home / "layout/blobs", place / "blobs")
        if nested:
            named = [
                {**entry, "annotations": {"org.opencontainers.image.ref.name": tag}} for tag, entry in tags.items()
            ]
            (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": named or manifests}))
            continue
        encoded = urlsafe_b64encode(name.encode()).decode()
        (storage / f"{encoded}-index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
        (storage / f"{encoded}-tags.json").write_text(json.dumps(tags))
        (storage / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    return home


def _link_blobs(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            copied = target / path.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(path.read_bytes())


@pytest.fixture
def theirs(shelf: Program, tmp_path: Path) -> Path:
    return _kit_home(shelf, tmp_path / "kitops")


def _state(home: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(home.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("nested", [False, True], ids=["current", "before-1.0"])
def test_migrate_takes_over_every_version_with_its_tags(
    program: Program, shelf: Program, project: Path, tmp_path: Path, *, nested: bool
) -> None:
    theirs = _kit_home(shelf, tmp_path / "kitops", nested=nested)
    before = _state(theirs)
    ran = program.ok("migrate", "--from", theirs)
    assert ran.lines[:2] == ["tiny:v1", "tiny:v2"]
    assert ran.lines[-1].startswith(f"Took over 1 of 1 versions from {theirs}: ")
    assert program.ok("list", "--output", "json").document == shelf.ok("list", "--output", "json").document
    program.ok("unpack", "tiny:v1", "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)
    assert _state(theirs) == before


def test_migrate_shares_the_bytes_where_the_file_system_can(program: Program, theirs: Path) -> None:
    moved = program.ok("migrate", "--from", theirs, "--output", "json").document
    assert (moved["copied"], moved["shared"] > 5000) == (0, True)
    links = [path.stat().st_nlink for path in (program.home / "layout/blobs/sha256").iterdir()]
    assert max(links) == 2 or moved["shared"]  # a clone has one


def test_migrate_copies_where_the_file_system_cannot_share(
    program: Program, shelf: Program, project: Path, tmp_path: Path
) -> None:
    other = Path("/dev/shm")  # noqa: S108 -- another file system
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system to write to")
    with TemporaryDirectory(dir=other) as directory:
        theirs = _kit_home(shelf, Path(directory))
        moved = program.ok("migrate", "--from", theirs, "--output", "json").document
    assert (moved["shared"], moved["copied"] > 5000) == (0, True)
    program.ok("unpack", "tiny:v1", "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)


def test_migrate_again_changes_nothing_and_keeps_what_was_renamed(
    program: Program, theirs: Path, tmp_path: Path
) -> None:
    program.ok("migrate", "--from", theirs)
    other = program.digest("pack", make_project(tmp_path / "other", name="other"), "-t", "tiny:v1")
    again = program.ok("migrate", "--from", theirs, "--output", "json").document
    assert [(one["new"], one["tags"]) for one in again["versions"]] == [(False, [])]
    assert program.digest("inspect", "tiny:v1") == other


def test_migrate_dry_run_says_what_it_would_do_and_does_nothing(program: Program, theirs: Path) -> None:
    ran = program.ok("migrate", "--from", theirs, "--dry-run")
    assert ran.lines[0] == "tiny:v1"
    assert ran.lines[-1].startswith("Would take over 1 of 1 versions")
    assert not program.home.exists()


def test_migrate_takes_over_logins_that_are_new_here(program: Program, theirs: Path) -> None:
    (theirs / "credentials.json").write_text(
        '{"auths": {"a.example": {"auth": "dTpw"}, "b.example": {"auth": "dTpw"}}}'
    )
    program.home.mkdir()
    (program.home / "credentials.json").write_text('{"auths": {"a.example": {"auth": "bWU6bWU="}}}')
    ran = program.ok("migrate", "--from", theirs)
    assert ran.lines[-1] == "Took over logins: b.example"
    kept = json.loads((program.home / "credentials.json").read_text())["auths"]
    assert kept == {"a.example": {"auth": "bWU6bWU="}, "b.example": {"auth": "dTpw"}}
    assert (program.home / "credentials.json").stat().st_mode & 0o777 == 0o600


def test_migrate_leaves_what_is_damaged_and_takes_the_rest(program: Program, tmp_path: Path) -> None:
    source = Program(tmp_path / "source")
    for name in ("good", "missing", "changed"):
        source.ok("pack", make_project(tmp_path / name, name=name, seed=ord(name[0])), "-t", f"{name}:v1")
    layers = {
        name: source.ok("inspect", f"{name}:v1").document["manifest"]["layers"][0] for name in ("missing", "changed")
    }
    theirs = _kit_home(source, tmp_path / "kitops")
    blobs = theirs / "storage/blobs/sha256"
    (blobs / layers["missing"]["digest"].removeprefix("sha256:")).unlink()
    changed = blobs / layers["changed"]["digest"].removeprefix("sha256:")
    changed.write_bytes(b"x" * changed.stat().st_size)
    ran = program("migrate", "--from", theirs)
    assert ran.code == 6
    assert program.ok("list", "-q").lines == ["good:v1"]
    assert ran.stderr.count("was left: ") == 2
    assert "2 of 3 versions could not be taken over" in ran.complaint
    assert list((program.home / "layout/ingest").iterdir()) == []


def test_migrate_refuses_links_in_the_place_of_blobs(program: Program, theirs: Path, tmp_path: Path) -> None:
    for path in (theirs / "storage/blobs/sha256").iterdir():
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    assert program("migrate", "--from", theirs).code in {6, 9}
    assert program.ok("list", "-q").stdout == ""


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("bG9jYWxob3N0L3g=-index.json", "{", 7),
        ("bG9jYWxob3N0L3g=-index.json", "[]", 7),
        ("bG9jYWxob3N0L3g=-index.json", '{"manifests": [{"mediaType": "x"}]}', 7),
        ("bG9jYWxob3N0L3g=-tags.json", '{"v1": 3}', 7),
        ("not-base64!-index.json", "{}", 0),
    ],
)
def test_migrate_when_an_index_is_hostile_fails_with_one_error(
    program: Program, theirs: Path, name: str, content: str, code: int
) -> None:
    (theirs / "storage/bG9jYWxob3N0L3g=-index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    (theirs / "storage" / name).write_text(content)
    ran = program("migrate", "--from", theirs)
    assert ran.code == code
    assert code == 0 or ran.complaint


@pytest.mark.parametrize("repository", ["localhost/../../etc", "localhost/UPPER", "x", "/etc/passwd"])
def test_migrate_leaves_a_repository_whose_name_is_none(program: Program, theirs: Path, repository: str) -> None:
    (index,) = (theirs / "storage").glob("*=-index.json")
    encoded = urlsafe_b64encode(repository.encode()).decode()
    index.rename(index.with_name(f"{encoded}-index.json"))
    ran = program("migrate", "--from", theirs)
    assert ran.code in {6, 7}
    assert ran.complaint
    assert program.ok("list", "-q").stdout == ""


def test_migrate_without_a_home_of_kit_says_how_to_name_it(program: Program) -> None:
    assert program("migrate").code == 3
    assert "--from DIR" in program("migrate").complaint
    assert program("migrate", "--from", program.home).code == 3


def test_list_hints_at_a_home_of_kit_until_something_is_in_ours(program: Program, theirs: Path) -> None:
    named = Program(program.home, environ={"KITOPS_HOME": str(theirs)})
    ran = named.ok("list")
    assert "orchard migrate" in ran.stderr
    assert len(ran.lines) == 1
    assert named.ok("list", "-q").stderr == ""
    named.ok("migrate")
    assert named.ok("list").stderr == ""


@pytest.mark.peer("kit")
def test_migrate_takes_over_the_home_that_kit_made(kit: Program, program: Program, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", prompts=False)
    for name in ("a:v1,v2", "registry.example.com/team/b:v1"):
        kit.ok("pack", project, "-t", name)
    (project / "README.md").write_text("changed")
    kit.ok("pack", project, "-t", "a:v1")  # leaves one version with v2
    kit.ok("pack", project)
    ours = Program(program.home, PROGRAMS / "kit")
    ours.ok("migrate", "--from", kit.home)
    expected = kit.ok("list", "--format", "{{.Repo}} {{.Tags}} {{.Digest}}").lines
    assert set(expected) <= set(ours.ok("list", "--format", "{{.Repo}} {{.Tags}} {{.Digest}}").lines)
    ours.ok("unpack", "a:v1", "-d", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(project)
    kit.ok("unpack", "a:v2", "-d", tmp_path / "still")
