"""`orchard index`: several ModelKits under one name, chosen by labels; KitOps' scenarios and hostile indexes."""

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from orchard.formats import INDEX_TYPE
from orchard.oci import Digest
from support.cli import HubProgram, Program
from support.projects import make_project, write_files
from support.registries import Running


@pytest.fixture
def variants(program: Program, tmp_path: Path) -> tuple[str, str]:
    """Two variants of a model in one repository."""
    digests = []
    for name in ("q4_0", "q8_0"):
        files = {"Kitfile": "manifestVersion: 1.0.0\npackage: {name: x}\nmodel: {path: m}\n", "m": f"weights-{name}"}
        digests.append(program.digest("pack", write_files(tmp_path / name, files), "-t", f"test/model:{name}"))
    return digests[0], digests[1]


def test_round_trip_of_create_add_info_inspect_remove_and_delete(program: Program, variants: tuple[str, str]) -> None:
    assert program.ok("index", "create", "test/model:all").stdout.startswith("Created index test/model:all (digest sha")
    assert program("index", "create", "test/model:all").code == 8
    added = program.ok("index", "add", "test/model:all", "test/model:q4_0").stdout
    assert added.startswith("Added test/model:q4_0 to index test/model:all (digest sha256:")
    program.ok("index", "add", "test/model:all", f"test/model@{variants[1]}")
    lines = program.ok("index", "info", "test/model:all").lines
    assert lines[1:3] == ["2 ModelKits:", lines[2]]
    assert lines[2].split() == ["ORIGINAL", "REFERENCE", "SIZE", "LABELS", "ANNOTATIONS", "DIGEST"]
    assert lines[3].split() == ["test/model:q4_0", "2.0", "KiB", "<none>", "<none>", variants[0]]
    assert lines[4].split() == ["<none>", "2.0", "KiB", "<none>", "<none>", variants[1]]
    shown = program.ok("index", "inspect", "test/model:all").document
    assert shown["artifactType"] == INDEX_TYPE
    assert [entry["digest"] for entry in shown["manifests"]] == list(variants)
    removed = program.ok("index", "remove", "test/model:all", "test/model:q4_0").stdout
    assert removed.startswith("Removed test/model:q4_0 from index test/model:all (digest sha256:")
    assert program("index", "remove", "test/model:all", "test/model:q4_0").code == 3
    assert program.ok("index", "list").lines[1].split()[:3] == ["test/model", "all", "1"]
    assert program.ok("index", "delete", "test/model:all").stdout.startswith("Deleted index test/model:all ")
    assert program("index", "info", "test/model:all").code == 3
    assert sorted(program.ok("list", "-q").lines) == ["test/model:q4_0", "test/model:q8_0"]
    program.ok("unpack", "test/model:q8_0", "-d", program.home / "there")


def test_labels_and_annotations_are_set_merged_and_removed(program: Program, variants: tuple[str, str]) -> None:
    program.ok("index", "create", "test/model:all")
    words = ["-l", "quantization=q4_0", "-l", "vram=6GB", "-l", 'gpuArchs:=["sm_80", "sm_90"]']
    program.ok("index", "add", "test/model:all", "test/model:q4_0", *words, "--annotate", "org.example.tested=true")
    program.ok("index", "add", "test/model:all", f"test/model@{variants[0]}", "-l", "vram-")
    (one,) = program.ok("index", "info", "test/model:all", "--output", "json").document["modelKits"]
    assert one["labels"] == {"gpuArchs": ["sm_80", "sm_90"], "quantization": "q4_0"}
    assert one["annotations"] == {"org.example.tested": "true"}
    assert one["reference"] == "test/model:q4_0"
    rows = program.ok("index", "info", "test/model:all").lines[3:]
    assert [row.split()[-1] for row in rows[1:]] == ["quantization=q4_0"]
    assert 'gpuArchs=["sm_80","sm_90"]' in rows[0]
    ran = program("index", "add", "test/model:all", "test/model:q4_0", "-l", "bad")
    assert (ran.code, "expected key=value to set, or key- to remove" in ran.complaint) == (2, True)


