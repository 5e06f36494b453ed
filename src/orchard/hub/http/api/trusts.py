"""CI services that namespaces trust, and the tokens that their jobs get for it."""

from typing import Annotated, Any

from msgspec import Meta

from orchard.errors import ConflictError, RemoteError
from orchard.hub.access import Pattern, People, Principal
from orchard.hub.access.trusts import LIFETIME, LONGEST, NewTrust
from orchard.hub.access.trusts import Trust as Stored
from orchard.hub.access.trusts import Trusts as Keeper
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import AccountName, Created, Input, Moment, NamespaceName, Output, Part
from orchard.hub.http.api.tokens import EVERYWHERE, Patterns, PatternText, RobotScope

ClaimText = Annotated[str, Meta(min_length=1, max_length=255)]
Claims = Annotated[
    dict[str, ClaimText],
    Meta(min_length=1, max_length=16, examples=[{"repository": "acme/models", "ref": "refs/heads/main"}]),
]
IssuerUrl = Annotated[
    str,
    Meta(
        description="URL of a CI service, exactly as it stands in its tokens (claim `iss`).",
        examples=["https://token.actions.githubusercontent.com"],
        max_length=250,
        extra_json_schema={"pattern": r"^https?://[^\s?#]+$"},
    ),
]
Lifetime = Annotated[int, Meta(ge=60, le=LONGEST, description="Seconds.")]


class Trust(Output, frozen=True):
    """What a namespace believes of a CI service.

    Attributes:
        namespace: Where its jobs' tokens are good.
        name: What people call it there.
        issuer: The service.
        claims: What it must say about a job, by claim; `*` is anything but `/`, `**` anything.
        scopes: What a job may do.
        repositories: With which repositories.
        lifetime: How long a job's token lives.
        created_at: Since when.
        created_by: Who said so.
    """

    namespace: NamespaceName
    name: AccountName
    issuer: IssuerUrl
    claims: Claims
    scopes: list[RobotScope]
    repositories: list[PatternText]
    lifetime: Lifetime
    created_at: Moment
    created_by: str


class TrustWanted(Input, frozen=True):
    """A trust to be.

    Attributes:
        name: What people shall call it.
        issuer: The service.
        claims: What it must say about a job, so that your jobs are told from those of others at the same service.
        scopes: What a job shall be able to do.
        repositories: With which repositories of the namespace; all of it, if left out.
        lifetime: How long a job's token shall live.
    """

    name: AccountName
    issuer: IssuerUrl
    claims: Claims
    scopes: Annotated[list[RobotScope], Meta(min_length=1, max_length=4)]
    repositories: Patterns = EVERYWHERE
    lifetime: Lifetime = LIFETIME


class JobToken(Input, frozen=True):
    """What a job shows.

    Attributes:
        token: What the CI service signed for it (a JWT), with this hub as its audience.
        trust: The trust that fits, as `namespace/name`; may be left out where only one does.
    """

    token: Annotated[str, Meta(min_length=1, max_length=16384, examples=["eyJhbGciOiJSUzI1NiJ9.e30.c2ln"])]
    trust: Annotated[str, Meta(max_length=129, examples=["acme/release"])] | None = None


class JobAccess(Output, frozen=True):
    """What a job gets.

    Attributes:
        account: The name to log in with.
        secret: The password to log in with, or what stands behind Bearer.
        expires_at: When that ends.
    """

    account: str
    secret: Annotated[str, Meta(examples=["orch_..."])]
    expires_at: Moment


class CiInfo(Output, frozen=True):
    """What CI jobs need to know before they log in.

    Attributes:
        audience: Whom the tokens that they show must be for (claim `aud`).
    """

    audience: Annotated[str, Meta(examples=["https://hub.example.com"])]


class Trusts:
    """CI services that namespaces trust: their jobs log in without a stored secret."""

    def __init__(self, keeper: Keeper, people: People, *, audience: str) -> None:
        self._keeper = keeper
        self._authority = people.authority
        self._directory = people.directory
        self._audience = audience

    @operation("GET", "/namespaces/{namespace}/trusts")
    def list_trusts(self, who: Principal, *, namespace: NamespaceName) -> Part[Trust]:
        """List the trusts of a namespace, by name; for its owners."""
        self._directory.namespace(who, namespace)
        self._authority.namespace(who, namespace)
        return Part([_shown(one) for one in self._keeper.list(namespace)], None)

    @operation("POST", "/namespaces/{namespace}/trusts", ConflictError)
    def create_trust(self, who: Principal, *, namespace: NamespaceName, body: TrustWanted) -> Created[Trust]:
        """Trust a CI service; for the owners of the namespace."""
        by = self._authority.namespace(who, namespace)
        wanted = NewTrust(
            name=body.name,
            issuer=body.issuer,
            claims=body.claims,
            actions=frozenset(body.scopes),
            patterns=tuple(Pattern.parse(text) for text in body.repositories),
            lifetime=body.lifetime,
        )
        made = self._keeper.create(by, namespace, wanted)
        return Created(_shown(made), f"/namespaces/{namespace}/trusts/{made.name}")

    @operation("GET", "/namespaces/{namespace}/trusts/{trust}")
    def get_trust(self, who: Principal, *, namespace: NamespaceName, trust: AccountName) -> Trust:
        """Show a trust; for the owners of its namespace."""
        self._authority.namespace(who, namespace)
        return _shown(self._keeper.get(namespace, trust))

    @operation("DELETE", "/namespaces/{namespace}/trusts/{trust}")
    def remove_trust(self, who: Principal, *, namespace: NamespaceName, trust: AccountName) -> None:
        """Trust a CI service no more; for the owners of the namespace."""
        self._keeper.remove(self._authority.namespace(who, namespace), namespace, trust)

    @operation("GET", "/ci")
    def get_ci(self, who: Principal) -> CiInfo:
        """Tell whom the tokens of CI jobs must be for."""
        del who
        return CiInfo(audience=self._audience)

    @operation("POST", "/ci/tokens", RemoteError)
    def exchange_job_token(self, who: Principal, *, body: JobToken) -> Created[JobAccess]:
        """Get a token for the one that a CI service signed for a job. Nobody has to log in for it."""
        del who
        token, secret = self._keeper.exchange(body.token, audience=self._audience, wanted=body.trust)
        assert token.expires_at is not None
        return Created(JobAccess(account=token.name, secret=secret, expires_at=token.expires_at), "/whoami")


def _shown(trust: Stored) -> Trust:
    facts: dict[str, Any] = {
        "namespace": trust.namespace,
        "name": trust.name,
        "issuer": trust.issuer,
        "claims": dict(trust.claims),
        "scopes": sorted(trust.actions),
        "repositories": [pattern.text for pattern in trust.patterns],
        "lifetime": trust.lifetime,
        "created_at": trust.created_at,
        "created_by": trust.created_by,
    }
    return Trust(**facts)
