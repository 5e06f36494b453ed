"""Registry tokens: the challenge, the token endpoint, and everything that a forged or borrowed token must not do."""

import base64
import hmac
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from orchard.errors import UnauthenticatedError
from orchard.hub.access import ANONYMOUS, Asked, Name, Party, People, Principal, Role, Visibility, Wanted
from orchard.hub.http.asgi import Receive, Scope, Send
from orchard.hub.http.meters import Meters
from orchard.hub.http.watched import Watched
from orchard.oci import Digest
from support.hubclient import Answer, kind_of, manifest
from support.hubinside import Inside, MakeHub
from support.hubs import basic
from support.people import OPERATOR, PASSWORD, firm, give, new_door, new_tickets, people

MODEL = "ml/model"
DATA = b"0123456789"
DIGEST = Digest.of(DATA)
SCOPE = f"repository:{MODEL}:pull,push"
ADDRESS = "192.0.2.1"


def secret_of(found: People, user: str, *, name: str = "laptop", ends: datetime | None = None) -> str:
    """Make a token of an account."""
    wanted = Wanted(name=name, scopes=frozenset(("pull", "push", "delete")), expires_at=ends)
    return found.tokens.create(OPERATOR, user, wanted)[1]


def robot_of(found: People, namespace: str, *scopes: str) -> str:
    return found.tokens.create_robot(OPERATOR, namespace, Wanted(name="ci", scopes=frozenset(scopes)))[1]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    hub = make_hub(people=firm)
    writer = basic("ml-writer", secret_of(hub.people, "ml-writer", name="setup"))
    location = hub.begin(MODEL, headers={"authorization": writer})
    assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA, {"authorization": writer}).status == 201
    return hub


@pytest.fixture
def inside() -> Iterator[People]:
    with people() as found:
        firm(found)
        yield found


def ask(hub: Inside, *scopes: str, who: tuple[str, str] | None = None, **parameters: str) -> Answer:
    """Ask the token endpoint, as ``docker`` does."""
    query = urlencode([("service", "orchard"), *parameters.items(), *(("scope", scope) for scope in scopes)])
    headers = {} if who is None else {"authorization": basic(*who)}
    return hub.request("GET", f"/token?{query}", headers=headers)


def post(hub: Inside, **parameters: str) -> Answer:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return hub.request("POST", "/token", urlencode(parameters).encode(), headers)


