"""Progress: what long work tells whoever watches."""

from typing import Protocol


class Observer(Protocol):
    """Told of each thing that is packed, moved or unpacked. Called from several threads."""

    def started(self, label: str, total: int) -> None:
        """A thing of ``total`` bytes begins."""
        ...

    def advanced(self, label: str, count: int) -> None:
        """``count`` more bytes of it are done."""
        ...

    def finished(self, label: str, *, skipped: bool = False) -> None:
        """It is done; ``skipped`` if it was there already."""
        ...


class Silent:
    """An observer that watches nothing."""

    def started(self, label: str, total: int) -> None:
        """Do nothing."""

    def advanced(self, label: str, count: int) -> None:
        """Do nothing."""

    def finished(self, label: str, *, skipped: bool = False) -> None:
        """Do nothing."""
