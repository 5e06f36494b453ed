"""The page that compares two versions: what differs first, then line by line; whole without a script, safe whatever."""

from urllib.parse import quote

import pytest

from orchard.formats import LayerKind
from orchard.hub.jobs.studying import Understander
from support.archive_tars import member, tar
from support.hubinside import Inside
from support.modelfiles import safetensors_by_hand
from support.pages import app
from support.versions import Made, bring, kit
from support.webpage import visit

NAME = "team/model"
EVIL = "<script>alert(1)</script>"


def made(number: int, *, name: str = "train.py") -> Made:
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    weights = safetensors_by_hand({f"layer.{EVIL}": entry}, bytes([number]) * 24)
    kitfile = f"""\
package: {{name: digits, license: "{"MIT" if number == 1 else EVIL}"}}
model: {{name: net, path: net, parameters: {{lr: 0.{number}, metrics: {{accuracy: 0.9{number}, loss: 0.{number}}}}}}}
code: [{{path: src}}]
"""
    code = f"import net\nlr = 0.{number}\n# {EVIL}\n" + ("net.save()\n" if number == 2 else "")
    return kit(
        kitfile,
        (LayerKind.MODEL, "net", tar(member("net/model.safetensors", weights)).read(), "tar"),
        (LayerKind.CODE, "src", tar(member(f"src/{name}", code.encode())).read(), "tar"),
    )


@pytest.fixture
def pair(hub: Inside) -> Inside:
    for number in (1, 2):
        digest = bring(hub, NAME, f"v{number}", made(number))
        Understander(hub.premises, lambda *_: None).understand(NAME, digest)
    return hub


def seen(hub: Inside, query: str) -> tuple[int, str, str]:
    """Look at the page: its status, what people read, and what was sent."""
    answer = visit(app(hub.registry), f"/r/{NAME}/-/compare{query}")
    return answer.status, " ".join(answer.page.text.split()), answer.text


def test_page_says_what_differs_what_matters_most_first(pair: Inside) -> None:
    status, text, sent = seen(pair, "?base=v1&head=v2")
    assert status == 200
    places = [sent.index(f'id="{leaf}"') for leaf in ("licence", "metrics", "parameters", "tensors", "code")]
    assert places == sorted(places)
    assert "accuracy 0.91 0.92 +0.01 (+1.1 %) better" in text
    assert "loss 0.1 0.2 +0.1 (+100 %) worse" in text
    assert "lr 0.1 0.2 +0.1 (+100 %)" in text
    assert "src/train.py" in text
    assert "+2 -1 lines" in text
    assert "6 parameters 6 parameters 1 changed" in text
    assert EVIL not in sent


def test_file_is_shown_side_by_side(pair: Inside) -> None:
    status, text, sent = seen(pair, "?base=v1&head=v2&file=src/train.py")
    assert status == 200
    assert "2 removed: lr = 0.1 2 added: lr = 0.2" in text
    assert "4 added: net.save()" in text
    assert EVIL not in sent
    assert "Is the same in both versions" not in text
    missing = seen(pair, f"?base=v1&head=v2&file={quote(EVIL)}")
    assert (missing[0], "is the same in both versions, or in none of them" in missing[1]) == (200, True)


def test_newest_two_are_compared_if_none_is_named_and_can_be_swapped(pair: Inside) -> None:
    digests = [str(pair.registry.readable(pair.who, NAME).manifest(tag).digest) for tag in ("v1", "v2")]
    status, _, sent = seen(pair, "")
    assert status == 200
    first, second = (quote(digest, safe="") for digest in digests)
    assert f"compare?base={second}&amp;head={first}" in sent


def test_same_version_and_same_content_are_said(pair: Inside) -> None:
    assert "Both are the same version." in seen(pair, "?base=v1&head=v1")[1]
    digest = bring(pair, "other/net", "v1", made(1, name="other.py"))
    Understander(pair.premises, lambda *_: None).understand("other/net", digest)
    status, text, _ = seen(pair, "?base=v1&head=other/net:v1")
    assert (status, "src/other.py" in text, "src/train.py" in text) == (200, True, True)


def test_version_that_nobody_looked_into_is_said(pair: Inside) -> None:
    bring(pair, NAME, "v3", made(3))
    _, text, _ = seen(pair, "?base=v1&head=v3")
    assert "Not all of it: files were not compared" in text


@pytest.mark.parametrize(
    ("query", "status"), [("?base=v1&head=v9", 404), ("?base=.&head=v1", 400), ("?base=nobody/x:v1&head=v1", 404)]
)
def test_what_is_not_there_has_a_page_that_helps(pair: Inside, query: str, status: int) -> None:
    found, text, _ = seen(pair, query)
    assert found == status
    assert "What you can do" in text