def access(answer: Answer) -> list[Any]:
    """Read what a token is for."""
    payload = answer.json["token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return [(entry["name"], entry["actions"]) for entry in claims["access"]]


def bearer(token: Answer | str) -> dict[str, str]:
    return {"authorization": f"Bearer {token if isinstance(token, str) else token.json['token']}"}


def test_hot_manifest_is_given_to_whoever_shows_a_ticket_by_few_calls(hub: Inside) -> None:
    # A clock would tell more of the machine than of the code. It was 92 calls before there was a short cut (ADR 0071).
    token = bearer(ask(hub, SCOPE, who=("ml-writer", secret_of(hub.people, "ml-writer"))))
    raw = manifest(DATA)
    put = hub.request("PUT", f"/v2/{MODEL}/manifests/v1", raw, {**token, "content-type": kind_of(raw)})
    assert put.status == 201
    usual, calls = hub.app, 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        sys.setprofile(count)
        try:
            await usual(scope, receive, send)
        finally:
            sys.setprofile(None)

    hub.app = Watched(counted, Meters(), log_all=False)
    for _ in range(3):
        calls = 0
        assert hub.get(f"/v2/{MODEL}/manifests/v1", **token).body == raw
    assert 0 < calls <= 45


# The challenge ----------------------------------------------------------------------------------------------------

CHALLENGES = [
    ("GET", "/v2/", ""),
    ("GET", "/v2/_catalog", "registry:catalog:*"),
    ("GET", f"/v2/{MODEL}/manifests/v1", f"repository:{MODEL}:pull"),
    ("HEAD", f"/v2/{MODEL}/blobs/{DIGEST}", f"repository:{MODEL}:pull"),
    ("GET", f"/v2/{MODEL}/tags/list", f"repository:{MODEL}:pull"),
    ("GET", f"/v2/{MODEL}/referrers/{DIGEST}", f"repository:{MODEL}:pull"),
    ("PUT", f"/v2/{MODEL}/manifests/v1", f"repository:{MODEL}:pull,push"),
    ("POST", f"/v2/{MODEL}/blobs/uploads/", f"repository:{MODEL}:pull,push"),
    ("PATCH", f"/v2/{MODEL}/blobs/uploads/{'a' * 32}", f"repository:{MODEL}:pull,push"),
    ("GET", f"/v2/{MODEL}/blobs/uploads/{'a' * 32}", f"repository:{MODEL}:pull,push"),
    ("DELETE", f"/v2/{MODEL}/manifests/v1", f"repository:{MODEL}:delete"),
    ("DELETE", f"/v2/{MODEL}/blobs/{DIGEST}", f"repository:{MODEL}:delete"),
    (
        "POST",
        f"/v2/{MODEL}/blobs/uploads/?mount={DIGEST}&from=ops/model",
        f"repository:{MODEL}:pull,push repository:ops/model:pull",
    ),
    ("POST", f'/v2/{MODEL}/blobs/uploads/?mount={DIGEST}&from=x",evil="', f"repository:{MODEL}:pull,push"),
]


@pytest.mark.parametrize(("method", "target", "scope"), CHALLENGES)
def test_challenge_says_where_a_token_is_to_be_had_and_what_for(
    hub: Inside, method: str, target: str, scope: str
) -> None:
    answer = hub.request(method, target)
    asked = f',scope="{scope}"' if scope else ""
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == (
        f'Bearer realm="http://127.0.0.1:5000/token",service="orchard"{asked}'
    )
    assert method == "HEAD" or answer.code == "UNAUTHORIZED"


@pytest.mark.parametrize(
    ("headers", "realm"),
    [
        ({"host": "hub.example.com"}, "http://hub.example.com/token"),
        ({"host": "[::1]:5000"}, "http://[::1]:5000/token"),
        ({"host": "hub.example.com", "x-forwarded-proto": "https"}, "https://hub.example.com/token"),
        ({"host": "hub.example.com", "x-forwarded-host": "evil.example"}, "http://hub.example.com/token"),
        ({"host": 'evil.example",service="x'}, "http://127.0.0.1:5000/token"),
        ({"host": "user@evil.example"}, "http://127.0.0.1:5000/token"),
        ({"host": "evil.example/path"}, "http://127.0.0.1:5000/token"),
        ({"host": ""}, "http://127.0.0.1:5000/token"),
    ],
)
def test_realm_is_the_address_that_was_asked_and_nothing_else(hub: Inside, headers: dict[str, str], realm: str) -> None:
    assert f'realm="{realm}"' in hub.request("GET", "/v2/", headers=headers).headers["www-authenticate"]


def test_realm_is_the_address_that_the_hub_was_told(make_hub: MakeHub) -> None:
    hub = make_hub(people=firm, url="https://hub.example.com")
    answer = hub.request("GET", "/v2/", headers={"host": "evil.example"})
    assert 'realm="https://hub.example.com/token"' in answer.headers["www-authenticate"]


# The token endpoint -----------------------------------------------------------------------------------------------


def test_answer_is_as_the_specification_says(hub: Inside) -> None:
    answer = ask(hub, SCOPE, who=("ml-writer", secret_of(hub.people, "ml-writer")))
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json["token"] == answer.json["access_token"]
    assert answer.json["expires_in"] == 300
    assert datetime.fromisoformat(answer.json["issued_at"]).timestamp() == hub.clock.time
    assert set(answer.json) == {"token", "access_token", "expires_in", "issued_at"}
    assert access(answer) == [(MODEL, ["pull", "push"])]


PARTIAL = [
    ("ml-reader", f"repository:{MODEL}:pull,push", [(MODEL, ["pull"])]),
    ("ml-writer", f"repository:{MODEL}:*", [(MODEL, ["pull", "push"])]),
    ("ml-maintainer", f"repository:{MODEL}:*", [(MODEL, ["pull", "push", "delete"])]),
    ("ml-writer", f"repository:{MODEL}:pull repository:ops/model:pull", [(MODEL, ["pull"])]),
    ("eve", f"repository:{MODEL}:pull,push", []),
    ("ml-owner", f"repository:{MODEL}:own,govern", []),
    ("ml-owner", f"repository(plugin):{MODEL}:pull", []),
    ("ml-owner", f"repository:localhost:5000/{MODEL}:pull", []),
    ("ml-owner", "repository:../x:pull repository::pull repository x:y:z :: repository:UP:pull", []),
    ("ml-owner", "registry:catalog:*", [("catalog", ["*"])]),
    ("ml-owner", "", []),
]


@pytest.mark.parametrize(("who", "scope", "granted"), PARTIAL)
def test_token_is_for_what_is_asked_and_allowed_and_never_an_error(
    hub: Inside, who: str, scope: str, granted: list[Any]
) -> None:
    answer = ask(hub, scope, who=(who, secret_of(hub.people, who)))
    assert (answer.status, access(answer)) == (200, granted)


def test_scopes_may_be_repeated_or_stand_in_one_parameter(hub: Inside) -> None:
    who = ("ml-writer", secret_of(hub.people, "ml-writer"))
    scopes = (f"repository:{MODEL}:pull", "repository:ml/other:push")
    assert access(ask(hub, *scopes, who=who)) == access(ask(hub, " ".join(scopes), who=who))


@pytest.mark.parametrize("header", [{}, {"authorization": basic("", "")}], ids=["nothing", "empty"])
def test_whoever_shows_nothing_gets_a_token_for_what_is_public(hub: Inside, header: dict[str, str]) -> None:
    def pull() -> int:
        token = hub.request("GET", f"/token?scope={SCOPE}", headers=header)
        assert token.status == 200
        return hub.request("GET", f"/v2/{MODEL}/blobs/{DIGEST}", headers=bearer(token)).status

    assert pull() == 401
    hub.people.namespaces.set_visibility(OPERATOR, "ml", Visibility.PUBLIC)
    assert pull() == 200


def test_login_without_an_account_opens_the_root_but_not_without_a_token(hub: Inside) -> None:
    assert hub.request("GET", "/v2/").status == 401
    assert hub.request("GET", "/v2/", headers=bearer(ask(hub))).status == 200


@pytest.mark.parametrize("way", ["header", "form"])
def test_wrong_password_is_refused(hub: Inside, way: str) -> None:
    hub.people.users.set_password(OPERATOR, "eve", PASSWORD)
    if way == "header":
        good, bad = ask(hub, who=("eve", PASSWORD)), ask(hub, who=("eve", "guess"))
    else:
        good = post(hub, grant_type="password", username="eve", password=PASSWORD, scope=SCOPE)
        bad = post(hub, grant_type="password", username="eve", password="guess")
    assert (good.status, bad.status, bad.code) == (200, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("grant", ["password", "refresh_token"])
def test_form_takes_a_token_made_by_people(hub: Inside, grant: str) -> None:
    secret = secret_of(hub.people, "ml-writer")
    proof = {"username": "any", "password": secret} if grant == "password" else {"refresh_token": secret}
    answer = post(hub, grant_type=grant, service="orchard", client_id="containerd", scope=SCOPE, **proof)
    assert (answer.status, access(answer)) == (200, [(MODEL, ["pull", "push"])])


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "authorization_code"}, 400),
        ({}, 400),
        ({"grant_type": "password", "username": "eve"}, 401),
        ({"grant_type": "refresh_token"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "guess"}, 401),
        ({"grant_type": "password", "username": "eve", "password": "x" * 2000}, 400),
        ({"grant_type": "password", "password": "x" * 70_000}, 413),
        ({f"p{number}": "1" for number in range(200)}, 400),
    ],
    ids=["other grant", "no grant", "no password", "no token", "wrong token", "long", "too long", "many"],
)
def test_form_that_is_none_is_refused(hub: Inside, form: dict[str, str], status: int) -> None:
    assert post(hub, **form).status == status


