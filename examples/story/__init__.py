"""A believable story for a hub: a team that routes support tickets, and what it made in a year.

One project goes through five versions whose data, code, parameters and metrics change, one of them worse than the one
before; beside it stand a data set of its own, an adapter for a language model, and a small language model for laptops.
Everything is made here, the same each time: the files by code, the commits by Git with fixed names and dates. The
weights are noise of the right shapes; whoever made this trained nothing.
"""

from story.publishing import PEOPLE, Place, publish, wait_until_understood
from story.router import ROUTER
from story.shelf import ADAPTER, STUDENT, TICKETS

PROJECTS = (TICKETS, STUDENT, ADAPTER, ROUTER)

__all__ = ["ADAPTER", "PEOPLE", "PROJECTS", "ROUTER", "STUDENT", "TICKETS", "Place", "publish", "wait_until_understood"]
