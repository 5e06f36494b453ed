"""Tokens that others sign: logins and CI jobs, against a real provider, honest and not."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator

import pytest
from joserfc.jwk import ECKey, RSAKey

from orchard.errors import ConflictError, DeniedError, InvalidError, NotFoundError, OrchardError, RemoteError
from orchard.hub.access import Action, Kind, Mandate, Name, Over, Party, Pattern, People, Principal, Role
from orchard.hub.access.issuers import Issuer
from orchard.hub.access.logins import LIFETIME, Logins
from orchard.hub.access.logins import Provider as Place
from orchard.hub.access.tokens import EVERYTHING
from orchard.hub.access.trusts import NewTrust, Trusts
from orchard.hub.db import Database
from orchard.hub.egress import Vault
from support.hubinside import fresh_catalog, quick_directory
from support.oidc import CLIENT, SECRET, Plain, Provider, oidc_provider

BACK = "https://hub.example.com/login/company/callback"
AUDIENCE = "https://hub.example.com"
OPERATOR = Mandate.operator()
JOB = {"sub": "repo:acme/models:ref:refs/heads/main", "repository": "acme/models", "ref": "refs/heads/main", "runs": 7}


class Clock:
    """The real time, moved by a test."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def provider() -> Iterator[Provider]:
    with oidc_provider() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(provider: Provider, clock: Clock) -> Issuer:
    return Issuer(provider.url, Plain(), clock)


@pytest.fixture
def database() -> Iterator[Database]:
    with quick_directory() as directory:
        database = fresh_catalog(directory)
        yield database
        database.close()


@pytest.fixture
def people(database: Database, clock: Clock) -> People:
    people = People.of(database, clock)
    people.users.create(OPERATOR, Name("admin"), site_admin=True)
    return people


# Tokens of an issuer ----------------------------------------------------------------------------------------------


def test_good_token_is_believed(issuer: Issuer, provider: Provider) -> None:
    claims = issuer.verify(provider.token(groups=["a", 1]), audience=CLIENT)
    assert (claims.issuer, claims.subject, claims.text("preferred_username")) == (provider.url, "1001", "ana")
    assert claims.texts("groups") == {"a"}
    assert issuer.verify(provider.token([CLIENT, "other"], azp=CLIENT), audience=CLIENT).subject == "1001"  # type: ignore[arg-type] # several audiences are a list


def test_keys_are_fetched_once(issuer: Issuer, provider: Provider) -> None:
    for _ in range(5):
        issuer.verify(provider.token(), audience=CLIENT)
    assert provider.asked == ["/.well-known/openid-configuration", "/jwks_uri"]


Forge = Callable[[Provider], str]


def _public_as_secret(provider: Provider) -> str:
    """The trick: the public key, known to all, as the secret of HS256."""
    _, payload, _ = provider.token().split(".")
    text = _encoded(json.dumps({"alg": "HS256", "kid": provider.keys[0].kid}).encode()) + "." + payload
    return text + "." + _encoded(hmac.digest(provider.keys[0].as_pem(private=False), text.encode(), "sha256"))


def _none(provider: Provider) -> str:
    _, payload, _ = provider.token().split(".")
    return _encoded(b'{"alg":"none"}') + "." + payload + "."


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


NOW = int(time.time())


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda p: p.token("somebody else"), "not meant for 'orchard'"),
        (lambda p: p.token(aud=None), "not meant for"),
        (lambda p: p.token([CLIENT, "x"], azp="x"), "given to another"),
        (lambda p: p.token(iss="https://evil.example.com"), "says that it is of"),
        (lambda p: p.token(exp=NOW - 3600), "has ended"),
        (lambda p: p.token(exp=None), "has ended"),
        (lambda p: p.token(exp="tomorrow"), "has ended"),
        (lambda p: p.token(nbf=NOW + 36000), "not good yet"),
        (lambda p: p.token(iat=NOW + 36000), "not good yet"),
        (lambda p: p.token(sub=None), "no subject"),
        (lambda p: p.token(sub=""), "no subject"),
        (lambda p: p.token(sub="x" * 256), "no subject"),
        (lambda p: p.sign({"sub": "x"}, key=RSAKey.generate_key(2048)), "no token that .* signed"),
        (lambda p: p.sign({"sub": "x"}, key=ECKey.generate_key("P-256")), "no token that .* signed"),
        (_public_as_secret, "no token that .* signed"),
        (_none, "no token that .* signed"),
        (lambda p: p.token()[:-8] + "AAAAAAAA", "no token that .* signed"),
        (lambda _: "not.a.token", "no token that .* signed"),
        (lambda _: "", "no token that .* signed"),
        (lambda _: "a" * 20_000, "more than 16384 characters"),
    ],
)
def test_token_that_is_not_good_is_refused(issuer: Issuer, provider: Provider, forge: Forge, reason: str) -> None:
    with pytest.raises(DeniedError, match=reason):
        issuer.verify(forge(provider), audience=CLIENT)


