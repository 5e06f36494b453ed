"""Where a version was imported from, in the words of OCI annotations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from orchard.project import Recipe
from orchard.sources.addresses import Tool

SOURCE: Final = "org.opencontainers.image.source"
REVISION: Final = "org.opencontainers.image.revision"

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a version comes from.

    Attributes:
        url: Address of the repository, without a secret.
        commit: What everything is pinned to.
        ref: What was asked for.
        tool: How it was fetched.
    """

    url: str
    commit: str
    ref: str
    tool: Tool

    @property
    def annotations(self) -> dict[str, str]:
        """What the manifest says about it."""
        return {SOURCE: self.url, REVISION: self.commit}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a version is to be made of a repository.

    Attributes:
        tag: What to call it: a reference, perhaps with several tags.
        recipe: How to write it.
        concurrency: Files fetched at once.
    """

    tag: str
    recipe: Recipe = field(default_factory=Recipe)
    concurrency: int = 5


class Material(NamedTuple):
    """One thing that went into a version.

    Attributes:
        name: Path of a file.
        uri: Where it is.
        algorithm: Of the digest, in in-toto's words.
        digest: Hex.
    """

    name: str
    uri: str
    algorithm: str
    digest: str
