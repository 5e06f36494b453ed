"""Whether the hub can do its work now."""

from collections.abc import Callable, Mapping
from typing import Final

from orchard.errors import OrchardError

GOOD: Final = "ok"


class Readiness:
    """Asks every part that requests need.

    Args:
        checks: What to ask, by the name that people read; each raises an ``OrchardError`` if its part does not work.

    """

    def __init__(self, checks: Mapping[str, Callable[[], None]]) -> None:
        self._checks = dict(checks)
        self._draining = False

    def drain(self) -> None:
        """From now on the hub is not ready, whatever its parts say: it was asked to stop."""
        self._draining = True

    def ask(self) -> dict[str, str]:
        """Give what each part says: ``ok``, or what is wrong with it."""
        found = {name: _asked(check) for name, check in self._checks.items()}
        if self._draining:
            found["hub"] = "stopping"
        return found


def _asked(check: Callable[[], None]) -> str:
    try:
        check()
    except OrchardError as error:
        return str(error)
    return GOOD
