"""Logging in and out in a real browser: what forms really send."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from support.hubs import Hub, basic, running_hub
from support.oidc import SECRET, Provider, oidc_provider

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.slow]

PASSWORD = "only for this test"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider() as running:
        yield running


@pytest.fixture(scope="module")
def hub(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    oidc = [{"name": "Our Company", "issuer": provider.url, "client-id": "orchard", "client-secret": SECRET}]
    settings = {"login": "required", "admin_password": PASSWORD, "oidc": oidc, "egress_allow": ["http://127.0.0.1:*"]}
    with running_hub(tmp_path_factory.mktemp("hub"), **settings) as running:
        running.authorization = basic("admin", PASSWORD)
        running.push_image("admin/model", "v1", b"layer")
        yield running


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=QUIET)
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
        assert complaints == []


def _chromium() -> str:
    found = shutil.which("chromium")
    assert found is not None
    return found


def test_visitor_logs_in_sees_the_page_and_logs_out(page: Page, hub: Hub) -> None:
    page.goto(f"http://{hub.host}/r/admin/model")
    page.get_by_role("link", name="Log in", exact=True).first.click()
    page.get_by_label("Account").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("No account has this name")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"http://{hub.host}/r/admin/model")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"http://{hub.host}/login")
    page.goto(f"http://{hub.host}/")
    expect(page.get_by_role("link", name="Log in", exact=True).first).to_be_visible()


def test_visitor_logs_in_at_the_company(page: Page, hub: Hub, provider: Provider) -> None:
    provider.user = {"sub": "9", "preferred_username": "dana"}
    page.goto(f"http://{hub.host}/")
    page.get_by_role("link", name="Log in", exact=True).first.click()
    page.get_by_role("link", name="Log in with Our Company").click()
    expect(page).to_have_url(f"http://{hub.host}/")
    expect(page.locator("header")).to_contain_text("dana")


def test_form_of_another_site_does_nothing(page: Page, hub: Hub, tmp_path: Path) -> None:
    evil = tmp_path / "evil.html"
    evil.write_text(
        f'<form action="http://{hub.host}/login" method="post"><input name="name" value="admin">'
        f'<input name="password" value="{PASSWORD}"><button>Win a prize</button></form>'
    )
    page.goto(f"file://{evil}")
    page.get_by_role("button").click()
    expect(page.locator("h1")).to_have_text("You may not see this")
    assert page.context.cookies() == []
