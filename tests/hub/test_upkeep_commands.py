"""``orchard hub gc`` and ``orchard hub scrub``, beside a hub and without one."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchard.oci import Digest
from support.cli import Program
from support.hubs import Hub, running_hub, wait_until

NAME = "team/model"
DATA = b"0123456789"
DIGEST = Digest.of(DATA)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


def push(hub: Hub) -> None:
    hub.push_image(NAME, "v1", b"kept")
    hub.push_blob(NAME, DATA)


def gc(program: Program, data: Path, *flags: str) -> dict[str, object]:
    eager = replace(program, environ={"ORCHARD_HUB_KEEP_UNREFERENCED": "0"})
    found = eager.ok("hub", "gc", "--data", data, *flags, "--output", "json").document
    assert isinstance(found, dict)
    return found


def rot(data: Path, digest: Digest) -> None:
    path = data / "blobs/sha256" / digest.hex[:2] / digest.hex
    path.write_bytes(b"x" * path.stat().st_size)


def test_garbage_is_collected_by_the_hub_that_runs_or_without_one(program: Program, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_hub(data, keep_unreferenced=0.0) as hub:
        wait_until(lambda: hub.get("/api/v1/upkeep").json["garbage"] is not None)  # a hub begins with that
        push(hub)
        dry = gc(program, data, "--dry-run")
        assert (dry["dryRun"], dry["blobs"], dry["size"]) == (True, 1, len(DATA))
        assert gc(program, data) == {**dry, "dryRun": False}
        push(hub)
        assert hub.get(f"/v2/{NAME}/manifests/v1").status == 200
    assert gc(program, data, "--dry-run") == dry
    assert gc(program, data) == {**dry, "dryRun": False}
    assert "Deleted 0 blobs" in program.ok("hub", "gc", "--data", data).stdout


def test_damage_is_found_by_the_hub_that_runs_or_without_one(program: Program, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_hub(data) as hub:
        push(hub)
        rot(data, DIGEST)
        found = program.ok("hub", "scrub", "--all", "--data", data, "--output", "json").document
        assert isinstance(found, dict)
        assert (found["blobs"], [one["digest"] for one in found["damaged"]]) == (3, [str(DIGEST)])
        assert hub.get(f"/v2/{NAME}/blobs/{DIGEST}").status == 404
        assert b"\norchard_hub_damaged_blobs 1.0\n" in hub.get("/metrics").body
        hub.push_blob(NAME, DATA)
    assert "No blob is known to be damaged" in program.ok("hub", "scrub", "--list", "--data", data).stdout
    rot(data, DIGEST)
    told = program.ok("hub", "scrub", "--all", "--data", data).stdout
    assert "Read 3 blobs" in told
    assert str(DIGEST) in told
    assert NAME in told


@pytest.mark.parametrize("command", ["gc", "scrub"])
def test_directory_that_is_no_hubs_is_an_error(program: Program, tmp_path: Path, command: str) -> None:
    answer = program("hub", command, "--data", tmp_path / "none")
    assert answer.code != 0
    assert "is not the data directory of a hub" in answer.stderr