def test_token_endpoint_wants_a_form_and_knows_two_methods(hub: Inside) -> None:
    assert hub.request("POST", "/token", b"{}", {"content-type": "application/json"}).status == 400
    assert hub.request("PUT", "/token").headers["allow"] == "GET, POST"
    assert hub.request("GET", "/token", headers={"authorization": "Basic ???"}).status == 400
    assert hub.request("GET", "/token", headers={"authorization": basic("eve", "x" * 1_000_000)}).status == 400


def test_ticket_is_not_exchanged_for_another(hub: Inside) -> None:
    ticket = ask(hub, SCOPE, who=("ml-writer", secret_of(hub.people, "ml-writer")))
    assert hub.request("GET", f"/token?scope={quote(SCOPE)}", headers=bearer(ticket)).status == 401


# What a token is good for -----------------------------------------------------------------------------------------


def use(hub: Inside, headers: dict[str, str], name: str = MODEL) -> dict[str, int]:
    """Try to pull, push and delete; give the statuses."""
    return {
        "pull": hub.request("GET", f"/v2/{name}/blobs/{DIGEST}", headers=headers).status,
        "push": hub.request("POST", f"/v2/{name}/blobs/uploads/", headers=headers).status,
        "delete": hub.request("DELETE", f"/v2/{name}/manifests/v1", headers=headers).status,
    }


