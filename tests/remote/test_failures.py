import json

import pytest

from orchard.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    OrchardError,
    RateLimitedError,
    RemoteError,
    UnauthenticatedError,
    UnsupportedError,
)
from orchard.remote.failures import Refusal, TransientError, printable


def error(status: int, body: object = None, **more: object) -> OrchardError:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    fields = {"host": "r.example", "request": "GET /v2/x", "content_type": "application/json", **more}
    return Refusal(status=status, body=raw, **fields).error(lambda text: text.replace("canary", "(hidden)"))  # type: ignore[arg-type]


def oci(code: str, message: str = "because") -> dict[str, object]:
    return {"errors": [{"code": code, "message": message, "detail": {"a": 1}}]}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RemoteError),
        (401, UnauthenticatedError),
        (403, DeniedError),
        (404, NotFoundError),
        (405, UnsupportedError),
        (408, TransientError),
        (409, ConflictError),
        (418, RemoteError),
        (429, RateLimitedError),
        (429, TransientError),
        (500, TransientError),
        (501, UnsupportedError),
        (502, TransientError),
        (503, TransientError),
        (504, TransientError),
        (507, RemoteError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[OrchardError]) -> None:
    assert isinstance(error(status, oci("SOME_CODE")), kind)
    assert "because" in str(error(status, oci("SOME_CODE")))
    assert "r.example" in str(error(status))


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (oci("DENIED", "rule 7"), "application/json; charset=utf-8", ": DENIED: rule 7"),
        (oci("DENIED", "rule 7"), "application/vnd.oci.error.v1+json", ": DENIED: rule 7"),
        (oci("DENIED", "rule 7"), "text/html", ""),
        (
            {"errors": [{"code": "A"}, {"message": "b"}, {}, 7, {"code": "C"}, {"code": "D"}]},
            "application/json",
            ": A; b; ",
        ),
        ({"details": "incorrect username or password"}, "application/json", ": incorrect username or password"),
        ({"error": "invalid_grant", "error_description": "expired"}, "application/json", ": expired"),
        ({"errors": "no list"}, "application/json", ""),
        ({"message": 7}, "application/json", ""),
        ([1], "application/json", ""),
        (b"not json", "application/json", ""),
        (b'{"a": 1, "a": 2}', "application/json", ""),
        (oci("X", "a\x1b[31m\nb\u202ec"), "application/json", r": X: a\x1b[31m\nb\u202ec"),
        (oci("X", "echo: canary"), "application/json", ": X: echo: (hidden)"),
        (oci("X", "y" * 1000), "application/json", ": X: " + "y" * 497 + "…"),
    ],
)
def test_text_of_an_error_document_is_read_and_made_harmless(body: object, content_type: str, text: str) -> None:
    shown = str(error(418, body, content_type=content_type))

    assert shown == f"r.example: GET /v2/x: 418{text}"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (error(401), "r.example: login required; run: orchard login r.example"),
        (error(401, known=True), "r.example: the stored credential was refused; run: orchard login r.example"),
        (error(403), "r.example: not allowed: GET /v2/x; perhaps after: orchard login r.example"),
        (error(403, oci("DENIED", "rule"), known=True), "r.example: not allowed: GET /v2/x: DENIED: rule"),
        (error(429, retry_after=7.0), "r.example: too many requests; it asks to wait 7 s"),
        (error(429), "r.example: too many requests"),
    ],
)
def test_messages_say_what_to_do_next(found: OrchardError, message: str) -> None:
    assert str(found) == message


@pytest.mark.parametrize(
    ("code", "kind"), [("UNAUTHORIZED", UnauthenticatedError), ("UNSUPPORTED", UnsupportedError), ("X", RemoteError)]
)
def test_code_says_more_than_the_status(code: str, kind: type[OrchardError]) -> None:
    assert isinstance(error(400, oci(code)), kind)


def test_http_sent_to_a_tls_port_names_the_remedy() -> None:
    found = error(400, b"Client sent an HTTP request to an HTTPS server.\n", content_type="")

    assert str(found).startswith("r.example speaks https")


@pytest.mark.parametrize(("status", "transient"), [(400, True), (401, True), (403, True), (404, False), (503, True)])
def test_refusal_of_the_storage_behind_a_redirect_is_a_link_that_ran_out(status: int, *, transient: bool) -> None:
    assert isinstance(error(status, sent_on=True), TransientError) is transient


def test_printable_leaves_usual_text_alone() -> None:
    assert printable("Größe 12 ✓ ok", 100) == "Größe 12 ✓ ok"
