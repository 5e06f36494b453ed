"""Jobs and storage, for administrators: pages, and the part of the JSON API that is about tasks."""

from pathlib import Path

import pytest

from orchard.hub.queue import Progress
from support.hubapi import ask, everything, ok, problem_of
from support.hubfirm import Sender, staffed
from support.hubinside import MakeHub
from support.hubs import Nursery, wait_until
from support.office import FORM, Office, office
from support.queues import take

HOSTILE = "<img src=x onerror=alert(1)>\u202e"
PATHS = ("/admin/jobs", "/admin/jobs/1", "/admin/storage")
LIVE = ("/live/admin/jobs/1", "/live/admin/storage")


@pytest.fixture
def desk(make_hub: MakeHub) -> Office:
    return office(make_hub)


def put(desk: Office, kind: str = "understand", key: str | None = None, **payload: str) -> str:
    with desk.hub.database.write() as connection:
        return desk.queue.put(connection, kind, payload, key=key)


def test_only_administrators_see_jobs_and_storage(desk: Office) -> None:
    put(desk)
    for path in PATHS:
        assert desk.get(path).status == 200
        assert desk.get(path, "ml-owner").status == 403
        assert desk.get(path, "").status == 303
        assert desk.post(path, "ml-owner", do="cancel").status in {403, 405}
    for path in LIVE:
        assert desk.get(path, "ml-owner").status == 403


def test_jobs_are_listed_by_kind_and_state(desk: Office) -> None:
    put(desk, repository="ml/net", digest="sha256:" + "a" * 64)
    take(desk.queue, "understand").fail(HOSTILE, retry_in=None)
    put(desk, "scrub")
    page = desk.page("/admin/jobs")
    assert "Understand a version" in page.text
    assert "ml/net@sha256:aaaa" in page.text
    assert "[U+202E]" in page.text
    assert not page.all("img")
    failed = desk.page("/admin/jobs?state=failed&kind=understand").text
    assert "all kinds" in failed
    assert "no such jobs" not in failed.lower()
    assert "No such jobs." in desk.page("/admin/jobs?state=done").text
    assert "Understand a version" in desk.page("/admin/jobs?state=nonsense").text


def test_long_list_of_jobs_goes_on(desk: Office) -> None:
    for _ in range(60):
        put(desk)
    (further,) = desk.page("/admin/jobs").all("a", rel="next")
    assert further["href"] == "/admin/jobs?before=11"
    assert desk.page(further["href"]).all("a", href="/admin/jobs/1")


def test_job_shows_progress_and_log_and_is_live_while_it_lasts(desk: Office) -> None:
    task = put(desk, "scrub", all="yes")
    lease = take(desk.queue, "scrub")
    lease.renew(Progress(1 << 20, 4 << 20, "reading blobs again", "bytes"), [f"line {n}" for n in range(205)])
    page = desk.page(f"/admin/jobs/{task}")
    assert "running · 1.00 MiB of 4.00 MiB · reading blobs again" in page.text
    assert "5 earlier lines dropped" in page.text
    assert page.all("rect", width="25")
    (region,) = page.all("div", id="job")
    assert region["data-live"] == f"/live/admin/jobs/{task}"
    lease.succeed(Progress(4 << 20, 4 << 20, HOSTILE, "bytes"), [HOSTILE])
    ended = desk.page(f"/admin/jobs/{task}")
    assert not ended.all("img")
    assert "data-live" not in ended.all("div", id="job")[0]
    heard = desk.get(f"/live/admin/jobs/{task}?seen={region['data-seen']}").text
    assert heard.count("event: changed") == 1
    assert "event: ended" in heard


def test_job_is_cancelled_and_tried_again(desk: Office) -> None:
    task = put(desk)
    assert "Cancelled." in desk.done(f"/admin/jobs/{task}", do="cancel").text
    assert "The job is done as soon as a worker is free." in desk.done(f"/admin/jobs/{task}", do="again").text
    new = take(desk.queue, "understand")
    assert new.task.id != task
    answer = desk.post(f"/admin/jobs/{new.task.id}", do="again")
    assert answer.status == 409
    assert "is running" in answer.page.text
    new.succeed(Progress())
    assert desk.post(f"/admin/jobs/{new.task.id}", do="cancel").status == 409


