"""How pages and their files are sent, and what they promise to browsers and to people."""

import gzip
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from orchard.hub.http import pages
from orchard.hub.http.pages import Pages
from orchard.hub.http.pages.assets import Assets
from orchard.hub.http.pages.rendering import environment
from orchard.hub.http.pages.site import STATIC
from orchard.oci import Digest
from support.pages import DIGITS, NOW, Shelf, app, furnished
from support.webpage import visit

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
TABLE = "/r/vision/digits?columns=version,pulls,kind,metric.accuracy&sort=size&rows=1"
TAG = "/r/vision/digits/-/tags/latest"
PLACES = (
    "/",
    "/?after=risk",
    "/r/vision/digits",
    TABLE,
    "/r/vision/digits/-/tags",
    TAG,
    "/r/vision/digits:v1.0.0",
    *(f"/r/vision/digits:v1.0.0/{leaf}" for leaf in ("files", "model", "data", "parameters", "kitfile", "layers")),
    "/nowhere",
    "/r/vision/digits:v7",
)


@pytest.fixture(name="hub", scope="module")
def _hub() -> ASGIApp:
    return app(furnished())


# ---- how pages are sent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PLACES)
def test_every_page_tells_the_browser_to_be_careful(hub: ASGIApp, path: str) -> None:
    headers = visit(hub, path).headers

    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", PLACES)
def test_every_page_keeps_the_policy_it_sends(hub: ASGIApp, path: str) -> None:
    page = visit(hub, path).page

    for tag, attributes in page.elements:
        assert tag != "style"
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert all(script["src"].startswith("/static/") for script in page.all("script"))
    assert all(link["href"].startswith("/static/") for link in page.all("link"))
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links())