def test_nonce_of_another_login_is_refused(issuer: Issuer, provider: Provider) -> None:
    assert issuer.verify(provider.token(nonce="mine"), audience=CLIENT, nonce="mine").subject == "1001"
    for token in (provider.token(nonce="other"), provider.token()):
        with pytest.raises(DeniedError, match="belongs to another login"):
            issuer.verify(token, audience=CLIENT, nonce="mine")


def test_new_key_is_found_and_the_old_one_is_good_no_more(issuer: Issuer, provider: Provider, clock: Clock) -> None:
    old = provider.token()
    issuer.verify(old, audience=CLIENT)
    provider.rotate()
    clock.ahead = 40
    assert issuer.verify(provider.token(), audience=CLIENT).subject == "1001"
    with pytest.raises(DeniedError, match="no token that"):
        issuer.verify(old, audience=CLIENT)


def test_unknown_keys_do_not_make_the_hub_ask_again_and_again(issuer: Issuer, provider: Provider) -> None:
    issuer.verify(provider.token(), audience=CLIENT)
    forged = provider.sign({"sub": "x"}, key=RSAKey.generate_key(2048, {"kid": "unknown"}))
    for _ in range(5):
        with pytest.raises(DeniedError, match="no token that"):
            issuer.verify(forged, audience=CLIENT)
    assert provider.asked.count("/jwks_uri") == 1


def test_keys_that_are_known_hold_for_a_day_while_the_issuer_is_down(
    issuer: Issuer, provider: Provider, clock: Clock
) -> None:
    issuer.verify(provider.token(), audience=CLIENT)
    token = provider.token(exp=NOW + 10**6)
    issuer = Issuer(provider.url, _Failing(provider), clock)
    issuer.verify(token, audience=CLIENT)
    provider.down = True
    clock.ahead = 20 * 3600
    assert issuer.verify(token, audience=CLIENT).subject == "1001"
    clock.ahead = 26 * 3600
    with pytest.raises(RemoteError, match="down"):
        issuer.verify(token, audience=CLIENT)


class _Failing(Plain):
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def get(self, url: str) -> bytes:
        if self._provider.down:
            raise RemoteError("down")
        return super().get(url)


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"issuer": "https://other.example.com"}, "publishes a document about"),
        ({"jwks_uri": None}, "publishes a document about"),
        ({"jwks_uri": "/.well-known/openid-configuration"}, "its keys cannot be read"),
    ],
)
def test_issuer_that_publishes_something_else_is_refused(
    issuer: Issuer, provider: Provider, about: dict[str, str | None], reason: str
) -> None:
    provider.about = {
        name: provider.url + value if value and value[0] == "/" else value for name, value in about.items()
    }
    with pytest.raises(RemoteError, match=reason):
        issuer.verify(provider.token(), audience=CLIENT)


# Logging in -------------------------------------------------------------------------------------------------------


def make_logins(people: People, provider: Provider, clock: Clock, **options: object) -> Logins:
    issuer = Issuer(provider.url, Plain(), clock)
    place = Place(key="company", title="Company", issuer=issuer, client=CLIENT, secret=SECRET, **options)  # type: ignore[arg-type] # each test says which
    vault = Vault("k" * 32, None)
    return Logins(people, {"company": place}, Plain(), seal=vault.seal, unseal=vault.unseal, now=clock)


@pytest.fixture
def logins(people: People, provider: Provider, clock: Clock) -> Logins:
    return make_logins(people, provider, clock)


def log_in(logins: Logins, provider: Provider) -> str:
    begun = logins.begin("company", redirect=BACK, onward="/r/team/model")
    code, state = provider.approve(begun.url)
    finished = logins.finish(begun.state, state=state, code=code, redirect=BACK)
    assert finished.onward == "/r/team/model"
    return finished.account


