"""A hub that lies, stalls or attacks: each case ends in one clear error or a clean retry, and leaves nothing."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from orchard.errors import (
    DeniedError,
    IntegrityError,
    InvalidDocumentError,
    LimitExceededError,
    OrchardError,
    RateLimitedError,
    RemoteError,
    UnsafePathError,
)
from support.hfserver import TOKEN, Exchange, Fault, HubServer, entry
from support.imports import imported, left

SMALL, LARGE = b"small", b"large" * 5000
FILES = {"config.json": SMALL, "model.safetensors": LARGE}
DEEP = b"[" * 100_000


def answer(body: object, content_type: str = "application/json", **headers: str) -> Fault:
    def fault(exchange: Exchange) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        exchange.reply(200, {"Content-Type": content_type, **headers}, raw)

    return fault


def status(code: int, **headers: str) -> Fault:
    return lambda exchange: exchange.reply(code, headers)


def listing(*entries: dict[str, Any]) -> Fault:
    return answer([*entries])


def changed(path: str, data: bytes, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    return {**entry(path, data), **fields}


@pytest.mark.parametrize(
    ("fault", "kind", "match"),
    [
        (answer(b"<html>login</html>", "text/html"), InvalidDocumentError, "web page.*HF_ENDPOINT"),
        (answer(b"not json"), InvalidDocumentError, "not JSON"),
        (answer(DEEP), LimitExceededError, "nested deeper"),
        (answer([]), InvalidDocumentError, "not an object"),
        (answer({"sha": "../../etc"}), InvalidDocumentError, "names no commit"),
        (answer({}), InvalidDocumentError, "names no commit"),
        (answer(b" " * ((16 << 20) + 1)), LimitExceededError, "more than 16777216 bytes"),
        (status(418), RemoteError, "418"),
        (status(403), DeniedError, "not allowed to read"),
    ],
    ids=["html", "no JSON", "deep", "list", "no commit", "nothing", "endless", "418", "403"],
)
def test_an_answer_that_is_none_of_a_hub_is_refused(
    hub: HubServer, tmp_path: Path, fault: Fault, kind: type[OrchardError], match: str
) -> None:
    hub.model("org/tiny", FILES)
    hub.on("/revision/", fault)
    with pytest.raises(kind, match=match):
        imported(hub, tmp_path, "org/tiny")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("../evil", UnsafePathError),
        ("a/../../evil", UnsafePathError),
        ("/etc/passwd", UnsafePathError),
        ("a\\..\\evil", UnsafePathError),
        ("a\0b", UnsafePathError),
        ("a\nb", UnsafePathError),
        ("a//b", UnsafePathError),
        ("./a", UnsafePathError),
        ("", UnsafePathError),
        ("a/", UnsafePathError),
        ("x" * 300, LimitExceededError),
        ("x/" * 70 + "x", LimitExceededError),
        ("xx/" * 2000 + "x", LimitExceededError),
        ("half \ud800", InvalidDocumentError),
    ],
)
def test_a_path_that_could_not_be_unpacked_is_refused(
    hub: HubServer, tmp_path: Path, path: str, kind: type[OrchardError]
) -> None:
    hub.model("org/tiny", FILES)
    hub.on("/tree/", listing(changed(path, SMALL)))
    with pytest.raises(kind):
        imported(hub, tmp_path, "org/tiny")
    assert hub.paths("/resolve/") == []
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ([{"type": "file"}], "has no path"),
        ([changed("a", SMALL, type="symlink")], "neither file nor directory"),
        ([changed("a", SMALL, size=-1)], "no size"),
        ([changed("a", SMALL, size="5")], "no size"),
        ([changed("a", SMALL, size=1 << 60)], "no size"),
        ([changed("a", LARGE, size=7)], "no size"),
        ([changed("a", SMALL, oid="zz")], "no hash"),
        ([changed("a", LARGE, lfs={"oid": "../x", "size": len(LARGE)})], "no SHA-256"),
        ([entry("a", SMALL), entry("a", LARGE)], "lists 'a' twice"),
        ([entry("a", SMALL), entry("a/b/c", SMALL)], "'a' is a file and a directory"),
        (["a"], "not an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_listing_that_contradicts_itself_is_refused(
    hub: HubServer, tmp_path: Path, entries: list[Any], match: str
) -> None:
    hub.model("org/tiny", FILES)
    hub.on("/tree/", answer(entries))
    with pytest.raises(InvalidDocumentError, match=match):
        imported(hub, tmp_path, "org/tiny")
    assert left(tmp_path) == []


def test_names_that_differ_only_by_case_are_imported_and_warned_of(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"a.onnx": SMALL, "A.onnx": SMALL})
    packed = imported(hub, tmp_path, "org/tiny")
    assert len(packed.layers) == 2
    assert any("one name on some systems" in text for text in packed.warnings)


@pytest.mark.parametrize(
    ("link", "match"),
    [
        ("<http://127.0.0.1:1/steal>; rel=next", "goes on at http://127.0.0.1:1; refused"),
        ("<{self}>; rel=next", "does not end"),
        ("<file:///etc/passwd>; rel=next", "not a URL"),
    ],
    ids=["elsewhere", "circle", "file"],
)
def test_pages_that_lead_elsewhere_or_nowhere_are_refused(
    hub: HubServer, tmp_path: Path, link: str, match: str
) -> None:
    commit = hub.model("org/tiny", FILES)
    here = f"{hub.url}/api/models/org/tiny/tree/{commit}?recursive=true&expand=false"
    hub.on("/tree/", answer([], Link=link.replace("{self}", here)), times=99)
    with pytest.raises(RemoteError, match=match):
        imported(hub, tmp_path, "org/tiny", token=TOKEN)
    assert left(tmp_path) == []


def test_endless_pages_end(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)

    def more(exchange: Exchange) -> None:
        number = int(exchange.seen.query.get("cursor", ["0"])[0]) + 1
        many = [entry(f"{number}/{index}", SMALL) for index in range(1000)]
        exchange.json(many, {"Link": f'<{hub.url}{exchange.seen.path}?cursor={number}>; rel="next"'})

    hub.on("/tree/", more, times=100_000)
    with pytest.raises(LimitExceededError, match="more than 120000 files"):
        imported(hub, tmp_path, "org/tiny")


@pytest.mark.parametrize("path", ["config.json", "model.safetensors"])
def test_content_that_is_not_what_was_listed_is_refused(hub: HubServer, tmp_path: Path, path: str) -> None:
    commit = hub.model("org/tiny", FILES)
    real = [entry(name, data) for name, data in FILES.items()]
    hub.on("/tree/", answer(real))
    hub.models["org/tiny"].commits[commit] = {**FILES, path: FILES[path].swapcase()}
    with pytest.raises(IntegrityError, match=rf"{path}: the content does not match"):
        imported(hub, tmp_path, "org/tiny")
    assert not any(name.startswith("blobs") and _holds(tmp_path, name, b"LARGE") for name in left(tmp_path))


def _holds(home: Path, name: str, data: bytes) -> bool:
    return data in (home / "layout" / name).read_bytes()


@pytest.mark.parametrize("data", [LARGE + b"x", LARGE[:-1]], ids=["longer", "shorter"])
def test_a_size_that_is_a_lie_is_refused(hub: HubServer, tmp_path: Path, data: bytes) -> None:
    hub.model("org/tiny", {"model.safetensors": LARGE})
    hub.on("/store/", lambda exchange: exchange.content(data), times=9)
    with pytest.raises(IntegrityError, match="were promised"):
        imported(hub, tmp_path, "org/tiny")
    assert left(tmp_path) == []


def test_more_bytes_than_listed_are_not_read(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"model.safetensors": LARGE})

    def pour(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        piece = LARGE[:20_000]
        for _ in range(1000):
            exchange.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    hub.on("/store/", pour, times=9)
    with pytest.raises((IntegrityError, LimitExceededError), match="more than 25000 bytes"):
        imported(hub, tmp_path, "org/tiny")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("target", "match"),
    [("http://169.254.169.254/latest/meta-data", "redirects to 169.254.169.254"), ("file:///etc/passwd", "not a URL")],
)
def test_a_redirect_to_where_nothing_may_lead_is_refused(
    hub: HubServer, tmp_path: Path, target: str, match: str
) -> None:
    hub.model("org/tiny", FILES)
    hub.on("/resolve/", status(302, Location=target), times=9)
    with pytest.raises(OrchardError, match=match):
        imported(hub, tmp_path, "org/tiny", token=TOKEN)


def test_a_redirect_to_another_origin_gets_no_token(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    hub.on("/resolve/", status(302, Location=f"{hub.storage}/steal"), times=9)
    with pytest.raises(OrchardError, match="sent on to"):
        imported(hub, tmp_path, "org/tiny", token=TOKEN)
    stolen = [seen for seen in hub.seen if seen.origin == "storage"]
    assert stolen
    assert all("authorization" not in seen.headers for seen in stolen)


@pytest.mark.parametrize("place", ["/revision/", "/tree/", "/resolve/", "/store/"])
@pytest.mark.parametrize("code", [429, 500, 503])
def test_what_passes_is_tried_again(hub: HubServer, tmp_path: Path, place: str, code: int) -> None:
    hub.model("org/tiny", FILES)
    hub.on(place, status(code, **{"Retry-After": "0"}), times=2)
    assert len(imported(hub, tmp_path, "org/tiny").layers) == 2


def test_a_wait_that_is_too_long_is_an_error(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", FILES)
    hub.on("/tree/", status(429, **{"Retry-After": "3600"}), times=9)
    with pytest.raises(RateLimitedError, match="asks to wait 3600 s"):
        imported(hub, tmp_path, "org/tiny")


def test_a_server_that_drips_is_given_up(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"model.safetensors": LARGE})

    def drip(exchange: Exchange) -> None:
        exchange.reply(200, {}, b"", length=len(LARGE))
        for _ in range(100):
            exchange.wfile.write(b"x")
            exchange.wfile.flush()
            time.sleep(0.05)  # noqa: TID251 -- the attack is slowness

    hub.on("/store/", drip, times=99)
    with pytest.raises(RemoteError, match="stalled"):
        imported(hub, tmp_path, "org/tiny")
    assert left(tmp_path) == []


def test_a_body_that_always_ends_early_is_given_up(hub: HubServer, tmp_path: Path) -> None:
    hub.model("org/tiny", {"model.safetensors": LARGE})

    def cut(exchange: Exchange) -> None:
        exchange.reply(200, {}, b"", length=len(LARGE))
        exchange.close_connection = True

    hub.on("/store/", cut, times=99)
    with pytest.raises(RemoteError, match=r"broke|ends after"):
        imported(hub, tmp_path, "org/tiny")
    assert left(tmp_path) == []


def test_a_commit_that_is_not_the_one_asked_for_is_refused(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.model("org/tiny", FILES)
    hub.on("/revision/", answer({"sha": "f" * 40}))
    with pytest.raises(IntegrityError, match="gives commit ffff"):
        imported(hub, tmp_path, "org/tiny", ref=commit)


def test_a_branch_that_moves_meanwhile_changes_nothing(hub: HubServer, tmp_path: Path) -> None:
    first = hub.model("org/tiny", FILES)

    def move(_: Exchange) -> bool:
        hub.model("org/tiny", {"config.json": b"other", "more": b""})
        return False

    hub.on("/tree/", move)
    packed = imported(hub, tmp_path, "org/tiny")
    assert packed.manifest.annotations["org.opencontainers.image.revision"] == first
    assert len(packed.layers) == 2
