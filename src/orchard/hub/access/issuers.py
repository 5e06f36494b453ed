"""Other places that know who somebody is (OpenID Connect): what they publish of themselves, and the tokens they sign.

Every byte of theirs is judged: the discovery document must be about the issuer that was asked, the algorithm one of few
with a public key, and the key one of those that the issuer publishes now.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from orchard.errors import DeniedError, OrchardError, RemoteError
from orchard.oci import JSON, loads

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

MAX_DOCUMENT: Final = 1 << 20  # bytes
MAX_TOKEN: Final = 16 << 10  # characters
# Public keys alone: with HS256 among them, whoever knows the public key could sign (algorithm confusion).
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519")
SKEW: Final = 60.0  # seconds that clocks may differ
_FRESH: Final = 3600.0  # seconds that what an issuer publishes is trusted
_OLD: Final = 24 * 3600.0  # seconds after which it is not trusted any more, even if there is nothing newer
_PATIENCE: Final = 30.0  # seconds before an issuer is asked again for a key that it did not have
_DISCOVERY: Final = "/.well-known/openid-configuration"


class Outside(Protocol):
    """The way out of the hub. Each method raises an ``OrchardError`` where it may not go, or nobody answers."""

    def get(self, url: str, /) -> bytes:
        """Fetch a small document."""
        ...

    def post(self, url: str, form: Mapping[str, str], /, *, basic: tuple[str, str] | None = None) -> bytes:
        """Send a form, and fetch the answer."""
        ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What an issuer says about somebody, its signature verified.

    Attributes:
        issuer: Who says so.
        subject: Whom the issuer means; never another one.
        values: Everything that it says.
    """

    issuer: str
    subject: str
    values: Mapping[str, JSON]

    def text(self, name: str) -> str:
        """Give a claim that is a text; empty if it is none."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> frozenset[str]:
        """Give a claim that is a list of texts, or one text."""
        value = self.values.get(name)
        if isinstance(value, str):
            return frozenset((value,))
        return frozenset(one for one in value if isinstance(one, str)) if isinstance(value, list) else frozenset()


class Issuer:
    """One issuer. What it publishes is fetched when it is first needed; safe to use from many threads.

    Args:
        name: Its URL, exactly as it writes it in its tokens.
        outside: The way to it.
        now: The time, in seconds since 1970.
    """

    def __init__(self, name: str, outside: Outside, now: Callable[[], float]) -> None:
        self.name = name
        self._outside = outside
        self._now = now
        self._lock = Lock()
        self._about: Mapping[str, JSON] = {}
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._asked = 0.0

    def endpoint(self, name: str) -> str:
        """Give one of its addresses: ``authorization_endpoint``, ``token_endpoint``.

        Raises:
            RemoteError: If it does not publish one, or cannot be asked.
            DeniedError: If the hub may not go there.
        """
        with self._lock:
            self._refresh()
            found = self._about.get(name)
        if not isinstance(found, str):
            raise RemoteError(f"{self.name} does not publish its {name}")
        return found

    def verify(self, token: str, *, audience: str, nonce: str | None = None) -> Claims:
        """Read a token that it signed for somebody now.

        Args:
            token: A signed JWT.
            audience: Whom the token must be for.
            nonce: What must be in it, if it was asked for in a login.

        Raises:
            DeniedError: If it is forged, for somebody else, not good now, or names no subject.
            RemoteError: If the issuer's keys cannot be fetched.
        """
        values = self._decode(token)
        self._require(values, audience, nonce)
        subject = values.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # noqa: PLR2004 -- OpenID Connect Core, section 2
            raise DeniedError(f"the token of {self.name} names no subject")
        return Claims(self.name, subject, values)

    def _decode(self, token: str) -> dict[str, Any]:
        """Check the signature; with a key that is new to us, after asking for the keys again.

        Raises:
            DeniedError: If it is not one of the issuer's.
            RemoteError: If its keys cannot be fetched.
        """
        from joserfc import jwt  # noqa: PLC0415 -- 60 ms that only a hub with issuers pays
        from joserfc.errors import JoseError  # noqa: PLC0415

        if len(token) > MAX_TOKEN:
            raise DeniedError(f"the token has more than {MAX_TOKEN} characters")
        reason: Exception | None = None
        for again in (False, True):
            try:
                return dict(jwt.decode(token, self._current(again=again), algorithms=list(ALGORITHMS)).claims)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                reason = error
        raise DeniedError(f"this is no token that {self.name} signed: {type(reason).__name__}") from reason

    def _require(self, values: Mapping[str, Any], audience: str, nonce: str | None) -> None:
        """Refuse what is signed well and not meant for us, now (OpenID Connect Core, section 3.1.3.7).

        Raises:
            DeniedError: Saying why.
        """
        if values.get("iss") != self.name:
            raise DeniedError(f"the token says that it is of {str(values.get('iss'))[:200]!r}, not of {self.name}")
        meant = values.get("aud")
        if audience not in ([meant] if isinstance(meant, str) else meant if isinstance(meant, list) else []):
            raise DeniedError(f"the token is not meant for {audience!r} (claim aud)")
        if isinstance(meant, list) and len(meant) > 1 and values.get("azp", audience) != audience:
            raise DeniedError(f"the token was given to another than {audience!r} (claim azp)")
        now = self._now()
        if not isinstance(values.get("exp"), int | float) or values["exp"] <= now - SKEW:
            raise DeniedError("the token has ended (claim exp)")
        for name in ("nbf", "iat"):
            if name in values and (not isinstance(values[name], int | float) or values[name] > now + SKEW):
                raise DeniedError(f"the token is not good yet (claim {name})")
        if nonce is not None and values.get("nonce") != nonce:
            raise DeniedError("the token belongs to another login (claim nonce)")

    def _current(self, *, again: bool) -> "KeySet":
        """Give its keys; fetched again if they are old, or if a key was missing and the last time is a while ago.

        Raises:
            RemoteError: If they cannot be fetched.
        """
        with self._lock:
            self._refresh(now=again and self._now() - self._asked >= _PATIENCE)
            assert self._keys is not None
            return self._keys

    def _refresh(self, *, now: bool = False) -> None:
        """Fetch what it publishes, unless that was done lately. While it is down, what is known holds for a day.

        Raises:
            OrchardError: If it cannot be fetched, and was not for a day.
        """
        if not now and self._keys is not None and self._now() - self._fetched < _FRESH:
            return
        self._asked = self._now()
        try:
            about, keys = self._fetch()
        except OrchardError:
            if self._keys is None or self._now() - self._fetched > _OLD:
                raise
            return
        self._about, self._keys, self._fetched = about, keys, self._now()

    def _fetch(self) -> tuple[Mapping[str, JSON], "KeySet"]:
        """Fetch what it publishes.

        Raises:
            RemoteError: If it publishes something else.
            DeniedError: If the hub may not go there.
        """
        from joserfc.errors import JoseError  # noqa: PLC0415 -- as in _decode
        from joserfc.jwk import KeySet  # noqa: PLC0415

        about = self._document(self.name.rstrip("/") + _DISCOVERY)
        if about.get("issuer") != self.name or not isinstance(about.get("jwks_uri"), str):
            raise RemoteError(f"{self.name} publishes a document about {str(about.get('issuer'))[:200]!r}")
        document: Any = self._document(str(about["jwks_uri"]))
        try:
            return about, KeySet.import_key_set(document)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise RemoteError(f"{self.name}: its keys cannot be read: {error}") from error

    def _document(self, url: str) -> Mapping[str, JSON]:
        value = loads(self._outside.get(url), what=url, limit=MAX_DOCUMENT)
        if not isinstance(value, dict):
            raise RemoteError(f"{url} is not a JSON object")
        return value
