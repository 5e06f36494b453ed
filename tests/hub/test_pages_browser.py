"""The pages in a real browser, in front of a real hub."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import orchard
from support.hubs import Hub, quick_directory, running_hub
from support.pages import DIGITS, Kit, push
from support.vectors import VECTORS

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

# No sandbox, because tests may run as root; and nothing that the browser does on its own account.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SIZES = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 375, "height": 700}}
HOSTILE = "".join(text for name, text in VECTORS.items() if name not in {"null", "long"})
PATHS = (
    "/",
    "/search?q=zebra",
    "/search?q=digits+metric.accuracy:*",
    "/search/fields",
    "/n/red",
    "/r/vision/digits",
    "/r/vision/digits/-/tags",
    "/r/vision/digits/-/tags/latest",
    "/r/red/team",
    "/r/vision/digits:latest",
    "/r/vision/digits:latest/layers",
    "/r/vision/digits:latest/parameters",
    "/r/red/team:v1",
    "/r/red/team:v1/kitfile",
    "/r/demo/digits:v1",
    "/r/demo/digits:v1/files",
    "/r/demo/digits:v1/files/notebooks/explore.ipynb",
    "/r/demo/digits:v1/files/src/train.py",
    "/r/demo/digits:v1/model",
    "/r/demo/digits:v1/data",
)

# The least contrast of any text with what is behind it (WCAG 2.2, 1.4.3), and where it is.
CONTRAST = """() => {
    const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const paint = colours => {
        colours.forEach(colour => { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); });
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const grounds = node => node ? [...grounds(node.parentElement), getComputedStyle(node).backgroundColor] : [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let worst = [21, 'nothing'];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !parent.checkVisibility({visibilityProperty: true})) continue;
        const [ground, ink] = [paint(grounds(parent)), paint([...grounds(parent), getComputedStyle(parent).color])];
        const ratio = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
        if (ratio < worst[0]) worst = [ratio, walker.currentNode.data.trim()];
    }
    return worst;
}"""


EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# What the rules for pages say is wrong, and where.
VIOLATIONS = """async () => (await axe.run({resultTypes: ['violations']})).violations
    .map(found => `${found.id}: ${found.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | ')}`)"""


@dataclass
class Visitor:
    """A page of the browser, and everything that went wrong or elsewhere while it was used."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    bytes_received: int = 0

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self._check(request.url))
        self.page.on("requestfinished", lambda request: self._count(request.sizes()))

    def go(self, path: str) -> None:
        self.page.goto(self.origin + path, wait_until="load")

    def _check(self, url: str) -> None:
        if f"http://{urlsplit(url).netloc}" != self.origin:
            self.complaints.append(f"request elsewhere: {url}")

    def _count(self, sizes: Any) -> None:  # noqa: ANN401 -- a dictionary of Playwright's
        self.bytes_received += sizes["responseHeadersSize"] + sizes["responseBodySize"]


@pytest.fixture(name="hub", scope="module")
def _hub() -> Iterator[Hub]:
    poison = Kit(
        name=HOSTILE,
        description=HOSTILE,
        framework=HOSTILE,
        licence=HOSTILE,
        format=HOSTILE,
        tags=("v1",),
        layers=(("model", HOSTILE, 1, {"description": HOSTILE}), ("docs", "A" * 900, 1, {})),
        annotations={HOSTILE: HOSTILE},
    )
    with quick_directory() as data, running_hub(data) as hub:
        push(hub, "vision/digits", DIGITS)
        push(hub, "vision/digits", replace(DIGITS, version="0.9.0", tags=("v0.9.0",)))
        push(hub, "red/team", poison)
        orchard.pack(EXAMPLE, tag=f"{hub.host}/demo/digits:v1", home=data / "home")
        orchard.push(f"{hub.host}/demo/digits:v1", home=data / "home")
        until(lambda: b'"ready"' in hub.get("/api/v1/repositories/demo/digits/-/versions/v1/understanding").body)
        yield hub


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)  # noqa: TID251 -- the hub works in a process of its own


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        yield browser
        browser.close()


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_can_be_read(visit: Any, size: str, scheme: str) -> None:  # noqa: ANN401 -- the fixture
    visitor = visit(viewport=SIZES[size], color_scheme=scheme)
    violations = {}
    for path in PATHS:
        visitor.go(path)

        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], path
        contrast, where = visitor.page.evaluate(CONTRAST)
        assert contrast >= 4.5, f"{path}: {where}"
        if (size, scheme) in {("wide", "light"), ("phone", "dark")}:  # a third of a second a page
            visitor.page.evaluate(AXE)
            violations[path] = visitor.page.evaluate(VIOLATIONS)
    assert not any(violations.values()), violations


