"""Takes the pictures of the hub's pages in ``docs/img``: a hub with accounts, filled with the story of the demo.

``make screenshots`` runs it; it needs a Chromium of this machine. ``ONLY=repository,search`` takes some of them.
What is to be seen is the list ``PICTURES``; whoever adds a page adds a line there, and looks at the picture.
"""

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Browser, Route, sync_playwright

import story
from story.asking import Asking

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = ROOT / "docs" / "img"
ORCHARD: Final = Path(sys.executable).parent / "orchard"
HOST: Final = "hub.example.com"  # what the hub is called in pictures; the browser alone believes it
SHOWN: Final = b"/srv/orchard"  # where pictures say that it keeps what it has
PASSWORD: Final = "only on this machine 1"  # noqa: S105 -- of a hub that lives as long as this program
LARGEST: Final = 150 << 10  # bytes of a picture
START_SECONDS: Final = 60.0
ROUTER: Final = f"/r/{story.ROUTER.repository}"


class Picture(NamedTuple):
    """One picture.

    Attributes:
        name: Of its file, without ``.png``.
        path: Of the page.
        who: The account in whose session it is taken; nobody's if empty.
        width: Of the window.
        height: Of the window; there is no more in the picture.
        theme: ``light`` or ``dark``.
        at: What the window is scrolled to, as a selector; the top of the page if empty.
        empty: Whether it is taken of a hub that nobody has used yet.
    """

    name: str
    path: str
    who: str = "ana"
    width: int = 1280
    height: int = 860
    theme: Literal["light", "dark"] = "light"
    at: str = ""
    empty: bool = False


PICTURES: Final = (
    Picture("hub-home", "/"),
    Picture("hub-home-phone", "/", width=375, height=760),
    Picture("hub-search", "/search?q=support+tickets"),
    Picture("hub-namespace", "/n/support"),
    Picture("hub-repository", ROUTER, width=1480),
    Picture("hub-repository-dark", ROUTER, width=1480, theme="dark"),
    Picture("hub-repository-phone", ROUTER, width=375, height=760, theme="dark"),
    Picture("hub-version", f"{ROUTER}:v5"),
    Picture("hub-version-phone", f"{ROUTER}:v5", width=375, height=760),
    Picture("hub-model", "/r/support/reply-drafter-mini:q4/model"),
    Picture("hub-data", f"{ROUTER}:v5/data"),
    Picture("hub-files", f"{ROUTER}:v5/files/src/train.py"),
    Picture("hub-compare", f"{ROUTER}/-/compare?base=v3&head=v4"),
    Picture("hub-tags", f"{ROUTER}/-/tags"),
    Picture("hub-tokens", "/account/tokens"),
    Picture("hub-settings", "/n/support/-/settings"),
    Picture("hub-admin", "/admin", who="admin"),
    Picture("hub-admin-users", "/admin/users", who="admin", theme="dark"),
    Picture("hub-admin-jobs", "/admin/jobs", who="admin"),
    Picture("hub-admin-phone", "/admin", who="admin", width=375, height=760),
    Picture("hub-setup", "/setup", who="admin", empty=True),
    Picture("hub-api", "/docs/api/tags#putTag"),
)


def main(only: Sequence[str]) -> int:
    """Take the pictures; 0 if all of them could be taken and none is too large."""
    wanted = [one for one in PICTURES if not only or any(word in one.name for word in only)]
    IMAGES.mkdir(exist_ok=True)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchard-pictures-")))
        ports = {empty: stack.enter_context(running_hub(work / str(empty))) for empty in {one.empty for one in wanted}}
        if False in ports:
            furnish(ports[False], work)
        lines = {
            (empty, who): Line(ports[empty], who, work / str(empty))
            for empty, who in {(one.empty, one.who) for one in wanted}
        }
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=chromium())
        good = [take(browser, one, lines[one.empty, one.who]) for one in wanted]
        browser.close()
    return 0 if all(good) else 1