def test_first_login_makes_an_account_and_the_next_one_finds_it(
    logins: Logins, provider: Provider, people: People
) -> None:
    assert log_in(logins, provider) == "ana"
    provider.user["preferred_username"] = "renamed"
    assert log_in(logins, provider) == "ana"
    assert not people.users.get("ana").has_password
    assert not people.users.get("ana").site_admin


def test_public_client_is_protected_by_pkce_alone(people: People, provider: Provider, clock: Clock) -> None:
    provider.secret = None
    assert log_in(_public(people, provider, clock), provider) == "ana"


def _public(people: People, provider: Provider, clock: Clock) -> Logins:
    logins = make_logins(people, provider, clock)
    issuer = Issuer(provider.url, Plain(), clock)
    logins.providers = {"company": Place(key="company", title="Company", issuer=issuer, client=CLIENT)}
    return logins


def test_account_that_is_there_is_not_taken_over_by_its_name(
    logins: Logins, provider: Provider, people: People
) -> None:
    people.users.create(OPERATOR, Name("ana"), password="only for this test")
    with pytest.raises(ConflictError, match="orchard hub admin user bind ana"):
        log_in(logins, provider)
    people.identities.bind(OPERATOR, "ana", issuer=provider.url, subject="1001")
    assert log_in(logins, provider) == "ana"


@pytest.mark.parametrize(
    ("said", "name"),
    [("Ana", "ana"), ("ana.b@example.com", "ana-b"), ("  Ana  B! ", "ana-b"), ("x" * 100, "x" * 64)],
)
def test_name_is_made_of_what_the_other_place_says(logins: Logins, provider: Provider, said: str, name: str) -> None:
    provider.user["preferred_username"] = said
    assert log_in(logins, provider) == name


@pytest.mark.parametrize("said", ["", "!!!", "anonymous", 7])
def test_name_that_cannot_be_one_is_told(logins: Logins, provider: Provider, said: object) -> None:
    provider.user["preferred_username"] = said
    with pytest.raises(DeniedError, match="cannot be the name of an account"):
        log_in(logins, provider)


def test_nobody_gets_an_account_where_that_is_not_wanted(people: People, provider: Provider, clock: Clock) -> None:
    with pytest.raises(DeniedError, match="ana has no account here"):
        log_in(make_logins(people, provider, clock, create=False), provider)


def test_teams_and_administration_follow_groups(people: People, provider: Provider, clock: Clock) -> None:
    people.teams.create(OPERATOR, Name("research"))
    logins = make_logins(people, provider, clock, teams={"ml": "research"}, admin_group="ops")
    provider.user["groups"] = ["ml", "ops"]
    log_in(logins, provider)
    assert people.teams.get("research").members == {"ana": Role.WRITER}
    assert people.users.get("ana").site_admin
    provider.user["groups"] = []
    log_in(logins, provider)
    assert people.teams.get("research").members == {}
    assert not people.users.get("ana").site_admin


def test_last_administrator_can_log_in_without_the_group(people: People, provider: Provider, clock: Clock) -> None:
    logins = make_logins(people, provider, clock, admin_group="ops")
    provider.user["groups"] = ["ops"]
    log_in(logins, provider)
    people.users.update(OPERATOR, "admin", disabled=True)
    provider.user["groups"] = []
    assert log_in(logins, provider) == "ana"
    assert people.users.get("ana").site_admin


def test_login_that_another_browser_began_is_refused(logins: Logins, provider: Provider) -> None:
    mine, other = (logins.begin("company", redirect=BACK, onward="/") for _ in range(2))
    code, state = provider.approve(other.url)
    with pytest.raises(DeniedError, match="began another login"):
        logins.finish(mine.state, state=state, code=code, redirect=BACK)
    with pytest.raises(DeniedError, match="did not begin a login"):
        logins.finish("", state=state, code=code, redirect=BACK)


def test_login_state_cannot_be_made_by_others(logins: Logins, provider: Provider) -> None:
    begun = logins.begin("company", redirect=BACK, onward="/")
    code, state = provider.approve(begun.url)
    forged = Vault("x" * 32, None).seal('{"key": "company"}')
    for kept in (forged, begun.state[:-4] + "AAAA", "a" * 5000):
        with pytest.raises(OrchardError, match=r"sealed with another key|did not begin"):
            logins.finish(kept, state=state, code=code, redirect=BACK)