@pytest.mark.parametrize("path", PLACES)
def test_every_page_can_be_used_by_everybody(hub: ASGIApp, path: str) -> None:
    page = visit(hub, path).page

    assert page.all("html", lang="en")
    assert page.all("main", id="main")
    assert page.all("a", href="#main")
    assert len(page.all("h1")) == 1
    assert all(button.get("aria-label") for button in page.all("button", type="button"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a} <= set(ids)


def test_page_is_compressed_for_whoever_reads_gzip(hub: ASGIApp) -> None:
    plain, packed = visit(hub, "/"), visit(hub, "/", headers={"accept-encoding": "br, gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 3
    assert "Accept-Encoding" in packed.headers["vary"]


@pytest.mark.parametrize("coding", ["", "br", "gzip;q=0", "x-gzip2"])
def test_page_is_plain_for_whoever_does_not_read_gzip(hub: ASGIApp, coding: str) -> None:
    assert "content-encoding" not in visit(hub, "/", headers={"accept-encoding": coding}).headers


@pytest.mark.parametrize("path", ["/", TABLE, "/r/vision/digits:v1.0.0/files"])
def test_page_that_a_browser_has_is_not_sent_again(hub: ASGIApp, path: str) -> None:
    packed = {"accept-encoding": "gzip"}
    first = visit(hub, path, headers=packed)
    again = visit(hub, path, headers={**packed, "if-none-match": f'"other", {first.headers["etag"]}'})

    assert (again.status, again.body) == (304, b"")
    kept = ("etag", "vary", "cache-control", "content-security-policy")
    assert {name: again.headers[name] for name in kept} == {name: first.headers[name] for name in kept}
    assert {"Accept-Encoding", "Authorization", "Cookie"} == set(first.headers["vary"].split(", "))


def test_page_that_has_changed_is_sent_whole() -> None:
    shelf = furnished()
    before = visit(app(shelf), "/")
    shelf.add("team/model", DIGITS.build())
    later = visit(app(shelf), "/", headers={"if-none-match": before.headers["etag"]})

    assert later.status == 200
    assert later.headers["etag"] != before.headers["etag"]


def test_what_went_wrong_has_no_tag(hub: ASGIApp) -> None:
    assert "etag" not in visit(hub, "/nowhere").headers


def test_every_template_can_be_compiled() -> None:
    templates = environment(Assets(STATIC))
    for name in templates.list_templates():
        templates.get_template(name)


@pytest.mark.parametrize(
    ("host", "headers", "command"),
    [
        ("127.0.0.1:5000", {}, "orchard unpack 127.0.0.1:5000/vision/digits:v1.0.0 -d digits"),
        ("[::1]:5000", {}, "orchard unpack [::1]:5000/vision/digits:v1.0.0 -d digits"),
        ("hub.lan", {}, "orchard unpack hub.lan/vision/digits:v1.0.0 -d digits --plain-http"),
        ("hub", {}, "orchard unpack hub:80/vision/digits:v1.0.0 -d digits --plain-http"),
        ("hub", {"x-forwarded-proto": "https"}, "orchard unpack hub:443/vision/digits:v1.0.0 -d digits"),
        ("hub.lan;reboot", {}, "orchard unpack hub.example.com/vision/digits:v1.0.0 -d digits --plain-http"),
        ("$(reboot).lan", {}, "orchard unpack hub.example.com/vision/digits:v1.0.0 -d digits --plain-http"),
        ("", {}, "orchard unpack hub.example.com/vision/digits:v1.0.0 -d digits --plain-http"),
    ],
)
def test_commands_name_this_hub_and_nothing_that_a_shell_would_run(
    hub: ASGIApp, host: str, headers: dict[str, str], command: str
) -> None:
    page = visit(hub, "/r/vision/digits:v1.0.0", host=host, headers=headers).page

    assert page.all("button", data_copy=command)


# ---- files -----------------------------------------------------------------------------------------------------------


def assets(hub: ASGIApp) -> list[str]:
    page = visit(hub, "/").page
    found = [link["href"] for link in page.all("link")] + [script["src"] for script in page.all("script")]
    return sorted(set(found))


def test_files_are_kept_for_ever_under_a_name_that_changes_with_them(hub: ASGIApp) -> None:
    for url in assets(hub):
        answer = visit(hub, url)
        digest = Digest.of(answer.body).short
        assert answer.status == 200
        assert digest in url
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert visit(hub, url, headers={"if-none-match": answer.headers["etag"]}).status == 304


def test_files_have_the_type_that_they_are(hub: ASGIApp) -> None:
    types = {url.rpartition(".")[2]: visit(hub, url).headers["content-type"] for url in assets(hub)}

    assert types == {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
        "woff2": "font/woff2",
    }


def test_style_sheet_names_fonts_as_they_are_served(hub: ASGIApp) -> None:
    url = next(url for url in assets(hub) if url.endswith(".css"))
    css = visit(hub, url).text

    fonts = re.findall(r"url\(\"?([^)\"]+)\"?\)", css)
    assert {f"/static/{font}" for font in fonts} == {url for url in assets(hub) if url.endswith(".woff2")}


def test_style_sheet_asks_for_nothing_that_the_policy_refuses(hub: ASGIApp) -> None:
    css = visit(hub, next(url for url in assets(hub) if url.endswith(".css"))).text

    assert "data:" not in css
    assert "//" not in re.sub(r"/\*.*?\*/", "", css)


@pytest.mark.parametrize(
    "name", ["app.css", "nothing.css", "..%2fviews.py", "../pages/views.py", "app.000000000000.css"]
)
def test_file_that_is_none_is_not_found(hub: ASGIApp, name: str) -> None:
    assert visit(hub, f"/static/{name}").status == 404


def test_style_sheet_holds_every_class_that_a_template_uses(hub: ASGIApp) -> None:
    """Whoever adds a class must compile the style sheet anew: ``ui/README.md``."""
    css = visit(hub, next(url for url in assets(hub) if url.endswith(".css"))).text
    script_only = {"todo", "done"}
    used = {
        name
        for path in PLACES
        for _, attributes in visit(hub, path).page.elements
        for name in attributes.get("class", "").split()
    }

    missing = {name for name in used - script_only if "." + re.sub(r"([^\w-])", r"\\\1", name) not in css}
    assert not missing


def test_first_visit_takes_at_most_120_kilobytes(hub: ASGIApp) -> None:
    answers = [visit(hub, url, headers={"accept-encoding": "gzip"}) for url in ["/", *assets(hub)]]

    assert sum(len(answer.body) + 500 for answer in answers) < 120_000


def test_templates_never_switch_escaping_off() -> None:
    templates = Path(pages.__file__).parent.parent / "templates"
    for template in templates.rglob("*.*"):
        text = template.read_text()
        assert not re.search(r"\|\s*safe|autoescape|Markup", text), template.name
        assert not re.search(r"=\{\{", text), f"{template.name}: an attribute without quotes"


def test_static_files_are_public() -> None:
    assert Pages(Shelf(), now=lambda: NOW, login=False).public == ("/static/",)


def test_age_is_told_of_the_time_of_the_request() -> None:
    shelf = Shelf()
    shelf.add("team/model", replace(DIGITS, age=timedelta(seconds=5)).build())

    assert "just now" in visit(app(shelf), "/").page.text
