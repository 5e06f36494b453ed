"""Registries that misbehave, and processes that are killed: one clear error, and a next run that goes on."""

import json
import os
import signal
import time
from pathlib import Path
from threading import Event

import pytest

from support.cli import HubProgram, Program
from support.faultserver import FOREVER, Exchange, FaultServer, answer, status
from support.projects import make_blob_project

PATIENCE = 30.0
CONFIG = "application/vnd.kitops.modelkit.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def serve_kit(server: FaultServer, tag: str, layer: bytes = b"a layer that is no tar") -> str:
    """Put a kit with one dataset into a registry, and give the digest of its layer."""
    digest = server.add_blob(layer)
    config = json.dumps(
        {"manifestVersion": "1.0.0", "package": {"name": "x"}, "datasets": [{"path": "d", "digest": digest}]}
    ).encode()
    layers = [{"mediaType": "application/vnd.kitops.modelkit.dataset.v1.tar", "digest": digest, "size": len(layer)}]
    described = {"mediaType": CONFIG, "digest": server.add_blob(config), "size": len(config)}
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
    server.add_manifest(MANIFEST, json.dumps(value).encode(), tag)
    return digest


@pytest.mark.parametrize("code", [401, 403, 404, 405])
def test_registry_that_lists_no_repositories_says_to_name_one(program: Program, code: int) -> None:
    with FaultServer() as server:
        server.on("GET", "/v2/_catalog$", status(code), times=FOREVER)
        for command in (["list", "--remote", server.host], ["search", "x", "--remote", server.host]):
            ran = program(*command)
            assert ran.code in {4, 5}, ran
            assert server.host in ran.complaint


@pytest.mark.parametrize(
    "body", [b"{}", b'{"repositories": [1]}', b'{"repositories": ["../../etc"]}', b"<html>"], ids=str
)
def test_catalog_that_is_none_is_one_clear_error(program: Program, body: bytes) -> None:
    with FaultServer() as server:
        server.on("GET", "/v2/_catalog$", answer(200, {"Content-Type": "application/json"}, body), times=FOREVER)
        ran = program("list", "--remote", server.host)
        assert ran.code in {0, 7}, ran
        assert ran.code == 7 or ran.lines[1:] == []


def test_catalog_without_an_end_is_left(program: Program) -> None:
    def endless(exchange: Exchange) -> None:
        number = int(exchange.seen.query.get("last", ["0"])[0]) + 1
        link = f'</v2/_catalog?last={number}>; rel="next"'
        exchange.reply(200, {"Content-Type": "application/json", "Link": link}, b'{"repositories": []}')

    with FaultServer() as server:
        server.on("GET", "/v2/_catalog$", endless, times=FOREVER)
        ran = program("list", "--remote", server.host)
        assert (ran.code, "does not end" in ran.complaint) == (5, True), ran


def test_list_asks_once_a_tag_and_once_a_version(program: Program) -> None:
    with FaultServer() as server:
        for number in range(6):
            serve_kit(server, f"v{number}")
        assert len(program.ok("list", f"{server.host}/team/model").lines) == 7
        asked = [line for line in server.lines("GET") if "/manifests/" in line or "/blobs/" in line]
        assert len(asked) == 6 + 1


def test_verify_tells_a_lying_registry_from_one_that_lacks_a_blob(program: Program) -> None:
    with FaultServer() as server:
        digest = serve_kit(server, "v1")
        name = f"{server.host}/team/model:v1"
        assert program.ok("verify", "--remote", name).stdout.endswith(": all sound\n")
        lie = answer(200, {"Content-Type": "application/octet-stream"}, b"a LAYER that is no tar")
        server.on("GET", f"/blobs/{digest}$", lie, times=FOREVER)
        ran = program("verify", "--remote", name, "--output", "json")
        assert (ran.code, ran.document["findings"][0]["fault"]) == (6, "damaged"), ran
    with FaultServer() as server:
        digest = serve_kit(server, "v1")
        server.on("GET", f"/blobs/{digest}$", status(404), times=FOREVER)
        ran = program("verify", "--remote", f"{server.host}/team/model:v1", "--output", "json")
        assert (ran.code, ran.document["findings"][0]["fault"]) == (6, "missing"), ran


def test_verify_of_a_registry_that_fails_is_no_finding(program: Program) -> None:
    with FaultServer() as server:
        digest = serve_kit(server, "v1")
        server.on("GET", f"/blobs/{digest}$", status(500), times=FOREVER)
        server.on("HEAD", f"/blobs/{digest}$", status(500), times=FOREVER)
        ran = program("verify", "--remote", f"{server.host}/team/model:v1")
        assert (ran.code, ran.stdout) == (5, ""), ran


def test_export_from_a_registry_that_lies_leaves_no_archive(program: Program, tmp_path: Path) -> None:
    with FaultServer() as server:
        digest = serve_kit(server, "v1")
        lie = answer(200, {"Content-Type": "application/octet-stream"}, b"a LAYER that is no tar")
        server.on("GET", f"/blobs/{digest}$", lie, times=1)
        name = f"{server.host}/team/model:v1"
        ran = program("export", name, "-o", tmp_path / "a.tar")
        assert (ran.code, digest in ran.complaint) == (6, True), ran
        assert not (tmp_path / "a.tar").exists()
        program.ok("export", name, "-o", tmp_path / "a.tar")
        assert program.ok("load", tmp_path / "a.tar").lines[0].startswith(f"Loaded {name} (digest ")


def test_killed_export_goes_on_and_a_second_one_meanwhile_is_refused(
    program: Program, hub: HubProgram, tmp_path: Path
) -> None:
    program.ok("pack", make_blob_project(tmp_path / "project", 40 << 20, 40 << 20), "-t", f"{hub.host}/killed/big:v1")
    expected = tmp_path / "expected.tar"
    program.ok("export", f"{hub.host}/killed/big:v1", "-o", expected)
    target, partial = tmp_path / "a.tar", tmp_path / "a.tar.partial"
    command = ("export", f"{hub.host}/killed/big:v1", "-o", target)
    process = program.start(*command)
    until = time.monotonic() + PATIENCE
    while not (partial.exists() and partial.stat().st_size > 8 << 20) and process.poll() is None:
        assert time.monotonic() < until
        Event().wait(0.001)
    os.kill(process.pid, signal.SIGSTOP)
    if process.poll() is None and partial.exists():  # else it was faster than we are
        ran = program(*command)
        assert (ran.code, "another export is writing it" in ran.complaint) == (8, True), ran
    process.kill()
    process.wait(PATIENCE)
    if not target.exists():
        assert program.ok(*command, "--output", "json").document["reused"] > 0
    assert target.read_bytes() == expected.read_bytes()
