"""Disks that are full or cannot be written to, clocks that jump: clean errors, no damage, recovery by itself."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from orchard.hub.registry import Collector
from orchard.oci import Digest
from support.hubinside import Inside
from support.hubs import Hub, Nursery, dice, kind_of, manifest, subject, wait_until

NAME = "team/model"
DATA = b"0123456789"
MIB = 1 << 20
DISK = 64 * MIB
DAY = 24 * 3600.0
EAGER = {"keep_unreferenced": 0.0, "keep_deleted": 0.0}


@contextmanager
def mounted(where: Path, *options: str) -> Iterator[Path]:
    """Mount something, which only root may."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    done = subprocess.run(["mount", *options, str(where)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


@contextmanager
def read_only(where: Path) -> Iterator[None]:
    """Let nothing below a directory be written to."""
    with mounted(where, "--bind", str(where)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(where)], check=True)
        yield


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MiB."""
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs") as where:
        yield where


def collect(hub: Hub) -> None:
    asked = hub.request("POST", "/api/v1/upkeep/garbage", b"{}", {"content-type": "application/json"})
    assert asked.status == 202, asked
    wait_until(lambda: hub.get(f"/api/v1/upkeep/tasks/{asked.json['id']}").json["state"] == "done")


def push_whole(hub: Hub, data: bytes) -> int:
    return hub.request("POST", f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(data)}", data).status


def use_up(disk: Path) -> None:
    """Leave nothing, not even what the hub keeps free."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(MIB)):
            pass


def fill(hub: Hub, size: int) -> list[bytes]:
    """Push blobs until no more are taken; give those that were."""
    taken: list[bytes] = []
    for number in range(DISK // size + 1):
        data = dice(number).randbytes(size)
        status = push_whole(hub, data)
        if status != 201:
            assert status == 507
            return taken
        taken.append(data)
    raise AssertionError("the disk takes more than it can hold")


def test_full_disk_refuses_pushes_serves_on_and_is_freed_by_collecting_garbage(hubs: Nursery, disk: Path) -> None:
    with hubs.hub(disk / "data", keep_unreferenced=3600.0) as hub:
        image = hub.push_image(NAME, "v1", DATA)
        taken = fill(hub, 4 * MIB)
        assert len(taken) > 10
        assert hub.uploads() == {}
        use_up(disk)  # the last one that was refused may have left some room
        begun = hub.request("POST", f"/v2/{NAME}/blobs/uploads/")
        assert (begun.status, begun.code) == (507, "DENIED")
        assert hub.get(f"/v2/{NAME}/manifests/v1").body == image
        assert all(hub.get(f"/v2/{NAME}/blobs/{Digest.of(data)}").body == data for data in taken[:3])
        assert hub.get("/healthz").status == 200
        (disk / "filler").unlink()
    with hubs.hub(disk / "data", **EAGER) as hub:
        collect(hub)
        assert hub.get(f"/v2/{NAME}/manifests/v1").body == image
        assert push_whole(hub, taken[0]) == 201


def test_disk_without_a_single_byte_left_loses_nothing(hubs: Nursery, disk: Path) -> None:
    with hubs.hub(disk / "data") as hub:
        image = hub.push_image(NAME, "v1", DATA)
        hub.push_blob(NAME, b"{}")
        use_up(disk)
        assert push_whole(hub, b"another") == 507
        raw = manifest(b"{}", DATA, annotations={"padding": "x" * MIB})
        answer = hub.request("PUT", f"/v2/{NAME}/manifests/v2", raw, {"content-type": kind_of(raw)})
        assert answer.status == 507, answer
        assert "disk full" in answer.json["errors"][0]["message"]
        assert hub.get(f"/v2/{NAME}/manifests/v1").body == image
        assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").body == DATA
        (disk / "filler").unlink()
        assert hub.request("PUT", f"/v2/{NAME}/manifests/v2", raw, {"content-type": kind_of(raw)}).status == 201
        assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == ["v1", "v2"]


def test_storage_that_cannot_be_written_refuses_pushes_and_goes_on_by_itself(hubs: Nursery, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with hubs.hub(data) as hub:
        image = hub.push_image(NAME, "v1", DATA)
        with read_only(data / "uploads"), read_only(data / "blobs"):
            assert push_whole(hub, b"another") == 507
            assert hub.request("POST", f"/v2/{NAME}/blobs/uploads/").status == 507
            assert hub.get(f"/v2/{NAME}/manifests/v1").body == image
            assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").body == DATA
        assert push_whole(hub, b"another") == 201


def test_garbage_that_cannot_be_erased_is_erased_later(hubs: Nursery, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with hubs.hub(data, **EAGER) as hub:
        wait_until(lambda: hub.get("/api/v1/upkeep").json["garbage"] is not None)
        hub.push_image(NAME, "v1", b"kept")
        hub.push_blob(NAME, DATA)
        path = data / "blobs/sha256" / Digest.of(DATA).hex[:2] / Digest.of(DATA).hex
        with read_only(data / "blobs"):
            asked = hub.request("POST", "/api/v1/upkeep/garbage", b"{}", {"content-type": "application/json"})
            task = f"/api/v1/upkeep/tasks/{asked.json['id']}"
            wait_until(lambda: hub.get(task).json["reason"] is not None)
            assert "Read-only file system" in hub.get(task).json["reason"]
            assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").status == 404
            assert path.exists()
        collect(hub)
        assert not path.exists()
        assert hub.get(f"/v2/{NAME}/manifests/v1").status == 200


# Clocks -----------------------------------------------------------------------------------------------------------


def tidy(hub: Inside) -> None:
    """Do all that the hub does by itself."""
    hub.registry.upkeep().purge(DAY)
    Collector(hub.premises, lambda *_: None, keep=DAY).collect()
    hub.registry.sweep_uploads(DAY)


@pytest.mark.parametrize("jump", [3650 * DAY, -3650 * DAY], ids=["ten years on", "ten years back"])
def test_clock_that_jumps_takes_nothing_that_was_pushed(hub: Inside, jump: float) -> None:
    image = hub.push_image(NAME, "v1", DATA)
    signature = manifest(b"{}", subject=subject(image))
    hub.push_manifest(NAME, signature)
    location = hub.begin(NAME)
    hub.push_blob(NAME, b"under way")
    hub.clock.time += jump
    tidy(hub)
    assert hub.get(f"/v2/{NAME}/manifests/v1").body == image
    assert hub.get(f"/v2/{NAME}/manifests/{Digest.of(signature)}").body == signature
    assert hub.get(f"/v2/{NAME}/blobs/{Digest.of(DATA)}").body == DATA
    raw = manifest(b"{}", b"under way")
    put = hub.request("PUT", f"/v2/{NAME}/manifests/v2", raw, {"content-type": kind_of(raw)})
    assert put.status == 201 or put.code == "MANIFEST_BLOB_UNKNOWN"
    assert hub.request("PUT", f"{location}?digest={Digest.of(DATA)}", DATA).status in {201, 404}
    hub.clock.time -= jump
    tidy(hub)
    hub.push_image(NAME, "v2", b"under way")
    assert hub.get(f"/v2/{NAME}/tags/list").json["tags"] == ["v1", "v2"]
