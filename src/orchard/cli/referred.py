"""What is said of kits that another one takes its model or data from, by commands that leave them where they are."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from orchard.errors import OrchardError
from orchard.oci import Digest, Reference
from orchard.project import kits_needed, locate

if TYPE_CHECKING:
    from orchard.project import Workspace

Needed = tuple[Reference, str, Digest | None]  # who needs it, how it is written there, what was meant


def needed_kits(
    workspace: "Workspace", references: Iterable[Reference], *, remote: bool | None = None
) -> Iterator[Needed]:
    """Give the kits that versions take something from; what is no ModelKit, or cannot be read, needs none."""
    for reference in references:
        with suppress(OrchardError):
            found, store = locate(workspace, reference, remote=remote)
            for text, digest in kits_needed(store, found).items():
                yield reference, text, digest


def say_needed(say: Callable[[str], None], needed: Iterable[Needed], what: str) -> None:
    """Say it, once for each kit."""
    for text, reference in {text: reference for reference, text, _ in needed}.items():
        say(f"{reference} needs {text}, {what}")


def say_local(say: Callable[[str], None], texts: Iterable[str]) -> None:
    """Say which kits nobody else can get, because their names are names in the local store."""
    for text in texts:
        if Reference.parse_tags(text)[0].is_local:
            say(
                f"{text}, which the Kitfile names, is in the local store only, and whoever pulls this cannot get it; "
                "push it too, and name it with its registry in the Kitfile"
            )
