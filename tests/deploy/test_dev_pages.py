"""The pages of `orchard dev` in a real browser, in front of a model that runs."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.cli import Program

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

DIGITS = Path(__file__).parents[2] / "examples/digits"
# No sandbox, because tests may run as root; and nothing that the browser does on its own account.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page, of which nothing may be said on the console and nothing may be fetched elsewhere."""
    page = browser.new_page(viewport={"width": 1000, "height": 720})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    # What a server answers is no fault of the page; scripts, styles and policies are.
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []


def _url(program: Program, project: Path) -> str:
    return str(program.ok("dev", "start", project, "--output", "json").document["url"])


def test_chat_page_then_the_model_answers_as_it_speaks(program: Program, chat: Path, page: Page) -> None:
    page.goto(_url(program, chat))
    expect(page.get_by_role("heading", name="tiny-chat")).to_be_visible()
    expect(page.get_by_text("/v1/chat/completions").first).to_be_visible()
    page.get_by_text("Settings").click()
    page.get_by_label("Tokens at most").fill("12")
    page.get_by_label("Message").fill("<b>hello</b>")
    page.get_by_label("Message").press("Enter")
    expect(page.locator("article.user")).to_have_text("<b>hello</b>")
    expect(page.locator("article.assistant small")).to_have_text(re.compile(r"\d+ tokens in [\d.]+ s"))
    assert page.locator("article b").count() == 0
    page.get_by_role("button", name="Start over").click()
    expect(page.locator("article")).to_have_count(0)


def test_chat_page_when_the_server_fails_says_so(program: Program, chat: Path, page: Page) -> None:
    page.goto(_url(program, chat))
    page.get_by_label("Message").fill("a " * 2000)  # more than the model's context holds
    page.get_by_role("button", name="Send").click()
    expect(page.locator("article.problem")).to_contain_text("It did not work")


def test_form_page_then_the_model_runs_on_what_is_typed(program: Program, page: Page) -> None:
    page.goto(_url(program, DIGITS))
    expect(page.locator("fieldset")).not_to_have_count(0)
    page.get_by_role("button", name="Run the model").click()
    expect(page.locator("#outputs table").first).to_be_visible()
    page.locator("textarea").first.fill("[1, 2")
    page.get_by_role("button", name="Run the model").click()
    expect(page.locator("#outputs .problem")).to_contain_text("It did not work")
