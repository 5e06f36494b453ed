"""The policy: roles, visibility, tokens' limits, two tenants, and how soon a change counts."""

from collections.abc import Iterator

import pytest

from orchard.errors import InvalidError
from orchard.hub.access import (
    ANONYMOUS,
    Action,
    EverybodyInside,
    Kind,
    Limit,
    Name,
    Party,
    Pattern,
    People,
    Principal,
    Role,
    Visibility,
)
from support.people import OPERATOR, firm, give, people, repository

MODEL = "ml/model"
ALL = frozenset(Action)


@pytest.fixture
def inside() -> Iterator[People]:
    with people() as found:
        firm(found)
        repository(found.ledger.database, MODEL)
        yield found


def may(found: People, who: str | Principal, where: str = MODEL) -> set[Action]:
    """Ask for every action, both ways; give what is allowed."""
    principal = Principal(who) if isinstance(who, str) else who
    allowed = {action for action in Action if found.rights.allows(principal, action, where)}
    for action in Action:
        assert found.rights.knows(principal, action, where) in {None, action in allowed}
    return allowed


# Roles ------------------------------------------------------------------------------------------------------------

GRID = """
            pull push delete govern own
reader      x
writer      x    x
maintainer  x    x    x      x
owner       x    x    x      x      x
"""


@pytest.mark.parametrize("line", GRID.strip().splitlines()[1:], ids=lambda line: line.split()[0])
@pytest.mark.parametrize("way", ["team", "user grant", "team grant", "one repository"])
def test_role_allows_what_the_table_says(inside: People, line: str, way: str) -> None:
    role, marks = Role(line.split(maxsplit=1)[0]), line.split()[1:]
    who = f"ml-{role}" if way == "team" else "eve"
    if way == "user grant":
        give(inside, "user:eve", "ml", role)
    elif way == "team grant":
        inside.teams.create(OPERATOR, Name("guests"))
        inside.teams.put_member(OPERATOR, "guests", "eve", role=Role.READER)
        give(inside, "team:guests", "ml", role)
    elif way == "one repository":
        give(inside, "user:eve", MODEL, role)
    assert may(inside, who) == set(list(Action)[: len(marks)])
    assert may(inside, who, "ml/other") == (set() if way == "one repository" else may(inside, who))


def test_account_owns_the_namespace_of_its_name(inside: People) -> None:
    assert may(inside, "eve", "eve/model") == ALL
    assert may(inside, "eve", "eve") == ALL
    assert may(inside, "eve", "eve2/model") == set()


def test_highest_role_counts(inside: People) -> None:
    give(inside, "user:ml-reader", MODEL, Role.WRITER)
    give(inside, "user:ml-owner", MODEL, Role.READER)
    assert may(inside, "ml-reader") == {Action.PULL, Action.PUSH}
    assert may(inside, "ml-owner") == ALL


def test_administrator_of_the_site_may_everything(inside: People) -> None:
    assert may(inside, "root") == may(inside, "root", "nobody/knows") == ALL


@pytest.mark.parametrize("who", ["stranger", "ml-owner", "root"])
def test_whoever_is_disabled_or_gone_may_nothing(inside: People, who: str) -> None:
    inside.users.create(OPERATOR, Name("second"), site_admin=True)
    if who != "stranger":
        inside.users.update(OPERATOR, who, disabled=True)
    assert may(inside, who) == set()


# Two tenants ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("ours", "theirs"), [("ml", "ops"), ("ops", "ml")])
def test_no_role_in_one_tenant_is_a_role_in_the_other(inside: People, ours: str, theirs: str, role: Role) -> None:
    for where in (f"{theirs}/model", f"{theirs}/a/b", theirs, f"{ours}-x/model", f"{ours}x", f"x/{ours}"):
        assert may(inside, f"{ours}-{role}", where) == set()


# Visibility -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who", [Principal("eve"), ANONYMOUS, Principal("ops+ci", Kind.ROBOT)], ids=lambda who: who.kind
)
@pytest.mark.parametrize("way", ["namespace", "repository"])
def test_public_repository_can_be_read_by_everybody_and_no_more(inside: People, who: Principal, way: str) -> None:
    assert may(inside, who) == set()
    if way == "namespace":
        inside.namespaces.set_visibility(OPERATOR, "ml", Visibility.PUBLIC)
    else:
        inside.namespaces.set_repository_visibility(OPERATOR, MODEL, Visibility.PUBLIC)
    assert may(inside, who) == {Action.PULL}
    inside.namespaces.set_repository_visibility(OPERATOR, MODEL, Visibility.PRIVATE)
    assert may(inside, who) == set()


def test_public_repository_that_is_made_later_can_be_read_at_once(inside: People) -> None:
    inside.namespaces.set_visibility(OPERATOR, "ml", Visibility.PUBLIC)
    assert may(inside, ANONYMOUS, "ml/new") == set()
    repository(inside.ledger.database, "ml/new")
    assert may(inside, ANONYMOUS, "ml/new") == {Action.PULL}


def test_hub_may_show_nothing_to_whoever_has_no_account() -> None:
    with people(anonymous=False) as found:
        firm(found)
        repository(found.ledger.database, MODEL)
        found.namespaces.set_visibility(OPERATOR, "ml", Visibility.PUBLIC)
        assert may(found, ANONYMOUS) == set()
        assert may(found, "eve") == {Action.PULL}


