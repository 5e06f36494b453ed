"""The pages in a real browser, in front of a real hub."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from support.browsing import PHONE, Visitor, chromium, log_in
from support.crawling import MOST, crawl, dangers, session
from support.hubinside import Inside
from support.hubs import Hub, Nursery
from support.showroom import HOSTILE, PASSWORD, good_kit, showroom, understand
from support.versions import bring
from support.webpage import Answer

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

# What whoever has no account sees.
PUBLIC = (
    "/",
    "/search?q=zebra",
    "/search?q=digits+metric.accuracy:*",
    "/search/fields",
    "/n/red",
    "/login",
    "/nowhere",
    "/docs/api",
    "/docs/api/tags#putTag",
    "/r/demo/digits",
    "/r/demo/digits?q=metric.accuracy%3E",
    "/r/demo/digits/-/card",
    "/r/demo/digits/-/tags",
    "/r/demo/digits/-/tags/latest",
    "/r/demo/digits/-/compare?base=v1&head=v3",
    "/r/demo/digits:v3",
    "/r/demo/digits:v3/files",
    "/r/demo/digits:v3/files/docs/look.ipynb",
    "/r/demo/digits:v3/files/src/train.py",
    "/r/demo/digits:v3/files/data/photo.png",
    "/r/demo/digits:v3/model",
    "/r/demo/digits:v3/data",
    "/r/demo/digits:v3/parameters",
    "/r/demo/digits:v3/layers",
    "/r/demo/digits:v3/history",
    "/r/red/team",
    "/r/red/team:v1",
    "/r/red/team:v1/kitfile",
    "/r/red/fields",
    "/r/red/fields:v1/parameters",
    "/r/red/files:v1",
    "/r/red/files:v1/files",
    "/r/red/files:v1/files/docs/bad.ipynb",
    "/r/red/files:v1/model",
)
# What its administrator sees beside that.
PRIVATE = (
    "/",
    "/account",
    "/setup",
    "/account/tokens",
    "/account/new/namespace",
    "/account/new/team",
    "/account/teams/vision",
    "/n/demo/-/settings",
    "/n/demo/-/robots",
    "/r/demo/digits/-/settings",
    "/r/demo/digits/-/retention",
    "/r/demo/digits/-/trash",
    "/admin",
    "/admin/users",
    "/admin/users/ana",
    "/admin/teams",
    "/admin/teams/vision",
    "/admin/jobs",
    "/admin/jobs/*",
    "/admin/storage",
    "/admin/namespaces",
    "/admin/namespaces/demo",
    "/admin/rules",
    "/admin/retention",
    "/admin/trash",
    "/admin/webhooks",
    "/admin/webhooks/*",
    "/admin/mirrors",
    "/admin/events",
)


@pytest.fixture(name="hub", scope="module")
def _hub(hubs: Nursery) -> Iterator[Hub]:
    with showroom(hubs) as hub:
        yield hub


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(name="visit")
def _visit(browser: Browser, hub: Hub) -> Iterator[Any]:
    """Open new windows; whoever opened them gets told what they complained about."""
    visitors: list[Visitor] = []

    def visit(**options: Any) -> Visitor:  # noqa: ANN401 -- those of Playwright
        context = browser.new_context(**options)
        visitors.append(Visitor(context.new_page(), f"http://{hub.host}"))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.page.context.close()
        assert visitor.complaints == []


@pytest.mark.parametrize("first", range(0, len(PUBLIC), 10))
def test_every_page_fits_and_can_be_read(visit: Any, first: int) -> None:  # noqa: ANN401 -- the fixture
    visitor = visit()
    assert [fault for path in PUBLIC[first : first + 10] for fault in visitor.faults(path)] == []


@pytest.mark.parametrize("first", range(0, len(PRIVATE), 10))
def test_every_page_of_whoever_runs_a_hub_fits_and_can_be_read(visit: Any, first: int) -> None:  # noqa: ANN401
    visitor = visit()
    log_in(visitor, "root", PASSWORD)
    assert [fault for path in PRIVATE[first : first + 10] for fault in visitor.faults(path)] == []


def test_nothing_that_strangers_wrote_can_run_on_any_page(hub: Hub) -> None:
    said = quote(HOSTILE[:900])
    asked = [f"{path}q={said}" for path in ("/?", "/search?", "/r/demo/digits?", "/r/demo/digits:v3/model?")]
    others = [f"/login?next={said}", f"/r/demo/digits?columns=version,{said}", f"/r/demo/digits/-/compare?base={said}"]
    starts = ["/", "/r/red/fields:v1", "/r/red/files:v1", "/r/red/team:v1", *asked, *others]
    stranger = replace(hub, authorization=None)
    pages = list(crawl(stranger, *starts, cookie=session(stranger, "root", PASSWORD)))

    assert {path: found for path, answer in pages if (found := dangers(answer.page))} == {}
    assert {path: answer.status for path, answer in pages if answer.status >= (500 if path in starts else 400)} == {}
    assert len(pages) > 100
    assert len(pages) < MOST


@pytest.mark.parametrize(
    "html",
    [
        '<img src="x" onerror="alert(1)">',
        '<a href="javascript:alert(1)">here</a>',
        '<a href="java&#9;script:alert(1)">here</a>',
        '<form action="//evil.example"></form>',
        '<img src="https://evil.example/x.png">',
        "<script>alert(1)</script>",
        '<meta http-equiv="refresh" content="0">',
        "<iframe></iframe>",
    ],
)
def test_what_could_run_is_recognised(html: str) -> None:
    assert dangers(Answer(200, {}, html.encode()).page)


def test_themes_are_light_and_dark(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    visitor.go("/")
    grounds = []
    for scheme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=scheme)
        grounds.append(visitor.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light, dark = (float(ground.removeprefix("oklch(").split()[0].rstrip("%")) for ground in grounds)
    assert dark < light / 4


def test_copy_button_copies_the_whole_digest_and_says_so(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    visitor.go("/r/demo/digits:v3")
    button = visitor.page.locator(".facts .copy").first
    button.click()

    expect(visitor.page.get_by_role("status")).to_have_text("Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copy")


def test_copy_button_copies_the_kitfile_line_by_line(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    visitor.go("/r/demo/digits:v3/kitfile")
    visitor.page.get_by_role("button", name="Copy the Kitfile").click()

    expect(visitor.page.get_by_role("status")).to_have_text("Copied")
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("manifestVersion: 1.0.0\npackage:\n  name: digits\n")


def test_copy_button_works_where_the_clipboard_is_only_for_secure_pages(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    visitor.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    visitor.page.add_init_script("document.addEventListener('copy', () => {window.copied = getSelection().toString()})")
    visitor.go("/r/demo/digits:v3")
    button = visitor.page.locator(".command .copy").first
    button.click()

    expect(visitor.page.get_by_role("status")).to_have_text("Copied")
    assert visitor.page.evaluate("window.copied") == button.get_attribute("data-copy")
    expect(button).to_be_focused()


def test_copy_button_says_when_it_could_not(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    visitor.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    visitor.page.add_init_script("document.execCommand = () => false")
    visitor.go("/r/demo/digits:v3")
    visitor.page.locator(".command .copy").first.click()

    expect(visitor.page.get_by_role("status")).to_have_text("Could not copy; select the text instead.")


def test_pages_work_without_a_script(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(java_script_enabled=False)
    visitor.go("/")
    visitor.page.get_by_role("searchbox").fill("digits")
    visitor.page.get_by_role("searchbox").press("Enter")

    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Search")
    visitor.page.get_by_role("link", name="demo/digits", exact=True).click()
    expect(visitor.page.locator(".copy").first).to_be_hidden()
    visitor.page.get_by_text("kit", exact=True).first.click()
    expect(visitor.page.get_by_text("kit unpack")).to_be_visible()
    visitor.page.get_by_text("Columns", exact=True).click()
    visitor.page.get_by_role("checkbox", name="Pulls").check()
    visitor.page.get_by_role("button", name="Show these").click()
    expect(visitor.page.get_by_role("columnheader", name="Pulls")).to_be_visible()
    visitor.page.get_by_role("columnheader", name="Size").get_by_role("link").click()
    expect(visitor.page.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
    expect(visitor.page.get_by_role("columnheader", name="Pulls")).to_be_visible()
    visitor.page.get_by_role("link", name="v1", exact=True).click()
    expect(visitor.page.get_by_role("heading", level=1).first).to_have_text("v1")
    visitor.page.get_by_role("link", name="Kitfile").click()
    expect(visitor.page.get_by_role("heading", name="Kitfile")).to_be_visible()


def test_pages_work_with_the_keyboard_alone(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    visitor.go("/")
    keyboard = visitor.page.keyboard
    keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(visitor.page.get_by_role("searchbox")).to_be_focused()
    keyboard.press("Tab")
    first = visitor.page.locator(".recent a").first
    expect(first).to_be_focused()
    assert first.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"

    keyboard.press("/")
    expect(visitor.page.get_by_role("searchbox")).to_be_focused()
    keyboard.type("dig/its")
    expect(visitor.page.get_by_role("searchbox")).to_have_value("dig/its")


def test_tables_are_tables_for_screen_readers_on_a_phone_too(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(viewport=PHONE)
    visitor.go("/")

    table = visitor.page.get_by_role("table", name="Repositories")
    expect(table.get_by_role("columnheader")).to_have_count(6)
    expect(table.get_by_role("row").last.get_by_role("cell")).to_have_count(6)

    visitor.go("/r/demo/digits")
    table = visitor.page.get_by_role("table", name="Versions of demo/digits")
    expect(table.get_by_role("row")).to_have_count(4)
    expect(table.get_by_role("row").last.get_by_role("rowheader")).to_have_count(1)


def test_manifest_is_saved_and_never_shown(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(accept_downloads=True)
    visitor.go("/r/red/team:v1/layers")
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="Download").click()

    assert download.value.suggested_filename.startswith("team-")
    assert download.value.suggested_filename.endswith(".manifest.json")


def test_first_visit_transfers_at_most_120_kilobytes_and_the_next_only_the_page(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    visitor.go("/")
    visitor.page.wait_for_load_state("networkidle")
    first = visitor.bytes_received
    visitor.go("/r/demo/digits:v3")
    visitor.page.wait_for_load_state("networkidle")

    assert 50_000 < first < 120_000
    assert visitor.bytes_received - first < 12_000


def test_page_of_a_version_shows_what_the_hub_found_as_soon_as_it_has(visit: Any, hub: Hub) -> None:  # noqa: ANN401
    inside = Inside(hub.data, fresh=False)
    with inside.threads:
        bring(inside, "demo/fresh", "v4", good_kit(4))
        visitor = visit()
        visitor.go("/r/demo/fresh:v4")
        page = visitor.page
        expect(page.get_by_text("The hub is looking into this version")).to_be_visible()
        expect(page.get_by_role("link", name="Model", exact=True)).to_be_hidden()
        page.evaluate("window.stayed = true")
        page.get_by_text("kit", exact=True).first.click()
        page.get_by_role("link", name="Kitfile").focus()
        understand(inside, "demo/fresh", "v4")

        expect(page.get_by_role("link", name="Model", exact=True)).to_be_visible()
        expect(page.get_by_text("The hub is looking into this version")).to_be_hidden()
        expect(page.get_by_text("kit unpack")).to_be_visible()
        expect(page.get_by_role("link", name="Kitfile")).to_be_focused()
        expect(page.get_by_role("status")).to_have_text("Brought up to date")
        assert page.evaluate("window.stayed")
    inside.database.close()


def test_person_logs_in_compares_versions_opens_a_file_searches_makes_a_token_and_logs_out(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    page = visitor.page
    log_in(visitor, "ana", PASSWORD, "/r/demo/digits")
    page.get_by_role("searchbox", name="Filter versions").fill("metric.accuracy>=0.92")
    page.get_by_role("button", name="Filter").click()
    table = page.get_by_role("table", name="Versions of demo/digits")
    expect(table.get_by_role("link", name="v3", exact=True)).to_be_visible()
    expect(table.get_by_role("link", name="v1", exact=True)).to_be_hidden()
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Pulls").check()
    page.get_by_role("button", name="Show these").click()
    expect(table.get_by_role("columnheader", name="Pulls")).to_be_visible()
    page.get_by_role("button", name="Compare two").click()
    expect(page.get_by_text("accuracy").first).to_be_visible()
    page.get_by_role("link", name="Versions", exact=True).click()
    page.get_by_role("link", name="v3", exact=True).first.click()
    page.get_by_role("link", name="Files", exact=True).click()
    page.get_by_role("link", name="src/").click()
    page.get_by_role("link", name="train.py").click()
    expect(page.get_by_text("def train")).to_be_visible()
    page.get_by_role("searchbox", name="Search").fill("digits metric.loss<0.2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="demo/digits", exact=True).first).to_be_visible()
    visitor.go("/account/tokens")
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("orch_").first).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{visitor.origin}/login")
