"""Proxies as administrators keep them: which names stand for which registry."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from orchard.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from orchard.hub import catalog
from orchard.hub.access import Action, Principal
from orchard.hub.catalog import proxies
from orchard.hub.catalog.proxies import Proxy
from orchard.hub.db import Database
from orchard.hub.egress import Gate, Vault
from orchard.hub.registry import Policy, Upstreams
from orchard.oci import check_repository

TTL: Final = 300  # seconds for which a tag is believed, if nothing else is said


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyWish:
    """What names are to stand for.

    Attributes:
        remote: The registry, with a prefix if not all of it: ``https://registry.example.com/prefix``.
        username: Account there.
        password: Its password.
        ttl: Seconds for which a tag is believed.
        largest: Bytes of the largest blob that is fetched.
    """

    remote: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ttl: int = TTL
    largest: int | None = None


class ProxyKeeper:
    """The proxies of one hub, kept by its administrators."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        upstreams: Upstreams,
        *,
        vault: Vault,
        gate: Gate,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._policy = policy
        self._upstreams = upstreams
        self._vault = vault
        self._gate = gate
        self._now = now

    def put(self, who: Principal, namespace: str, wish: ProxyWish) -> Proxy:
        """Let names stand for those of another registry; other processes know it within seconds.

        Raises:
            InvalidError: If something it says makes no sense.
            DeniedError: If ``who`` may not, or the hub may not go there.
            ConflictError: If repositories of these names are here already.
            StorageError: If the catalog fails.
        """
        self._require(who)
        check_repository(namespace)
        url = self._gate.check(wish.remote)
        if url.query:
            raise InvalidError(f"{url.where} has a query; name a registry: https://registry.example.com")
        prefix = url.path.strip("/")
        if prefix:
            check_repository(prefix)
        if (wish.username is None) != (wish.password is None):
            raise InvalidError("an account and its password belong together; one of them is missing")
        new = Proxy(
            namespace=namespace,
            remote=f"{url.origin}/{prefix}".rstrip("/"),
            username=wish.username,
            password=None if wish.password is None else self._vault.seal(wish.password),
            ttl=wish.ttl,
            largest=wish.largest,
            created_at=round(self._now() * 1000),
            created_by=who.name,
        )
        with self._database.write() as connection:
            known = any(one.namespace == namespace for one in proxies.every(connection))
            mine = [name for name in catalog.repositories.names(connection, f"{namespace}/", 1) if _in(name, namespace)]
            if mine and not known:
                raise ConflictError(f"{mine[0]} is a repository of this hub; a proxy needs names that nobody uses")
            proxies.put(connection, new)
        self._upstreams.refresh()
        return new

    def kept(self, who: Principal) -> list[Proxy]:
        """List all.

        Raises:
            DeniedError: If ``who`` may not.
            StorageError: If the catalog fails.
        """
        self._require(who)
        with self._database.read() as connection:
            return proxies.every(connection)

    def get(self, who: Principal, namespace: str) -> Proxy:
        """Find one.

        Raises:
            DeniedError: If ``who`` may not.
            NotFoundError: If there is none.
            StorageError: If the catalog fails.
        """
        found = next((one for one in self.kept(who) if one.namespace == namespace), None)
        if found is None:
            raise NotFoundError(f"{namespace} stands for no other registry")
        return found

    def remove(self, who: Principal, namespace: str) -> None:
        """Let names be ordinary ones; what was fetched stays.

        Raises:
            DeniedError: If ``who`` may not.
            NotFoundError: If there is none.
            StorageError: If the catalog fails.
        """
        self._require(who)
        with self._database.write() as connection:
            if not proxies.remove(connection, namespace):
                raise NotFoundError(f"{namespace} stands for no other registry")
        self._upstreams.refresh()

    def _require(self, who: Principal) -> None:
        """Refuse whoever is no administrator.

        Raises:
            DeniedError: If ``who`` is none.
        """
        if not self._policy.allows(who, Action.OWN, ""):
            raise DeniedError(f"{who.name} may not keep proxies: only administrators of the hub may")


def _in(name: str, namespace: str) -> bool:
    return name.startswith(f"{namespace}/")
