"""What the pages say: the first page, a repository, and what is not there."""

import re
from dataclasses import replace

import pytest
from starlette.types import ASGIApp

from orchard.errors import (
    DeniedError,
    InvalidReferenceError,
    OrchardError,
    RateLimitedError,
    StorageError,
    UnauthenticatedError,
)
from support.pages import DIGITS, Shelf, ShelfWindow, app, furnished
from support.webpage import Answer, visit


@pytest.fixture(name="hub", scope="module")
def _hub() -> ASGIApp:
    return app(furnished())


# ---- the first page --------------------------------------------------------------------------------------------------


def test_home_lists_repositories_and_their_versions(hub: ASGIApp) -> None:
    answer = visit(hub, "/")

    assert answer.status == 200
    digits = DIGITS.build().summary
    assert f"vision/digits {digits.description} safetensors v1.0.0 latest 3 hours ago by admin" in answer.page.text
    assert "not scanned yet 3 versions 1.44 MiB" in answer.page.text
    assert answer.page.all("time", title="2026-11-23 09:00:00 UTC", datetime="2026-11-23T09:00:00Z")


def test_home_says_what_came_last_whatever_it_is_called(hub: ASGIApp) -> None:
    text = visit(hub, "/").page.text

    assert "Lately llm/llama-3.2-3b-instruct pushed 3b-q4 latest prod and 2 more 12 minutes ago by admin" in text
    assert "Lately" not in visit(hub, "/?after=llm").page.text


def test_home_says_what_the_model_of_the_newest_version_is() -> None:
    shelf = furnished()
    newest = shelf.details["llm/llama-3.2-3b-instruct"][0].summary.digest
    shelf.facts[newest] = {"params": [3.213e9], "architecture": ["llama"], "quantization": ["Q4_K_M"]}

    assert "3.21B parameters gguf · llama · Q4_K_M" in visit(app(shelf), "/").page.text


def test_home_links_each_repository_and_its_newest_tags(hub: ASGIApp) -> None:
    links = visit(hub, "/").page.links()

    assert "/r/vision/digits" in links
    assert "/r/vision/digits:v1.0.0" in links


def test_home_shows_three_tags_and_how_many_more(hub: ASGIApp) -> None:
    text = visit(hub, "/").page.text

    assert "3b-q4 latest prod 2 more" in text
    assert "prod-eu" not in text


def test_home_calls_a_version_without_tags_untagged() -> None:
    shelf = Shelf()
    shelf.add("team/model", replace(DIGITS, tags=()).build())

    assert "untagged 3 hours ago" in visit(app(shelf), "/").page.text


def test_whoever_searches_on_the_first_page_goes_where_that_is_done(hub: ASGIApp) -> None:
    assert visit(hub, "/").page.all("form", action="/search")
    answer = visit(hub, "/?q=digits+%3Cb%3E")
    assert (answer.status, answer.headers["location"]) == (303, "/search?q=digits+%3Cb%3E")
    assert visit(hub, "/?q=+").status == 200


def test_home_of_an_empty_hub_says_how_to_push_to_it() -> None:
    text = visit(app(Shelf()), "/", host="hub.example.com").page.text

    assert "Nothing has been pushed to this hub yet." in text
    assert "orchard pack . -t hub.example.com/team/model:v1" in text
    assert "orchard push hub.example.com/team/model:v1 --plain-http" in text
    assert "orchard login" not in text


def test_home_of_an_empty_hub_with_accounts_says_how_to_log_in() -> None:
    text = visit(app(Shelf(), login=True), "/").page.text

    assert "Nothing here can be read without an account" in text
    assert "Log in to see more" in text


def test_home_leaves_out_a_repository_that_holds_nothing_but_referrers(hub: ASGIApp) -> None:
    shelf = furnished()
    shelf.details["vision/empty"] = []

    assert visit(app(shelf), "/").page.skeleton == visit(hub, "/").page.skeleton


def many(count: int) -> Shelf:
    shelf = Shelf()
    for number in range(count):
        shelf.add(f"team/model-{number:03}", replace(DIGITS, version=str(number)).build())
    return shelf


@pytest.mark.parametrize(
    ("asked", "first", "neighbours"),
    [
        ("", 0, ["/?after=team%2Fmodel-019"]),
        ("?after=team/model-019", 20, ["/?before=team%2Fmodel-020", "/?after=team%2Fmodel-039"]),
        ("?after=team/model-039", 40, ["/?before=team%2Fmodel-040"]),
        ("?before=team/model-040", 20, ["/?before=team%2Fmodel-020", "/?after=team%2Fmodel-039"]),
        ("?before=team/model-020", 0, ["/?after=team%2Fmodel-019"]),
        ("?page=2&after=", 0, ["/?after=team%2Fmodel-019"]),
    ],
)
def test_home_of_a_large_hub_has_pages(asked: str, first: int, neighbours: list[str]) -> None:
    page = visit(app(many(45)), f"/{asked}").page

    assert "45 repositories" in page.text
    assert next(link for link in page.links() if re.fullmatch(r"/r/[^:@]+", link)) == f"/r/team/model-{first:03}"
    assert [link for link in page.links() if link.startswith("/?")] == neighbours


def test_page_of_the_list_behind_its_end_leads_to_its_beginning() -> None:
    page = visit(app(many(1)), "/?after=zebra").page

    assert "There is nothing further. Begin with the first repository." in page.text
    assert page.all("a", href="/")


# ---- a repository ----------------------------------------------------------------------------------------------------