def test_unpack_chooses_by_labels(program: Program, variants: tuple[str, str], tmp_path: Path) -> None:
    assert len(variants) == 2
    program.ok("index", "create", "test/model:all")
    for name in ("q4_0", "q8_0"):
        program.ok("index", "add", "test/model:all", f"test/model:{name}", "-l", f"q={name}")
    program.ok("unpack", "test/model:all", "-l", "q=q8_0", "-d", tmp_path / "there")
    assert (tmp_path / "there/m").read_text() == "weights-q8_0"
    none = program("unpack", "test/model:all", "-l", "q=q2", "-d", tmp_path / "no")
    assert (none.code, "no ModelKit in the index has q=q2" in none.complaint) == (3, True)
    assert "  test/model:q4_0  (q=q4_0)" in none.complaint
    several = program("unpack", "test/model:all", "-d", tmp_path / "no")
    assert (several.code, "select the ModelKit to unpack with --label" in several.complaint) == (2, True)
    other = program("unpack", "test/model:q4_0", "-l", "q=q8_0", "-d", tmp_path / "no")
    assert (other.code, "not a ModelKit index" in other.complaint) == (7, True)
    missing = program("unpack", "test/model:nothing", "-l", "q=q8_0", "-d", tmp_path / "no")
    assert (missing.code, "could not find ModelKit index" in missing.complaint) == (3, True)
    assert not (tmp_path / "no").exists()
    program.ok("index", "remove", "test/model:all", "test/model:q4_0")
    program.ok("unpack", "test/model:all", "-d", tmp_path / "only")
    assert (tmp_path / "only/m").read_text() == "weights-q8_0"


@pytest.mark.parametrize("kind", ["hub", "docker-registry"])
def test_index_is_pushed_and_a_label_pulls_only_its_kit(
    program: Program, variants: tuple[str, str], hub: HubProgram, registry: Running, tmp_path: Path, kind: str
) -> None:
    name = f"{hub.host if kind == 'hub' else registry.host}/index/model"
    for tag in ("q4_0", "q8_0"):
        program.ok("tag", f"test/model:{tag}", f"{name}:{tag}")
    program.ok("index", "create", f"{name}:all")
    program.ok("index", "add", f"{name}:all", f"{name}:q4_0", "-l", "q=q4_0")
    program.ok("index", "add", f"{name}:all", f"{name}:q8_0", "-l", "q=q8_0")
    early = program("index", "push", f"{name}:all")
    assert (early.code, "does not contain every ModelKit the index references" in early.complaint) == (5, True)
    for tag in ("q4_0", "q8_0"):
        program.ok("push", f"{name}:{tag}")
    pushed = program.ok("index", "push", f"{name}:all").stdout
    assert pushed.startswith("Pushed index sha256:")
    other = Program(tmp_path / "other")
    pulled = other.ok("pull", f"{name}:all", "-l", "q=q8_0")
    assert pulled.stdout == f"Pulled {variants[1]}\n"
    assert other.ok("list", "-q").lines == [f"{name}:q8_0"]
    assert other("inspect", f"{name}:q4_0").code == 3
    assert "select the ModelKit to pull with --label" in other("pull", f"{name}:all").complaint
    other.ok("unpack", f"{name}:all", "-l", "q=q4_0", "-d", tmp_path / "there")
    assert (tmp_path / "there/m").read_text() == "weights-q4_0"
    assert other.ok("index", "pull", f"{name}:all").stdout == pushed.replace("Pushed", "Pulled")
    assert other.ok("index", "info", f"{name}:all").lines[1] == "2 ModelKits:"
    assert program.ok("index", "info", "-r", f"{name}:all").stdout == program.ok("index", "info", f"{name}:all").stdout
    assert {line.split()[1] for line in other.ok("list", name).lines[1:]} == {"q4_0", "q8_0"}
    program.ok("index", "add", "--remote", f"{name}:all", f"{name}:q4_0", "--annotate", "seen=yes")


def test_index_that_names_what_is_elsewhere_does_not_stop_upkeep(
    program: Program, variants: tuple[str, str], hub: HubProgram, tmp_path: Path
) -> None:
    name = f"{hub.host}/sparse/model"
    program.ok("push", "test/model:q4_0", f"{name}:q4_0")
    program.ok("tag", "test/model:q4_0", f"{name}:q4_0")
    program.ok("index", "create", f"{name}:all")
    program.ok("index", "add", f"{name}:all", f"{name}:q4_0")
    program.ok("index", "push", f"{name}:all")
    other = Program(tmp_path / "other")
    other.ok("index", "pull", f"{name}:all")
    other.ok("pack", make_project(tmp_path / "project"), "-t", "x:v1")
    other.ok("remove", "x:v1")
    other.ok("verify", "--all")
    assert other.ok("index", "list", "-q").lines == [f"{name}:all"]
    assert variants


