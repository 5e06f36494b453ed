"""Whose an upload session is: hijacking (security notes, 5.6), and sessions that outlive the token they began with.

KitOps' kit sends the header of its first request with every chunk, hours later too; nobody asks it for a new token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from orchard.errors import UnauthenticatedError
from orchard.hub.access import OpenDoor, Principal, Wanted
from orchard.oci import Digest
from support.hubinside import Inside, MakeHub, Only
from support.hubs import Answer, basic
from support.people import OPERATOR, firm

NAME = "team/model"
DATA = b"0123456789"
DIGEST = Digest.of(DATA)
CHALLENGE = 'Bearer realm="https://hub.example/token",service="hub.example"'
METHODS = ("GET", "HEAD", "PATCH", "PUT", "DELETE")


@dataclass
class Tokens(OpenDoor):
    """A door for whose tokens a name is enough; tokens run out, and can be taken back."""

    challenge: str | None = CHALLENGE
    old: set[str] = field(default_factory=set)

    def recall(self, authorization: bytes | None) -> Principal | None:
        name = (authorization or b"").decode().removeprefix("Bearer ")
        return Principal(name) if name in {"ana", "bob"} - self.old else None

    def login(self, authorization: bytes | None, address: str) -> Principal:
        raise UnauthenticatedError(f"who is {authorization!r} at {address}?")

    def lapsed(self, authorization: bytes | None) -> Principal | None:
        name = (authorization or b"").decode().removeprefix("Bearer ")
        return Principal(name) if name in self.old else None

    def invite(self, origin: str, scopes: Sequence[str], error: str | None = None) -> str | None:  # noqa: ARG002
        return self.challenge


@pytest.fixture
def door() -> Tokens:
    return Tokens()


@pytest.fixture
def guarded(make_hub: MakeHub, door: Tokens) -> Inside:
    everything = {NAME, "team/other"}
    return make_hub(policy=Only(ana=everything, bob=everything), access=lambda _: door)


def ask(hub: Inside, method: str, target: str, body: bytes = b"", who: str = "ana", **headers: str) -> Answer:
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    return hub.request(method, target, body, {"authorization": f"Bearer {who}", **known})


def begin(hub: Inside, who: str = "ana") -> str:
    return ask(hub, "POST", f"/v2/{NAME}/blobs/uploads/", who=who).headers["location"]


def query(method: str) -> str:
    return f"?digest={DIGEST}" if method == "PUT" else ""


# Hijacking --------------------------------------------------------------------------------------------------------


def forged(location: str, trick: str) -> str:
    """Give an address that somebody could try who does not have the right one."""
    session, _, secret = location.rpartition("/")[2].partition("-")
    front = location.rpartition("/")[0]
    return {
        "no secret": f"{front}/{session}",
        "empty secret": f"{front}/{session}-",
        "guessed secret": f"{front}/{session}-{'0' * 32}",
        "first half of it": f"{front}/{session}-{secret[:16]}",
        "secret in capitals": f"{front}/{session}-{secret.upper()}",
        "more than the secret": f"{front}/{session}-{secret}0",
        "secret of nothing": f"{front}/{'0' * 32}-{secret}",
        "secret first": f"{front}/{secret}-{session}",
        "line feed": f"{front}/{session}-{secret}\n",
        "not ASCII": f"{front}/{session}-{secret[:-1]}\N{FULLWIDTH DIGIT ONE}",
        "other repository": location.replace(NAME, "team/other"),
    }[trick]


TRICKS = ["no secret", "empty secret", "guessed secret", "first half of it", "secret in capitals"]
TRICKS += ["more than the secret", "secret of nothing", "secret first", "line feed", "not ASCII", "other repository"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("trick", TRICKS)
def test_address_that_was_not_given_out_finds_no_session(guarded: Inside, trick: str, method: str) -> None:
    location = begin(guarded)
    answer = ask(guarded, method, forged(location, trick) + query(method), DATA if method in {"PATCH", "PUT"} else b"")
    assert answer.status == 404
    assert method == "HEAD" or answer.code == "BLOB_UPLOAD_UNKNOWN"
    assert ask(guarded, "GET", location).headers["range"] == "0-0"


@pytest.mark.parametrize("method", METHODS)
def test_session_is_not_for_another_account_that_knows_its_address(guarded: Inside, method: str) -> None:
    location = begin(guarded)
    assert ask(guarded, method, location + query(method), who="bob").status == 404
    assert ask(guarded, "GET", location).status == 204


@pytest.mark.parametrize("method", METHODS)
def test_address_is_worth_nothing_once_the_session_is_over(guarded: Inside, door: Tokens, method: str) -> None:
    location = begin(guarded)
    assert ask(guarded, "PUT", f"{location}?digest={DIGEST}", DATA).status == 201
    again = ask(guarded, method, location + query(method), b"" if method in {"GET", "HEAD"} else b"more")
    assert again.status == (201 if method == "PUT" else 404)  # the blob is there: a client may have missed the answer
    door.old.add("ana")
    assert ask(guarded, method, location + query(method)).status == 401


def test_secret_stands_nowhere_but_in_the_address(guarded: Inside) -> None:
    answer = ask(guarded, "POST", f"/v2/{NAME}/blobs/uploads/")
    secret = answer.headers["location"][-32:]
    assert secret not in answer.headers["docker-upload-uuid"]
    assert not [path for path in guarded.data.rglob("*") if secret in path.name]
    assert secret != begin(guarded)[-32:]


# Tokens that run out ----------------------------------------------------------------------------------------------


def test_upload_ends_with_the_token_that_it_began_with(guarded: Inside, door: Tokens) -> None:
    location = begin(guarded)
    assert ask(guarded, "PATCH", location, DATA[:4], content_range="0-3").status == 202
    door.old.add("ana")
    assert ask(guarded, "GET", location).headers["range"] == "0-3"
    chunk = ask(guarded, "PATCH", location, DATA[4:], content_range="4-9")
    assert (chunk.status, chunk.headers["range"], chunk.headers["location"]) == (202, "0-9", location)
    done = ask(guarded, "PUT", f"{location}?digest={DIGEST}")
    assert (done.status, done.headers["location"]) == (201, f"/v2/{NAME}/blobs/{DIGEST}")
    door.old.clear()
    assert ask(guarded, "GET", f"/v2/{NAME}/blobs/{DIGEST}").body == DATA


def test_upload_can_be_cancelled_with_the_token_that_it_began_with(guarded: Inside, door: Tokens) -> None:
    location = begin(guarded)
    door.old.add("ana")
    assert ask(guarded, "DELETE", location).status == 204
    assert ask(guarded, "GET", location).status == 401


def test_upload_goes_on_at_another_replica(guarded: Inside, door: Tokens) -> None:
    location = begin(guarded)
    assert ask(guarded, "PATCH", location, DATA[:4]).status == 202
    door.old.add("ana")
    other = Inside(guarded.data, policy=Only(ana={NAME}), access=lambda _: door, fresh=False)
    with other.threads:
        assert ask(other, "PUT", f"{location}?digest={DIGEST}", DATA[4:]).status == 201
    other.database.close()


ELSEWHERE = [
    ("POST", f"/v2/{NAME}/blobs/uploads/"),
    ("POST", f"/v2/{NAME}/blobs/uploads/?digest={DIGEST}"),
    ("GET", f"/v2/{NAME}/blobs/{DIGEST}"),
    ("HEAD", f"/v2/{NAME}/manifests/v1"),
    ("PUT", f"/v2/{NAME}/manifests/v1"),
    ("GET", f"/v2/{NAME}/tags/list"),
    ("GET", "/v2/"),
    ("GET", "/v2/_catalog"),
]


@pytest.mark.parametrize(("method", "target"), ELSEWHERE)
def test_token_that_has_run_out_opens_nothing_else(guarded: Inside, door: Tokens, method: str, target: str) -> None:
    begin(guarded)
    door.old.add("ana")
    answer = ask(guarded, method, target, DATA if method in {"PUT", "POST"} else b"")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, CHALLENGE)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("trick", TRICKS)
def test_token_that_has_run_out_opens_no_session_by_a_guess(
    guarded: Inside, door: Tokens, trick: str, method: str
) -> None:
    location = begin(guarded)
    assert (
        ask(guarded, "PUT", f"{begin(guarded)}?digest={DIGEST}", DATA).status == 201
    )  # so that there is a blob to find
    door.old.add("ana")
    answer = ask(guarded, method, forged(location, trick) + query(method))
    assert (answer.status, answer.headers["www-authenticate"]) == (401, CHALLENGE)
    assert method == "HEAD" or answer.code == "UNAUTHORIZED"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", ["bob", "eve", ""])
def test_session_goes_on_for_no_token_but_those_of_its_account(
    guarded: Inside, door: Tokens, who: str, method: str
) -> None:
    location = begin(guarded)
    door.old |= {"ana", "bob"}  # eve's token is forged, or was taken back
    answer = ask(guarded, method, location + query(method), who=who)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, CHALLENGE)


@pytest.mark.parametrize("method", METHODS)
def test_address_alone_opens_nothing(guarded: Inside, method: str) -> None:
    location = begin(guarded)
    answer = guarded.request(method, location + query(method))
    assert (answer.status, answer.headers["www-authenticate"]) == (401, CHALLENGE)


def test_who_may_not_push_any_more_does_not_end_an_upload(make_hub: MakeHub, door: Tokens) -> None:
    allowed = {NAME}
    hub = make_hub(policy=Only(ana=allowed), access=lambda _: door)
    location = begin(hub)
    door.old.add("ana")
    allowed.clear()
    assert ask(hub, "PUT", f"{location}?digest={DIGEST}", DATA).status == 403


# With the hub's own tokens ----------------------------------------------------------------------------------------


@pytest.fixture
def real(make_hub: MakeHub) -> Inside:
    """A hub with accounts and tokens; ``ml-writer`` may push to ``ml/model``."""
    return make_hub(people=firm)


def ticket(hub: Inside, scope: str = "repository:ml/model:pull,push", user: str = "ml-writer") -> dict[str, str]:
    wanted = Wanted(name=f"{user}-{len(hub.people.tokens.list(user=user))}", scopes=frozenset(("pull", "push")))
    secret = hub.people.tokens.create(OPERATOR, user, wanted)[1]
    answer = hub.get(f"/token?service=orchard&scope={scope}", authorization=basic(user, secret))
    assert answer.status == 200
    return {"authorization": f"Bearer {answer.json['token']}"}


def test_kit_ends_a_long_upload_with_the_token_of_its_beginning(real: Inside) -> None:
    login = ticket(real)
    location = real.begin("ml/model", headers=login)
    chunks = [bytes([number]) * 1000 for number in range(5)]
    for number, chunk in enumerate(chunks):
        real.clock.time += 600  # a token is good for five minutes
        headers = {**login, "content-range": f"{number * 1000}-{number * 1000 + 999}"}
        answer = real.request("PATCH", location, chunk, headers)
        assert (answer.status, answer.headers["range"]) == (202, f"0-{number * 1000 + 999}")
        location = answer.headers["location"]
    digest = Digest.of(b"".join(chunks))
    assert real.request("PUT", f"{location}?digest={digest}", b"", login).status == 201
    late = real.request("GET", f"/v2/ml/model/blobs/{digest}", headers=login)
    assert (late.status, 'error="invalid_token"' in late.headers["www-authenticate"]) == (401, True)
    assert real.request("GET", f"/v2/ml/model/blobs/{digest}", headers=ticket(real)).body == b"".join(chunks)


@pytest.mark.parametrize("method", METHODS)
def test_token_of_another_repository_goes_on_with_nothing(real: Inside, method: str) -> None:
    location = real.begin("ml/model", headers=ticket(real))
    other = ticket(real, "repository:ml/other:pull,push")
    real.clock.time += 3000
    answer = real.request(method, location + query(method), b"", other)
    assert answer.status in {401, 403}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("part", [0, 1, 2], ids=["head", "claims", "signature"])
def test_token_that_was_tampered_with_goes_on_with_nothing(real: Inside, part: int, method: str) -> None:
    login = ticket(real)
    location = real.begin("ml/model", headers=login)
    real.clock.time += 3000
    pieces = login["authorization"].split(".")
    pieces[part] = pieces[part][:-6] + ("AAAAAA" if pieces[part][-6:] != "AAAAAA" else "BBBBBB")
    answer = real.request(method, location + query(method), b"", {"authorization": ".".join(pieces)})
    assert answer.status == 401
    assert real.request("GET", location, headers=login).status == 204


def test_account_that_was_closed_ends_no_upload(real: Inside) -> None:
    login = ticket(real)
    location = real.begin("ml/model", headers=login)
    real.clock.time += 3000
    real.people.users.update(OPERATOR, "ml-writer", disabled=True)
    assert real.request("PUT", f"{location}?digest={DIGEST}", DATA, login).status in {401, 403}
