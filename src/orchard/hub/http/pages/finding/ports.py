"""What the pages on which people find things ask of the hub."""

from collections.abc import Sequence
from typing import Protocol

from orchard.hub.access import Grant, Namespace, Principal, Target, Team
from orchard.hub.http.pages.ports import Windows
from orchard.hub.registry import Findings, KnownField, Quota, Retention, TagRule, Usage, Wish


class Finder(Protocol):
    """Search."""

    def look(self, who: Principal, wish: Wish, /) -> Findings:
        """Find versions, and count what they have in common.

        Raises:
            InvalidError: If there is no such order, or no such part in it.
        """
        ...

    def fields(self, who: Principal, /) -> list[KnownField]:
        """List what can be asked."""
        ...


class Scope(Protocol):
    """What holds in a namespace."""

    def tag_rules(self) -> list[TagRule]:
        """List the rules for tags."""
        ...

    def retention(self) -> Retention | None:
        """Tell what is kept."""
        ...

    def usage(self) -> tuple[Usage, Quota | None]:
        """Tell how much it keeps, and how much it may."""
        ...


class Keeping(Windows, Protocol):
    """What the hub keeps."""

    @property
    def finder(self) -> Finder:
        """Search."""
        ...

    def governed(self, who: Principal, scope: str, /) -> Scope:
        """Open a namespace for whoever looks after it.

        Raises:
            DeniedError: If ``who`` does not.
        """
        ...

    def stands(self, namespace: str, /) -> str | None:
        """Name the registry whose repositories those of a namespace stand for, if they do."""
        ...


class Directory(Protocol):
    """What somebody may see of namespaces and teams. What must not be seen is not found, or denied."""

    def namespace(self, who: Principal, name: str, /) -> Namespace:
        """Show a namespace."""
        ...

    def team(self, who: Principal, name: str, /) -> Team:
        """Show a team."""
        ...

    def grants_in(self, who: Principal, target: Target, /) -> Sequence[Grant]:
        """List the roles that were given there."""
        ...
