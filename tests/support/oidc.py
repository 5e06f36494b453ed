"""A small OpenID Connect provider: real HTTP, real keys, and as dishonest as a test wants it."""

import json
import time
import urllib.request
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT = "orchard"
SECRET = "the client's own"

Claims = dict[str, Any]


@dataclass
class Provider:
    """What the provider knows, and what it says.

    Attributes:
        url: Its issuer.
        user: Claims about whoever logs in next.
        keys: Its private keys; the first one signs.
        about: Takes the place of parts of its discovery document.
        asked: Paths that were asked for.
    """

    url: str
    user: Claims = field(default_factory=lambda: {"sub": "1001", "preferred_username": "ana"})
    keys: list[RSAKey | ECKey] = field(default_factory=list)
    about: Claims = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    secret: str | None = SECRET
    down: bool = False
    codes: dict[str, Claims] = field(default_factory=dict)

    def sign(self, claims: Claims, *, key: RSAKey | ECKey | None = None, algorithm: str | None = None) -> str:
        """Sign a token, with whatever key."""
        signer = key or self.keys[0]
        chosen = algorithm or {"RSA": "RS256", "EC": "ES256"}[signer.key_type]
        header = {"alg": chosen, "kid": signer.kid or self.keys[0].kid}
        return jwt.encode(header, claims, signer, algorithms=[chosen])

    def token(self, audience: str = CLIENT, **claims: Any) -> str:  # noqa: ANN401 -- any claim
        """Sign a token that is good now; a claim that is None is left out."""
        now = int(time.time())
        values = {"iss": self.url, "aud": audience, "iat": now, "exp": now + 300, **self.user, **claims}
        return self.sign({name: value for name, value in values.items() if value is not None})

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one is not published any more."""
        self.keys = [_rsa()]

    def approve(self, url: str) -> tuple[str, str]:
        """Be the browser of somebody who logs in here: give the code and the state that it brings back."""
        request = urllib.request.Request(url)  # noqa: S310 -- of the test's own provider
        opener = urllib.request.build_opener(_NoRedirect())
        with opener.open(request) as answer:
            query = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        return query["code"], query["state"]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def http_error_303(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:  # noqa: ANN401 -- urllib's
        del req, code, msg, headers
        return fp


class Plain:
    """The way to it, without the hub's gate."""

    def get(self, url: str) -> bytes:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 -- of the test's own provider
            return bytes(answer.read())

    def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> bytes:
        request = urllib.request.Request(url, urlencode(form).encode())  # noqa: S310 -- as above
        if basic is not None:
            request.add_header("Authorization", "Basic " + _basic(*basic))
        with urllib.request.urlopen(request) as answer:  # noqa: S310 -- as above
            return bytes(answer.read())


def _basic(name: str, password: str) -> str:
    from base64 import b64encode  # noqa: PLC0415 -- its only use

    return b64encode(f"{name}:{password}".encode()).decode()


def _rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": token_urlsafe(6), "use": "sig"}, auto_kid=False)


@contextmanager
def oidc_provider() -> Iterator[Provider]:
    """Run one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_address[1]}", keys=[_rsa()])
    server.provider = provider  # type: ignore[attr-defined] # the handler finds it there
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    @property
    def provider(self) -> Provider:
        found: Provider = self.server.provider  # type: ignore[attr-defined] # put there by oidc_provider
        return found

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        del format, args

    def do_GET(self) -> None:
        provider, path = self.provider, urlsplit(self.path)
        provider.asked.append(path.path)
        if provider.down:
            self._send(503, {})
        elif path.path == "/.well-known/openid-configuration":
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            about = {"issuer": provider.url, **{name: f"{provider.url}/{name}" for name in names}}
            self._send(200, {**about, **provider.about})
        elif path.path == "/jwks_uri":
            self._send(200, dict(KeySet(list(provider.keys)).as_dict(private=False)))
        elif path.path == "/authorization_endpoint":
            self._authorize({name: values[0] for name, values in parse_qs(path.query).items()})
        else:
            self._send(404, {})

    def _authorize(self, query: Claims) -> None:
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = token_urlsafe(8)
        self.provider.codes[code] = query
        self.send_response(303)
        back = urlencode({"code": code, "state": query["state"]})
        self.send_header("location", f"{query['redirect_uri']}?{back}")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        provider = self.provider
        provider.asked.append(self.path)
        form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        query = provider.codes.pop(form.get("code", ""), None)
        if query is None or not self._is_client(form) or not _proves(form, query):
            self._send(400, {"error": "invalid_grant"})
            return
        self._send(200, {"id_token": provider.token(query["client_id"], nonce=query["nonce"]), "token_type": "Bearer"})

    def _is_client(self, form: Claims) -> bool:
        if self.provider.secret is None:
            return form.get("client_id") == CLIENT
        shown = self.headers.get("authorization", "").removeprefix("Basic ")
        return unquote(b64decode(shown).decode()) == f"{CLIENT}:{self.provider.secret}"

    def _send(self, status: int, document: Claims) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _proves(form: Claims, query: Claims) -> bool:
    """Tell whether whoever redeems the code began the login (PKCE, RFC 7636)."""
    made = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
    return bool(made == query["code_challenge"] and form.get("redirect_uri") == query["redirect_uri"])
