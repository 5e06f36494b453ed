"""Logging in at another place (OpenID Connect, authorization code flow with PKCE), and who one is here then."""

import hmac
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from orchard.errors import ConflictError, DeniedError, InvalidError, NotFoundError, RemoteError
from orchard.hub.access.issuers import Claims, Issuer, Outside
from orchard.hub.access.mandate import Mandate
from orchard.hub.access.names import MAX_NAME, Name, check_name
from orchard.hub.access.people import People
from orchard.hub.access.principal import Role
from orchard.oci import loads

LIFETIME: Final = 600.0  # seconds that somebody may take at the other place
_MAX_ANSWER: Final = 256 << 10  # bytes
_MAX_STATE: Final = 4096
_UNFIT: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One place that people log in at.

    Attributes:
        key: What it is called in addresses.
        title: What the button says.
        issuer: Signs who somebody is.
        client: What it calls this hub.
        secret: What the hub shows it; none for a public client.
        scopes: What is asked of it.
        name_claim: The claim that an account is named by.
        create: Whether whoever it knows gets an account at the first login.
        groups_claim: The claim that lists somebody's groups.
        teams: Team of this hub, by group.
        admin_group: Group whose members administer the site.
    """

    key: str
    title: str
    issuer: Issuer
    client: str
    secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid",)
    name_claim: str = "preferred_username"
    create: bool = True
    groups_claim: str = "groups"
    teams: Mapping[str, str] = field(default_factory=dict)
    admin_group: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that goes on at the other place.

    Attributes:
        url: Where the browser goes.
        state: What the browser keeps meanwhile (a cookie): sealed, so that nobody can read or make one.
    """

    url: str
    state: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A login that came back.

    Attributes:
        account: Who it is here.
        onward: The page of this hub that they wanted to see.
    """

    account: str
    onward: str


class Logins:
    """Logins at other places.

    Args:
        people: Accounts and rights.
        providers: The places, by key.
        outside: The way to them.
        seal: Makes a text that only this hub can read.
        unseal: Reads one; raises a ``StorageError`` if it is none.
        now: The time, in seconds since 1970.
    """

    def __init__(
        self,
        people: People,
        providers: Mapping[str, Provider],
        outside: Outside,
        *,
        seal: Callable[[str], str],
        unseal: Callable[[str], str],
        now: Callable[[], float],
    ) -> None:
        self._people = people
        self.providers = dict(providers)
        self._outside = outside
        self._seal = seal
        self._unseal = unseal
        self._now = now

    def begin(self, key: str, *, redirect: str, onward: str) -> Begun:
        """Begin a login.

        Args:
            key: Where.
            redirect: The address of this hub that the other place sends the browser back to.
            onward: The page of this hub that is wanted.

        Raises:
            NotFoundError: If nobody logs in there.
            RemoteError: If the other place cannot be asked.
        """
        provider = self._provider(key)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": provider.client,
            "redirect_uri": redirect,
            "scope": " ".join(provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = provider.issuer.endpoint("authorization_endpoint")
        kept = {"key": key, "state": state, "nonce": nonce, "verifier": verifier, "onward": onward, "at": self._now()}
        separator = "&" if "?" in endpoint else "?"
        return Begun(f"{endpoint}{separator}{urlencode(query)}", self._seal(json.dumps(kept)))

    def finish(self, kept: str, *, state: str, code: str, redirect: str) -> Finished:
        """End a login that came back with a code.

        Raises:
            DeniedError: If this browser did not begin it, it took too long, or the other place does not vouch.
            ConflictError: If an account has the name already that this one would get.
            RemoteError: If the other place cannot be asked.
            StorageError: If the catalog fails.
        """
        begun = self._begun(kept, state)
        provider = self._provider(begun["key"])
        claims = self._redeem(provider, code, begun, redirect=redirect)
        account = self._account(provider, claims)
        self._follow_groups(provider, claims, account)
        return Finished(account, begun["onward"])

    def _provider(self, key: str) -> Provider:
        if key not in self.providers:
            raise NotFoundError(f"nobody logs in at {key[:64]!r}")
        return self.providers[key]

    def _begun(self, kept: str, state: str) -> dict[str, str]:
        """Read what the browser kept.

        Raises:
            DeniedError: If it did not begin this login, or too long ago.
        """
        if not 0 < len(kept) <= _MAX_STATE:
            raise DeniedError("this browser did not begin a login; begin again")
        begun: dict[str, str] = json.loads(self._unseal(kept))
        if not hmac.compare_digest(begun["state"].encode(), state.encode()):
            raise DeniedError("this browser began another login; begin again")
        if float(begun["at"]) + LIFETIME < self._now():
            raise DeniedError("the login took too long; begin again")
        return begun

    def _redeem(self, provider: Provider, code: str, begun: Mapping[str, str], *, redirect: str) -> Claims:
        """Turn a code into what the other place says about somebody.

        Raises:
            DeniedError: If the token is not good.
            RemoteError: If there is none.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
        form["code_verifier"] = begun["verifier"]
        basic = None if provider.secret is None else (provider.client, provider.secret)
        if basic is None:
            form["client_id"] = provider.client
        url = provider.issuer.endpoint("token_endpoint")
        answer = loads(self._outside.post(url, form, basic=basic), what=url, limit=_MAX_ANSWER)
        token = answer.get("id_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise RemoteError(f"{provider.issuer.name} gave no id_token; is openid among the scopes?")
        return provider.issuer.verify(token, audience=provider.client, nonce=begun["nonce"])

    def _account(self, provider: Provider, claims: Claims) -> str:
        """Find out who somebody is here; make the account at the first login, if that is wanted.

        An account that is there already is never taken over because of its name: whoever could choose a name at the
        other place would be whoever they like here.

        Raises:
            DeniedError: If nobody is made an account.
            ConflictError: If the name is taken.
        """
        known = self._people.identities.find(claims.issuer, claims.subject)
        if known is not None:
            return known
        name = _name_of(claims, provider.name_claim)
        if not provider.create:
            raise DeniedError(f"{name} has no account here; ask an administrator of this hub for one")
        by = Mandate.operator(f"oidc:{provider.key}")
        try:
            self._people.users.create(by, name)
        except ConflictError as error:
            raise ConflictError(
                f"there is an account or a namespace {name} already, which does not log in at {provider.title}; ask an "
                f"administrator to bind it: orchard hub admin user bind {name} {claims.issuer} {claims.subject}"
            ) from error
        self._people.identities.bind(by, name, issuer=claims.issuer, subject=claims.subject)
        return name

    def _follow_groups(self, provider: Provider, claims: Claims, account: str) -> None:
        """Let the teams that groups stand for, and the right to administer, come and go with the groups.

        Raises:
            NotFoundError: If a team of the settings is not there.
        """
        groups = claims.texts(provider.groups_claim)
        by = Mandate.operator(f"oidc:{provider.key}")
        for group, team in provider.teams.items():
            role = self._people.teams.get(team).members.get(account)
            if group in groups and role is None:
                self._people.teams.put_member(by, team, account, role=Role.WRITER)
            elif group not in groups and role is not None:
                self._people.teams.remove_member(by, team, account)
        admin = provider.admin_group in groups
        if provider.admin_group is not None and self._people.users.get(account).site_admin != admin:
            with suppress(
                ConflictError
            ):  # the last administrator stays one: somebody must be able to mend the settings
                self._people.users.update(by, account, site_admin=admin)


def _name_of(claims: Claims, claim: str) -> Name:
    """Make a name that an account can have of what the other place calls somebody.

    Raises:
        DeniedError: If nothing is left of it.
    """
    said = claims.text(claim) or claims.text("email")
    text = _UNFIT.sub("-", said.partition("@")[0].lower()).strip("-")[:MAX_NAME].strip("-")
    try:
        return check_name(text)
    except InvalidError as error:
        raise DeniedError(
            f"{claims.issuer} calls you {said[:80]!r} (claim {claim}), which cannot be the name of an account"
        ) from error