def test_ticket_is_good_for_what_it_says(hub: Inside) -> None:
    who = ("ml-maintainer", secret_of(hub.people, "ml-maintainer"))
    assert use(hub, bearer(ask(hub, f"repository:{MODEL}:*", who=who))) == {"pull": 200, "push": 202, "delete": 404}
    narrow = hub.request(
        "POST", f"/v2/{MODEL}/blobs/uploads/", headers=bearer(ask(hub, f"repository:{MODEL}:pull", who=who))
    )
    assert narrow.status == 401
    hint = f'scope="repository:{MODEL}:pull,push",error="insufficient_scope"'
    assert narrow.headers["www-authenticate"].endswith(hint)


def test_account_that_may_not_is_denied_and_not_sent_for_another_token(hub: Inside) -> None:
    reader = bearer(ask(hub, SCOPE, who=("ml-reader", secret_of(hub.people, "ml-reader"))))
    assert use(hub, reader) == {"pull": 200, "push": 403, "delete": 403}
    stranger = bearer(ask(hub, SCOPE, who=("eve", secret_of(hub.people, "eve"))))
    assert use(hub, stranger) == use(hub, stranger, "ml/absent") == {"pull": 403, "push": 403, "delete": 403}


@pytest.mark.parametrize("name", ["ml/mode", "ml/model2", "ml/model/sub", "ml", "xml/model"])
def test_ticket_for_one_name_is_none_for_names_like_it(hub: Inside, name: str) -> None:
    hub.people.users.update(OPERATOR, "eve", site_admin=True)
    ticket = bearer(ask(hub, f"repository:{MODEL}:*", who=("eve", secret_of(hub.people, "eve"))))
    assert set(use(hub, ticket, name).values()) == {401}


