"""Changes that happen only if nobody was faster: compare and set, for tags."""

from dataclasses import dataclass

from orchard.errors import PreconditionError


@dataclass(frozen=True, slots=True)
class Condition:
    """Where a tag must point for a change of it to happen, so that nobody overwrites what he has not seen.

    Attributes:
        digests: Any of these; absent, anywhere.
        negated: Whether it must not point there instead; with no digests, the tag must not exist.
    """

    digests: frozenset[str] | None
    negated: bool = False

    def require(self, tag: str, current: str | None) -> None:
        """Refuse a change.

        Raises:
            PreconditionError: If the tag points elsewhere.
        """
        points = current is not None and (self.digests is None or current in self.digests)
        if points == self.negated:
            there = "is not there" if current is None else f"points to {current}"
            raise PreconditionError(f"the tag {tag} {there}; look at it again, then decide")
