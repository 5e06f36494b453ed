"""What is inside a version, on its pages: files, model, data, card. All of it was written by somebody else."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest

from orchard.formats import LayerKind
from orchard.hub.access import OpenDoor
from orchard.hub.http import Guard, Site, build_app
from orchard.hub.http.pages import Pages, markdown
from orchard.hub.http.pages.tensors import module_of
from orchard.hub.http.pages.tree import Beside
from orchard.hub.jobs.studying import Understander
from support.hubs import Inside, quick_directory
from support.showroom import NAMES, PNG, bad_kit, layer, notebook, weights
from support.versions import bring, kit
from support.webpage import Answer, Webpage

GOOD, BAD = "/r/team/model:v1", "/r/red/team:v1"


@pytest.fixture(name="hub", scope="module")
def _hub() -> Iterator[Inside]:
    with quick_directory() as data:
        hub = Inside(data)
        pages = Pages(hub.registry, now=lambda: datetime.fromtimestamp(hub.clock.time, UTC), login=False)
        site = Site(routes=pages.routes(), problem=pages.problem, public=pages.public)
        guard = Guard(loopback_only=True)
        hub.app = build_app(hub.registry, OpenDoor(), hub.threads, guard=guard, site=site, timeout=5.0)
        with hub.threads:
            _fill(hub)
            yield hub
        hub.database.close()


def _fill(hub: Inside) -> None:
    good = kit(
        "package: {name: digits, license: Apache-2.0}\nmodel: {path: net, parameters: {lr: 0.5, metrics: {f1: 0.75}}}\n"
        "datasets: [{name: train, path: data}]\ncode: [{path: src}]\ndocs: [{path: docs}]",
        layer(
            LayerKind.MODEL, "net", ("model.safetensors", weights("layers.0.weight", "layers.0.bias", "head.weight"))
        ),
        layer(LayerKind.DATASET, "data", ("train.csv", b"a,b\n1,x\n2,y\n"), ("photo.png", PNG), ("blob.bin", b"\0\1")),
        layer(LayerKind.CODE, "src", ("train.py", b"import os\n# <b>\n"), ("deep/er/note.txt", b"hello")),
        layer(
            LayerKind.DOCS,
            "docs",
            ("README.md", b"---\nlicense: mit\n---\n# Card\n\nSee [code](../src/train.py), ![p](../data/photo.png).\n"),
            ("look.ipynb", notebook(("markdown", "# Look", []), ("code", "1 + 1", [{"data": {"text/plain": "2"}}]))),
            ("bad.ipynb", b"{}"),
        ),
    )
    for name, made in (("team/model", good), ("red/team", bad_kit())):
        Understander(hub.premises, lambda *_: None).understand(name, bring(hub, name, "v1", made))


def page(hub: Inside, target: str) -> Webpage:
    answer = hub.get(target)
    assert answer.status == 200, target
    return Answer(answer.status, dict(answer.headers), answer.body).page


def test_overview_answers_six_questions(hub: Inside) -> None:
    text = page(hub, GOOD).text

    for part in (
        "ModelKit · 6 parameters · float32 · safetensors",
        "What it is Kind ModelKit",
        "How big it is Size",
        "What it needs to run Precision Context Memory Fits on stored",
        "Where it came from Pushed",
        "Data train",
        "Can I trust it Digest",
        "How to get it",
        "Metrics and parameters f1 0.75 lr 0.5",
        "Model card Card See code, .",
    ):
        assert part in text, part
    assert "license: mit" not in text


def test_card_leads_to_files_of_its_version_and_loads_nothing_else(hub: Inside) -> None:
    shown = page(hub, f"{GOOD}/files/docs/README.md")

    assert f"{GOOD}/files/src/train.py" in shown.links()
    assert shown.all("img", src=f"{GOOD}/raw/data/photo.png", alt="p")
    picture = hub.get(f"{GOOD}/raw/data/photo.png")
    assert (picture.body, picture.headers["content-type"]) == (PNG, "image/png")
    assert picture.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_file_is_saved_whole_or_in_parts_and_never_runs(hub: Inside) -> None:
    (link,) = [one for one in page(hub, f"{GOOD}/files/src/train.py").links() if one.endswith("?download")]
    whole = hub.get(link)

    assert whole.body == b"import os\n# <b>\n"
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["content-disposition"].startswith('attachment; filename="train.py"')
    assert whole.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert whole.headers["cache-control"] == "private, max-age=31536000, immutable"
    part = hub.get(link, range="bytes=7-8")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"os", "bytes 7-8/16")
    assert hub.get(link, range="bytes=99-").status == 416
    assert hub.get(link, **{"if-none-match": whole.headers["etag"]}).status == 304
    asked = hub.request("HEAD", link)
    assert (asked.status, asked.body, asked.headers["content-length"]) == (200, b"", "16")


@pytest.mark.parametrize(
    ("path", "kind"), [("docs/bad.html", "text/plain; charset=utf-8"), ("docs/bad.ipynb", "text/plain; charset=utf-8")]
)
def test_nothing_but_a_picture_is_shown_by_itself(hub: Inside, path: str, kind: str) -> None:
    answer = hub.get(f"{BAD}/raw/{path}")
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert hub.get(f"{GOOD}/raw/data/photo.png?download").headers["content-disposition"].startswith("attachment; ")
    assert hub.get(f"{GOOD}/raw/none.txt").status == 404


def test_repository_shows_the_card_of_its_newest_version(hub: Inside) -> None:
    assert "/r/team/model/-/card" in page(hub, "/r/team/model").links()
    shown = page(hub, "/r/team/model/-/card")

    assert "Card See code" in shown.text
    assert shown.all("a", href="/r/team/model:v1")
    assert any(
        link.startswith("/r/team/model@sha256:") and link.endswith("/files/src/train.py") for link in shown.links()
    )
    assert f"{GOOD}#card" in page(hub, f"{GOOD}/files").links()


def test_history_tells_what_happened(hub: Inside) -> None:
    shown = page(hub, f"{GOOD}/history").text
    for part in ("Pulled 0 times", "the hub looked into it", "tag v1 came here", "pushed"):
        assert part in shown, part
    assert "/r/team/model/-/tags/v1" in page(hub, f"{GOOD}/history").links()


def test_files_are_listed_directory_by_directory(hub: Inside) -> None:
    top = page(hub, f"{GOOD}/files")
    deep = page(hub, f"{GOOD}/files/src/deep")

    assert "data/ 3 files" in top.text
    assert f"{GOOD}/files/src" in top.links()
    assert "files / src/ deep Name Kind Size er/ 1 file 5 B" in deep.text
    for nothing in ("files/none", "other", "model/more"):
        assert hub.get(f"{GOOD}/{nothing}").status == 404


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("src/train.py", "import os # <b>"),
        ("src/deep/er/note.txt", "hello"),
        ("docs/look.ipynb", "Look 1 + 1 2"),
        ("docs/bad.ipynb", "notebook: Object missing required field"),
        ("data/blob.bin", "This is nothing that can be shown as text."),
        ("net/model.safetensors", "3 tensors; see the model."),
    ],
)
def test_file_is_shown_as_far_as_it_can_be(hub: Inside, path: str, says: str) -> None:
    assert says in page(hub, f"{GOOD}/files/{path}").text


def test_picture_is_shown(hub: Inside) -> None:
    assert page(hub, f"{GOOD}/files/data/photo.png").all("img", src=f"{GOOD}/raw/data/photo.png")


def test_model_is_shown_tensor_by_tensor(hub: Inside) -> None:
    shown = page(hub, f"{GOOD}/model")

    assert "By type Type Share Numbers Size F32 6 24 B" in shown.text
    assert "Name Type Shape Size layers.0.weight F32 2 8 B" in shown.text
    found = page(hub, f"{GOOD}/model?q=HEAD").text
    assert "Tensors 1 found" in found
    assert "layers.0.weight" not in found
    assert "No tensor has this in its name." in page(hub, f"{GOOD}/model?q=nothing").text


def test_parameters_and_metrics_are_listed_with_all_else_that_is_known(hub: Inside) -> None:
    text = page(hub, f"{GOOD}/parameters").text

    assert "Metrics f1 0.75 Parameters lr 0.5 Everything else that is known" in text
    assert "precision float32" in text


@pytest.mark.parametrize(
    "leaf",
    ["", "/files", "/files/docs", "/model", "/data", "/parameters", "/kitfile", "/layers"]
    + [f"/files/docs/{name}" for name in ("README.md", "bad.py", "bad.html", "bad.ipynb")],
)
def test_hostile_files_are_shown_and_run_nothing(hub: Inside, leaf: str) -> None:
    shown = page(hub, BAD + leaf)

    assert len(shown.all("script")) == 1
    for tag, attributes in shown.elements:
        assert tag not in {"iframe", "object", "embed", "style", "base", "animate", "math", "form" * ("card" in leaf)}
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "srcdoc", "formaction"}]
        for name in ("href", "src", "action"):
            address = attributes.get(name, "").strip().lower()
            assert not address.startswith(("javascript:", "data:", "//", "vbscript:")), (tag, attributes)
    assert all(image.get("src", "/r/").startswith("/r/") for image in shown.all("img"))


def test_hostile_names_lead_to_their_files(hub: Inside) -> None:
    links = [link for link in page(hub, f"{BAD}/files/docs").links() if "/files/docs/" in link]

    assert len(links) > len(NAMES) - 3
    for link in links[:8]:
        assert hub.get(unquote(link)).status == 200, link


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("[a](b.md)", '<p><a href="/r/t/m:v/files/docs/b.md" rel="nofollow noopener noreferrer">a</a></p>\n'),
        ("[a](../../x)", '<p><a rel="nofollow noopener noreferrer">a</a></p>\n'),
        ("[a](#b)", '<p><a rel="nofollow noopener noreferrer">a</a></p>\n'),
        ("[a](//evil.example)", '<p><a rel="nofollow noopener noreferrer">a</a></p>\n'),
        ("[a](javascript:alert%281%29)", "<p>[a](javascript:alert%281%29)</p>\n"),
        ("![a](https://evil.example/x.png)", '<p><img alt="a"></p>\n'),
        ("![a](x.svg)", '<p><img alt="a"></p>\n'),
        ("<script>alert(1)</script>a", "a"),
        ("<i onclick=x>a</i>", "<p><i>a</i></p>\n"),
    ],
)
def test_markdown_leads_to_the_version_or_away_and_loads_nothing(text: str, html: str) -> None:
    assert markdown.render(text, "docs/README.md", Beside("t/m", "v")) == html


def test_pathological_markdown_takes_no_time() -> None:
    started = time.process_time()
    for text in ("[" * 20_000, "> " * 5_000 + "a", "*a_ " * 9_000, "<a " * 20_000):
        assert markdown.render(text, "README.md", Beside("t/m", "v")) is not None
    assert time.process_time() - started < 10  # under coverage, on a busy machine; else one


@pytest.mark.parametrize(
    ("name", "module"),
    [("model.layers.0.q.weight", "model.layers.0"), ("lm_head.weight", "lm_head"), ("weight", "weight"), ("", "")],
)
def test_tensors_belong_to_modules(name: str, module: str) -> None:
    assert module_of(name) == module