def test_themes_are_light_and_dark(visit: Any) -> None:  # noqa: ANN401
    grounds = []
    for scheme in ("light", "dark"):
        visitor = visit(color_scheme=scheme)
        visitor.go("/")
        grounds.append(visitor.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light, dark = (float(ground.removeprefix("oklch(").split()[0].rstrip("%")) for ground in grounds)
    assert dark < light / 4


def test_copy_button_copies_the_whole_digest_and_says_so(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    visitor.go("/r/vision/digits:latest")
    button = visitor.page.locator(".facts .copy").first
    button.click()

    expect(visitor.page.get_by_role("status")).to_have_text("Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copy")


def test_copy_button_copies_the_kitfile_line_by_line(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    visitor.go("/r/vision/digits:latest/kitfile")
    visitor.page.get_by_role("button", name="Copy the Kitfile").click()

    expect(visitor.page.get_by_role("status")).to_have_text("Copied")
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("manifestVersion: 1.0.0\npackage:\n  name: digits\n")


def test_copy_button_works_where_the_clipboard_is_only_for_secure_pages(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    visitor.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    visitor.page.add_init_script("document.addEventListener('copy', () => {window.copied = getSelection().toString()})")
    visitor.go("/r/vision/digits:latest")
    button = visitor.page.locator(".command .copy").first
    button.click()

    expect(visitor.page.get_by_role("status")).to_have_text("Copied")
    assert visitor.page.evaluate("window.copied") == button.get_attribute("data-copy")
    expect(button).to_be_focused()


def test_copy_button_says_when_it_could_not(visit: Any) -> None:  # noqa: ANN401
    visitor = visit()
    visitor.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    visitor.page.add_init_script("document.execCommand = () => false")
    visitor.go("/r/vision/digits:latest")
    visitor.page.locator(".command .copy").first.click()

    expect(visitor.page.get_by_role("status")).to_have_text("Could not copy; select the text instead.")


def test_pages_work_without_a_script(visit: Any) -> None:  # noqa: ANN401
    visitor = visit(java_script_enabled=False)
    visitor.go("/")
    visitor.page.get_by_role("searchbox").fill("digits")
    visitor.page.get_by_role("searchbox").press("Enter")

    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Search")
    visitor.page.get_by_role("link", name="vision/digits", exact=True).click()
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
    visitor.page.get_by_role("link", name="v0.9.0").click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("v0.9.0")
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
    visitor = visit(viewport=SIZES["phone"])
    visitor.go("/")

    table = visitor.page.get_by_role("table", name="Repositories")
    expect(table.get_by_role("columnheader")).to_have_count(6)
    expect(table.get_by_role("row").last.get_by_role("cell")).to_have_count(6)

    visitor.go("/r/vision/digits")
    table = visitor.page.get_by_role("table", name="Versions of vision/digits")
    expect(table.get_by_role("row")).to_have_count(3)
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
    visitor.go("/r/vision/digits:latest")
    visitor.page.wait_for_load_state("networkidle")

    assert 50_000 < first < 120_000
    assert visitor.bytes_received - first < 12_000
