"""The registries that a workspace talks to: each opened once, so that its connections and tokens are shared."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchard.remote import Credentials, Options, Registry


class Registries:
    """Registries by host.

    Args:
        options: How to talk to one, by its host.
        credentials: Gives what is known of us; asked for when the first registry is.
    """

    def __init__(self, options: "Callable[[str], Options]", credentials: "Callable[[], Credentials]") -> None:
        self._options = options
        self._credentials = credentials
        self._open: dict[str, Registry] = {}

    def open(self, host: str) -> "Registry":
        """Open a registry; nothing is asked of it yet.

        Raises:
            InvalidReferenceError: If the host is not one.
        """
        from orchard.remote import Registry  # noqa: PLC0415 -- most commands talk to none

        if host not in self._open:
            self._open[host] = Registry(host, options=self._options(host), credentials=self._credentials())
        return self._open[host]

    def close(self) -> None:
        """Close the idle connections of all of them."""
        while self._open:
            self._open.popitem()[1].close()
