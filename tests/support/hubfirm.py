"""A hub inside the test with accounts: two teams that must not see each other, and an administrator."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchard.hub.access import ANONYMOUS, Action, Kind, OpenDoor, People, Principal, Sight
from orchard.hub.app.outgoing import Outside
from orchard.hub.app.people import Entrance
from orchard.hub.app.surfaces import api, tasks, trusts, upkeep
from orchard.hub.egress import Gate
from orchard.hub.http import Surface
from orchard.hub.jobs import Deliverer
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.tending import Foreman
from orchard.hub.queue import TaskQueue
from orchard.hub.queue.leases import TableDispatch
from orchard.hub.registry import Reach
from orchard.hub.settings import Settings
from support.hubclient import Answer, Client
from support.hubinside import Inside, MakeHub
from support.people import firm


class Introduced(OpenDoor):
    """A door that believes whatever name is said: ``ana``, a robot ``team+ci``; nobody is anonymous."""

    challenge: str | None = 'Basic realm="Orchard"'

    def recall(self, authorization: bytes | None) -> Principal | None:
        if authorization is None:
            return ANONYMOUS
        name = authorization.decode()
        return Principal(name, Kind.ROBOT if "+" in name else Kind.USER)

    def login(self, authorization: bytes | None, address: str) -> Principal:
        raise AssertionError((authorization, address))

    def lapsed(self, authorization: bytes | None) -> Principal | None:
        raise AssertionError(authorization)


@dataclass
class Staff:
    """The policy of accounts that are there only when the hub is; and the hub."""

    self_service: bool = False
    door: Introduced = field(default_factory=Introduced)

    def surfaces(self, hub: Inside) -> Sequence[Surface]:
        self.people = People.of(hub.database, hub.clock, self_service=self.self_service)
        settings = Settings(data=hub.data, self_service=self.self_service)
        self.entrance = Entrance(self.door, self.people.rights, self.people)
        queue = TaskQueue(hub.database, TableDispatch(hub.clock), steady=hub.clock)
        minded = tasks(Foreman(hub.database, queue), self.entrance)
        caretaker = upkeep(Caretaker(hub.premises, queue), self.entrance)
        outside = trusts(self.entrance, Gate.of((), ()), settings)
        outgoing = outgoing_of(hub)
        kept = outgoing.resources(self.entrance.policy, outgoing.mirroring(hub.registry, queue))
        return [
            api(hub.registry, self.entrance, settings, threads=hub.threads, more=[caretaker, minded, outside, *kept])
        ]

    def knows(self, who: Principal, action: Action, repository: str) -> bool | None:
        return self.people.rights.knows(who, action, repository)

    def allows(self, who: Principal, action: Action, repository: str) -> bool:
        return self.people.rights.allows(who, action, repository)

    def reach(self, who: Principal, name: str) -> Reach:
        return self.entrance.reach(who, name)

    def prepare(self, who: Principal, repositories: Collection[str]) -> None:
        self.people.rights.prepare(who, repositories)

    def sight(self, who: Principal) -> Sight | None:
        return self.people.rights.sight(who)


def outgoing_of(hub: Inside) -> Outside:
    """Give the ways out of a hub inside the test."""
    deliverer = Deliverer(hub.database, hub.vault, hub.gate, now=hub.clock)
    return Outside(hub.database, hub.gate, hub.vault, hub.upstreams, deliverer)


def staffed(make_hub: MakeHub, *, self_service: bool = False) -> tuple[Inside, People]:
    """Make a hub with ``support.people.firm``: teams ml and ops, each with one account a role; root; eve."""
    staff = Staff(self_service=self_service)
    hub = make_hub(policy=staff, reach=staff.reach, access=lambda _: staff.door, surfaces=staff.surfaces)
    firm(staff.people)
    return hub, staff.people


@dataclass
class Sender(Client):
    """Whatever is asked of a hub, asked by one account."""

    hub: Inside
    account: str

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self.hub.request(method, target, body, {**(headers or {}), "authorization": self.account})
