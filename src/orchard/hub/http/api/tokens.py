"""Tokens of accounts, and robots of namespaces."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.access import Pattern, People, Principal, Wanted
from orchard.hub.access import Token as Secret
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import AccountName, Created, Input, Later, Moment, NamespaceName, Output, Part

TokenId = Annotated[
    str,
    Meta(description="Names a token.", examples=["0123456789abcdef"], extra_json_schema={"pattern": "^[0-9a-f]{16}$"}),
]
PatternText = Annotated[
    str,
    Meta(
        description="Repositories: `*` is any part of one component, `**` at the end all below.",
        examples=["team/*", "team/**"],
        max_length=255,
    ),
]


Patterns = Annotated[tuple[PatternText, ...], Meta(min_length=1, max_length=64)]
RobotScope = Literal["pull", "push", "delete", "govern"]
Scope = Literal["pull", "push", "delete", "govern", "own", "account"]
SCOPES: Final = get_args(Scope)
EVERYWHERE: Final = ("**",)


class Token(Output, frozen=True):
    """What can be told of a token; its secret cannot.

    Attributes:
        id: Names it.
        name: What people call it; of a robot, `namespace+name`: what it logs in as.
        owner: The account that it acts for; null if it is a robot.
        namespace: The namespace that a robot belongs to; null if it is no robot.
        scopes: What it is good for.
        repositories: Where it is good for that.
        created_at: Since when it is there.
        created_by: Who made it.
        expires_at: When it ends; null for never.
        used_at: When it was last used, to the minute; null for never.
        revoked_at: When it was revoked; null if it was not.
    """

    id: TokenId
    name: str
    owner: AccountName | None
    namespace: NamespaceName | None
    scopes: list[str]
    repositories: list[PatternText]
    created_at: Moment
    created_by: str
    expires_at: Moment | None
    used_at: Moment | None
    revoked_at: Moment | None


class FreshToken(Token, frozen=True):
    """A token with its secret, which is told this once.

    Attributes:
        secret: The password to log in with, or what stands behind Bearer.
    """

    secret: Annotated[str, Meta(examples=["orch_..."])]


class NewToken(Input, frozen=True):
    """A token to be.

    Attributes:
        name: What people shall call it.
        scopes: What it shall be good for; with account, for everything.
        repositories: Where it shall be good for that.
        expires_at: When it shall end; null for never.
    """

    name: Annotated[str, Meta(examples=["laptop"], extra_json_schema={"pattern": "^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$"})]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=len(SCOPES))]
    repositories: Patterns = EVERYWHERE
    expires_at: Later | None = None


class NewRobot(Input, frozen=True):
    """A robot to be: a token that acts for a namespace and not for a person.

    Attributes:
        name: A part of its name, which is `namespace+name`.
        scopes: What it shall be good for.
        repositories: Where it shall be good for that, within the namespace; all of it, if left out.
        expires_at: When it shall end; null for never.
    """

    name: AccountName
    scopes: Annotated[list[RobotScope], Meta(min_length=1, max_length=len(SCOPES))]
    repositories: Patterns = EVERYWHERE
    expires_at: Later | None = None


class Tokens:
    """Tokens: secrets for programs, of an account or of a namespace."""

    def __init__(self, people: People) -> None:
        self._people = people

    @operation("GET", "/users/{user}/tokens")
    def list_tokens(self, who: Principal, *, user: AccountName) -> Part[Token]:
        """List the tokens of an account, newest first; those that have ended too."""
        return _all(self._people.directory.tokens(who, user))

    @operation("POST", "/users/{user}/tokens", ConflictError)
    def create_token(self, who: Principal, *, user: AccountName, body: NewToken) -> Created[FreshToken]:
        """Make a token of an account; come in with your password for it, not with another token."""
        by = self._people.authority.account(who, user)
        return _fresh(self._people.tokens.create(by, user, _wanted(body)), f"/users/{user}/tokens")

    @operation("GET", "/users/{user}/tokens/{token}")
    def get_token(self, who: Principal, *, user: AccountName, token: TokenId) -> Token:
        """Show a token of an account."""
        return _shown(_one(self._people.directory.tokens(who, user), token))

    @operation("DELETE", "/users/{user}/tokens/{token}")
    def revoke_token(self, who: Principal, *, user: AccountName, token: TokenId) -> None:
        """Let a token be good no more, at once."""
        found = _one(self._people.directory.tokens(who, user), token)
        self._people.tokens.revoke(self._people.authority.account(who, user), found.id)

    @operation("GET", "/namespaces/{namespace}/robots")
    def list_robots(self, who: Principal, *, namespace: NamespaceName) -> Part[Token]:
        """List the robots of a namespace, newest first; those that have ended too; for its owners."""
        return _all(self._people.directory.robots(who, namespace))

    @operation("POST", "/namespaces/{namespace}/robots", ConflictError)
    def create_robot(self, who: Principal, *, namespace: NamespaceName, body: NewRobot) -> Created[FreshToken]:
        """Make a robot of a namespace; for its owners."""
        by = self._people.authority.namespace(who, namespace)
        return _fresh(self._people.tokens.create_robot(by, namespace, _wanted(body)), f"/namespaces/{namespace}/robots")

    @operation("GET", "/namespaces/{namespace}/robots/{token}")
    def get_robot(self, who: Principal, *, namespace: NamespaceName, token: TokenId) -> Token:
        """Show a robot of a namespace; for its owners."""
        return _shown(_one(self._people.directory.robots(who, namespace), token))

    @operation("DELETE", "/namespaces/{namespace}/robots/{token}")
    def revoke_robot(self, who: Principal, *, namespace: NamespaceName, token: TokenId) -> None:
        """Let a robot be good no more, at once; for the owners of its namespace."""
        found = _one(self._people.directory.robots(who, namespace), token)
        self._people.tokens.revoke(self._people.authority.namespace(who, namespace), found.id)


def _wanted(body: NewToken | NewRobot) -> Wanted:
    """Read what a token is to be.

    Raises:
        InvalidError: If a pattern is none.
    """
    return Wanted(
        name=body.name,
        scopes=frozenset(body.scopes),
        patterns=tuple(Pattern.parse(text) for text in body.repositories),
        expires_at=body.expires_at,
    )


def _fresh(made: tuple[Secret, str], below: str) -> Created[FreshToken]:
    token, secret = made
    return Created(FreshToken(**_facts(token), secret=secret), f"{below}/{token.id}")


def _one(tokens: Sequence[Secret], wanted: str) -> Secret:
    """Find one of somebody's tokens.

    Raises:
        NotFoundError: If it is none of theirs.
    """
    found = next((token for token in tokens if token.id == wanted), None)
    if found is None:
        raise NotFoundError(f"there is no token {wanted[:64]}")
    return found


def _all(tokens: Sequence[Secret]) -> Part[Token]:
    return Part([_shown(one) for one in tokens], None)


def _shown(token: Secret) -> Token:
    return Token(**_facts(token))


def _facts(token: Secret) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "owner": token.owner,
        "namespace": token.namespace,
        "scopes": sorted(token.scopes),
        "repositories": [pattern.text for pattern in token.patterns],
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "used_at": token.used_at,
        "revoked_at": token.revoked_at,
    }