def test_many_repositories_are_looked_up_in_one_go(inside: People) -> None:
    names = [f"ml/{number}" for number in range(1200)]
    for name in names:
        repository(inside.ledger.database, name)
    inside.namespaces.set_visibility(OPERATOR, "ml", Visibility.PUBLIC)
    inside.namespaces.set_repository_visibility(OPERATOR, "ml/7", Visibility.PRIVATE)
    inside.rights.prepare(ANONYMOUS, [*names, "ml/absent"])
    assert [inside.rights.knows(ANONYMOUS, Action.PULL, name) for name in ("ml/6", "ml/7")] == [True, False]
    assert inside.rights.knows(ANONYMOUS, Action.PULL, "ml/absent") is None
    inside.rights.prepare(Principal("root"), names)
    inside.rights.prepare(Principal("ml-reader"), names)


# Tokens' limits ---------------------------------------------------------------------------------------------------


def limited(name: str, pattern: str, *actions: Action, kind: Kind = Kind.USER) -> Principal:
    return Principal(name, kind, (Limit(((Pattern.parse(pattern), frozenset(actions)),)),))


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        (limited("ml-owner", "**", Action.PULL), {Action.PULL}),
        (limited("ml-reader", "**", *Action), {Action.PULL}),
        (limited("ml-owner", "ml/mod*", Action.PULL, Action.PUSH), {Action.PULL, Action.PUSH}),
        (limited("ml-owner", "ml/mode", *Action), set()),
        (limited("root", "ops/**", *Action), set()),
        (limited("ml+ci", "ml/**", *Action, kind=Kind.ROBOT), ALL - {Action.OWN}),
        (limited("ops+ci", "**", *Action, kind=Kind.ROBOT), set()),
    ],
)
def test_token_narrows_what_its_holder_may_and_never_widens_it(
    inside: People, who: Principal, allowed: set[Action]
) -> None:
    assert may(inside, who) == allowed


@pytest.mark.parametrize(
    ("pattern", "meant", "others"),
    [
        ("a/b", ["a/b"], ["a/bc", "a/b/c", "a", "xa/b", "a/b\n"]),
        ("a/*", ["a/b", "a/bc"], ["a", "a/b/c", "ab/c"]),
        ("a/b*", ["a/b", "a/bc"], ["a/c", "a/b/c"]),
        ("a/*-llm", ["a/x-llm"], ["a/x/y-llm", "a/llm"]),
        ("*/b", ["a/b"], ["a/c/b", "b"]),
        ("a/**", ["a", "a/b", "a/b/c"], ["ab", "ab/c"]),
        ("*", ["a"], ["a/b"]),
        ("**", ["a", "a/b/c"], []),
        ("a.b/c", ["a.b/c"], ["axb/c"]),
    ],
)
def test_pattern_means_components_and_never_a_part_of_a_word(pattern: str, meant: list[str], others: list[str]) -> None:
    parsed = Pattern.parse(pattern)
    assert [name for name in [*meant, *others] if parsed.matches(name)] == meant


@pytest.mark.parametrize(
    "text", ["", "/", "a/", "/a", "a//b", "a/**/b", "***", "a*b*", "A/b", "a,b", "a b", "a/b\n", "x" * 256]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="is not a pattern of repositories"):
        Pattern.parse(text)


# When a change counts ---------------------------------------------------------------------------------------------


def test_change_of_this_process_counts_at_once(inside: People) -> None:
    assert inside.rights.allows(Principal("eve"), Action.PULL, MODEL) is False
    give(inside, "user:eve", "ml", Role.READER)
    assert inside.rights.knows(Principal("eve"), Action.PULL, MODEL) is None
    assert inside.rights.allows(Principal("eve"), Action.PULL, MODEL) is True
    assert inside.rights.knows(Principal("eve"), Action.PULL, MODEL) is True
    inside.grants.remove(OPERATOR, Party.parse("eve"), inside.grants.list(namespace="ml")[0].target)
    assert inside.rights.allows(Principal("eve"), Action.PULL, MODEL) is False


def test_change_of_another_process_counts_when_the_epoch_is_looked_at(inside: People) -> None:
    elsewhere = People.of(inside.ledger.database, lambda: 1_800_000_000.0)
    assert inside.rights.allows(Principal("ml-reader"), Action.PULL, MODEL)
    elsewhere.users.update(OPERATOR, "ml-reader", disabled=True)
    assert inside.rights.knows(Principal("ml-reader"), Action.PULL, MODEL) is True
    inside.epoch.poll()
    assert inside.rights.knows(Principal("ml-reader"), Action.PULL, MODEL) is None
    assert not inside.rights.allows(Principal("ml-reader"), Action.PULL, MODEL)


def test_nothing_is_trusted_while_the_catalog_cannot_be_read(inside: People) -> None:
    assert inside.rights.allows(Principal("ml-reader"), Action.PULL, MODEL)
    inside.epoch.doubt()
    assert inside.rights.knows(Principal("ml-reader"), Action.PULL, MODEL) is None
    assert inside.rights.allows(Principal("ml-reader"), Action.PULL, MODEL)
    assert inside.rights.knows(Principal("ml-reader"), Action.PULL, MODEL) is True


def test_open_hub_allows_everything() -> None:
    policy = EverybodyInside()
    policy.prepare(ANONYMOUS, [MODEL])
    assert policy.knows(ANONYMOUS, Action.OWN, MODEL)
    assert policy.allows(ANONYMOUS, Action.OWN, MODEL)
