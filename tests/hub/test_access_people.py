"""Accounts, teams, namespaces, grants, tokens, sessions, invitations: who may change what, and what follows."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import process_time

import pytest
from sqlalchemy import select

from orchard.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from orchard.hub.access import (
    ANONYMOUS,
    Action,
    Kind,
    Limit,
    Mandate,
    Name,
    Over,
    Party,
    Pattern,
    People,
    Principal,
    Role,
    Target,
    Visibility,
    Wanted,
    check_name,
)
from orchard.hub.access.secret import hash_of, is_secret, new_secret
from orchard.hub.access.sessions import IDLE, LONGEST
from orchard.hub.db.people import tokens
from orchard.hub.db.schema import events
from support.hubinside import Clock
from support.people import OPERATOR, PASSWORD, firm, people, repository, with_password

PULL = Wanted(name="x", scopes=frozenset(("pull",)))
EVERYTHING = Wanted(name="all", scopes=frozenset((*Action, "account")))


@pytest.fixture
def inside() -> Iterator[People]:
    with people() as found:
        firm(found)
        yield found


@pytest.fixture
def clock(inside: People) -> Clock:
    assert isinstance(inside.ledger.now, Clock)
    return inside.ledger.now


def recorded(found: People) -> list[tuple[str, str]]:
    """What was written down last."""
    with found.ledger.database.read() as connection:
        return [(row.action, row.subject) for row in connection.execute(select(events).order_by(events.c.id))]


# Accounts ---------------------------------------------------------------------------------------------------------


def test_last_administrator_can_be_neither_removed_nor_disabled_nor_demoted(inside: People) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: inside.users.delete(OPERATOR, "root"),
        lambda: inside.users.update(OPERATOR, "root", disabled=True),
        lambda: inside.users.update(OPERATOR, "root", site_admin=False),
    ]
    for attempt in attempts:
        with pytest.raises(ConflictError, match="nobody would be left"):
            attempt()
    inside.users.update(OPERATOR, "eve", site_admin=True)
    inside.users.delete(OPERATOR, "root")
    assert [user.name for user in inside.users.list() if user.site_admin] == ["eve"]


def test_names_of_accounts_and_namespaces_are_taken_once(inside: People) -> None:
    with pytest.raises(ConflictError, match="an account eve already"):
        inside.users.create(OPERATOR, Name("eve"))
    with pytest.raises(ConflictError, match="a namespace ml already"):
        inside.users.create(OPERATOR, Name("ml"))
    with pytest.raises(ConflictError, match="a namespace eve already"):
        inside.namespaces.create(OPERATOR, Name("eve"))
    with pytest.raises(ConflictError, match="a team ml already"):
        inside.teams.create(OPERATOR, Name("ml"))


@pytest.mark.parametrize("text", ["", "Eve", "a b", "a/b", "a..b", "-a", "a-", "x" * 65, "é", "a\n", "anonymous"])
def test_what_can_be_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="is not an account name"):
        check_name(text)


def test_account_that_owns_repositories_cannot_be_deleted(inside: People) -> None:
    repository(inside.ledger.database, "eve/model")
    with pytest.raises(ConflictError, match="holds repositories"):
        inside.users.delete(OPERATOR, "eve")
    inside.namespaces.give(OPERATOR, "eve", Party.parse("team:ml"))
    inside.users.delete(OPERATOR, "eve")
    assert inside.namespaces.get("eve").owner == Party.parse("team:ml")


def test_what_is_not_there_is_said_to_be_missing(inside: People) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: inside.users.get("nobody"),
        lambda: inside.users.set_password(OPERATOR, "nobody", PASSWORD),
        lambda: inside.users.update(OPERATOR, "nobody", disabled=True),
        lambda: inside.users.delete(OPERATOR, "nobody"),
        lambda: inside.teams.get("nobody"),
        lambda: inside.teams.delete(OPERATOR, "nobody"),
        lambda: inside.teams.put_member(OPERATOR, "nobody", "eve", role=Role.READER),
        lambda: inside.teams.put_member(OPERATOR, "ml", "nobody", role=Role.READER),
        lambda: inside.teams.remove_member(OPERATOR, "ml", "eve"),
        lambda: inside.namespaces.get("nobody"),
        lambda: inside.namespaces.create(OPERATOR, Name("new"), owner=Party.parse("team:nobody")),
        lambda: inside.namespaces.set_visibility(OPERATOR, "nobody", Visibility.PUBLIC),
        lambda: inside.namespaces.set_repository_visibility(OPERATOR, "ml/none", None),
        lambda: inside.namespaces.visibility("ml/none"),
        lambda: inside.namespaces.delete(OPERATOR, "nobody"),
        lambda: inside.grants.put(OPERATOR, Party.parse("nobody"), Target.parse("ml"), role=Role.READER),
        lambda: inside.grants.remove(OPERATOR, Party.parse("eve"), Target.parse("ml")),
        lambda: inside.tokens.create(OPERATOR, "nobody", PULL),
        lambda: inside.tokens.create_robot(OPERATOR, "nobody", PULL),
        lambda: inside.tokens.revoke(OPERATOR, "nobody"),
        lambda: inside.sessions.begin("nobody"),
        lambda: inside.invitations.create(OPERATOR, "nobody"),
        lambda: inside.invitations.accept("nobody", PASSWORD),
        lambda: inside.identities.bind(OPERATOR, "nobody", issuer="i", subject="s"),
        lambda: inside.identities.release(OPERATOR, "eve", issuer="i", subject="s"),
    ]
    for attempt in attempts:
        with pytest.raises(
            NotFoundError, match=r"no (account|team|namespace|user|token|role|repo)|not of|not the|used"
        ):
            attempt()


# Who may change what ----------------------------------------------------------------------------------------------


def token_holder(name: str, *, account: bool) -> Principal:
    everything = Limit(((Pattern("**"), frozenset(Action)),), account=account)
    return Principal(name, limits=(everything,))


@pytest.mark.parametrize(
    ("who", "over"),
    [
        (ANONYMOUS, ""),
        (Principal("eve"), "account eve"),
        (Principal("ml-reader"), "account"),
        (Principal("ml-maintainer"), "account"),
        (Principal("ml-owner"), "account team namespace repository"),
        (Principal("root"), "site account account eve team namespace repository creation"),
        (token_holder("ml-owner", account=False), "repository"),
        (token_holder("ml-owner", account=True), "team namespace repository"),
        (token_holder("root", account=False), "repository"),
        (token_holder("root", account=True), "site account account eve team namespace repository creation"),
        (Principal("ml+ci", Kind.ROBOT, token_holder("x", account=True).limits), ""),
        (Principal("root", ticket=token_holder("x", account=True).limits[0]), "repository"),
        (Principal("ops-owner"), ""),
    ],
    ids=lambda value: value.name if isinstance(value, Principal) else "",
)
def test_mandate_is_given_to_whoever_may_and_nobody_else(inside: People, who: Principal, over: str) -> None:
    authority = inside.authority
    makers: dict[str, Callable[[], Mandate]] = {
        "site": lambda: authority.site(who),
        "account": lambda: authority.account(who, who.name if who.name.startswith("ml") else "ml-owner"),
        "account eve": lambda: authority.account(who, "eve"),
        "team": lambda: authority.team(who, "ml"),
        "namespace": lambda: authority.namespace(who, "ml"),
        "repository": lambda: authority.repository(who, "ml/model"),
        "creation": lambda: authority.creation(who, Party.parse("team:ml")),
    }
    given = set()
    for name, make in makers.items():
        try:
            make()
        except DeniedError:
            continue
        given.add(name)
    wanted = set(over.replace("account eve", "account_eve").split())
    assert given == {name.replace("_", " ") for name in wanted}


def test_everybody_may_make_things_for_themselves_if_the_hub_says_so() -> None:
    with people(self_service=True) as found:
        firm(found)
        eve = Principal("eve")
        party = Party.user(Name("eve"))
        team = found.teams.create(found.authority.creation(eve, party), Name("new"), owner="eve")
        assert team.members == {"eve": Role.OWNER}
        owner = Party.parse("team:new")
        assert found.namespaces.create(found.authority.creation(eve, owner), Name("new"), owner=owner).owner == owner
        for other in ("user:ml-owner", "team:ml"):
            with pytest.raises(DeniedError, match="eve may not"):
                found.authority.creation(eve, Party.parse(other))


def test_mandate_over_one_thing_is_none_over_another(inside: People) -> None:
    eve, _ = Mandate("eve", Over.ACCOUNT, "eve"), inside.tokens.create(OPERATOR, "ml-owner", PULL)
    theirs = inside.tokens.list(user="ml-owner")[0]
    ml = Mandate("ml-owner", Over.NAMESPACE, "ml")
    attempts: list[Callable[[], object]] = [
        lambda: inside.users.create(eve, Name("new")),
        lambda: inside.users.update(eve, "eve", site_admin=True),
        lambda: inside.users.delete(eve, "eve"),
        lambda: inside.users.set_password(eve, "root", PASSWORD),
        lambda: inside.tokens.create(eve, "root", PULL),
        lambda: inside.tokens.revoke(eve, theirs.id),
        lambda: inside.tokens.create_robot(ml, "ops", PULL),
        lambda: inside.teams.put_member(ml, "ml", "eve", role=Role.OWNER),
        lambda: inside.teams.create(ml, Name("new")),
        lambda: inside.namespaces.give(ml, "ops", None),
        lambda: inside.namespaces.set_repository_visibility(ml, "mlx/model", Visibility.PUBLIC),
        lambda: inside.grants.put(ml, Party.parse("eve"), Target.parse("ops/model"), role=Role.READER),
        lambda: inside.keys.rotate(ml),
        lambda: inside.invitations.create(eve, "root"),
        lambda: inside.identities.bind(eve, "root", issuer="i", subject="s"),
    ]
    for attempt in attempts:
        with pytest.raises(DeniedError, match=r"may not change|does not administer"):
            attempt()


def test_everything_that_is_changed_is_written_down(inside: People) -> None:
    before = len(recorded(inside))
    inside.users.set_password(OPERATOR, "eve", None)
    inside.tokens.revoke(OPERATOR, inside.tokens.create(OPERATOR, "eve", PULL)[0].id)
    inside.teams.remove_member(OPERATOR, "ml", "ml-reader")
    inside.keys.rotate(OPERATOR)
    assert [action for action, _ in recorded(inside)[before:]] == [
        "user.password",
        "token.create",
        "token.revoke",
        "team.remove-member",
        "key.rotate",
    ]
    with inside.ledger.database.read() as connection:
        row = connection.execute(select(events).where(events.c.action == "token.create")).one()
    assert json.loads(row.detail) == {"name": "x", "patterns": "**", "scopes": "pull", "user_name": "eve"}


def test_what_others_own_or_use_cannot_be_removed(inside: People) -> None:
    repository(inside.ledger.database, "ml/model")
    with pytest.raises(ConflictError, match="holds repositories"):
        inside.namespaces.delete(OPERATOR, "ml")
    with pytest.raises(ConflictError, match="goes when the account eve goes"):
        inside.namespaces.delete(OPERATOR, "eve")
    with pytest.raises(ConflictError, match="owns the namespace ops"):
        inside.teams.delete(OPERATOR, "ops")
    inside.namespaces.delete(OPERATOR, "ops")
    inside.teams.delete(OPERATOR, "ops")
    assert inside.teams.list() == ["ml"]
    assert inside.teams.list(member="ml-owner") == ["ml"]
    assert [one.name for one in inside.namespaces.list(owner=Party.parse("team:ml"))] == ["ml"]


def test_roles_can_be_listed_by_place_and_by_party(inside: People) -> None:
    eve, team = Party.parse("eve"), Party.parse("team:ops")
    inside.grants.put(OPERATOR, eve, Target.parse("ml/model"), role=Role.READER)
    inside.grants.put(OPERATOR, eve, Target.parse("ml/model"), role=Role.WRITER)
    inside.grants.put(OPERATOR, team, Target.parse("ml"), role=Role.READER)
    assert {(str(one.party), str(one.target), one.role) for one in inside.grants.list(namespace="ml")} == {
        ("user:eve", "ml/model", Role.WRITER),
        ("team:ops", "ml", Role.READER),
    }
    assert [one.role for one in inside.grants.list(party=team)] == [Role.READER]
    for wrong in ("group:x", "user:", ":x"):
        with pytest.raises(InvalidError, match=r"neither user:NAME|is not an? "):
            Party.parse(wrong)


# Tokens -----------------------------------------------------------------------------------------------------------


def test_only_the_hash_of_a_token_is_kept(inside: People) -> None:
    token, secret = inside.tokens.create(OPERATOR, "eve", PULL)
    with inside.ledger.database.read() as connection:
        row = connection.execute(select(tokens)).one()
    assert secret not in str(tuple(row))
    assert row.secret_hash == hash_of(secret)
    assert inside.tokens.find(secret) is not None
    assert inside.tokens.get(token.id).used_at == datetime.fromtimestamp(inside.ledger.now(), UTC)


def test_secret_can_be_recognised_by_its_form() -> None:
    secret = new_secret()
    assert is_secret(secret)
    assert secret.startswith("orch_")
    assert len(secret) == 54
    assert not any(map(is_secret, (secret[:-1], secret + "x", secret[:-1] + "!", secret.swapcase(), "orch_", "")))
    assert new_secret() != secret


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (Wanted(name="x", scopes=frozenset()), "needs a scope"),
        (Wanted(name="x", scopes=frozenset(("fly",))), "'fly' is not a scope"),
        (Wanted(name="x", scopes=frozenset(("pull",)), patterns=()), "needs 1 to 64 patterns"),
        (Wanted(name="x", scopes=frozenset(("account",))), "needs all scopes"),
        (Wanted(name="x", scopes=EVERYTHING.scopes, patterns=(Pattern("ml/**"),)), "needs all scopes"),
        (Wanted(name="x", scopes=PULL.scopes, expires_at=datetime.fromtimestamp(1, UTC)), "ended already"),
        (Wanted(name="\n", scopes=PULL.scopes), "not a token's name"),
    ],
)
def test_token_that_makes_no_sense_is_refused(inside: People, wanted: Wanted, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        inside.tokens.create(OPERATOR, "eve", wanted)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (Wanted(name="A b", scopes=PULL.scopes), "not a robot name"),
        (Wanted(name="x", scopes=frozenset(("own",))), "'own' is not a scope"),
        (EVERYTHING, "is not a scope"),
        (Wanted(name="x", scopes=PULL.scopes, patterns=(Pattern("ops/**"),)), "stays in its namespace"),
    ],
)
def test_robot_that_makes_no_sense_is_refused(inside: People, wanted: Wanted, complaint: str) -> None:
    with pytest.raises(InvalidError, match=complaint):
        inside.tokens.create_robot(OPERATOR, "ml", wanted)


def test_names_of_live_tokens_are_taken_once(inside: People) -> None:
    token, _ = inside.tokens.create_robot(OPERATOR, "ml", PULL)
    assert (token.name, token.holder.name, token.holder.kind) == ("ml+x", "ml+x", Kind.ROBOT)
    with pytest.raises(ConflictError, match=r"a token ml\+x already"):
        inside.tokens.create_robot(OPERATOR, "ml", PULL)
    inside.tokens.revoke(OPERATOR, token.id)
    inside.tokens.revoke(OPERATOR, token.id)
    inside.tokens.create_robot(OPERATOR, "ml", PULL)
    assert len(inside.tokens.list(namespace="ml")) == 2


@pytest.mark.parametrize("owner", ["disabled", "deleted", "namespace"])
def test_token_ends_with_its_owner(inside: People, owner: str) -> None:
    make = inside.tokens.create_robot if owner == "namespace" else inside.tokens.create
    secret = make(OPERATOR, "ml" if owner == "namespace" else "eve", PULL)[1]
    assert inside.tokens.find(secret)
    if owner == "disabled":
        inside.users.update(OPERATOR, "eve", disabled=True)
    elif owner == "deleted":
        inside.users.delete(OPERATOR, "eve")
    else:
        inside.namespaces.delete(OPERATOR, "ml")
    assert inside.tokens.find(secret) is None


# Sessions, invitations, identities --------------------------------------------------------------------------------


def test_session_is_always_a_new_one_and_ends_the_one_before(inside: People) -> None:
    first = inside.sessions.begin("eve")
    second = inside.sessions.begin("eve", instead_of=first)
    assert first != second
    assert inside.sessions.find(first) is None
    planted = "chosen by somebody else"
    inside.sessions.begin("eve", instead_of=planted)
    assert inside.sessions.find(planted) is None


def test_session_ends_when_it_is_idle_and_in_any_case_after_a_week(inside: People, clock: Clock) -> None:
    secret = inside.sessions.begin("eve")
    begun = clock.time
    while clock.time + IDLE / 2 < begun + LONGEST:
        clock.time += IDLE / 2
        found = inside.sessions.find(secret)
        assert found is not None
        assert found.holder == Principal("eve")
    clock.time = begun + LONGEST
    assert inside.sessions.find(secret) is None
    secret = inside.sessions.begin("eve")
    clock.time += IDLE
    assert inside.sessions.find(secret) is None


@pytest.mark.parametrize("end", ["logout", "everywhere", "password", "disabled", "deleted"])
def test_session_ends_at_the_hub(inside: People, clock: Clock, end: str) -> None:
    secret = inside.sessions.begin("eve")
    clock.time += 1
    if end == "logout":
        inside.sessions.end(secret)
    elif end == "everywhere":
        inside.sessions.end_all("eve")
    elif end == "password":
        inside.users.set_password(OPERATOR, "eve", None)
    elif end == "disabled":
        inside.users.update(OPERATOR, "eve", disabled=True)
    else:
        inside.users.delete(OPERATOR, "eve")
    assert inside.sessions.find(secret) is None


def test_invitation_sets_a_password_once(inside: People, clock: Clock) -> None:
    inside.invitations.create(OPERATOR, "eve")
    secret = inside.invitations.create(OPERATOR, "eve", lifetime=60)
    with pytest.raises(InvalidError, match="is empty"):
        inside.invitations.accept(secret, "")
    assert inside.invitations.accept(secret, PASSWORD) == "eve"
    assert inside.users.verify("eve", PASSWORD)
    with pytest.raises(NotFoundError, match="used already"):
        inside.invitations.accept(secret, "another")
    late = inside.invitations.create(OPERATOR, "eve", lifetime=60)
    clock.time += 60
    with pytest.raises(NotFoundError, match="has ended"):
        inside.invitations.accept(late, "another")


def test_somebody_known_elsewhere_is_one_account(inside: People) -> None:
    inside.identities.bind(OPERATOR, "eve", issuer="https://id.example", subject="42")
    inside.identities.bind(OPERATOR, "eve", issuer="https://id.example", subject="42")
    assert inside.identities.find("https://id.example", "42") == "eve"
    with pytest.raises(ConflictError, match="is the account eve already"):
        inside.identities.bind(OPERATOR, "root", issuer="https://id.example", subject="42")
    inside.identities.release(OPERATOR, "eve", issuer="https://id.example", subject="42")
    assert inside.identities.find("https://id.example", "42") is None


# Guessing names ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_login_takes_as_long_for_unknown_accounts_and_says_the_same(inside: People) -> None:
    with_password(inside, "eve")
    inside.users.update(OPERATOR, "ml-reader", disabled=True)

    def seconds(name: str) -> float:
        start = process_time()
        assert inside.users.verify(name, "guess") is None
        return process_time() - start

    names = ("eve", "nobody", "ml-reader", "ml-writer")
    taken: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(15):
        for name in names:
            taken[name].append(seconds(name))
    least = [min(found) for found in taken.values()]  # of CPU: the machine may be busy
    assert max(least) < 3 * min(least)  # without a password to compare it is a hundredth
