import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest

from orchard.errors import DeniedError, NotFoundError, RemoteError, UnauthenticatedError
from orchard.remote import Credential, Given
from orchard.remote.auth import Authenticator, Scope
from orchard.remote.origin import Url
from support.clients import FakeTime

HOST = "r.example"
BEARER = 'Bearer realm="https://auth.r.example/token",service="svc",scope="repository:*:*"'
ANA = Credential("ana", "canary")
BASIC = "Basic " + b64encode(b"ana:canary").decode()


@dataclass
class Service:
    """A token service that numbers its tokens."""

    extra: dict[str, object] = field(default_factory=lambda: {"expires_in": 300})
    key: str = "token"
    asked: list[tuple[str, Url, dict[str, str], bytes | None]] = field(default_factory=list)
    no_post: bool = False
    body: bytes | None = None

    def __call__(self, method: str, url: Url, *, headers: Mapping[str, str], form: bytes | None) -> bytes:
        self.asked.append((method, url, dict(headers), form))
        if method == "POST" and self.no_post:
            raise NotFoundError("no POST here")
        return self.body or json.dumps({self.key: f"t{len(self.asked)}", **self.extra}).encode()

    @property
    def scopes(self) -> list[list[str]]:
        return [parse_qs(url.query).get("scope", []) for _, url, _, _ in self.asked]


def authenticator(
    service: Service, credential: Credential | None = ANA, clock: FakeTime | None = None
) -> Authenticator:
    return Authenticator(
        Url.parse(f"https://{HOST}").origin,
        HOST,
        credentials=Given(HOST, credential),
        ask=service,
        timing=(clock or FakeTime()).timing,
        realms={},
    )


def test_header_before_any_challenge_is_none() -> None:
    assert authenticator(Service()).header(Scope.pull("x")) is None


def test_basic_is_answered_and_then_sent_at_once() -> None:
    auth = authenticator(Service())

    assert auth.answer(['Basic realm="r"'], Scope.pull("x"), rejected=None) == BASIC
    assert auth.header(Scope.push("y")) == BASIC


def test_basic_without_a_credential_asks_for_a_login() -> None:
    with pytest.raises(UnauthenticatedError, match=r"r\.example: login required; run: orchard login r\.example"):
        authenticator(Service(), None).answer(["Basic"], Scope(), rejected=None)


def test_basic_that_was_refused_is_not_sent_again() -> None:
    with pytest.raises(UnauthenticatedError, match="the stored credential was refused"):
        authenticator(Service()).answer(["Basic"], Scope(), rejected=BASIC)


@pytest.mark.parametrize("lines", [[], ['Negotiate, Digest realm="x"'], ["???"]])
def test_unknown_challenges_are_named(lines: list[str]) -> None:
    with pytest.raises(UnauthenticatedError, match=r"not supported \((none|digest, negotiate)\)"):
        authenticator(Service()).answer(lines, Scope(), rejected=None)


def test_bearer_is_preferred_to_basic() -> None:
    header = authenticator(Service()).answer(["Basic realm=x", BEARER], Scope.pull("x"), rejected=None)

    assert header == "Bearer t1"


def test_scope_is_ours_whatever_the_challenge_asks_for() -> None:
    service = Service()

    authenticator(service).answer([BEARER], Scope.pull("team/model"), rejected=None)

    method, url, headers, form = service.asked[0]
    assert (method, headers, form) == ("GET", {"Authorization": BASIC}, None)
    assert parse_qs(url.query) == {
        "service": ["svc"],
        "scope": ["repository:team/model:pull"],
        "account": ["ana"],
        "client_id": ["orchard"],
    }


def test_mount_asks_for_two_scopes() -> None:
    service = Service()

    authenticator(service).answer([BEARER], Scope.push("a").and_pull("b"), rejected=None)

    assert service.scopes == [["repository:a:pull,push", "repository:b:pull"]]


def test_anonymous_asks_for_a_token_without_saying_who() -> None:
    service = Service()

    header = authenticator(service, None).answer(['Bearer realm="https://r.example/t"'], Scope(), rejected=None)

    assert header == "Bearer t1"
    assert str(service.asked[0][1]) == "https://r.example/t?client_id=orchard"
    assert service.asked[0][2] == {}


def test_token_is_kept_for_its_scope_and_serves_a_narrower_one() -> None:
    service = Service(key="access_token")
    auth = authenticator(service)
    auth.answer([BEARER], Scope.push("x"), rejected=None)

    headers = [auth.header(scope) for scope in (Scope.push("x"), Scope.pull("x"), Scope.pull("y"), Scope.delete("x"))]

    assert headers == ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t3"]


