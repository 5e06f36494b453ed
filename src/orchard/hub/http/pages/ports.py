"""What pages ask of the hub. Every method raises ``DeniedError`` where somebody may not look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from orchard.hub.access import Principal
from orchard.hub.http.pages.addresses import Target
from orchard.hub.registry import (
    Card,
    KnownKey,
    Line,
    Page,
    SheetQuery,
    TagMove,
    TagState,
    VersionDetail,
    VersionSummary,
)
from orchard.oci import Digest


class Tables(Protocol):
    """Tables for people."""

    def keys(self, who: Principal, name: str, /) -> list[KnownKey]:
        """Give the facts that there can be columns of."""
        ...

    def lines(self, who: Principal, name: str, query: SheetQuery, /) -> list[Line]:
        """Give part of the table of versions."""
        ...

    def cards(self, who: Principal, names: Sequence[str], keys: Sequence[str], /) -> list[Card]:
        """Describe repositories that hold a version, by name."""
        ...

    def recent(self, who: Principal, *, limit: int) -> list[tuple[str, VersionSummary]]:
        """List what came last, newest first."""
        ...


class Tags(Protocol):
    """Tags for people."""

    def tags(self, who: Principal, name: str, *, after: str, limit: int) -> list[TagState]:
        """List tags by name, those after ``after``."""
        ...

    def moves(self, who: Principal, name: str, tag: str, *, limit: int) -> list[TagMove]:
        """List where a tag has pointed, newest first.

        Raises:
            NotFoundError: If there was never such a tag.
        """
        ...


class Registry(Protocol):
    """What the hub keeps."""

    @property
    def tabling(self) -> Tables:
        """Tables for people."""
        ...

    @property
    def tagboard(self) -> Tags:
        """Tags for people."""
        ...

    def names(self, who: Principal, page: Page, /) -> list[str]:
        """List the names of repositories, in order."""
        ...

    def version(self, who: Principal, name: str, reference: str | Digest, /) -> VersionDetail:
        """Show one version, named by a tag or a digest.

        Raises:
            NotFoundError: If there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who looks at something.

    Attributes:
        who: Who it is.
        target: What the address names.
    """

    request: Request
    who: Principal
    target: Target

    @property
    def name(self) -> str:
        """The repository."""
        return self.target.repository