def test_code_is_good_once_and_not_for_long(logins: Logins, provider: Provider, clock: Clock) -> None:
    begun = logins.begin("company", redirect=BACK, onward="/")
    code, state = provider.approve(begun.url)
    clock.ahead = LIFETIME + 1
    with pytest.raises(DeniedError, match="took too long"):
        logins.finish(begun.state, state=state, code=code, redirect=BACK)


def test_place_that_is_unknown_is_told(logins: Logins) -> None:
    with pytest.raises(NotFoundError, match="nobody logs in at 'elsewhere'"):
        logins.begin("elsewhere", redirect=BACK, onward="/")


# CI jobs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def trusts(people: People, provider: Provider, clock: Clock) -> Trusts:
    people.namespaces.create(OPERATOR, Name("acme"), owner=Party.parse("admin"))
    known = Issuer(provider.url, Plain(), clock)
    provider.user = {}
    return Trusts(people.ledger, people.tokens, lambda _: known)


def new_trust(provider: Provider, **options: object) -> NewTrust:
    values = {
        "name": "main",
        "issuer": provider.url,
        "claims": {"repository": "acme/models", "ref": "refs/heads/main"},
        "actions": frozenset({Action.PULL, Action.PUSH}),
        **options,
    }
    return NewTrust(**values)  # type: ignore[arg-type] # each test says which


def test_job_that_is_trusted_gets_a_token_that_may_what_the_trust_says(
    trusts: Trusts, provider: Provider, people: People, clock: Clock
) -> None:
    trusts.create(OPERATOR, "acme", new_trust(provider, patterns=(Pattern("acme/models"),)))
    token, secret = trusts.exchange(provider.token(AUDIENCE, **JOB), audience=AUDIENCE)
    who = people.tokens.find(secret)
    assert who is not None
    assert who.holder.kind is Kind.ROBOT
    may = [
        (action, name)
        for action in Action
        for name in ("acme/models", "acme/other")
        if _may(people, who.holder, action, name)
    ]
    assert may == [(Action.PULL, "acme/models"), (Action.PUSH, "acme/models")]
    clock.ahead = 901
    assert people.tokens.find(secret) is None
    assert token.name.startswith("acme+main.")


def _may(people: People, who: Principal, action: Action, repository: str) -> bool:
    return people.rights.allows(who, action, repository)


@pytest.mark.parametrize(
    "claims",
    [
        {"repository": "acme/other"},
        {"repository": "acme/models2"},
        {"repository": "evil/acme/models"},
        {"repository": "acme/models\n"},
        {"repository": None},
        {"repository": ["evil"]},
        {"ref": "refs/heads/main/x"},
        {"ref": "refs/pull/1/merge"},
    ],
)
def test_job_of_somebody_else_gets_nothing(trusts: Trusts, provider: Provider, claims: dict[str, object]) -> None:
    trusts.create(OPERATOR, "acme", new_trust(provider))
    with pytest.raises(DeniedError, match="no trust of this hub fits"):
        trusts.exchange(provider.token(AUDIENCE, **{**JOB, **claims}), audience=AUDIENCE)


@pytest.mark.parametrize(
    ("wanted", "said", "fits"),
    [
        ("acme/*", "acme/models", True),
        ("acme/*", "acme/a/b", False),
        ("acme/**", "acme/a/b", True),
        ("acme/mod*ls", "acme/models", True),
        ("acme/m.dels", "acme/models", False),
    ],
)
def test_stars_stand_for_parts_of_a_claim(
    trusts: Trusts, provider: Provider, wanted: str, said: str, *, fits: bool
) -> None:
    trusts.create(OPERATOR, "acme", new_trust(provider, claims={"repository": wanted, "runs": "7"}))
    token = provider.token(AUDIENCE, **{**JOB, "repository": said})
    if fits:
        assert trusts.exchange(token, audience=AUDIENCE)[0].namespace == "acme"
    else:
        with pytest.raises(DeniedError, match="no trust of this hub fits"):
            trusts.exchange(token, audience=AUDIENCE)


def test_token_for_another_audience_is_refused(trusts: Trusts, provider: Provider) -> None:
    trusts.create(OPERATOR, "acme", new_trust(provider))
    with pytest.raises(DeniedError, match="not meant for"):
        trusts.exchange(provider.token("https://other.example.com", **JOB), audience=AUDIENCE)