def test_mount_needs_a_token_for_the_source(hub: Inside) -> None:
    who = ("ml-writer", secret_of(hub.people, "ml-writer"))
    target = f"/v2/ml/copy/blobs/uploads/?mount={DIGEST}&from={MODEL}"
    alone = bearer(ask(hub, "repository:ml/copy:pull,push", who=who))
    both = bearer(ask(hub, "repository:ml/copy:pull,push", f"repository:{MODEL}:pull", who=who))
    assert hub.request("POST", target, headers=alone).status == 202
    assert hub.request("POST", target.partition("&")[0], headers=alone).status == 202
    assert hub.request("POST", target, headers=both).status == 201


def test_catalog_shows_what_somebody_may_read_to_whoever_asked_for_it(hub: Inside) -> None:
    writer = ("ml-writer", secret_of(hub.people, "ml-writer"))
    raw = manifest(DATA)
    kind = {"content-type": kind_of(raw)}
    ticket = bearer(ask(hub, SCOPE, who=writer))
    assert hub.request("PUT", f"/v2/{MODEL}/manifests/v1", raw, {**kind, **ticket}).status == 201

    def listed(who: tuple[str, str] | None) -> object:
        shown = bearer(ask(hub, "registry:catalog:*", who=who))
        return hub.request("GET", "/v2/_catalog", headers=shown).json["repositories"]

    assert listed(writer) == [MODEL]
    assert listed(None) == listed(("eve", secret_of(hub.people, "eve"))) == []
    assert hub.request("GET", "/v2/_catalog", headers=ticket).status == 401
    hub.people.namespaces.set_visibility(OPERATOR, "ml", Visibility.PUBLIC)
    assert listed(None) == [MODEL]


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_token_of_people_works_on_every_door(hub: Inside, scheme: str) -> None:
    secret = secret_of(hub.people, "ml-writer")
    headers = {"authorization": basic("whoever", secret)} if scheme == "basic" else bearer(secret)
    assert use(hub, headers) == {"pull": 200, "push": 202, "delete": 403}
    assert hub.request("GET", "/v2/", headers=headers).status == 200


def test_robot_stays_in_its_namespace(hub: Inside) -> None:
    robot = bearer(robot_of(hub.people, "ml", "pull", "push"))
    assert use(hub, robot) == {"pull": 200, "push": 202, "delete": 403}
    assert use(hub, robot, "ops/model") == {"pull": 403, "push": 403, "delete": 403}


def test_everything_ends_with_the_token_that_it_came_from(hub: Inside) -> None:
    token, secret = hub.people.tokens.create(OPERATOR, "ml-writer", Wanted(name="x", scopes=frozenset(("pull",))))
    ticket, direct = bearer(ask(hub, SCOPE, who=("x", secret))), bearer(secret)
    assert use(hub, ticket)["pull"] == use(hub, direct)["pull"] == 200
    assert use(hub, ticket)["push"] == 403
    hub.people.tokens.revoke(OPERATOR, token.id)
    assert use(hub, ticket)["pull"] == use(hub, direct)["pull"] == ask(hub, who=("x", secret)).status == 401


@pytest.mark.parametrize("end", ["disabled", "deleted", "password", "made again"])
def test_ticket_ends_with_the_account(hub: Inside, end: str) -> None:
    hub.people.users.set_password(OPERATOR, "eve", PASSWORD)
    give(hub.people, "eve", "ml", Role.READER)
    ticket = bearer(ask(hub, SCOPE, who=("eve", PASSWORD)))
    assert use(hub, ticket)["pull"] == 200
    if end == "disabled":
        hub.people.users.update(OPERATOR, "eve", disabled=True)
    elif end == "password":
        hub.people.users.set_password(OPERATOR, "eve", None)
    else:
        hub.people.users.delete(OPERATOR, "eve")
    if end == "made again":
        hub.clock.time += 1
        hub.people.users.create(OPERATOR, Name("eve"), site_admin=True)
    answer = hub.request("GET", f"/v2/{MODEL}/blobs/{DIGEST}", headers=ticket)
    assert (answer.status, 'error="invalid_token"' in answer.headers["www-authenticate"]) == (401, True)


