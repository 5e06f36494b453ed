"""Files of versions and what they say, through the JSON API."""

from collections.abc import Sequence

import pytest

from orchard.formats import LayerKind
from orchard.hub.access import EverybodyInside, OpenDoor
from orchard.hub.app.people import Entrance, people_of
from orchard.hub.app.surfaces import api
from orchard.hub.http import Surface
from orchard.hub.jobs.studying import Understander
from orchard.hub.settings import Settings
from orchard.oci import Digest
from support.archive_tars import directory, member, tar
from support.hubapi import ask, everything, ok, problem_of
from support.hubclient import Answer
from support.hubinside import Inside, MakeHub
from support.modelfiles import safetensors_by_hand
from support.versions import bring, kit, plain_artifact

NAME = "team/model"
VERSION = f"/repositories/{NAME}/-/versions/v1"
WEIGHTS = safetensors_by_hand({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8)
FILES = (
    directory("m/empty"),
    member("m/a/one.txt", b"one"),
    member("m/a/two.txt", b"two!", mode=0o755),
    member("m/b.safetensors", WEIGHTS),
)


def surfaces(hub: Inside) -> Sequence[Surface]:
    settings = Settings(data=hub.data)
    entrance = Entrance(OpenDoor(), EverybodyInside(), people_of(settings, hub.database))
    return [api(hub.registry, entrance, settings, threads=hub.threads)]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    hub = make_hub(surfaces=surfaces)
    made = kit("model: {path: m}\n", (LayerKind.MODEL, "m", tar(*FILES).read(), "tar"))
    Understander(hub.premises, lambda *_: None).understand(NAME, bring(hub, NAME, "v1", made))
    return hub


def raw(hub: Inside, path: str, version: str = VERSION, **headers: str) -> Answer:
    return ask(hub, "GET", f"{version}/raw/{path}", **headers)


def test_directories_are_listed_one_level_at_a_time(hub: Inside) -> None:
    (top,) = ok(hub, "GET", f"{VERSION}/files")["items"]
    assert (top["path"], top["kind"], top["files"], top["sizeBytes"]) == ("m", "directory", 3, 7 + len(WEIGHTS))
    found = ok(hub, "GET", f"{VERSION}/files?path=m")["items"]
    assert [(one["path"], one["kind"], one["files"]) for one in found] == [
        ("m/a", "directory", 2),
        ("m/b.safetensors", "file", 1),
        ("m/empty", "directory", 0),
    ]
    assert problem_of(ask(hub, "GET", f"{VERSION}/files?path=other"))[0] == 404


def test_all_files_are_listed_part_by_part(hub: Inside) -> None:
    found = everything(hub, f"{VERSION}/files?recursive=true&limit=2")
    assert [(one["path"], one["mode"], one["digest"]) for one in found] == [
        ("m/a/one.txt", "0644", str(Digest.of(b"one"))),
        ("m/a/two.txt", "0755", str(Digest.of(b"two!"))),
        ("m/b.safetensors", "0644", str(Digest.of(WEIGHTS))),
    ]
    one = ok(hub, "GET", f"{VERSION}/files/m/a/one.txt")
    assert one == found[0]
    assert (one["part"], one["compressed"], one["offset"] % 512) == ("model", False, 0)


def test_a_file_is_given_with_what_caches_and_browsers_need(hub: Inside) -> None:
    answer = raw(hub, "m/a/one.txt")
    assert (answer.status, answer.body) == (200, b"one")
    assert answer.headers["etag"] == f'"{Digest.of(b"one")}"'
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "inline; filename=\"one.txt\"; filename*=UTF-8''one.txt"
    assert answer.headers["cache-control"] == "private, no-cache"
    head = ask(hub, "HEAD", f"{VERSION}/raw/m/a/one.txt")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "3")
    again = raw(hub, "m/a/one.txt", **{"if-none-match": f'"x", W/{answer.headers["etag"]}'})
    assert (again.status, again.body) == (304, b"")
    saved = ask(hub, "GET", f"{VERSION}/raw/m/a/one.txt?download=true")
    assert saved.headers["content-disposition"].startswith("attachment")


def test_a_file_of_a_digest_can_be_kept_for_ever(hub: Inside) -> None:
    digest = hub.registry.readable(hub.who, NAME).manifest("v1").digest
    answer = raw(hub, "m/a/two.txt", f"/repositories/{NAME}/-/versions/{digest}")
    assert answer.body == b"two!"
    assert "immutable" in answer.headers["cache-control"]


