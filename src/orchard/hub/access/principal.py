"""Who asks."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has come through the door.

    Attributes:
        name: Account name; of whoever needs no account, ``anonymous``.
    """

    name: str


ANONYMOUS: Final = Principal("anonymous")


class EverybodyInside:
    """The policy of this floor: whoever came through the door may read and write every repository."""

    def may_read(self, who: Principal, repository: str) -> bool:  # noqa: ARG002 -- finer policies look at both
        """Tell whether ``who`` may pull from a repository, or see that it exists."""
        return True

    def may_write(self, who: Principal, repository: str) -> bool:  # noqa: ARG002
        """Tell whether ``who`` may push to a repository, and delete from it."""
        return True