def test_repository_lists_its_versions_with_their_tags(hub: ASGIApp) -> None:
    page = visit(hub, "/r/llm/llama-3.2-3b-instruct").page

    assert len(page.all("th", scope="row")) == 9
    assert "build-32" in page.text
    assert "Instruction-tuned, 4-bit" in page.text


def test_repository_says_how_to_get_its_newest_version(hub: ASGIApp) -> None:
    page = visit(hub, "/r/vision/digits").page

    for command in (
        "orchard unpack 127.0.0.1:5000/vision/digits:v1.0.0 -d digits",
        "kit unpack 127.0.0.1:5000/vision/digits:v1.0.0 -d digits --plain-http",
        "oras copy 127.0.0.1:5000/vision/digits:v1.0.0 --to-oci-layout digits --from-plain-http",
        'import orchard; orchard.unpack("127.0.0.1:5000/vision/digits:v1.0.0", "digits")',
    ):
        assert page.all("button", data_copy=command), command
        assert command in page.text


def test_repository_with_a_newest_version_without_tags_is_pulled_by_digest() -> None:
    shelf = Shelf()
    version = shelf.add("team/model", replace(DIGITS, tags=()).build())

    assert (
        f"orchard unpack 127.0.0.1:5000/team/model@{version.summary.digest}" in visit(app(shelf), "/r/team/model").text
    )


def test_repository_with_many_versions_has_parts() -> None:
    shelf = Shelf()
    for number in range(120):
        shelf.add("team/model", replace(DIGITS, version=str(number), tags=(f"v{number}",)).build())

    first = visit(app(shelf), "/r/team/model").page
    (following,) = [link["href"] for link in first.all("a", rel="next")]
    last = visit(app(shelf), following).page

    assert len(first.all("th", scope="row")) == 100
    assert ("v99" in first.text, "v100" in first.text) == (True, False)
    assert len(last.all("th", scope="row")) == 20
    assert "v119" in last.text
    assert not last.all("a", rel="next")


@pytest.mark.parametrize("path", ["/r/vision/digits/", "/r/vision/digits"])
def test_repository_is_found_with_and_without_a_slash_at_the_end(hub: ASGIApp, path: str) -> None:
    assert visit(hub, path).status == 200


# ---- what is not there, or not allowed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nowhere", "This hub has no page at this address."),
        ("/r/", "is not a repository name"),
        ("/r/vision/nothing", "There is no repository vision/nothing with a version in it."),
        ("/r/vision/nothing:v1", "There is no repository vision/nothing with a version in it."),
        ("/r/vision/digits:v7", "vision/digits has no version v7."),
        ("/r/Vision/digits", "must be in lower case"),
        ("/r/vision/digits:-x", "is not a tag"),
        ("/r/vision/digits@sha256:00", "is not a digest"),
        ("/r/vision/digits:v1.0.0@sha256:00", "is not a tag"),
        ("/r/vision/digits/-/other", "There is no such page."),
        ("/r/vision/digits/-/versions.csv/more", "There is no such page."),
        ("/r/vision/digits/-/tags/none", "Vision/digits never had a tag none."),
        ("/r/Vision/-/tags", "must be in lower case"),
        ("/r/vision/digits:v1.0.0/other", "There is no such page."),
        ("/r/../etc/passwd", "is not a repository name"),
    ],
)
def test_page_that_is_not_there_says_so_and_what_to_do(hub: ASGIApp, path: str, says: str) -> None:
    answer = visit(hub, path)

    assert answer.status == 404
    assert says in answer.page.text
    assert "What you can do" in answer.page.text


def test_version_that_is_not_there_shows_the_way_to_those_that_are(hub: ASGIApp) -> None:
    assert visit(hub, "/r/vision/digits:v7").page.links()[-2:] == ["/r/vision/digits", "/"]


def test_page_that_is_only_there_to_read_refuses_anything_else(hub: ASGIApp) -> None:
    answer = visit(hub, "/", method="POST")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "This page can only be read" in answer.page.text


@pytest.mark.parametrize(
    ("error", "status", "title", "says"),
    [
        (UnauthenticatedError("login required"), 401, "Please log in", "Login required."),
        (DeniedError("eve may not pull from vision/digits"), 403, "You may not see this", "Eve may not pull"),
        (RateLimitedError("wait a minute"), 429, "Too many tries", "Wait a minute."),
        (InvalidReferenceError("not a name"), 400, "This cannot be answered", "Not a name."),
        (StorageError("/data/catalog.sqlite3: disk I/O error"), 503, "The hub is in trouble", "cannot read what it"),
        (OrchardError("whatever"), 500, "Something went wrong here", "did not expect"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_error_says_what_happened_and_what_to_do(error: OrchardError, status: int, title: str, says: str) -> None:
    class Broken(Shelf):
        @property
        def showcase(self) -> ShelfWindow:
            raise error

    answer = visit(app(Broken()), "/")

    assert answer.status == status
    assert title in answer.page.text
    assert says in answer.page.text
    assert "What you can do" in answer.page.text
    assert "catalog.sqlite3" not in answer.text


def test_error_that_nobody_foresaw_shows_a_page_and_goes_on_to_the_log() -> None:
    class Broken(Shelf):
        @property
        def showcase(self) -> ShelfWindow:
            raise ZeroDivisionError("secret")

    broken = Broken(furnished().details)
    answers: list[Answer] = []
    with pytest.raises(ZeroDivisionError, match="secret"):
        visit(app(broken), "/", seen=answers)

    assert answers[0].status == 500
    assert "Something went wrong here" in answers[0].page.text
    assert "secret" not in answers[0].text
