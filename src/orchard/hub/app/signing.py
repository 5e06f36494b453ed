"""How people come in by their browsers: passwords, other places, invitations; wired to accounts and the way out."""

import time
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from orchard.errors import DeniedError, InvalidError, RemoteError, UnauthenticatedError, UsageError
from orchard.hub.access import People, check_chosen
from orchard.hub.access.issuers import MAX_DOCUMENT, Issuer
from orchard.hub.access.logins import Logins, Provider
from orchard.hub.access.trusts import Trusts
from orchard.hub.app.people import TokenService
from orchard.hub.egress import Gate, Vault
from orchard.hub.http.pages.signing import Departure
from orchard.hub.settings import OidcProvider, Settings
from orchard.remote import Retry, Timeouts, Url, Web

_ISSUERS: Final = 256
_OK: Final = 200
_TIMEOUTS: Final = Timeouts(connect=5.0, read=10.0)
_UNFIT: Final = frozenset("/?#%")


class Browsers:
    """Lets people in: ``http.pages.signing.SignIn``."""

    def __init__(self, people: People, service: TokenService, logins: Logins, *, url: str | None) -> None:
        self._people = people
        self._service = service
        self._logins = logins
        self.url = url

    @property
    def places(self) -> Mapping[str, str]:
        """Other places that people log in at: their names in addresses, and what their buttons say."""
        return {key: provider.title for key, provider in self._logins.providers.items()}

    def enter(self, name: str, password: str, address: str, *, instead_of: str | None) -> str:
        """Begin a session with a password; give its secret.

        Raises:
            UnauthenticatedError: If it is wrong, or something else than a password.
            RateLimitedError: If too many were wrong lately.
            InvalidError: If it is too long.
            StorageError: If the catalog fails.
        """
        who = self._service.door.check(name, password, address)
        if not who.whole or who.limits:
            raise UnauthenticatedError("a token opens no session; log in with the password of your account")
        return self._people.sessions.begin(who.name, instead_of=instead_of)

    def depart(self, key: str, *, redirect: str, onward: str) -> Departure:
        """Begin a login at another place.

        Raises:
            NotFoundError: If nobody logs in there.
            RemoteError: If it cannot be asked.
        """
        begun = self._logins.begin(key, redirect=redirect, onward=onward)
        return Departure(begun.url, begun.state)

    def arrive(self, kept: str, answer: Mapping[str, str], *, redirect: str, instead_of: str | None) -> tuple[str, str]:
        """End such a login; give the secret of a session, and the page that was wanted.

        Raises:
            DeniedError: If this browser did not begin it, or the other place does not vouch.
            ConflictError: If an account has the name already that this one would get.
            RemoteError: If it cannot be asked.
            StorageError: If the catalog fails.
        """
        done = self._logins.finish(kept, state=answer.get("state", ""), code=answer.get("code", ""), redirect=redirect)
        return self._people.sessions.begin(done.account, instead_of=instead_of), done.onward

    def invited(self, invitation: str) -> str:
        """Name the account that an invitation is for.

        Raises:
            NotFoundError: If there is no such invitation, or it has ended.
            StorageError: If the catalog fails.
        """
        return self._people.invitations.find(invitation)

    def welcome(self, invitation: str, password: str, *, instead_of: str | None) -> str:
        """Take the password that an invited person chose; give the secret of a session.

        Raises:
            NotFoundError: If there is no such invitation, or it has ended.
            InvalidError: If the password cannot be one.
            StorageError: If the catalog fails.
        """
        check_chosen(self._people.invitations.find(invitation), password)
        return self._people.sessions.begin(self._people.invitations.accept(invitation, password), instead_of=instead_of)

    def leave(self, session: str) -> None:
        """End a session.

        Raises:
            StorageError: If the catalog fails.
        """
        self._people.sessions.end(session)


def browsers(settings: Settings, people: People, service: TokenService, *, gate: Gate, vault: Vault) -> Browsers:
    """Let people in as the settings say.

    Raises:
        UsageError: If a place to log in at cannot be one.
        StorageError: If its secret cannot be read.
    """
    outside = Going(gate)
    providers = dict(_provider(one, outside) for one in settings.oidc)
    if len(providers) != len(settings.oidc):
        raise UsageError("the hub's settings: two [[oidc]] have the same name")
    logins = Logins(people, providers, outside, seal=vault.seal, unseal=vault.unseal, now=time.time)
    return Browsers(people, service, logins, url=settings.url)


def trusts_of(people: People, gate: Gate) -> Trusts:
    """Make what namespaces believe of CI services."""
    outside = Going(gate)
    issuer = lru_cache(_ISSUERS)(lambda name: Issuer(name, outside, time.time))
    return Trusts(people.ledger, people.tokens, issuer)


class Going:
    """The way to identity providers and CI services, through the hub's gate: ``access.issuers.Outside``."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def get(self, url: str) -> bytes:
        """Fetch a small document.

        Raises:
            OrchardError: If the hub may not go there, or nobody answers.
        """
        where = Url.parse(url)
        with self._web(where) as web:
            return web.ask(where, limit=MAX_DOCUMENT).body

    def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> bytes:
        """Send a form, and fetch the answer.

        Raises:
            DeniedError: If the form is refused.
            OrchardError: If the hub may not go there, or nobody answers.
        """
        where = Url.parse(url)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if basic is not None:  # RFC 6749, section 2.3.1: both are form-encoded first
            shown = ":".join(quote(part, safe="") for part in basic)
            headers["Authorization"] = f"Basic {b64encode(shown.encode()).decode()}"
        with self._web(where) as web:
            answer = web.post(where, urlencode(form).encode(), headers, limit=MAX_DOCUMENT)
        if answer.status != _OK:
            raise DeniedError(f"{where.origin} refuses the login (status {answer.status})")
        return answer.body

    def _web(self, where: Url) -> Web:
        retry = Retry(attempts=2)
        options = self._gate.options(scheme=where.origin.scheme, timeouts=_TIMEOUTS, retry=retry)
        return Web(str(where.origin), options=options)


def _provider(said: OidcProvider, outside: Going) -> tuple[str, Provider]:
    """Make a place to log in at.

    Raises:
        UsageError: If it cannot be one.
        StorageError: If its secret cannot be read.
    """
    key = said.name.lower().replace(" ", "-")
    if not key or not key.isprintable() or _UNFIT.intersection(key):
        raise UsageError(f"the hub's settings: {said.name!r} is not a name for a place to log in at")
    try:
        Url.parse(said.issuer)
    except (RemoteError, InvalidError) as error:
        raise UsageError(f"the hub's settings: oidc {said.name}: {error}") from error
    return key, Provider(
        key=key,
        title=said.name,
        issuer=Issuer(said.issuer, outside, time.time),
        client=said.client_id,
        secret=said.client_secret if said.client_secret_file is None else _secret(said.client_secret_file),
        scopes=said.scopes,
        name_claim=said.name_claim,
        create=said.create_accounts,
        groups_claim=said.groups_claim,
        teams=said.teams,
        admin_group=said.admin_group,
    )


def _secret(path: str) -> str:
    """Read a secret that stands in a file of its own.

    Raises:
        UsageError: If it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the hub's settings: {path} cannot be read: {error}") from error