def test_issuer_that_nobody_trusts_is_never_asked(trusts: Trusts, provider: Provider) -> None:
    with pytest.raises(DeniedError, match="no namespace of this hub trusts"):
        trusts.exchange(provider.token(AUDIENCE, **JOB), audience=AUDIENCE)
    assert provider.asked == []


@pytest.mark.parametrize("shown", ["", "a.b", "a.!!.c", "a.e30.c", "a.W10.c", "a." + "A" * 20_000 + ".c"])
def test_what_is_no_token_is_refused(trusts: Trusts, shown: str) -> None:
    with pytest.raises(DeniedError, match=r"no signed token|does not say who signed"):
        trusts.exchange(shown, audience=AUDIENCE)


def test_one_of_several_trusts_has_to_be_named(trusts: Trusts, provider: Provider) -> None:
    for name in ("first", "second"):
        trusts.create(OPERATOR, "acme", new_trust(provider, name=name))
    token = provider.token(AUDIENCE, **JOB)
    with pytest.raises(InvalidError, match="acme/first, acme/second"):
        trusts.exchange(token, audience=AUDIENCE)
    assert trusts.exchange(token, audience=AUDIENCE, wanted="acme/second")[0].name.startswith("acme+second.")
    with pytest.raises(DeniedError, match="no trust of this hub fits"):
        trusts.exchange(token, audience=AUDIENCE, wanted="acme/third")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"claims": {}}, "must say what tells your jobs"),
        ({"claims": {"iss": "https://ci.example.com", "aud": "something"}}, "must say what tells your jobs"),
        ({"claims": {"repository": "**"}}, "must say what tells your jobs"),
        ({"claims": {"repository": "*/models"}}, "must say what tells your jobs"),
        ({"claims": {"repository": "acme/****a*b*c*d"}}, "cannot be asked for"),
        ({"claims": {"repo sitory": "acme/models"}}, "cannot be asked for"),
        ({"claims": {"repository": ""}}, "cannot be asked for"),
        ({"claims": {f"c{number}": "acme/models" for number in range(17)}}, "at most 16 claims"),
        ({"issuer": "ftp://ci"}, "not the URL of an issuer"),
        ({"issuer": "https://ci?x"}, "not the URL of an issuer"),
        ({"actions": frozenset()}, "some of the actions"),
        ({"actions": frozenset({"own"})}, "some of the actions"),
        ({"lifetime": 59}, "lives 60 to"),
        ({"lifetime": 10**6}, "lives 60 to"),
        ({"patterns": (Pattern("other/**"),)}, "not in acme"),
        ({"name": "Main!"}, "not a name of a trust"),
    ],
)
def test_trust_that_believes_too_much_is_refused(
    trusts: Trusts, provider: Provider, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidError, match=reason):
        trusts.create(OPERATOR, "acme", new_trust(provider, **options))


def test_trusts_are_listed_and_removed(trusts: Trusts, provider: Provider) -> None:
    made = trusts.create(OPERATOR, "acme", new_trust(provider))
    assert trusts.list("acme") == [made]
    assert made.patterns == (Pattern("acme/**"),) != EVERYTHING
    with pytest.raises(ConflictError, match="has a trust main already"):
        trusts.create(OPERATOR, "acme", new_trust(provider))
    with pytest.raises(NotFoundError, match="no namespace nowhere"):
        trusts.create(OPERATOR, "nowhere", new_trust(provider))
    trusts.remove(OPERATOR, "acme", "main")
    with pytest.raises(NotFoundError, match="has no trust main"):
        trusts.remove(OPERATOR, "acme", "main")
    with pytest.raises(DeniedError, match="no namespace of this hub trusts"):
        trusts.exchange(provider.token(AUDIENCE, **JOB), audience=AUDIENCE)


def test_only_who_owns_the_namespace_changes_its_trusts(trusts: Trusts, provider: Provider, people: People) -> None:
    stranger = Mandate("eve", Over.NAMESPACE, "eve")
    with pytest.raises(DeniedError, match="eve may not change"):
        trusts.create(stranger, "acme", new_trust(provider))
    trusts.create(OPERATOR, "acme", new_trust(provider))
    with pytest.raises(DeniedError, match="eve may not change"):
        trusts.remove(stranger, "acme", "main")
    assert people.tokens.list(namespace="acme") == []
