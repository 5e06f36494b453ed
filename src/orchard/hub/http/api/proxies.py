"""Proxies: names that stand for another registry."""

from typing import Annotated

from msgspec import Meta

from orchard.errors import ConflictError
from orchard.hub.access import Principal
from orchard.hub.catalog.proxies import Proxy
from orchard.hub.db import moment
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import Bytes, Input, Moment, Output, Part, RepositoryName
from orchard.hub.jobs import ProxyKeeper, ProxyWish

RegistryAddress = Annotated[str, Meta(min_length=1, max_length=2048, examples=["https://registry.example.com/prefix"])]
Lifetime = Annotated[int, Meta(ge=0, le=365 * 24 * 3600, description="Number of seconds.", examples=[300])]
Login = Annotated[str, Meta(min_length=1, max_length=4096)]
Most = Annotated[int, Meta(ge=0, le=(1 << 53) - 1, description="Number of bytes.")]


class ProxyRule(Output, frozen=True):
    """Names that stand for another registry. Its password is never shown.

    Attributes:
        namespace: What the names begin with here.
        remote: What they begin with there.
        username: Account there; null if none is needed.
        ttl: Seconds for which a tag is believed.
        largest: Bytes of the largest blob that is fetched; null if there is no limit.
        created_at: When it was made.
        created_by: Who made it.
    """

    namespace: RepositoryName
    remote: RegistryAddress
    username: str | None
    ttl: Lifetime
    largest: Bytes | None
    created_at: Moment
    created_by: str


class NewProxy(Input, frozen=True):
    """What names are to stand for.

    Attributes:
        remote: The registry, with a prefix if not all of it.
        username: Account there.
        password: Its password.
        ttl: Seconds for which a tag is believed.
        largest: Bytes of the largest blob that is fetched; null if there is no limit.
    """

    remote: RegistryAddress
    username: Login | None = None
    password: Login | None = None
    ttl: Lifetime = 300
    largest: Most | None = None


class Proxies:
    """Proxies: names that stand for another registry; for administrators of the site."""

    def __init__(self, keeper: ProxyKeeper) -> None:
        self._keeper = keeper

    @operation("GET", "/proxies")
    def list_proxies(self, who: Principal) -> Part[ProxyRule]:
        """List all proxies."""
        return Part([_rule(one) for one in self._keeper.kept(who)], None)

    @operation("GET", "/proxies/{+namespace}")
    def get_proxy(self, who: Principal, *, namespace: RepositoryName) -> ProxyRule:
        """Show a proxy."""
        return _rule(self._keeper.get(who, namespace))

    @operation("PUT", "/proxies/{+namespace}", ConflictError)
    def put_proxy(self, who: Principal, *, namespace: RepositoryName, body: NewProxy) -> ProxyRule:
        """Let names stand for those of another registry."""
        wish = ProxyWish(
            remote=body.remote, username=body.username, password=body.password, ttl=body.ttl, largest=body.largest
        )
        return _rule(self._keeper.put(who, namespace, wish))

    @operation("DELETE", "/proxies/{+namespace}")
    def delete_proxy(self, who: Principal, *, namespace: RepositoryName) -> None:
        """Let names be ordinary ones again; what was fetched stays."""
        self._keeper.remove(who, namespace)


def _rule(found: Proxy) -> ProxyRule:
    return ProxyRule(
        namespace=found.namespace,
        remote=found.remote,
        username=found.username,
        ttl=found.ttl,
        largest=found.largest,
        created_at=moment(found.created_at),
        created_by=found.created_by,
    )
