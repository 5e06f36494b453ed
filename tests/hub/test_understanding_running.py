"""A real hub understands what a real client pushes, whatever happens to it meanwhile."""

import signal
from pathlib import Path
from typing import Any

import pytest

from orchard.oci import Digest
from support.cli import Program
from support.hubs import Hub, Nursery, wait_until
from support.modelfiles import safetensors_by_hand
from support.projects import write_files

WEIGHTS = safetensors_by_hand({"w": {"dtype": "F32", "shape": [10], "data_offsets": [0, 40]}}, b"\0" * 40)
KITFILE = """\
manifestVersion: 1.0.0
package: {name: digits, version: 1.0.0, license: MIT}
model: {name: net, path: model, parameters: {lr: 0.1, metrics: {accuracy: 0.9}}}
datasets: [{name: train, path: data}]
"""
BELOW = "/api/v1/repositories/team/digits/-/versions/v1"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


def told(hub: Hub, path: str) -> Any:  # noqa: ANN401 -- JSON
    answer = hub.get(f"{BELOW}/{path}")
    assert answer.status == 200, answer
    return answer.json


def test_a_pushed_kit_is_understood_though_the_hub_was_killed(hubs: Nursery, program: Program, tmp_path: Path) -> None:
    project = write_files(
        tmp_path / "project",
        {"Kitfile": KITFILE, "model/net.safetensors": WEIGHTS, "data/train.csv": "a,b\n1,2\n", "data/note.txt": "x"},
    )
    data = tmp_path / "data"
    with hubs.hub(data, workers=0) as hub:  # whoever would do it does not come to it
        name = f"{hub.host}/team/digits:v1"
        program.ok("pack", project, "-t", name)
        program.ok("push", name, "--plain-http")
        assert told(hub, "understanding")["state"] == "waiting"
        hub.signal(signal.SIGKILL)
        hub.wait()
    with hubs.hub(data) as hub:
        wait_until(lambda: told(hub, "understanding")["state"] != "waiting")
        found = told(hub, "understanding")
        assert (found["state"], found["gaps"]) == ("ready", [])
        assert found["conclusion"]["models"][0]["parameters"] == 10
        facts = told(hub, "facts")["facts"]
        wanted = {"license": ["MIT"], "param.lr": [0.1], "metric.accuracy": [0.9], "params": [10.0], "files": [3.0]}
        assert {key: facts[key] for key in wanted} == wanted
        whole = hub.get(f"{BELOW}/raw/model/net.safetensors")
        assert (whole.body, whole.headers["etag"]) == (WEIGHTS, f'"{Digest.of(WEIGHTS)}"')
        assert hub.get(f"{BELOW}/raw/model/net.safetensors", range="bytes=8-15").body == WEIGHTS[8:16]
        wait_until(lambda: b'orchard_hub_task_runs_total{kind="understand",outcome="done"}' in hub.get("/metrics").body)
