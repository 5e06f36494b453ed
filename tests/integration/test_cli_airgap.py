"""``orchard export`` and ``orchard load``: one file across the air gap, whatever tool is at the other end."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from orchard.remote import Registry
from support.cli import PATIENCE, HubProgram, Program
from support.projects import contents, make_blob_project, make_project
from support.registries import Running
from support.stores import put_manifest


@pytest.fixture
def there(tmp_path: Path) -> Program:
    """The program on the other side."""
    return Program(tmp_path / "there")


@pytest.fixture(scope="module")
def archive(shelf: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "tiny.tar"
    shelf.ok("export", "tiny:v1,v2", "-o", path)
    return path


def signed(host: str, name: str) -> None:
    """Put something about a version into a registry."""
    with Registry(host) as registry:
        repository = registry.repository(name)
        subject = repository.resolve("v1")
        put_manifest(repository, b"a signature", subject=subject.to_json(), artifactType="application/x-signature")


def test_export_and_load_bring_versions_and_names_across(
    shelf: Program, there: Program, project: Path, tmp_path: Path
) -> None:
    digest = shelf.ok("inspect", "tiny:v1").document["digest"]
    ran = shelf.ok("export", "tiny:v1,v2", "-o", tmp_path / "a.tar")
    assert ran.lines[:2] == [f"Exported tiny:{tag} (digest {digest})" for tag in ("v1", "v2")]
    assert ran.lines[2].startswith("Saved 8 blobs, ")
    ran = there.ok("load", tmp_path / "a.tar")
    assert ran.lines == [f"Loaded tiny:{tag} (digest {digest})" for tag in ("v1", "v2")]
    there.ok("verify", "--all")
    there.ok("unpack", "tiny:v2", "-d", tmp_path / "unpacked")
    assert contents(tmp_path / "unpacked") == contents(project)


def test_export_and_load_work_through_a_pipe(shelf: Program, there: Program, archive: Path, tmp_path: Path) -> None:
    with (tmp_path / "piped.tar").open("wb") as file:
        done = subprocess.run(
            [shelf.path, "export", "tiny:v1,v2", "-o", "-"],
            env=shelf.variables, stdout=file, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
    assert done.stderr.startswith("Exported tiny:v1 (digest sha256:")
    assert (tmp_path / "piped.tar").read_bytes() == archive.read_bytes()
    with archive.open("rb") as file:
        done = subprocess.run(
            [there.path, "load", "-", "--output", "json"],
            env=there.variables, stdin=file, capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
    assert [one["reference"] for one in json.loads(done.stdout)["loaded"]] == ["tiny:v1", "tiny:v2"]
    there.ok("verify", "--all")


@pytest.mark.peer("docker-registry")
def test_export_from_a_registry_takes_referrers_and_keeps_no_copy_and_load_pushes_them(
    program: Program, there: Program, project: Path, registry: Running, hub: HubProgram, tmp_path: Path
) -> None:
    name = f"{registry.host}/airgap/tiny"
    program.ok("pack", project, "-t", f"{name}:v1")
    program.ok("push", f"{name}:v1")
    signed(registry.host, "airgap/tiny")

    exported = there.ok("export", "--remote", f"{name}:v1", "-o", tmp_path / "a.tar", "--output", "json").document
    assert (exported["referrers"], exported["blobs"]) == (1, 11)
    loaded = there.ok("load", tmp_path / "a.tar", "--to", f"{hub.host}/mirror", "--output", "json").document["loaded"]
    assert [(one["reference"].partition("@")[0], one["referrer"]) for one in loaded] == [
        (f"{hub.host}/mirror/airgap/tiny:v1", False),
        (f"{hub.host}/mirror/airgap/tiny", True),
    ]
    assert not (there.home / "layout").exists()
    verified = there.ok("verify", "--remote", f"{hub.host}/mirror/airgap/tiny:v1", "--output", "json").document
    assert (verified["sound"], verified["referrers"]) == (True, 1)

    there.ok("load", tmp_path / "a.tar")
    there.ok("export", f"{name}:v1", "-o", tmp_path / "b.tar")
    assert (tmp_path / "b.tar").read_bytes() == (tmp_path / "a.tar").read_bytes(), "from anywhere the same bytes"


@pytest.mark.peer("skopeo")
def test_skopeo_reads_what_export_writes_and_load_reads_what_skopeo_writes(
    shelf: Program, there: Program, archive: Path, tmp_path: Path
) -> None:
    skopeo = str(shutil.which("skopeo"))
    digest = shelf.ok("inspect", "tiny:v1").document["digest"]
    base = [skopeo, "--insecure-policy", "copy", "--quiet"]
    subprocess.run([*base, f"oci-archive:{archive}:v1", f"dir:{tmp_path / 'dir'}"], check=True)
    theirs = tmp_path / "theirs.tar"
    subprocess.run([*base, f"dir:{tmp_path / 'dir'}", f"oci-archive:{theirs}:their/name:v9"], check=True)
    assert there.ok("load", theirs).lines == [f"Loaded their/name:v9 (digest {digest})"]
    assert there.ok("load", theirs, "--as", "mine:v1").lines == [f"Loaded mine:v1 (digest {digest})"]
    there.ok("verify", "--all")


@pytest.mark.peer("oras")
def test_oras_reads_what_export_writes_with_referrers(
    program: Program, project: Path, hub: HubProgram, tmp_path: Path
) -> None:
    name = f"{hub.host}/airgap/oras"
    program.ok("pack", project, "-t", f"{name}:v1")
    program.ok("push", f"{name}:v1")
    signed(hub.host, "airgap/oras")
    program.ok("export", "-r", f"{name}:v1", "-o", tmp_path / "a.tar")
    done = subprocess.run(
        [str(shutil.which("oras")), "discover", "--oci-layout", f"{tmp_path / 'a.tar'}:v1", "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [one["artifactType"] for one in json.loads(done.stdout)["referrers"]] == ["application/x-signature"]


def test_load_that_was_interrupted_takes_only_what_is_missing(program: Program, there: Program, tmp_path: Path) -> None:
    program.ok("pack", make_blob_project(tmp_path / "project", 6 << 20, 6 << 20), "-t", "blobs:v1")
    program.ok("export", "blobs:v1", "-o", tmp_path / "a.tar")
    data = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) - (2 << 20)])
    ran = there("load", tmp_path / "cut.tar")
    assert (ran.code, "ends within" in ran.complaint) == (7, True), ran
    assert there.ok("list", "--output", "json").document == []
    # As a stream, what came before the cut is kept, so that the next load need not write it again.
    with (tmp_path / "cut.tar").open("rb") as file:
        cut = subprocess.run(
            [there.path, "load", "-"], env=there.variables, stdin=file, capture_output=True, check=False
        )
    assert cut.returncode == 7, cut
    kept = [path for path in (there.home / "layout/blobs/sha256").iterdir() if path.stat().st_size > 6 << 20]
    assert len(kept) == 1
    before = kept[0].stat()
    there.ok("load", tmp_path / "a.tar")
    assert (kept[0].stat().st_ino, kept[0].stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    there.ok("verify", "blobs:v1")


def test_load_of_a_damaged_archive_names_nothing(there: Program, archive: Path, tmp_path: Path) -> None:
    data = bytearray(archive.read_bytes())
    weights = data.index(b"model/weights.bin")
    data[weights + 2000] ^= 1
    (tmp_path / "damaged.tar").write_bytes(data)
    ran = there("load", tmp_path / "damaged.tar")
    assert (ran.code, "does not match" in ran.complaint) == (6, True), ran
    assert there.ok("list", "--output", "json").document == []


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["export", "tiny:v1"], 2, "Missing option"),
        (["export", "-o", "x.tar"], 2, "Missing argument"),
        (["export", "nothing:v1", "-o", "x.tar"], 3, "see: orchard list"),
        (["export", "tiny:v1", "-o", "-", "--output", "json"], 2, "name a file"),
        (["load", "nothing.tar"], 3, "does not exist"),
        (["load", "/dev/null"], 2, "orchard load - <"),
        (["load", "-", "--to", "localhost:1/x"], 2, "--to needs a file"),
        (["load", "x.tar", "--to", "team"], 2, "a registry is needed here"),
        (["load", "x.tar", "--as", "x@sha256:" + "0" * 64], 2, "a digest cannot be chosen"),
        (["load", "-"], 7, "ends without the two zero blocks"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_asked_wrongly_says_what_to_do(
    shelf: Program, tmp_path: Path, arguments: list[str], code: int, text: str
) -> None:
    ran = shelf(*arguments)
    assert (ran.code, text in ran.stderr, "Traceback" in ran.stderr) == (code, True, False), ran
    assert list(tmp_path.iterdir()) == []


def test_export_of_two_repositories_with_one_tag_keeps_them_apart(
    program: Program, there: Program, project: Path, tmp_path: Path
) -> None:
    program.ok("pack", project, "-t", "one:v1")
    program.ok("pack", make_project(tmp_path / "two", name="two", seed=2), "-t", "two:v1")
    program.ok("export", "one:v1", "two:v1", "-o", tmp_path / "a.tar")
    assert [line.split()[1] for line in there.ok("load", tmp_path / "a.tar").lines] == ["one:v1", "two:v1"]