RANGES = {
    "the middle": ("bytes=1-2", 206, b"wo", "bytes 1-2/4"),
    "the end": ("bytes=-1", 206, b"!", "bytes 3-3/4"),
    "beyond": ("bytes=9-", 416, None, "bytes */4"),
    "several": ("bytes=0-1,2-3", 200, b"two!", None),
}


@pytest.mark.parametrize(("asked", "status", "body", "span"), RANGES.values(), ids=RANGES)
def test_parts_of_a_file_are_given(hub: Inside, asked: str, status: int, body: bytes | None, span: str | None) -> None:
    answer = raw(hub, "m/a/two.txt", range=asked)
    assert (answer.status, answer.headers.get("content-range")) == (status, span)
    assert body is None or answer.body == body


def test_a_part_of_another_content_is_not_given(hub: Inside) -> None:
    answer = raw(hub, "m/a/two.txt", **{"range": "bytes=1-2", "if-range": '"other"'})
    assert (answer.status, answer.body) == (200, b"two!")


ACTIVE = {
    "page.html": ("text/plain; charset=utf-8", "inline"),
    "image.svg": ("text/plain; charset=utf-8", "inline"),
    "code.js": ("text/plain; charset=utf-8", "inline"),
    "feed.xml": ("text/plain; charset=utf-8", "inline"),
    "book.pdf": ("application/octet-stream", "attachment"),
    "picture.PNG": ("image/png", "inline"),
    "no suffix": ("application/octet-stream", "attachment"),
    "LICENSE": ("text/plain; charset=utf-8", "inline"),
    'a"b\r\nx: y;é.bin': ("application/octet-stream", "attachment"),
}


@pytest.mark.parametrize("name", ACTIVE)
def test_nothing_is_sent_as_something_that_runs(hub: Inside, name: str) -> None:
    title = {"org.opencontainers.image.title": name}
    bring(hub, NAME, "v1", plain_artifact(("application/x", b"<script>alert(1)</script>", title)))
    answer = raw(hub, name)
    kind, how = ACTIVE[name]
    assert answer.headers["content-type"] == kind
    said = answer.headers["content-disposition"]
    assert said.startswith(how)
    assert said.isascii()
    assert not {"\r", "\n"} & set(said)


def test_empty_files_are_given(hub: Inside) -> None:
    bring(hub, NAME, "v1", plain_artifact(("text/plain", b"", {"org.opencontainers.image.title": "empty.txt"})))
    answer = raw(hub, "empty.txt")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


def test_paths_may_hold_what_separates_names_elsewhere(hub: Inside) -> None:
    title = {"org.opencontainers.image.title": "a/-/versions/raw/b.txt"}
    bring(hub, NAME, "v1", plain_artifact(("text/plain", b"x", title)))
    assert raw(hub, "a/-/versions/raw/b.txt").body == b"x"


def test_what_is_not_there_is_not_found(hub: Inside) -> None:
    for path in ("m/other", "m/a", "../../etc/passwd", "/etc/passwd"):
        assert problem_of(raw(hub, path))[0] == 404


def test_understanding_and_insights_are_told(hub: Inside) -> None:
    found = ok(hub, "GET", f"{VERSION}/understanding")
    assert (found["state"], found["note"], found["gaps"]) == ("ready", None, [])
    assert found["conclusion"]["models"][0]["parameters"] == 2
    (listed,) = ok(hub, "GET", f"{VERSION}/insights")["items"]
    assert listed == {"path": "m/b.safetensors", "kind": "safetensors"}
    assert ok(hub, "GET", f"{VERSION}/insights?kind=gguf")["items"] == []
    whole = ok(hub, "GET", f"{VERSION}/insights/m/b.safetensors")
    assert whole["insight"]["parameters"] == 2
    assert problem_of(ask(hub, "GET", f"{VERSION}/insights/m/a/one.txt"))[0] == 404


def test_facts_are_told_by_key(hub: Inside) -> None:
    facts = ok(hub, "GET", f"{VERSION}/facts")["facts"]
    assert (facts["params"], facts["format"], facts["files"]) == ([2.0], ["safetensors"], [3.0])


def test_of_images_nothing_is_told(hub: Inside) -> None:
    hub.push_image(NAME, "v1", b"layer")
    found = ok(hub, "GET", f"{VERSION}/understanding")
    assert (found["state"], found["at"], found["conclusion"]) == ("nothing", None, None)
    assert ok(hub, "GET", f"{VERSION}/files")["items"] == []
