"""The story that `make demo` tells: it is the same each time, and the hub understands all of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import story
from support.hubapi import ok
from support.hubs import Hub, Nursery

VERSIONS = "/repositories/{}/-/versions/{}"


# Of what stands beside the project with five versions the last ones are enough: looking into a table takes a while.
PROJECTS = (
    story.TICKETS._replace(releases=story.TICKETS.releases[-1:]),
    story.ADAPTER._replace(releases=story.ADAPTER.releases[-1:]),
    story.STUDENT,
    story.ROUTER,
)


@pytest.fixture(scope="module", name="hub")
def _hub(hubs: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with hubs.hub(tmp_path_factory.mktemp("hub")) as hub:
        place = story.Place(hub.host, tmp_path_factory.mktemp("work"))
        for project in PROJECTS:
            story.publish(project, place)
        assert story.wait_until_understood(PROJECTS, place)
        yield hub


def facts(hub: Hub, repository: str, version: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = ok(hub, "GET", f"{VERSIONS.format(repository, version)}/facts")["facts"]
    return found


def test_every_version_is_understood_without_a_gap(hub: Hub) -> None:
    for project in PROJECTS:
        for release in project.releases:
            path = f"{VERSIONS.format(project.repository, release.tags[0])}/understanding"
            assert (ok(hub, "GET", path)["state"], ok(hub, "GET", path)["gaps"]) == ("ready", []), release


def test_five_versions_change_in_data_model_parameters_and_metrics(hub: Hub) -> None:
    known = [facts(hub, "support/ticket-router", f"v{number}") for number in range(1, 6)]
    for key in ("metric.accuracy", "metric.f1", "dataset.train.rows", "size", "git.commit"):
        assert len({one[key][0] for one in known}) == 5, key
    accuracy = [one["metric.accuracy"][0] for one in known]
    assert accuracy[3] < accuracy[2] < accuracy[4], "the fourth is worse than the third, the fifth is the best"
    assert [one["git.dirty"] for one in known] == [["false"], ["false"], ["false"], ["true"], ["false"]]
    assert [one["precision"][0] for one in known] == ["float32"] * 4 + ["bfloat16"]
    assert known[0]["git.remote"] == ["https://git.lamps.example/support/ticket-router.git"]


def test_what_is_in_production_is_found_by_asking(hub: Hub) -> None:
    found = ok(hub, "GET", "/search?q=metric.accuracy%3E%3D0.9%20tag:prod")["items"]
    assert [(one["repository"], sorted(one["version"]["tags"])) for one in found] == [
        ("support/ticket-router", ["prod", "v3"])
    ]


def test_an_adapter_a_quantised_model_and_data_stand_beside_it(hub: Hub) -> None:
    adapter = facts(hub, "support/reply-drafter-lora", "v2")
    student = facts(hub, "support/reply-drafter-mini", "q4")
    data = facts(hub, "support/tickets", "2026-q2")
    assert (adapter["base_model"], adapter["lora.rank"]) == (["Qwen/Qwen3-0.6B"], [16])
    assert (student["quantization"], student["context"]) == (["Q4_K_M"], [4096])
    assert data["dataset.tickets.rows"] == [1400]
    assert "params" not in data


@pytest.mark.skipif(shutil.which("git") is None, reason="commits are part of what has a digest")
def test_told_again_it_is_the_same_to_the_last_byte(hub: Hub, tmp_path: Path) -> None:
    first = ok(hub, "GET", VERSIONS.format("support/reply-drafter-mini", "q4"))["digest"]
    again = story.publish(story.STUDENT._replace(repository="other/mini"), story.Place(hub.host, tmp_path))
    assert str(again[-1].digest) == first
