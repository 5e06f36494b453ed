"""Proving who we are to one registry: Basic, and the bearer tokens of the distribution spec.

The scope of a token is computed here from what is about to be done. What a challenge asks for is not looked at: a
registry could ask for more than the request needs, and keep the token. Tokens live in the authenticator of one registry
origin, so none can reach another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Final, Protocol, Self

from orchard.errors import DeniedError, InvalidError, NotFoundError, RemoteError, UnauthenticatedError, UnsupportedError
from orchard.oci import loads
from orchard.remote.backoff import Timing
from orchard.remote.challenge import Challenge, parse_challenges
from orchard.remote.credentials import Credential, Credentials
from orchard.remote.failures import HIDDEN
from orchard.remote.origin import Origin, Url
from orchard.remote.realm import check_realm

MAX_TOKEN: Final = 128 << 10  # bytes of a token answer
LIFETIME: Final = 60.0  # seconds, where the answer does not say (token spec, "expires_in")
MARGIN: Final = 30.0  # seconds before its end at which a token is not used any more; a fifth of short lives

SHORTEST: Final = 4  # characters; cutting out every "a" would tell more than it hides
CLIENT_ID: Final = "orchard"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request is going to do.

    Attributes:
        repository: Whose credential to use, where they differ by repository; empty for the registry.
        grants: Scope strings of the token spec.
        wider: Grants that include these, so that a token for them serves too.
    """

    repository: str = ""
    grants: tuple[str, ...] = ()
    wider: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def pull(cls, repository: str) -> Self:
        """Read a repository."""
        wider = ((f"repository:{repository}:pull,push",), (f"repository:{repository}:delete,pull,push",))
        return cls(repository, (f"repository:{repository}:pull",), wider)

    @classmethod
    def push(cls, repository: str) -> Self:
        """Read and write a repository."""
        return cls(repository, (f"repository:{repository}:pull,push",))

    @classmethod
    def delete(cls, repository: str) -> Self:
        """Delete from a repository; some registries count that as writing, so both are asked for."""
        return cls(repository, (f"repository:{repository}:delete,pull,push",))

    @classmethod
    def catalog(cls) -> Self:
        """List the repositories of a registry."""
        return cls(grants=("registry:catalog:*",))

    def and_pull(self, repository: str) -> "Scope":
        """Read a second repository as well, to mount a blob of it."""
        return Scope(self.repository, (*self.grants, f"repository:{repository}:pull"))


