"""A real browser, and what is asked of every page in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

# No sandbox, because tests may run as root; and nothing that the browser does on its own account.
_QUIET: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE: Final[Any] = {"width": 1280, "height": 800}
PHONE: Final[Any] = {"width": 375, "height": 700}

expect.set_options(timeout=30_000)  # machines that test are busy

# The least contrast of any text with what is behind it (WCAG 2.2, 1.4.3), and where it is.
_CONTRAST: Final = """() => {
    document.getAnimations().forEach(one => one.finish());  // colours that are on their way to another theme
    const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const known = new Map();
    const light = colours => {
        const key = colours.join();
        if (!known.has(key)) {
            colours.forEach(colour => { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); });
            const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map(v => v / 255)
                .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            known.set(key, 0.2126 * r + 0.7152 * g + 0.0722 * b);
        }
        return known.get(key);
    };
    const grounds = node => node ? [...grounds(node.parentElement), getComputedStyle(node).backgroundColor] : [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let worst = [21, 'nothing'];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !parent.checkVisibility({visibilityProperty: true})) continue;
        const behind = grounds(parent).filter(colour => colour !== 'rgba(0, 0, 0, 0)');
        const [ground, full] = [light(behind), light([...behind, getComputedStyle(parent).color])];
        let veil = 1;
        for (let node = parent; node; node = node.parentElement) veil *= getComputedStyle(node).opacity;
        const ink = ground + (full - ground) * veil;
        const ratio = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
        if (ratio < worst[0]) worst = [ratio, walker.currentNode.data.trim()];
    }
    return worst;
}"""
# What can be reached by the keyboard and does not show that it was: nothing at it or beside it looks another way.
_UNSEEN: Final = """() => {
    const look = node => [node, node.parentElement, node.nextElementSibling, node.closest('label')]
        .filter(one => one).map(one => getComputedStyle(one))
        .map(one => [one.outline, one.boxShadow, one.borderColor, one.position].join()).join();
    const all = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
    return [...document.querySelectorAll(all)].filter(node => node.checkVisibility() && !node.disabled).slice(0, 80)
        .filter(node => {
            document.activeElement.blur();
            const before = look(node);
            node.focus({preventScroll: true});
            document.getAnimations().forEach(one => one.finish());
            return document.activeElement === node && look(node) === before;
        })
        .map(node => `no focus seen: ${node.outerHTML.slice(0, 160)}`);
}"""
_AXE: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# What the rules for pages say is wrong, and where.
_VIOLATIONS: Final = """async () => (await axe.run({
        resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}},  // four fifths of the time; see above
    })).violations
    .map(found => `${found.id}: ${found.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | ')}`)"""


@dataclass
class Visitor:
    """A page of the browser, and everything that went wrong or elsewhere while it was used."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    bytes_received: int = 0

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self._check(request.url))
        self.page.on("requestfinished", lambda request: self._count(request.sizes()))

    def go(self, path: str) -> None:
        self.page.goto(self.origin + path, wait_until="load")

    def faults(self, path: str) -> list[str]:
        """Load a page once, and look at it on a desk in the light and on a phone in the dark.

        A path that ends with ``/*`` is the first one that begins so among the links of the page before.
        """
        if path.endswith("/*"):
            path = self.page.locator(f"main a[href^='{path[:-1]}']").first.get_attribute("href") or path
        self.page.set_viewport_size(WIDE)
        self.page.emulate_media(color_scheme="light")
        self.go(path)
        found = self._plain_faults(WIDE["width"])
        self.page.evaluate(_AXE)
        found += self.page.evaluate(_VIOLATIONS)
        found += self.page.evaluate(_UNSEEN)
        self.page.set_viewport_size(PHONE)
        self.page.emulate_media(color_scheme="dark")
        found += self._plain_faults(PHONE["width"])
        return [f"{path}: {fault}" for fault in found]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.location["url"] != self.page.url or "status of 4" not in message.text:  # it is a page too
            self.complaints.append(f"{message.type}: {message.text}")

    def _plain_faults(self, width: int) -> list[str]:
        found = self.page.evaluate("document.documentElement.scrollWidth")
        contrast, where = self.page.evaluate(_CONTRAST)
        faint = [f"contrast {contrast:.1f}: {where}"] if contrast < 4.5 else []
        return [*([f"{found} wide on {width}"] if found > width else []), *faint]

    def _check(self, url: str) -> None:
        if f"http://{urlsplit(url).netloc}" != self.origin:
            self.complaints.append(f"request elsewhere: {url}")

    def _count(self, sizes: Any) -> None:  # noqa: ANN401 -- a dictionary of Playwright's
        self.bytes_received += sizes["responseHeadersSize"] + sizes["responseBodySize"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser of the system."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_QUIET)
        yield browser
        browser.close()


def log_in(visitor: Visitor, name: str, password: str, onto: str = "/") -> None:
    """Log in as a person does, and come to a page."""
    visitor.go(f"/login?next={onto}")
    visitor.page.get_by_label("Account").fill(name)
    visitor.page.get_by_label("Password").fill(password)
    visitor.page.get_by_role("button", name="Log in").click()
    visitor.page.wait_for_url(f"{visitor.origin}{onto}")
