"""Coming in: accounts, passwords, guessing (security notes 5.5)."""

from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Final

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from orchard.errors import InvalidError, OrchardError, RateLimitedError, UnauthenticatedError
from orchard.hub.access import ANONYMOUS, Door, Mandate, Name, OpenDoor, People, Principal, User, check_name
from orchard.hub.access.failures import BURST, Failures
from orchard.hub.access.ledger import Ledger
from orchard.hub.access.passwords import DUMMY
from orchard.hub.access.users import Users
from orchard.hub.db import Database
from orchard.hub.db.people import login_failures, users
from support.hubinside import Clock, Inside, MakeHub, fresh_catalog, quick_directory
from support.hubs import basic
from support.people import new_door

ENGINES = True

ADDRESS: Final = "192.0.2.1"
PASSWORD: Final = "correct horse: battery staple"
BY: Final = Mandate.operator()
ANA: Final = Name("ana")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database() -> Iterator[Database]:
    with quick_directory() as directory:
        database = fresh_catalog(directory)
        yield database
        database.close()


@pytest.fixture
def people(database: Database, clock: Clock) -> People:
    found = People.of(database, clock)
    found.users.create(BY, ANA, password=PASSWORD)
    return found


@pytest.fixture
def accounts(people: People) -> Users:
    return people.users


def somebody(name: str) -> User:
    return User(
        name=name,
        site_admin=False,
        disabled=False,
        has_password=True,
        created_at=datetime.fromtimestamp(0, UTC),
        stamp="",
    )


def header(account: str = "ana", password: str = PASSWORD) -> bytes:
    return basic(account, password).encode()


# Accounts ---------------------------------------------------------------------------------------------------------


def test_account_is_known_by_its_password_only(accounts: Users) -> None:
    assert accounts.verify("ana", PASSWORD)
    assert not accounts.verify("ana", PASSWORD + " ")
    assert not accounts.verify("eve", PASSWORD)


def test_new_password_takes_the_place_of_the_old_one(accounts: Users) -> None:
    accounts.set_password(BY, "ana", "another")
    assert not accounts.verify("ana", PASSWORD)
    assert accounts.verify("ana", "another")


def test_accounts_exist_after_the_first_was_made(database: Database) -> None:
    accounts = People.of(database, Clock()).users
    assert not accounts.exist()
    accounts.create(BY, ANA, password=PASSWORD)
    assert accounts.exist()


def test_password_is_kept_as_an_argon2id_hash_of_the_right_cost(accounts: Users, database: Database) -> None:
    assert accounts.exist()
    with database.read() as connection:
        stored = connection.execute(select(users.c.password_hash)).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert DUMMY.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_hash_of_another_cost_is_renewed_at_the_next_login(accounts: Users, database: Database) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with database.write() as connection:
        connection.execute(users.update().values(password_hash=cheap))
    assert accounts.verify("ana", PASSWORD)
    with database.read() as connection:
        assert "m=19456,t=2" in connection.execute(select(users.c.password_hash)).scalar_one()
    assert accounts.verify("ana", PASSWORD)


def test_hash_that_cannot_be_read_lets_nobody_in(accounts: Users, database: Database) -> None:
    with database.write() as connection:
        connection.execute(users.update().values(password_hash="broken"))
    assert not accounts.verify("ana", PASSWORD)


@pytest.mark.parametrize(
    ("account", "password", "complaint"),
    [
        ("", "x", "not an account name"),
        ("a:b", "x", "not an account name"),
        ("a" * 65, "x", "not an account name"),
        ("a\nb", "x", "not an account name"),
        ("Bob", "x", "not an account name"),
        ("bob/eve", "x", "not an account name"),
        ("anonymous", "x", "the hub itself uses it"),
        ("bob", "", "is empty"),
        ("bob", "x" * 1025, "longer than 1024"),
        ("bob", "\N{SNOWMAN}" * 342, "longer than 1024"),
    ],
)
def test_account_that_could_never_log_in_is_refused(
    accounts: Users, account: str, password: str, complaint: str
) -> None:
    with pytest.raises(InvalidError, match=complaint):
        accounts.create(BY, check_name(account), password=password)


# The door ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def door(people: People) -> Door:
    return new_door(people)


def test_open_door_lets_everybody_in() -> None:
    door = OpenDoor()
    assert door.recall(None) == ANONYMOUS
    assert door.login(b"Basic whatever", ADDRESS) == ANONYMOUS
    assert door.challenge is None