class Ask(Protocol):
    """Somebody who sends one request to a token service and gives the body of the answer."""

    def __call__(self, method: str, url: Url, *, headers: Mapping[str, str], form: bytes | None) -> bytes:
        """Send a request with no authorization of its own.

        Raises:
            OrchardError: If the answer is not 200.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    value: str
    until: float


class Authenticator:
    """Knows how one registry wants to be authenticated to, once it has said so.

    Args:
        origin: The registry.
        host: What the user calls it; credentials are kept under this name.
        credentials: Who we may be.
        ask: Sends requests to the token service.
        timing: The clock that tokens expire by.
        realms: See ``Options.realms``.
    """

    def __init__(
        self,
        origin: Origin,
        host: str,
        *,
        credentials: Credentials,
        ask: Ask,
        timing: Timing,
        realms: Mapping[str, str],
    ) -> None:
        self._origin = origin
        self._host = host
        self._credentials = credentials
        self._ask = ask
        self._now: Callable[[], float] = timing.monotonic
        self._realms = realms
        self._lock = RLock()
        self._challenge: Challenge | None = None
        self._found: dict[str, Credential | None] = {}
        self._tokens: dict[tuple[str, tuple[str, ...], Credential | None], _Token] = {}

    def credential(self, repository: str = "") -> Credential | None:
        """Give the credential that is used for a repository."""
        with self._lock:
            if repository not in self._found:
                self._found[repository] = self._credentials.find(self._host, repository)
            return self._found[repository]

    def header(self, scope: Scope) -> str | None:
        """Give the ``Authorization`` to send at once, if the registry has already said what it wants."""
        with self._lock:
            return None if self._challenge is None else self._header(self._challenge, scope, rejected=None)

    def answer(self, challenges: list[str], scope: Scope, *, rejected: str | None) -> str:
        """Give the ``Authorization`` that answers a 401.

        Args:
            challenges: The ``WWW-Authenticate`` lines of it.
            scope: What the request is going to do.
            rejected: The ``Authorization`` that was refused; it is not given again.

        Raises:
            UnauthenticatedError: If there is nothing better to offer.
            DeniedError: If the registry sends us to a place that may not have our credential.
        """
        offered = parse_challenges(challenges)
        by_scheme = {challenge.scheme: challenge for challenge in reversed(offered)}
        chosen = by_scheme.get("bearer") or by_scheme.get("basic")
        if chosen is None:
            names = ", ".join(sorted(by_scheme)) or "none"
            raise UnauthenticatedError(f"{self._host}: login required, in a way that is not supported ({names[:80]})")
        with self._lock:
            self._challenge = chosen
            header = self._header(chosen, scope, rejected=rejected)
        if header is None or header == rejected:
            known = self.credential(scope.repository) is not None
            why = "the stored credential was refused" if known else "login required"
            raise UnauthenticatedError(f"{self._host}: {why}; run: orchard login {self._host}")
        return header

    def scrub(self, text: str) -> str:
        """Cut every secret of this connection out of a text."""
        with self._lock:
            secrets = [token.value for token in self._tokens.values()]
            secrets += [secret for known in self._found.values() if known is not None for secret in known.secrets]
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, HIDDEN)
        return text

    def _header(self, challenge: Challenge, scope: Scope, *, rejected: str | None) -> str | None:
        credential = self.credential(scope.repository)
        if challenge.scheme == "basic":
            return None if credential is None else f"Basic {credential.basic}"
        service = challenge.parameters.get("service", "")
        for grants in (scope.grants, *scope.wider):
            held = self._tokens.get((service, grants, credential))
            if held is not None and self._now() < held.until and f"Bearer {held.value}" != rejected:
                return f"Bearer {held.value}"
        token = self._fetch(challenge, scope.grants, credential)
        self._tokens[service, scope.grants, credential] = token
        return f"Bearer {token.value}"

    def _fetch(self, challenge: Challenge, grants: tuple[str, ...], credential: Credential | None) -> _Token:
        """Ask the token service.

        Raises:
            UnauthenticatedError: If the challenge names no service, or that refuses us.
            DeniedError: If the service is at a place that may not have our credential.
        """
        named = challenge.parameters.get("realm", "")
        try:
            realm = self._origin_url().join(named) if named else None
        except RemoteError as error:
            raise DeniedError(f"{self._host}: its login service cannot be used: {error}") from error
        if realm is None:
            raise UnauthenticatedError(f"{self._host}: login required, but its challenge names no token service")
        check_realm(realm, self._origin, self._realms)
        service = challenge.parameters.get("service", "")
        asked = _Grant(realm, service, grants)
        if credential is not None and credential.identity_token:
            return self._read(self._exchange(asked, credential))
        return self._read(self._get(asked, credential))

    def _exchange(self, asked: "_Grant", credential: Credential) -> bytes:
        """Trade an identity token for an access token (OAuth2); services that know only GET get it as a password."""
        try:
            return self._ask("POST", asked.realm, headers=_FORM, form=asked.form(credential.identity_token))
        except (NotFoundError, UnsupportedError):
            return self._get(asked, credential.as_password)

    def _get(self, asked: "_Grant", credential: Credential | None) -> bytes:
        headers = {} if credential is None else {"Authorization": f"Basic {credential.basic}"}
        account = "" if credential is None else credential.username
        return self._ask("GET", asked.url(account), headers=headers, form=None)

    def _read(self, body: bytes) -> _Token:
        what = f"{self._host}: token answer"
        try:
            value = loads(body, what=what, limit=MAX_TOKEN)
        except InvalidError as error:
            raise RemoteError(self.scrub(f"{what} cannot be read")) from error
        fields = value if isinstance(value, dict) else {}
        token = fields.get("token") or fields.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
            raise RemoteError(f"{what} holds no token")
        lives = fields.get("expires_in")
        sane = isinstance(lives, (int, float)) and not isinstance(lives, bool) and lives > 0
        seconds = float(lives) if sane and isinstance(lives, (int, float)) else LIFETIME
        return _Token(token, self._now() + seconds - min(MARGIN, seconds / 5))

    def _origin_url(self) -> Url:
        return Url(self._origin, "/v2/")


@dataclass(frozen=True, slots=True)
class _Grant:
    """What to ask a token service for."""

    realm: Url
    service: str
    grants: tuple[str, ...]

    def url(self, account: str) -> Url:
        pairs = [("service", self.service)] if self.service else []
        pairs += [("scope", grant) for grant in self.grants]
        pairs += [("account", account)] if account else []
        return self.realm.asking([*pairs, ("client_id", CLIENT_ID)])

    def form(self, refresh_token: str) -> bytes:
        pairs = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "service": self.service,
            "client_id": CLIENT_ID,
            "scope": " ".join(self.grants),
        }
        return Url(self.realm.origin).asking(pairs).query.encode()


_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
