"""The drivers of storage, each as several processes see it: the contract suite runs on every one of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from threading import Event

from orchard.hub.catalog import places
from orchard.hub.catalog.segments import Segments
from orchard.hub.db import Database
from orchard.hub.registry import Files
from orchard.hub.storage.bucket import Address, Bucket
from orchard.hub.storage.filesystem import Filesystem
from orchard.hub.storage.objects import ObjectStore
from orchard.hub.storage.staging import Sizes
from support.hubinside import Clock
from support.swift import ACCESS_KEY, REGION, SECRET_KEY, Swift

BUCKET = "blobs"
AWS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
PATIENCE = 60.0
SMALL = Sizes(segment=256 << 10, tail=64 << 10, enough=32 << 10)  # so that few bytes make many objects


@dataclass
class Rig:
    """A place of blobs.

    Attributes:
        process: Makes a driver, as a process of its own would.
        shared: Whether several processes may use the place at once.
        things: Counts what is kept: files or objects, garbage among them.
        clock: What time it is for the driver.
    """

    process: Callable[[], Files]
    shared: bool
    things: Callable[[], int]
    clock: Clock = field(default_factory=Clock)

    def settled(self, count: int) -> bool:
        """Wait until so many things are kept: an object store erases in the background."""
        never = Event()
        for _ in range(round(PATIENCE / 0.02)):
            if self.things() == count:
                return True
            never.wait(0.02)
        return False


def files_rig(root: Path) -> Rig:
    """A directory."""

    def things() -> int:
        return sum(path.is_file() for path in root.rglob("*"))

    clock = Clock()
    return Rig(lambda: Filesystem(root, now=clock), shared=False, things=things, clock=clock)


@dataclass
class Objects:
    """A prefix of its own in a bucket, with its rows."""

    address: Address
    database: Database
    place: places.StoragePlace
    clock: Clock = field(default_factory=Clock)

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.address)

    @property
    def ledger(self) -> Segments:
        return Segments(self.database, self.place.number, self.clock)

    def store(self, *, linked: bool = False, sizes: Sizes = SMALL) -> ObjectStore:
        """Make a driver, as a process of its own would."""
        return ObjectStore(self.bucket, self.ledger, self.clock, linked=linked, sizes=sizes)

    def keys(self) -> list[str]:
        """Every object that is kept."""
        return [listed.key for page in self.bucket.list("segments") for listed in page]


def objects(swift: Swift, database: Database, endpoint: str | None = None) -> Objects:
    """Make a prefix of a bucket, for a catalog."""
    address = Address(bucket=BUCKET, prefix=token_hex(4), endpoint=endpoint or swift.endpoint, region=REGION)
    with database.write() as connection:
        place = places.make(connection, str(address))
    return Objects(address, database, place)


def objects_rig(store: Objects) -> Rig:
    """A prefix of a bucket."""
    return Rig(store.store, shared=True, things=lambda: len(store.keys()), clock=store.clock)
