"""A whole registry: logging in, its catalog, its repositories."""

from collections.abc import Iterator, Mapping
from typing import Final, Self

from orchard.errors import NotFoundError, RemoteError
from orchard.oci import check_repository
from orchard.remote.auth import Scope
from orchard.remote.backoff import Timing
from orchard.remote.client import Answer, Client, Request
from orchard.remote.credentials import ANONYMOUS, DOCKER_HUB_API, Credentials, api_host
from orchard.remote.options import Options
from orchard.remote.origin import Url
from orchard.remote.pages import PAGE, names, pages
from orchard.remote.repository import RemoteRepository

OFFICIAL: Final = "library/"  # where Docker Hub keeps repositories that are named without an owner


class Registry:
    """One registry; its repositories share connections and tokens. Safe to use from many threads.

    Nothing is sent before the first call that needs an answer. Close it, or use it as a context, to close its idle
    connections.

    Args:
        host: ``host`` or ``host:port``, as in a reference; ``docker.io`` for Docker Hub.
        options: How to reach it.
        credentials: Who we may be; by default nobody.
        timing: Clock, sleep and chance.

    Raises:
        InvalidReferenceError: If the host is not one.
    """

    def __init__(
        self,
        host: str,
        *,
        options: Options | None = None,
        credentials: Credentials = ANONYMOUS,
        timing: Timing | None = None,
    ) -> None:
        self._client = Client(
            host,
            api=api_host(host),
            options=Options() if options is None else options,
            credentials=credentials,
            timing=Timing() if timing is None else timing,
        )

    @property
    def host(self) -> str:
        """The host as it was given."""
        return self._client.host

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections; the registry stays usable."""
        self._client.close()

    def ping(self) -> None:
        """Check that this is a registry and that it accepts our credential; with none, that it lets nobody in.

        Raises:
            UnauthenticatedError: If a login is needed, or ours is refused.
            RemoteError: If it cannot be reached, or is no registry.
            OrchardError: As ``Client.send``.
        """
        try:
            self._client.ask(Request(method="GET", url=self._client.root, scope=Scope()))
        except NotFoundError as error:
            raise RemoteError(f"{self.host}: is no registry (GET /v2/: 404)") from error

    def catalog(self) -> Iterator[str]:
        """Give the names of the repositories that we may see, page by page.

        Raises:
            InvalidReferenceError: If the registry gives something that is not a name.
            OrchardError: If it does not offer this, or refuses; as ``Client.send``.
        """
        url = self._client.root.under("_catalog").asking({"n": str(PAGE)})
        yield from map(
            check_repository, names(self._client, Request(method="GET", url=url, scope=Scope.catalog()), "repositories")
        )

    def beside(self, path: str, parameters: Mapping[str, str], *, wanted: frozenset[int]) -> Iterator[Answer]:
        """Ask for a list that the host gives beside the registry's own API, page by page, as whoever we are there.

        Args:
            path: Of the list, on the same host.
            parameters: What is asked.
            wanted: Statuses that are answers.

        Raises:
            OrchardError: If it refuses; as ``Client.send``.
        """
        if self._client.credential("") is not None:
            self.ping()  # which makes it say how to log in: what everybody may see, it gives unasked
        url = Url(self._client.origin, path).asking(parameters)
        yield from pages(self._client, Request(method="GET", url=url, scope=Scope.catalog(), wanted=wanted))

    def repository(self, name: str) -> RemoteRepository:
        """Give one repository; nothing is asked of the registry yet.

        Raises:
            InvalidReferenceError: If the name is not one.
        """
        official = self._client.origin.host == DOCKER_HUB_API and "/" not in name
        return RemoteRepository(self._client, check_repository(OFFICIAL + name if official else name))