def test_index_keeps_the_bytes_of_its_kits(program: Program, variants: tuple[str, str], tmp_path: Path) -> None:
    program.ok("index", "create", "test/model:all")
    program.ok("index", "add", "test/model:all", "test/model:q4_0", "-l", "q=4")
    program.ok("remove", "test/model:q4_0")
    program.ok("index", "add", "test/model:all", "test/model:q8_0", "-l", "q=8")
    program.ok("verify", "--all")
    assert variants[0].removeprefix("sha256:") in {p.name for p in (program.home / "layout/blobs/sha256").iterdir()}
    program.ok("index", "delete", "--all", "--force")
    assert variants[0].removeprefix("sha256:") not in {p.name for p in (program.home / "layout/blobs/sha256").iterdir()}
    assert tmp_path.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["index", "add", "test/model:all", "other/model:v1"], 2),
        (["index", "add", "test/model:all", "test/model"], 2),
        (["index", "add", "test/model:all", "test/model:nothing"], 3),
        (["index", "add", "test/model:none", "test/model:q4_0"], 3),
        (["index", "add", "test/model:q8_0", "test/model:q4_0"], 7),
        (["index", "add", "test/model:all", "test/model:all"], 7),
        (["index", "create", "test/model@sha256:" + "0" * 64], 2),
        (["index", "push", "test/model:all"], 2),
        (["index", "pull", "test/model:all"], 2),
        (["index", "info", "-r", "test/model:all"], 2),
        (["index", "delete"], 2),
        (["index", "delete", "--all", "test/model:all"], 2),
        (["index", "nonsense"], 2),
    ],
)
def test_what_makes_no_sense_is_one_error(
    program: Program, variants: tuple[str, str], arguments: list[str], code: int
) -> None:
    program.ok("index", "create", "test/model:all")
    assert program(*arguments).code == code, variants


def test_two_who_add_at_once_both_succeed(program: Program, variants: tuple[str, str]) -> None:
    program.ok("index", "create", "test/model:all")
    both = [program.start("index", "add", "test/model:all", f"test/model:{tag}") for tag in ("q4_0", "q8_0")]
    assert [one.wait(60) for one in both] == [0, 0]
    kits = program.ok("index", "info", "test/model:all", "--output", "json").document["modelKits"]
    assert {kit["digest"] for kit in kits} == set(variants)


def _put(hub: HubProgram, tag: str, document: object) -> int:
    with closing(HTTPConnection(hub.host, timeout=30)) as connection:
        kind = "application/vnd.oci.image.index.v1+json"
        path = f"/v2/hostile/index/manifests/{tag}"
        connection.request("PUT", path, json.dumps(document), {"content-type": kind})
        return connection.getresponse().status


def test_index_in_an_index_ends_in_one_error(program: Program, hub: HubProgram, tmp_path: Path) -> None:
    inner = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "artifactType": INDEX_TYPE}
    empty = json.dumps({**inner, "manifests": []}).encode()
    assert _put(hub, "inner", {**inner, "manifests": []}) == 201
    entry = {"mediaType": inner["mediaType"], "digest": str(Digest.of(empty)), "size": len(empty)}
    assert _put(hub, "outer", {**inner, "manifests": [entry]}) == 201
    for arguments in (
        ["pull", f"{hub.host}/hostile/index:outer"],
        ["unpack", f"{hub.host}/hostile/index:outer", "-l", "a=b", "-d", str(tmp_path / "x")],
        ["index", "pull", f"{hub.host}/hostile/index:outer"],
        ["index", "info", "-r", f"{hub.host}/hostile/index:outer"],
    ):
        ran = program(*arguments)
        assert ran.code == 7, ran
        assert "an index may hold ModelKits only" in ran.complaint


def test_commands_for_one_version_say_how_to_see_what_an_index_holds(program: Program) -> None:
    program.ok("index", "create", "test/model:all")
    for command in ("inspect", "info", "files", "validate"):
        ran = program(command, "test/model:all")
        assert (ran.code, "orchard index info" in ran.complaint) == (7, True), ran