def test_job_that_is_not_there_is_not_found(desk: Office) -> None:
    assert desk.get("/admin/jobs/99").status == 404
    assert desk.get("/admin/jobs/%3Cscript%3E").status == 404


def test_storage_tells_whose_bytes_there_are_and_what_is_damaged(desk: Office) -> None:
    Sender(desk.hub, "ml-owner").push_image("ml/net", "v1", b"bytes" * 300)
    with desk.hub.database.write() as connection:
        connection.exec_driver_sql("UPDATE blobs SET damaged_at = 1")
    page = desk.page("/admin/storage")
    assert "3 blobs" not in page.text
    assert page.all("a", href="/r/ml/net")
    assert "ml 1" in page.text
    assert "None of this name" in desk.page("/admin/storage?q=zzz").text


@pytest.mark.parametrize(
    ("do", "kind", "payload"),
    [
        ("rehearse", "collect-garbage", {"rehearse": True}),
        ("collect", "collect-garbage", {"rehearse": False}),
        ("scrub", "scrub", {"all": True}),
    ],
)
def test_upkeep_is_begun_from_the_page_about_storage(
    desk: Office, do: str, kind: str, payload: dict[str, bool]
) -> None:
    page = desk.done("/admin/storage", do=do, everything="on")
    assert page.all("div", id="upkeep", data_live="/live/admin/storage")
    lease = take(desk.queue, kind)
    assert lease.task.payload == payload
    lease.succeed(Progress())
    assert "event: ended" in desk.get("/live/admin/storage").text


def test_unknown_deed_on_storage_is_refused(desk: Office) -> None:
    assert desk.post("/admin/storage", do="explode").status == 400


# The JSON API ---------------------------------------------------------------------------------------------------------


def test_tasks_are_told_by_the_api(make_hub: MakeHub) -> None:
    hub, _ = staffed(make_hub)
    root = {"authorization": "root"}
    task = ok(hub, "POST", "/upkeep/scrub", {"everything": True}, **root)["id"]
    ok(hub, "POST", "/upkeep/garbage", {}, **root)
    (found,) = everything(hub, "/tasks?kind=scrub&state=waiting&limit=1", **root)
    assert (found["id"], found["state"], found["payload"]) == (task, "waiting", {"all": True})
    assert len(everything(hub, "/tasks?limit=1", **root)) == 2
    assert ok(hub, "GET", f"/tasks/{task}", **root) == found
    assert ok(hub, "GET", f"/tasks/{task}/lines", **root)["items"] == []
    ok(hub, "POST", f"/tasks/{task}/cancel", **root)
    assert problem_of(ask(hub, "POST", f"/tasks/{task}/cancel", **root))[0] == 409
    assert ok(hub, "POST", f"/tasks/{task}/retry", **root)["state"] == "waiting"
    assert problem_of(ask(hub, "GET", "/tasks", authorization="eve"))[0] == 403


# A hub of its own -----------------------------------------------------------------------------------------------------


def test_hub_does_what_its_page_asks_for_and_shows_what_it_told(hubs: Nursery, tmp_path: Path) -> None:
    with hubs.hub(tmp_path / "data") as hub:
        hub.push_image("team/net", "v1", b"bytes")
        sent = hub.request("POST", "/admin/storage", b"do=rehearse", {"content-type": FORM})
        assert (sent.status, sent.headers["location"]) == (303, "/admin/storage?done=again")
        (task, *_) = hub.get("/api/v1/tasks?kind=collect-garbage").json["items"]
        wait_until(lambda: hub.get(f"/api/v1/tasks/{task['id']}").json["state"] == "done")
        page = hub.get(f"/admin/jobs/{task['id']}").body
        assert b"looking for bytes that nobody knows" in page
        assert b"would delete 0 blobs of 0 bytes" in page
        assert b"Last rehearsal" in hub.get("/admin/storage").body
