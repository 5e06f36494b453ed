"""A ModelPack of another maker, with every command, from a real registry, and on the pages of a hub."""

from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from orchard.remote import Registry
from support import modelpacks
from support.cli import HubProgram, Program
from support.modelpacks import WEIGHTS, Artifact
from support.registries import Running

needs_registry = pytest.mark.peer("docker-registry")


@needs_registry
def test_every_command_takes_a_modelpack(registry: Running, tmp_path: Path) -> None:
    name = f"{registry.host}/foreign/modctl"
    made = modelpacks.modctl()
    with Registry(registry.host) as client:
        digest = str(made.push(client.repository("foreign/modctl")).digest)
    orchard = Program(tmp_path / "home")

    assert orchard.digest("pull", f"{name}:v1") == digest
    assert orchard.digest("tag", f"{name}:v1", f"{registry.host}/foreign/other:v2") == digest
    assert orchard.digest("push", f"{registry.host}/foreign/other:v2") == digest
    listed = orchard.ok("list", f"{registry.host}/foreign/other", "--output", "json").document
    assert [(one["tags"], one["modelName"]) for one in listed] == [(["v2"], "tiny")]
    assert "path: weights/model.gguf" in orchard.ok("info", f"{name}:v1").stdout
    shown = orchard.ok("inspect", f"{name}:v1").document
    assert (shown["format"], shown["config"]["config"]["paramSize"]) == ("ModelPack", "7.2b")
    assert shown["kitfile"]["model"]["path"] == "weights/model.gguf"
    orchard.ok("unpack", f"{name}:v1", "-d", tmp_path / "there")
    assert (tmp_path / "there/weights/model.gguf").read_bytes() == WEIGHTS
    assert "foreign/modctl" in orchard.ok("list").stdout


@pytest.mark.parametrize(
    ("make", "kind"),
    [(modelpacks.aikit, "ModelPack"), (modelpacks.cnai, "ModelPack"), (modelpacks.docker, "Docker model")],
)
def test_a_hub_shows_what_it_holds(make: Callable[[], Artifact], kind: str, tmp_path: Path) -> None:
    with HubProgram(tmp_path) as hub:
        with Registry(hub.host) as client:
            make().push(client.repository("foreign/model"))
        pages = [_read(hub.host, f"/r/foreign/model:v1{leaf}") for leaf in ("", "/layers")]
    assert kind in pages[0]
    assert "model.gguf" in pages[1] or "model.safetensors" in pages[1]


def _read(host: str, path: str) -> str:
    with urlopen(f"http://{host}{path}", timeout=30) as response:
        text: str = response.read().decode()
    return text
