"""What goes in and out: the shapes of bodies, queries and results, and the words that many of them use.

Python names become camel case in JSON. The ``Attributes:`` of a shape's docstring are the descriptions in the OpenAPI
document.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Generic, TypeVar

from msgspec import Meta, Struct

from orchard.errors import InvalidError

T = TypeVar("T")

MAX_PAGE: Final = 1000
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_COMPONENT: Final = r"[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
NAME: Final = rf"{_COMPONENT}(?:/{_COMPONENT})*"  # of a repository
_SHA256: Final = "sha256:" + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# Words. What is a name is decided by the checks of the rooms below, whose messages say it better than a pattern can.
RepositoryName = Annotated[
    str,
    Meta(
        description="Name of a repository; slashes may be sent as they are.",
        examples=["team/model"],
        extra_json_schema={"pattern": f"^{NAME}$", "minLength": 1, "maxLength": 255},
    ),
]
AccountName = Annotated[
    str,
    Meta(
        description="Name of an account.",
        examples=["ana"],
        extra_json_schema={"pattern": rf"^{_COMPONENT}$", "minLength": 1, "maxLength": 64},
    ),
]
TeamName = Annotated[
    str,
    Meta(
        description="Name of a team.",
        examples=["research"],
        extra_json_schema={"pattern": rf"^{_COMPONENT}$", "minLength": 1, "maxLength": 64},
    ),
]
NamespaceName = Annotated[
    str,
    Meta(
        description="Name of a namespace: the first component of its repositories' names.",
        examples=["team"],
        extra_json_schema={"pattern": rf"^{_COMPONENT}$", "minLength": 1, "maxLength": 64},
    ),
]
PartyName = Annotated[
    str,
    Meta(
        description="An account or a team: `user:ana`, `team:research`.",
        examples=["user:ana", "team:research"],
        extra_json_schema={"pattern": rf"^(?:user|team):{_COMPONENT}$", "maxLength": 69},
    ),
]
TagName = Annotated[
    str,
    Meta(
        description="Name of a tag.",
        examples=["v1"],
        extra_json_schema={"pattern": r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", "minLength": 1},
    ),
]
DigestText = Annotated[
    str,
    Meta(
        description="Digest of a manifest.",
        examples=[_SHA256],
        extra_json_schema={"pattern": r"^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"},
    ),
]
VersionName = Annotated[
    str,
    Meta(
        description="Digest of a manifest, or a tag that points to it.",
        examples=["v1", _SHA256],
        extra_json_schema={
            "pattern": r"^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"
        },
    ),
]
QueryText = Annotated[
    str,
    Meta(
        description="What the versions must be: words, phrases in quotes, fields such as `params>7e9`, `format:gguf`.",
        examples=["llama params>7e9 license:apache-2.0"],
        max_length=1000,
    ),
]
SortText = Annotated[
    str,
    Meta(
        description=(
            "`relevance` (names before descriptions before cards, then the newest; the default), `newest`, `oldest`,"
            " a field, or `-field` for the largest first. What has no value comes last."
        ),
        examples=["-metric.accuracy"],
        max_length=200,
    ),
]
Moment = Annotated[datetime, Meta(tz=True, examples=["2026-11-27T09:00:00Z"])]
Later = Annotated[datetime, Meta(tz=True, examples=["2099-12-31T00:00:00Z"])]
Count = Annotated[int, Meta(ge=0)]
Bytes = Annotated[int, Meta(ge=0, description="Number of bytes.")]


class Output(Struct, frozen=True, rename="camel"):
    """What is answered. Every attribute is always there; null says that there is none."""


class Input(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """What is asked: a body, a path or a query. What is not in it is refused."""


class Paged(Input, frozen=True):
    """Which part of a list is wanted.

    Attributes:
        after: Where the page before ended: from its `next`. Opaque.
        limit: Most items to give.
    """

    after: Annotated[str, Meta(max_length=512)] = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 100


class PagedByNumber(Paged, frozen=True):
    """Which part of a list of numbered items is wanted."""

    after: Annotated[str, Meta(extra_json_schema={"pattern": "^(?:[0-9]{1,18})?$"})] = ""


class Listing(Output, Generic[T], frozen=True):
    """Part of a list.

    Attributes:
        items: In a stable order.
        next: Address of the next part, also in the header `Link` as rel=next; null at the end.
    """

    items: list[T]
    next: Annotated[str, Meta(examples=["/api/v1/repositories?after=team%2Fmodel&limit=100"])] | None


def number_of(after: str) -> int | None:
    """Read ``after`` of a list whose items are numbered; none at its beginning.

    Raises:
        InvalidError: If it is no number.
    """
    if not after:
        return None
    if _NUMBER.fullmatch(after) is None:
        raise InvalidError(f"after={after[:64]!r} does not come from the `next` of this list")
    return int(after)


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """Part of a list, as an operation gives it.

    Attributes:
        items: What is in it.
        after: ``after`` of the part that follows; none at the end.
    """

    items: Sequence[T]
    after: str | None

    @classmethod
    def of(cls, items: Sequence[T], limit: int, after: Callable[[T], str]) -> "Part[T]":
        """Cut a list that was asked for one item more than wanted.

        Args:
            items: At most ``limit + 1`` of them.
            limit: How many are wanted.
            after: Gives the ``after`` that stands for an item.
        """
        shown = items[:limit]
        return cls(shown, after(shown[-1]) if len(items) > limit else None)


@dataclass(frozen=True, slots=True)
class Created(Generic[T]):
    """Something new, as an operation gives it.

    Attributes:
        value: What it is.
        location: Its path below ``/api/v1``.
    """

    value: T
    location: str
