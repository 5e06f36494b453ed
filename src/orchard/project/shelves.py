"""Where packed layers go: into the local store, or straight to a registry."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from orchard.errors import IntegrityError
from orchard.oci import Descriptor, Repeatable
from orchard.store import Ingested, Layout, Store

if TYPE_CHECKING:
    from orchard.remote import RemoteRepository


class Shelf(Protocol):
    """Where packed layers go."""

    @property
    def repository(self) -> Store:
        """Where config and manifest go; it sees what is on the shelf."""
        ...

    def take(self, layer: Repeatable, media_type: str, known: Descriptor | None) -> Ingested:
        """Take in a layer; what is known to be there already is not read.

        Args:
            layer: Its bytes.
            media_type: Its type.
            known: What it is believed to be.
        """
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Keep what is written from being swept until the block is left."""
        ...


class LocalShelf:
    """The local store.

    Attributes:
        repository: The repository of the version.
    """

    def __init__(self, layout: Layout, repository: Store) -> None:
        self._layout = layout
        self.repository = repository

    def take(self, layer: Repeatable, media_type: str, known: Descriptor | None) -> Ingested:
        """Store a layer, unless it is there.

        Raises:
            OrchardError: As the layer or the store raises it.
        """
        if known is not None and self._layout.path_of(known) is not None:
            return Ingested(known, new=False)
        with layer.open() as body:
            return self._layout.ingest(body, media_type)

    def writing(self) -> AbstractContextManager[None]:
        """Hold the sweep of the store off while the block runs."""
        return self._layout.writing()


class RemoteShelf:
    """A repository of a registry; nothing is kept on this machine.

    Attributes:
        repository: The repository.
    """

    def __init__(self, repository: "RemoteRepository") -> None:
        self.repository = repository

    def take(self, layer: Repeatable, media_type: str, known: Descriptor | None) -> Ingested:
        """Send a layer while it is made; one that is known and there already is not made.

        Raises:
            OrchardError: As the layer or the registry raises it.
        """
        from orchard.remote import Made, stream  # noqa: PLC0415 -- only what pushes pays for the network

        if known is not None:
            if self.repository.exists(known):
                return Ingested(known, new=False)
            try:
                self.repository.push(known, Made(layer))
            except IntegrityError:  # it is not what it was
                return stream(self.repository, layer, media_type)
            return Ingested(known, new=True)
        return stream(self.repository, layer, media_type)

    def writing(self) -> AbstractContextManager[None]:
        """Do nothing: the registry keeps its own house."""
        return nullcontext()
