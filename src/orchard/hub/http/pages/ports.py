"""What pages ask of the hub. Every method raises ``DeniedError`` where somebody may not look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request

from orchard.hub.access import Action, Principal
from orchard.hub.http.pages.addresses import Target
from orchard.hub.registry import (
    Activity,
    Card,
    Fact,
    KnownKey,
    Line,
    Names,
    Pulls,
    SheetQuery,
    Step,
    Stretch,
    TagMove,
    TagState,
    VersionDetail,
)
from orchard.oci import Digest

if TYPE_CHECKING:
    from orchard.formats import FileIndex
    from orchard.hub.registry import Chosen, Comparer, Gap, StoredFile, Understood
    from orchard.insight import Conclusion, Insight


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


class Showing(Protocol):
    """What there is, for whoever looks around."""

    def names(self, who: Principal, wanted: Stretch, /) -> Names:
        """Name repositories in order, stretch by stretch."""
        ...

    def lately(self, who: Principal, namespace: str = "", *, limit: int) -> list[Activity]:
        """List what was done last, newest first."""
        ...


class Windows(Protocol):
    """Where repositories are shown at a glance."""

    @property
    def showcase(self) -> Showing:
        """What there is."""
        ...

    @property
    def tabling(self) -> Tables:
        """Tables for people."""
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


class Chronicle(Protocol):
    """What happened to versions."""

    def of(self, who: Principal, name: str, digest: Digest, /) -> list[Step]:
        """List what happened to one, newest first, as far as somebody may know.

        Raises:
            NotFoundError: If there is no such version.
        """
        ...


class Found(Protocol):
    """What the hub found out about a version."""

    def understanding(self) -> "Understood":
        """Tell how far the work on it has come."""
        ...

    def conclusion(self) -> "Conclusion | None":
        """Give what its files come to; none if it was not understood so far."""
        ...

    def facts(self) -> list[Fact]:
        """Give what is known of it as typed keys and values."""
        ...


class Held(Protocol):
    """What a version holds. Each method raises an ``OrchardError`` where it is no sound artifact of its kind."""

    def files(self) -> "FileIndex":
        """List every file, as far as its layers have been looked into."""
        ...

    def readme(self) -> str:
        """Tell where its README is; empty if there is none."""
        ...

    def gaps(self) -> "Sequence[Gap]":
        """Tell which layers' files are not listed, and why."""
        ...

    def file(self, path: str) -> "StoredFile":
        """Find a file.

        Raises:
            NotFoundError: If there is none of this path.
        """
        ...

    def insight(self, path: str) -> "Insight | None":
        """Give what one file says; none if it says nothing, or was not examined.

        Raises:
            NotFoundError: If there is no such file.
        """
        ...

    def kinds(self) -> dict[str, str]:
        """Tell what each file was taken for that says something, by path."""
        ...


class Inside(Found, Held, Protocol):
    """A version, open for looking into."""


class Repository(Protocol):
    """A repository, open for reading."""

    def contents(self, reference: str | Digest, /) -> Inside:
        """Look inside a version.

        Raises:
            NotFoundError: If there is none.
        """
        ...

    def pulls(self, digest: Digest, /) -> Pulls:
        """Tell how often a version was pulled."""
        ...


class Registry(Windows, Protocol):
    """What the hub keeps."""

    @property
    def tagboard(self) -> Tags:
        """Tags for people."""
        ...

    @property
    def chronicle(self) -> Chronicle:
        """What happened to versions."""
        ...

    @property
    def comparer(self) -> "Comparer":
        """Compares versions."""
        ...

    def pair(self, who: Principal, name: str, /, *, base: str = "", head: str = "") -> "tuple[Chosen, Chosen]":
        """Open two versions to compare.

        Raises:
            NotFoundError: If one is not there.
            InvalidError: If one is named as none can be.
        """
        ...

    def may(self, who: Principal, action: Action, name: str, /) -> bool:
        """Tell whether somebody may do something with a repository, be it there or not."""
        ...

    def readable(self, who: Principal, name: str, /) -> Repository:
        """Open a repository, be it there or not."""
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
