"""The table of versions: its columns, its order, its parts, what is marked in it, and the same for programs."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchard.hub import catalog
from orchard.hub.access import OpenDoor
from orchard.hub.catalog import Fact
from orchard.hub.http import Guard, Site, build_app
from orchard.hub.http.pages import Pages
from orchard.hub.http.pages.cells import commit_url
from orchard.oci import Digest
from support.hubs import Inside, quick_directory
from support.pages import DIGITS, push
from support.webpage import Answer, Webpage

NAME = "vision/digits"
COMMIT = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
DATA = {"old": f"sha256:{'a' * 64}", "new": f"sha256:{'b' * 64}"}
# version: accuracy, loss, learning rate, data
STORY: dict[str, tuple[float, float, float, str]] = {
    "v1": (0.91, 0.31, 1e-3, "old"),
    "v2": (0.97, 0.20, 1e-3, "old"),
    "v3": (0.95, 0.11, 2e-5, "new"),
}


def facts_of(accuracy: float, loss: float, rate: float, data: str) -> list[Fact]:
    return [
        Fact("metric.accuracy", accuracy),
        Fact("metric.log_loss", loss),
        Fact("param.lr", rate),
        Fact("param.activation", "relu"),
        Fact("dataset", "train"),
        Fact("dataset.train.digest", DATA[data]),
        Fact("params", 7_241_732_096.0),
        Fact("format", "safetensors"),
        Fact("precision", "bfloat16"),
        Fact("git.commit", COMMIT),
        Fact("git.remote", "https://git.example.com/team/digits.git"),
        Fact("git.dirty", "true" if data == "new" else "false"),
        Fact("size.new", 2048.0),
    ]


def know(hub: Inside, name: str, digest: Digest, facts: list[Fact]) -> None:
    with hub.database.write(name) as connection:
        repository = catalog.repositories.find(connection, name)
        assert repository is not None
        number = catalog.manifests.find(connection, repository, digest)
        assert number is not None
        catalog.facts.put(connection, number, facts)


@pytest.fixture(name="hub", scope="module")
def _hub() -> Iterator[Inside]:
    """Three versions of one repository. A test that needs others pushes them to another."""
    with quick_directory() as data:
        hub = Inside(data)
        pages = Pages(hub.registry, now=lambda: datetime.fromtimestamp(hub.clock.time, UTC), login=False)
        site = Site(routes=pages.routes(), problem=pages.problem, public=pages.public)
        guard = Guard(loopback_only=True)
        hub.app = build_app(hub.registry, OpenDoor(), hub.threads, guard=guard, site=site, timeout=5.0)
        with hub.threads:
            for tag, said in STORY.items():
                know(hub, NAME, push(hub, NAME, replace(DIGITS, version=tag, tags=(tag,))), facts_of(*said))
                hub.clock.time += 3600
            yield hub
        hub.database.close()


def page(hub: Inside, target: str) -> Webpage:
    answer = hub.get(target)
    return Answer(answer.status, dict(answer.headers), answer.body).page


def order(hub: Inside, query: str) -> list[str]:
    records = json.loads(hub.get(f"/r/{NAME}/-/versions.json?{query}").body)
    return [record["tags"][0] for record in records]


def test_table_shows_at_once_what_the_spreadsheet_held(hub: Inside) -> None:
    shown = page(hub, f"/r/{NAME}")

    assert "Version Pushed ↓ accuracy" in shown.text
    assert "log_loss" in shown.text
    assert " lr Data Code Model Size Trust" in shown.text
    assert "activation Data" not in shown.text, "a parameter that is the same everywhere tells nothing"
    row = "1 hour ago anonymous 0.95 0.11 best 2e-05 changed train bbbbbbb changed 0a1b2c3d dirty 7.24B params"
    assert row in shown.text
    assert "safetensors bfloat16" in shown.text
    assert "+2.00 KiB not signed, scanned or deployed yet" in shown.text
    link = f"https://git.example.com/team/digits/commit/{COMMIT}"
    assert shown.all("a", href=link, rel="noreferrer nofollow")


def test_best_value_of_a_metric_is_marked_less_being_better_where_it_is(hub: Inside) -> None:
    text = page(hub, f"/r/{NAME}").text

    assert "0.97 best" in text
    assert "0.11 best" in text
    assert text.count(" best ") == 3  # and the one that says what it means


def test_metric_is_drawn_over_the_versions_and_told_in_words(hub: Inside) -> None:
    shown = page(hub, f"/r/{NAME}")

    assert shown.all("svg", role="img", aria_label="accuracy, oldest to newest: 0.91, 0.97, 0.95")


def test_rows_are_sorted_by_any_column_and_parts_make_up_the_whole(hub: Inside) -> None:
    found, url = [], f"/r/{NAME}?sort=-metric.accuracy&rows=1"
    while url:
        shown = page(hub, url)
        (tag,) = shown.all("a", class_="tag")
        found.append(tag["href"].rpartition(":")[2])
        url = next((link["href"] for link in shown.all("a", rel="next")), "")

    assert found == ["v2", "v3", "v1"]
    assert page(hub, f"/r/{NAME}?sort=-metric.accuracy").all("th", title="metric.accuracy", aria_sort="descending")


def test_columns_are_chosen_and_ordered_in_the_address(hub: Inside) -> None:
    shown = page(hub, f"/r/{NAME}?columns=version,param.activation,metric.accuracy,license")

    assert "Version activation accuracy" in shown.text
    assert "relu 0.95" in shown.text
    moves = [link["href"] for link in shown.all("a", aria_label="Move accuracy to the left")]
    assert moves == [f"/r/{NAME}?columns=version,metric.accuracy,param.activation,license"]
    assert shown.all("a", aria_label="Move activation to the right")
    assert not shown.all("a", aria_label="Move activation to the left")


def test_columns_that_are_ticked_end_up_in_the_address(hub: Inside) -> None:
    answer = hub.get(f"/r/{NAME}?column=version&column=metric.accuracy&column=a,b%25&sort=size&q=format:safetensors")

    wanted = f"/r/{NAME}?columns=version,metric.accuracy,a%252Cb%2525&sort=size&q=format:safetensors"
    assert (answer.status, answer.headers["location"]) == (303, wanted)
    assert "a,b%" in page(hub, wanted).text


def test_filter_chooses_versions(hub: Inside) -> None:
    assert order(hub, "q=metric.accuracy%3E0.92") == ["v3", "v2"]
    assert len(page(hub, f"/r/{NAME}?q=tag:v2").all("th", scope="row")) == 1
    assert "No version meets this filter." in page(hub, f"/r/{NAME}?q=tag:none").text


def test_filter_that_cannot_be_understood_is_explained_beside_the_box(hub: Inside) -> None:
    answer = hub.get(f"/r/{NAME}?q=params%3Emany")
    shown = Answer(answer.status, dict(answer.headers), answer.body).page

    assert answer.status == 200
    assert shown.all("p", role="alert", id="complaint")
    assert shown.all("input", name="q", value="params>many", aria_describedby="complaint")
    assert hub.get(f"/r/{NAME}/-/versions.csv?q=params%3Emany").status == 400


@pytest.mark.parametrize(
    "after", ["x", "W10", "e30", "WzFd", "W3RydWVd", "WzFlOTk5LDFd", "WyJhIiwxXQ", "W1sxXSwxXQ", "Ww"]
)
def test_part_that_is_none_is_refused(hub: Inside, after: str) -> None:
    assert hub.get(f"/r/{NAME}?after={after}").status in {400, 200}
    assert hub.get(f"/r/{NAME}?sort=metric.accuracy&after={after}").status in {400, 200}


def test_export_is_the_table_that_is_shown(hub: Inside) -> None:
    query = "columns=version,metric.accuracy,data,size,commit&sort=-metric.accuracy&rows=2"
    records = json.loads(hub.get(f"/r/{NAME}/-/versions.json?{query}").body)
    answer = hub.get(f"/r/{NAME}/-/versions.csv?{query}")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))

    assert [record["metric.accuracy"] for record in records] == [0.97, 0.95]
    assert records[0]["datasets"] == [{"name": "train", "digest": DATA["old"]}]
    assert records[0]["size.new"] == 2048
    assert [row["metric.accuracy"] for row in rows] == ["0.97", "0.95"]
    assert rows[0]["datasets"] == f"train {DATA['old']}"
    assert rows[0]["git.commit"] == COMMIT
    assert answer.headers["content-disposition"] == 'attachment; filename="digits-versions.csv"'
    links = [link["href"] for link in page(hub, f"/r/{NAME}?{query}").all("a", download="")]
    assert [link.partition("?")[0] for link in links] == [f"/r/{NAME}/-/versions.csv", f"/r/{NAME}/-/versions.json"]
    assert hub.get(links[0]).body == answer.body


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_export_for_spreadsheets_holds_no_formula(hub: Inside, text: str) -> None:
    digest = push(hub, "red/team", DIGITS)
    know(hub, "red/team", digest, [Fact("param.x", text), Fact("dataset", text)])

    answer = hub.get("/r/red/team/-/versions.csv?columns=version,param.x,data")
    (row,) = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))

    assert row["param.x"] == f"'{text}"
    assert row["datasets"] == f"'{text}"


def test_versions_are_chosen_for_comparison(hub: Inside) -> None:
    shown = page(hub, f"/r/{NAME}")

    assert shown.all("form", id="compare", action=f"/r/{NAME}/-/compare", method="get")
    chosen = [radio["value"] for radio in shown.all("input", form="compare") if "checked" in radio]
    assert len(chosen) == 2
    assert len(shown.all("input", form="compare", name="base")) == 3


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://github.com/a/b.git", f"https://github.com/a/b/commit/{COMMIT}"),
        ("http://ann:secret@git.lan:3000/a/b", f"http://git.lan:3000/a/b/commit/{COMMIT}"),
        ("https://gitlab.com/a/b", f"https://gitlab.com/a/b/-/commit/{COMMIT}"),
        ("git@github.com:a/b.git", ""),
        ("ssh://git@github.com/a/b.git", ""),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("https://[x/a", ""),
        ("https://a:b/c", ""),
        ("https://evil.example/\" onclick='x", ""),
    ],
)
def test_commit_is_linked_where_its_page_is_known(remote: str, url: str) -> None:
    assert commit_url(remote, COMMIT) == url
    assert commit_url(remote, "not a commit") == ""