def test_right_that_is_taken_away_is_gone_from_tickets_at_once(hub: Inside) -> None:
    give(hub.people, "eve", "ml", Role.WRITER)
    ticket = bearer(ask(hub, SCOPE, who=("eve", secret_of(hub.people, "eve"))))
    assert use(hub, ticket)["push"] == 202
    hub.people.grants.remove(OPERATOR, Party.user(Name("eve")), hub.people.grants.list(namespace="ml")[0].target)
    assert use(hub, ticket) == {"pull": 403, "push": 403, "delete": 403}


# Forgery ----------------------------------------------------------------------------------------------------------


def claims_for(found: People, name: str = "root") -> dict[str, Any]:
    """Say what a ticket of an administrator would say."""
    now = int(found.ledger.now())
    stamp = found.users.get(name).stamp
    entry = {"type": "repository", "name": MODEL, "actions": ["pull", "push", "delete"]}
    return {
        "iss": "orchard",
        "aud": "orchard",
        "sub": name,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "access": [entry],
        "orchard": {"kind": "user", "stamp": stamp},
    }


class Forger:
    """Makes tickets that must not be taken."""

    def __init__(self, found: People) -> None:
        key = found.keys.newest()
        self.key, self.kid = key.key, key.kid
        self.claims = claims_for(found)
        self.now = self.claims["iat"]

    def signed(self, claims: dict[str, object] | None = None, key: ECKey | None = None, **header: object) -> str:
        head = {"alg": "ES256", "kid": self.kid, **header}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, {**self.claims, **(claims or {})}, key or self.key, algorithms=["ES256"])

    def confused(self) -> str:
        """Sign by our public key, as if it were a shared secret."""
        text = f"{encoded({'alg': 'HS256', 'kid': self.kid})}.{encoded(self.claims)}"
        mark = hmac.digest(self.key.as_pem(private=False), text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"

    def changed(self) -> str:
        head, _, mark = self.signed({"access": []}).split(".")
        return f"{head}.{encoded(self.claims)}.{mark}"


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


OTHER = ECKey.generate_key("P-256")
FORGERIES: dict[str, Callable[[Forger], str]] = {
    "none": lambda by: f"{encoded({'alg': 'none', 'kid': by.kid})}.{encoded(by.claims)}.",
    "no signature": lambda by: f"{by.signed().rpartition('.')[0]}.",
    "HS256 with the public key": Forger.confused,
    "another key": lambda by: by.signed(key=OTHER),
    "another key that comes along": lambda by: by.signed(key=OTHER, kid="mine", jwk=OTHER.as_dict(private=False)),
    "no name of a key": lambda by: by.signed(kid=None),
    "name of a key that is none": lambda by: by.signed(kid="' OR 1=1 --"),
    "other audience": lambda by: by.signed({"aud": "elsewhere"}),
    "list of audiences": lambda by: by.signed({"aud": ["orchard", "elsewhere"]}),
    "other issuer": lambda by: by.signed({"iss": "elsewhere"}),
    "expired": lambda by: by.signed({"exp": by.now}),
    "not yet": lambda by: by.signed({"nbf": by.now + 60}),
    "no end": lambda by: by.signed({"exp": None}),
    "changed": Forger.changed,
    "not JSON": lambda _: "bm90.anNvbg.eA",
    "deep": lambda _: f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.e.e",
    "empty": lambda _: "..",
    "no object": lambda by: f"{encoded([])}.{encoded(by.claims)}.x",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_forged_ticket_is_refused(inside: People, how: str) -> None:
    door = new_door(inside, late=3600)
    token = FORGERIES[how](Forger(inside))
    with pytest.raises(UnauthenticatedError, match="not valid, or has ended"):
        door.login(f"Bearer {token}".encode(), ADDRESS)
    if how != "expired":
        assert door.lapsed(f"Bearer {token}".encode()) is None


def test_ticket_that_is_not_forged_is_taken(inside: People) -> None:
    token = Forger(inside).signed()
    assert new_door(inside).login(f"Bearer {token}".encode(), ADDRESS).name == "root"


@pytest.mark.parametrize("text", ["", "x", "orch_x", "a.b", "a.b.c.d", "." * 3, "é.é.é"])
def test_what_is_no_token_is_refused(inside: People, text: str) -> None:
    with pytest.raises(UnauthenticatedError, match=r"no token of this hub|not valid"):
        new_door(inside).login(f"Bearer {text}".encode(), ADDRESS)


# Time and keys ----------------------------------------------------------------------------------------------------


def ticket_of(found: People, who: Principal, service: str = "orchard") -> bytes:
    issued = new_tickets(found, service=service).issue(who, Asked.parse([SCOPE]))
    return f"Bearer {issued.text}".encode()


def test_ticket_is_remembered_until_it_ends_and_lapses_for_a_while(
    inside: People, turn: Callable[[float], None]
) -> None:
    door, shown = new_door(inside, late=3600), ticket_of(inside, Principal("ml-writer"))
    who = door.login(shown, ADDRESS)
    turn(299)
    assert door.recall(shown) == who
    turn(1)
    assert door.recall(shown) is None
    with pytest.raises(UnauthenticatedError, match="has ended"):
        door.login(shown, ADDRESS)
    assert door.lapsed(shown) == who
    turn(3600)
    assert door.lapsed(shown) is None
    assert door.lapsed(None) is door.lapsed(basic("a", "b").encode()) is None


def test_ticket_of_another_hub_is_refused(inside: People) -> None:
    shown = ticket_of(inside, ANONYMOUS, service="elsewhere")
    with pytest.raises(UnauthenticatedError, match="not valid"):
        new_door(inside).login(shown, ADDRESS)


def test_keys_are_shared_by_all_processes_and_rotate_with_overlap(
    inside: People, turn: Callable[[float], None]
) -> None:
    elsewhere = People.of(inside.ledger.database, inside.ledger.now)
    assert inside.keys.newest().kid == elsewhere.keys.newest().kid
    before = ticket_of(inside, ANONYMOUS)
    kid = elsewhere.keys.rotate(OPERATOR)
    inside.epoch.poll()
    assert inside.keys.newest().kid == kid
    assert new_door(inside).login(before, ADDRESS).name == "anonymous"
    old = next(key for key in [inside.keys.find(_kid(before))] if key is not None)
    turn(901)
    elsewhere.keys.rotate(OPERATOR)
    inside.epoch.poll()
    assert inside.keys.find(old.kid) is None


def _kid(shown: bytes) -> str:
    head = shown.split()[1].split(b".")[0]
    return str(json.loads(base64.urlsafe_b64decode(head + b"=="))["kid"])


def test_token_that_ends_is_refused_from_then_on(inside: People, turn: Callable[[float], None]) -> None:
    ends = datetime.fromtimestamp(inside.ledger.now()).astimezone() + timedelta(seconds=30)
    shown = f"Bearer {secret_of(inside, 'eve', ends=ends)}".encode()
    door = new_door(inside)
    assert door.login(shown, ADDRESS).name == "eve"
    turn(29)
    assert door.recall(shown) is not None
    turn(1)
    assert door.recall(shown) is None
    with pytest.raises(UnauthenticatedError, match="has ended"):
        door.login(shown, ADDRESS)


@pytest.fixture
def turn(inside: People) -> Callable[[float], None]:
    """Turn the clock."""
    clock = inside.ledger.now

    def turn(seconds: float) -> None:
        clock.time += seconds  # type: ignore[attr-defined] # it is a Clock

    return turn