@pytest.mark.parametrize(
    ("extra", "good_for"),
    [
        ({"expires_in": 300}, 270),
        ({"expires_in": 10}, 8),
        ({}, 48),
        ({"expires_in": -5}, 48),
        ({"expires_in": "300"}, 48),
        ({"expires_in": True}, 48),
    ],
)
def test_token_is_renewed_shortly_before_it_ends(extra: dict[str, object], good_for: float) -> None:
    clock = FakeTime()
    auth = authenticator(Service(extra), clock=clock)
    auth.answer([BEARER], Scope.pull("x"), rejected=None)

    clock.now += good_for - 0.1
    before = auth.header(Scope.pull("x"))
    clock.now += 0.2

    assert (before, auth.header(Scope.pull("x"))) == ("Bearer t1", "Bearer t2")


def test_token_that_was_refused_is_replaced_once_for_all_who_held_it() -> None:
    service = Service()
    auth = authenticator(service)
    first = auth.answer([BEARER], Scope.pull("x"), rejected=None)

    again = [auth.answer([BEARER], Scope.pull("x"), rejected=first) for _ in range(3)]

    assert again == ["Bearer t2"] * 3
    assert len(service.asked) == 2


def test_token_that_comes_back_refused_and_unchanged_is_not_sent_again() -> None:
    auth = authenticator(Service(body=b'{"token": "same"}'))
    first = auth.answer([BEARER], Scope.pull("x"), rejected=None)

    with pytest.raises(UnauthenticatedError, match="the stored credential was refused"):
        auth.answer([BEARER], Scope.pull("x"), rejected=first)


def test_identity_token_is_exchanged_by_post() -> None:
    service = Service(key="access_token")

    header = authenticator(service, Credential("ana", identity_token="re/fresh+&")).answer(
        [BEARER], Scope.push("x"), rejected=None
    )

    method, url, headers, form = service.asked[0]
    assert header == "Bearer t1"
    assert (method, str(url), headers) == (
        "POST",
        "https://auth.r.example/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert parse_qs((form or b"").decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["re/fresh+&"],
        "service": ["svc"],
        "client_id": ["orchard"],
        "scope": ["repository:x:pull,push"],
    }


def test_identity_token_goes_as_a_password_where_post_is_unknown() -> None:
    service = Service(no_post=True)

    authenticator(service, Credential(identity_token="refresh")).answer([BEARER], Scope(), rejected=None)

    wanted = "Basic " + b64encode(b"<token>:refresh").decode()
    assert [(method, headers.get("Authorization")) for method, _, headers, _ in service.asked] == [
        ("POST", None),
        ("GET", wanted),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"token": ""}',
        b'{"token": 7}',
        b'{"token": "a b"}',
        b'{"token": "a\\r\\nX: y"}',
        '{"token": "ü"}'.encode(),
    ],
)
def test_answer_without_a_token_is_an_error(body: bytes) -> None:
    with pytest.raises(RemoteError, match="holds no token"):
        authenticator(Service(body=body)).answer([BEARER], Scope(), rejected=None)


def test_answer_that_is_no_json_is_an_error() -> None:
    with pytest.raises(RemoteError, match="cannot be read"):
        authenticator(Service(body=b"<html>")).answer([BEARER], Scope(), rejected=None)


@pytest.mark.parametrize(
    "realm",
    [
        "https://evil.example/token",
        "http://r.example/token",
        "http://169.254.169.254/latest",
        "https://r.example@evil.example/token",
        "https://evil.example\\@r.example/",
        "ftp://r.example/",
    ],
)
def test_realm_elsewhere_gets_nothing(realm: str) -> None:
    service = Service()

    with pytest.raises(DeniedError, match=r"r\.example"):
        authenticator(service).answer([f'Bearer realm="{realm.replace(chr(92), chr(92) * 2)}"'], Scope(), rejected=None)

    assert service.asked == []


def test_realm_that_is_missing_is_an_error() -> None:
    with pytest.raises(UnauthenticatedError, match="names no token service"):
        authenticator(Service()).answer(["Bearer"], Scope(), rejected=None)


def test_realm_that_is_relative_is_at_the_registry() -> None:
    service = Service()

    authenticator(service).answer(['Bearer realm="/token"'], Scope(), rejected=None)

    assert str(service.asked[0][1].origin) == "https://r.example"


def test_scrub_hides_passwords_tokens_and_their_encodings() -> None:
    auth = authenticator(Service(body=b'{"token": "canary-token"}'))
    auth.answer([BEARER], Scope(), rejected=None)

    text = auth.scrub(f"{BASIC} canary-token canary Bearer canary-token")

    assert text == "Basic (hidden) (hidden) (hidden) Bearer (hidden)"


def test_scrub_leaves_what_is_too_short_to_be_a_secret() -> None:
    auth = authenticator(Service(), Credential("ana", "a"))
    auth.credential()

    assert auth.scrub("a banana") == "a banana"
