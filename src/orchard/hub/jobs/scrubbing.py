"""Reading stored bytes again, as a task that gives way to others."""

import time
from collections.abc import Callable
from dataclasses import asdict
from threading import Event
from typing import Final

from orchard.hub import catalog
from orchard.hub.jobs.kind import Kind, Run, counting
from orchard.hub.queue import Queue
from orchard.hub.registry import Premises, Scrubber

SCRUB: Final = "scrub"
ALL: Final = "all"  # in the payload: read everything now, whenever it was read last
_SLICE: Final = 60.0  # seconds after which it lets others have the worker, unless somebody asked for it
_LOOK: Final = 3600.0  # seconds between two looks at whether something is due


def scrubbing(
    premises: Premises,
    queue: Queue,
    *,
    every: float,
    rate: int,
    slice_: float = _SLICE,
    steady: Callable[[], float] = time.monotonic,
) -> Kind:
    """Make the kind of task that reads blobs again; what came of it is the report of its kind.

    Args:
        premises: Where.
        queue: Where it puts itself again when it has not finished.
        every: Seconds after which a blob is read again.
        rate: Bytes to read in a second.
        slice_: Seconds to work at once.
        steady: A clock in seconds that does not jump.
    """

    def scrub(run: Run) -> None:
        asked = ALL in run.payload
        scrubber = Scrubber(premises, counting(run, "bytes"), say=run.log, rate=rate, pause=Event().wait, steady=steady)
        found = scrubber.scrub(0.0 if run.payload.get(ALL) is True else every, until=None if asked else slice_)
        with premises.database.aside() as connection:
            catalog.upkeep.note(connection, SCRUB, asdict(found), at=premises.at)
            if scrubber.unfinished:
                queue.put(connection, SCRUB, {}, key=SCRUB, lock=SCRUB)
        told = f"{found.blobs} blobs, {found.damaged} of them damaged"
        run.log(f"read {told}; {found.healed} are sound again")
        run.progress(found.read_bytes, found.read_bytes, told, unit="bytes")

    return Kind(name=SCRUB, handler=scrub, every=_LOOK, slow=True)
