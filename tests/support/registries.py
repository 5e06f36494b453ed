"""Debian's docker-registry as a real peer: started as a process, on a free port, with a directory of its own."""

import base64
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from threading import Event
from typing import Any

import trustme
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from support.faultserver import Exchange, FaultServer
from support.ports import free_port

PROGRAM = "docker-registry"
USER, PASSWORD = "ana", "canary-password"
# bcrypt, cost 5, of PASSWORD; the registry reads no other kind.
HTPASSWD = "ana:$2b$05$CCCCCCCCCCCCCCCCCCCCC.G5nJn5egeUGOTDvj4Nuv7tR1y31UGky"
PATIENCE = 60.0


@dataclass(frozen=True)
class Running:
    """A registry that accepts requests."""

    host: str
    directory: Path


@contextmanager
def docker_registry(
    directory: Path,
    *,
    htpasswd: bool = False,
    certificate: trustme.LeafCert | None = None,
    tokens: "Tokens | None" = None,
) -> Iterator[Running]:
    """Run a registry; with a login, with TLS, or with a token service if so asked."""
    port = free_port()
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "only for tests"},
    }
    if htpasswd:
        (directory / "htpasswd").write_text(HTPASSWD + "\n")
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(directory / "htpasswd")}}
    if certificate is not None:
        certificate.cert_chain_pems[0].write_to_path(directory / "cert.pem")
        certificate.private_key_pem.write_to_path(directory / "key.pem")
        config["http"]["tls"] = {"certificate": str(directory / "cert.pem"), "key": str(directory / "key.pem")}
    if tokens is not None:
        config["auth"] = {"token": tokens.settings(directory)}
    (directory / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(directory / "config.yml")], stdout=log, stderr=log)
    try:
        _wait(process, port, tls=certificate is not None)
        yield Running(f"127.0.0.1:{port}", directory)
    finally:
        process.terminate()
        process.wait()


class Tokens:
    """A token service that grants what is asked for, within ``allowed``; a fault of ``server``, and as long-lived."""

    def __init__(self, server: FaultServer, authority: trustme.CA) -> None:
        self.server = server
        self.allowed = "pull,push,delete,*"
        self.lifetime = 300
        self._authority = authority
        self._leaf = authority.issue_cert("tokens.example")
        key = serialization.load_pem_private_key(self._leaf.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        server.on("GET", "^/token$", self._serve, times=1 << 30)

    def settings(self, directory: Path) -> dict[str, str]:
        bundle = directory / "tokens.pem"
        self._authority.cert_pem.write_to_path(bundle)
        realm = f"{self.server.url}/token"
        return {"realm": realm, "service": "tests", "issuer": "tests", "rootcertbundle": str(bundle)}

    def _serve(self, exchange: Exchange) -> None:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if exchange.seen.headers.get("authorization") != wanted:
            exchange.reply(401, {"Content-Type": "application/json"}, b'{"details": "incorrect username or password"}')
            return
        access = [self._access(scope) for scope in exchange.seen.query.get("scope", [])]
        body = json.dumps({"token": self._sign(access), "expires_in": self.lifetime}).encode()
        exchange.reply(200, {"Content-Type": "application/json"}, body)

    def _access(self, scope: str) -> dict[str, Any]:
        kind, name, actions = scope.split(":")
        allowed = [action for action in actions.split(",") if action in self.allowed.split(",")]
        return {"type": kind, "name": name, "actions": allowed}

    def _sign(self, access: list[dict[str, Any]]) -> str:
        now = int(time.time())
        claims = {
            "iss": "tests",
            "aud": "tests",
            "sub": USER,
            "iat": now,
            "nbf": now - 10,
            "exp": now + 300,
            "jti": "1",
        }
        chain = ssl.PEM_cert_to_DER_cert(self._leaf.cert_chain_pems[0].bytes().decode())
        header = {"alg": "ES256", "typ": "JWT", "x5c": [base64.b64encode(chain).decode()]}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, {**claims, "access": access}))
        r, s = utils.decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _wait(process: "subprocess.Popen[bytes]", port: int, *, tls: bool) -> None:
    until = time.monotonic() + PATIENCE
    pause = Event()
    while process.poll() is None and time.monotonic() < until:
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # only to see whether it listens
        unchecked.check_hostname = False
        unchecked.verify_mode = ssl.CERT_NONE
        probe = HTTPSConnection("127.0.0.1", port, context=unchecked) if tls else HTTPConnection("127.0.0.1", port)
        try:
            probe.request("GET", "/")
            probe.getresponse().read()
        except OSError:
            pause.wait(0.02)
        else:
            return
        finally:
            probe.close()
    raise AssertionError(f"{PROGRAM} did not start on port {port}")