def chromium() -> str:
    """Find the browser."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    return found or sys.exit("pictures need Chromium: apt install chromium")


@contextmanager
def running_hub(data: Path) -> Iterator[int]:
    """Run a hub that asks for logins; give its port."""
    data.mkdir()
    log = data / "log"
    environment = {**os.environ, "ORCHARD_ADMIN_PASSWORD": PASSWORD, "ORCHARD_HOME": str(data)}
    command = [str(ORCHARD), "hub", "--port", "0", "--data", str(data / "hub"), "--login", "required"]
    command += ["--trusted-proxies", "127.0.0.1"]
    with log.open("w") as written:
        hub = subprocess.Popen(command, stdout=written, stderr=written, env=environment)
    try:
        until = time.monotonic() + START_SECONDS
        while not (found := re.search(r"http://127.0.0.1:(\d+)", log.read_text())):
            if hub.poll() is not None or time.monotonic() > until:
                sys.exit(f"the hub did not start:\n{log.read_text()}")
            time.sleep(0.05)  # noqa: TID251 -- waiting for another process
        yield int(found[1])
    finally:
        hub.send_signal(signal.SIGTERM)
        hub.wait(timeout=30)


# ---- what is in the hub ----------------------------------------------------------------------------------------------


def furnish(port: int, work: Path) -> None:
    """Make accounts, a team, rules and tokens, and publish the story, each version by who made it."""
    host = f"127.0.0.1:{port}"
    hub = Asking(host, basic("admin"))
    for name in story.PEOPLE:
        hub.ask("/api/v1/users", {"name": name, "password": PASSWORD})
    hub.ask("/api/v1/teams", {"name": "support", "owner": "ana"})
    for name, role in (("ben", "maintainer"), ("mei", "writer")):
        hub.ask(f"/api/v1/teams/support/members/{name}", {"role": role}, method="PUT")
    hub.ask("/api/v1/namespaces", {"name": "support", "owner": "team:support", "visibility": "public"})
    hub.ask("/api/v1/scopes/support/-/tag-rules", {"kind": "immutable", "pattern": "v*"})
    hub.ask("/api/v1/scopes/support/-/tag-rules", {"kind": "protected", "pattern": "prod", "role": "maintainer"})
    hub.ask("/api/v1/quotas/support", {"bytes": 1 << 30, "repositories": 20}, method="PUT")
    ana = Asking(host, basic("ana"))
    for token in ({"name": "laptop", "scopes": ["pull", "push"]}, {"name": "notebook server", "scopes": ["pull"]}):
        ana.ask("/api/v1/users/ana/tokens", token)
    ana.ask("/api/v1/namespaces/support/robots", {"name": "ci", "scopes": ["pull", "push"]})

    homes = {name: work / name for name in story.PEOPLE}
    for name, home in homes.items():
        login = [str(ORCHARD), "login", host, "--username", name, "--password-stdin", "--config", str(home)]
        subprocess.run(login, input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)
    place = story.Place(host, work / "story", homes, basic("ana"))
    for project in story.PROJECTS:
        story.publish(project, place)
    if not story.wait_until_understood(story.PROJECTS, place):
        sys.exit("the hub has not looked into all of the story")


def basic(name: str) -> str:
    """Write the header of an account."""
    return f"Basic {b64encode(f'{name}:{PASSWORD}'.encode()).decode()}"


# ---- taking pictures -------------------------------------------------------------------------------------------------


class Line:
    """A way to the hub for the browser, which believes to speak HTTPS with ``HOST``.

    Args:
        port: Of the hub, on this machine.
        who: The account that is logged in; nobody if empty.
        data: Where the hub keeps what it has; pictures show another place.
    """

    def __init__(self, port: int, who: str, data: Path) -> None:
        self._port = port
        self._data = str(data / "hub").encode()
        self._headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
        if who:
            self._headers["Cookie"] = self._log_in(who)

    def pass_on(self, route: Route) -> None:
        """Answer a request of a page with what the hub says."""
        url = urlsplit(route.request.url)
        status, headers, body = self._ask("GET", f"{url.path}?{url.query}" if url.query else url.path)
        headers.pop("content-length", None)
        route.fulfill(status=status, headers=headers, body=body.replace(self._data, SHOWN))

    def _log_in(self, name: str) -> str:
        form = urlencode({"name": name, "password": PASSWORD}).encode()
        _, headers, _ = self._ask("POST", "/login", form)
        return headers["set-cookie"].partition(";")[0]

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        more = {"Origin": f"https://{HOST}", "Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body or None, {**self._headers, **more})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


def take(browser: Browser, picture: Picture, line: Line) -> bool:
    """Take a picture, in a window of its own; say whether it is one of a page, and not too large."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.theme
    )
    context.route("**/*", line.pass_on)
    page = context.new_page()
    answer = page.goto(f"https://{HOST}{picture.path}", wait_until="load")
    page.evaluate("document.fonts.ready")
    if picture.at:
        page.locator(picture.at).first.evaluate("it => it.scrollIntoView()")
    shot = packed(page.screenshot(animations="disabled"))
    (IMAGES / f"{picture.name}.png").write_bytes(shot)
    context.close()
    status = 0 if answer is None else answer.status
    good = status == HTTPStatus.OK and len(shot) <= LARGEST
    print(
        f"{picture.name}: {len(shot) >> 10} KiB{'' if good else f' !! HTTP status {status}, or too large'}", flush=True
    )
    return good


def packed(png: bytes) -> bytes:
    """Compress a PNG as well as zlib can; its pixels stay."""
    head, chunks, data = png[:8], [], b""
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12
        if kind == b"IDAT":
            data += content
        elif kind in {b"IHDR", b"IEND"}:
            chunks.append((kind, content))
    chunks.insert(1, (b"IDAT", zlib.compress(zlib.decompress(data), 9)))
    return head + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ONLY", "").replace(",", " ").split()))