def test_password_is_remembered_for_a_minute(door: Door, clock: Clock) -> None:
    assert door.recall(header()) is None
    assert door.login(header(), ADDRESS) == Principal("ana")
    clock.time += 59
    assert door.recall(header()) == Principal("ana")
    assert door.recall(header("ana", "wrong")) is None
    assert door.recall(None) is None
    clock.time += 1
    assert door.recall(header()) is None


def test_changed_password_is_asked_for_at_once(door: Door, accounts: Users) -> None:
    door.login(header(), ADDRESS)
    accounts.set_password(BY, "ana", "another")
    assert door.recall(header()) is None
    with pytest.raises(UnauthenticatedError, match="wrong password"):
        door.login(header(), ADDRESS)


@pytest.mark.parametrize(
    ("authorization", "kind"),
    [
        (None, UnauthenticatedError),
        (b"", UnauthenticatedError),
        (b"Bearer abc", UnauthenticatedError),
        (b"Basic", InvalidError),
        (b"Basic ???", InvalidError),
        (b"Basic " + b64encode(b"no colon"), InvalidError),
        (b"Basic " + b64encode(b"\xff:\xff"), InvalidError),
        (b"Basic " + b64encode(b":"), UnauthenticatedError),
        (b"Basic " + b64encode(b"ana:"), UnauthenticatedError),
        (b"Basic " + b64encode(b":" + PASSWORD.encode()), UnauthenticatedError),
        (b"Basic " + b64encode(b"ana:" + b"x" * 1_000_000), InvalidError),
        (header("ana", "wrong"), UnauthenticatedError),
        (header("eve"), UnauthenticatedError),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_whoever_is_not_known_stays_out(door: Door, authorization: bytes | None, kind: type[OrchardError]) -> None:
    with pytest.raises(kind, match=r"log in|login|Authorization header|wrong password"):
        door.login(authorization, ADDRESS)


def test_scheme_is_read_in_any_case_and_colons_belong_to_the_password(door: Door) -> None:
    assert ":" in PASSWORD
    assert door.login(header().replace(b"Basic ", b"bASIC  "), ADDRESS) == Principal("ana")


class SlowAccounts(Users):
    """Accounts that count how many look at a password at once."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.calls = 0
        self.most = 0
        self._now_inside = 0
        self._counting = Lock()
        self._pause = Event()

    def verify(self, name: str, password: str) -> User | None:
        with self._counting:
            self.calls += 1
            self._now_inside += 1
            self.most = max(self.most, self._now_inside)
        self._pause.wait(0.005)
        with self._counting:
            self._now_inside -= 1
        return somebody(name) if password == PASSWORD else None


def test_no_more_than_two_passwords_are_looked_at_at_once(people: People) -> None:
    accounts = SlowAccounts(people.ledger)
    door = new_door(replace(people, users=accounts))
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda number: door.login(header(f"user{number}"), ADDRESS), range(50)))
    assert {who.name for who in found} == {f"user{number}" for number in range(50)}
    assert accounts.most <= 2


def test_logins_of_one_account_at_once_look_at_its_password_twice_at_most(people: People) -> None:
    accounts = SlowAccounts(people.ledger)
    door = new_door(replace(people, users=accounts))
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: door.login(header(), ADDRESS), range(20)))
    assert set(found) == {Principal("ana")}
    assert accounts.calls <= 2


# Guessing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", ["one account", "one address"])
def test_guessing_is_slowed_down_by_account_and_by_address(people: People, clock: Clock, spread: str) -> None:
    door = new_door(replace(people, users=SlowAccounts(people.ledger)))

    def guess(number: int) -> None:
        account = "ana" if spread == "one account" else f"user{number}"
        address = f"192.0.2.{number}" if spread == "one account" else ADDRESS
        door.login(header(account, "guess"), address)

    for number in range(int(BURST)):
        with pytest.raises(UnauthenticatedError, match="wrong password"):
            guess(number)
    with pytest.raises(RateLimitedError, match="too many failed logins"):
        guess(99)
    with pytest.raises(UnauthenticatedError, match="wrong password"):
        door.login(header("bob", "guess"), "198.51.100.1")
    clock.time += 6.1
    with pytest.raises(UnauthenticatedError, match="wrong password"):
        guess(100)
    with pytest.raises(RateLimitedError, match="too many failed logins"):
        guess(101)


def test_whoever_is_remembered_is_not_slowed_down_by_those_who_guess(door: Door) -> None:
    door.login(header(), ADDRESS)
    for _ in range(int(BURST)):
        with pytest.raises(UnauthenticatedError, match="wrong password"):
            door.login(header("ana", "guess"), ADDRESS)
    assert door.recall(header()) == Principal("ana")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("unknown", "unknown", True),
    ],
)
def test_addresses_of_one_customer_share_their_failures(
    database: Database, first: str, second: str, *, same: bool
) -> None:
    failures = Failures(database, Clock())
    for number in range(int(BURST)):
        failures.count(f"user{number}", first)
    if same:
        with pytest.raises(RateLimitedError, match="too many"):
            failures.refuse("bob", second)
    else:
        failures.refuse("bob", second)


def test_failures_outlive_a_restart_and_count_for_all_replicas(database: Database, clock: Clock) -> None:
    for number in range(int(BURST)):
        Failures(database, clock).count("ana", f"192.0.2.{number}")
    with pytest.raises(RateLimitedError, match="too many"):
        Failures(database, clock).refuse("ana", "198.51.100.1")


def test_failures_are_forgotten_when_they_count_no_more(database: Database, clock: Clock) -> None:
    failures = Failures(database, clock)
    for number in range(50):
        failures.count(f"user{number}" * 100, f"192.0.2.{number}")
    clock.time += 121
    failures.count("bob", "198.51.100.1")
    with database.read() as connection:
        assert len(connection.execute(select(login_failures)).all()) == 2


def test_clock_that_goes_back_forgives_nothing(database: Database, clock: Clock) -> None:
    failures = Failures(database, clock)
    for _ in range(int(BURST)):
        failures.count("ana", ADDRESS)
    clock.time -= 1000
    with pytest.raises(RateLimitedError, match="too many"):
        failures.refuse("ana", ADDRESS)


@pytest.mark.unmeasured
def test_memory_of_passwords_is_bounded(people: People) -> None:
    class Quick(Users):
        def verify(self, name: str, password: str) -> User | None:
            return somebody(name) if password == PASSWORD else None

    door = new_door(replace(people, users=Quick(people.ledger)))
    for number in range(10_001):
        door.login(header(f"user{number}"), ADDRESS)
    assert door.recall(header("user0")) is None
    assert door.recall(header("user1")) == Principal("user1")


# Over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(make_hub: MakeHub) -> Inside:
    """A hub that asks for a password."""

    def invite(found: People) -> None:
        found.users.create(BY, ANA, password=PASSWORD)

    return make_hub(people=invite)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/"),
        ("GET", "/v2"),
        ("GET", "/v2/_catalog"),
        ("HEAD", "/v2/team/model/manifests/v1"),
        ("POST", "/v2/team/model/blobs/uploads/"),
        ("GET", "/v2/no/such/endpoint"),
    ],
)
def test_programs_are_shown_nothing_without_a_login(closed: Inside, method: str, path: str) -> None:
    answer = closed.request(method, path)
    assert answer.status == (404 if path == "/v2/no/such/endpoint" else 401)
    if path == "/v2/no/such/endpoint":
        return
    assert answer.headers["www-authenticate"].split()[0] == "Bearer"
    if method != "HEAD":
        assert answer.code == "UNAUTHORIZED"


@pytest.mark.parametrize("host", ["hub.example.com", "192.0.2.7:5000"])
def test_with_a_login_any_host_name_will_do(closed: Inside, host: str) -> None:
    headers = {"authorization": header().decode(), "host": host}
    assert closed.request("GET", "/v2/", headers=headers).status == 200
    assert closed.request("GET", "/v2/", headers=headers).status == 200


def test_too_many_failures_are_answered_with_a_time_to_wait(closed: Inside) -> None:
    wrong = {"authorization": "Basic " + b64encode(b"eve:guess").decode()}
    statuses = [closed.request("GET", "/v2/", headers=wrong).status for _ in range(int(BURST))]
    assert set(statuses) == {401}
    answer = closed.request("GET", "/v2/", headers=wrong)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (429, "TOOMANYREQUESTS", "60")
    assert "www-authenticate" not in answer.headers


def test_health_is_told_to_everybody(closed: Inside) -> None:
    answer = closed.request("GET", "/healthz", headers={"host": "any"})
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert closed.request("HEAD", "/healthz").body == b""
