"""Permission to change who may do what. Having one is the permission; ``Authority`` gives them out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from orchard.errors import DeniedError
from orchard.hub.access.names import namespace_of


class Over(StrEnum):
    """What a mandate is about."""

    SITE = "the site"
    ACCOUNT = "the account"
    TEAM = "the team"
    NAMESPACE = "the namespace"
    REPOSITORY = "the repository"
    CREATION = "something new for"


@dataclass(frozen=True, slots=True)
class Mandate:
    """What somebody may change.

    Attributes:
        account: Who, for the events.
        over: What kind of thing.
        subject: Which one; empty for the site.
    """

    account: str
    over: Over
    subject: str = ""

    @classmethod
    def operator(cls, account: str = "operator") -> Self:
        """Give the mandate of whoever runs the hub, and could write to its database anyway."""
        return cls(account, Over.SITE)

    def require(self, over: Over, subject: str) -> None:
        """Refuse what the mandate does not cover.

        Raises:
            DeniedError: If it is about something else.
        """
        if self.over is Over.SITE or (self.over is over and self.subject == subject):
            return
        inside = over is Over.REPOSITORY and self.over is Over.NAMESPACE and self.subject == namespace_of(subject)
        if not inside:
            raise DeniedError(f"{self.account} may not change {over} {subject}")

    def require_site(self) -> None:
        """Refuse whoever does not administer the site.

        Raises:
            DeniedError: If that is so.
        """
        if self.over is not Over.SITE:
            raise DeniedError(f"{self.account} does not administer this hub")
