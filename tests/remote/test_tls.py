import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from orchard.errors import DeniedError, RemoteError, StorageError
from orchard.remote import Retry
from orchard.store import Bytes
from support.clients import Connect, FakeTime, blob, pull
from support.faultserver import FaultServer, redirect

DATA = bytes(range(256)) * 2000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


@pytest.fixture
def client_files(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path]:
    leaf = authority.issue_cert("client@example.com")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "client.key")
    return tmp_path / "client.pem", tmp_path / "client.key"


def context(authority: trustme.CA, *names: str, mutual: bool = False) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(made)
    if mutual:
        authority.configure_trust(made)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[FaultServer]:
    with FaultServer(tls=context(authority)) as running:
        running.add_blob(DATA)
        yield running


def test_own_authority_is_trusted_beside_those_of_the_system(
    secure: FaultServer, connect: Connect, ca_file: Path
) -> None:
    registry = connect(secure.host, ca_files=(ca_file,))

    registry.ping()

    assert pull(registry.repository("x"), blob(DATA)) == DATA


def test_unknown_authority_is_refused_with_a_hint(secure: FaultServer, connect: Connect, clock: FakeTime) -> None:
    with pytest.raises(RemoteError, match=r"certificate verify failed: .*; give its authority with --tls-cert FILE"):
        connect(secure.host, plain_http=False).ping()

    assert (secure.seen, clock.slept) == ([], [])


def test_wrong_name_is_refused(authority: trustme.CA, connect: Connect, ca_file: Path) -> None:
    with FaultServer(tls=context(authority, "other.example")) as running:
        registry = connect(running.host, ca_files=(ca_file,))
        with pytest.raises(RemoteError, match=r"certificate verify failed: .* not valid for '127"):
            registry.ping()

    assert running.seen == []


def test_verification_can_be_switched_off(secure: FaultServer, connect: Connect) -> None:
    connect(secure.host, tls_verify=False).ping()

    assert secure.lines() == ["GET /v2/"]


def test_client_certificate_is_shown_to_the_registry(
    authority: trustme.CA, connect: Connect, ca_file: Path, client_files: tuple[Path, Path]
) -> None:
    cert, key = client_files
    with FaultServer(tls=context(authority, mutual=True)) as running:
        connect(running.host, ca_files=(ca_file,), client_cert=cert, client_key=key).ping()

    assert running.lines() == ["GET /v2/"]


def test_client_certificate_may_hold_its_key(
    authority: trustme.CA, connect: Connect, ca_file: Path, client_files: tuple[Path, Path], tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in client_files))
    with FaultServer(tls=context(authority, mutual=True)) as running:
        connect(running.host, ca_files=(ca_file,), client_cert=both).ping()

    assert running.lines() == ["GET /v2/"]


def test_client_certificate_that_is_missing_is_named(authority: trustme.CA, connect: Connect, ca_file: Path) -> None:
    with FaultServer(tls=context(authority, mutual=True)) as running:
        registry = connect(running.host, ca_files=(ca_file,), retry=Retry(attempts=1))
        with pytest.raises(RemoteError, match=r"wants a client certificate: give --cert|the connection broke"):
            registry.ping()

    assert running.seen == []


def test_client_certificate_is_not_shown_where_the_registry_redirects_to(
    secure: FaultServer,
    authority: trustme.CA,
    connect: Connect,
    ca_file: Path,
    client_files: tuple[Path, Path],
) -> None:
    cert, key = client_files
    with FaultServer(tls=context(authority, mutual=True)) as storage:
        secure.on("GET", "/v2/", redirect(f"{storage.url}/v2/"))

        with pytest.raises(RemoteError, match=r"client certificate|the connection broke"):
            connect(secure.host, ca_files=(ca_file,), client_cert=cert, client_key=key, retry=Retry(attempts=1)).ping()

    assert storage.seen == []


def test_redirect_away_from_tls_is_refused(secure: FaultServer, connect: Connect, ca_file: Path) -> None:
    with FaultServer() as plain:
        secure.on("GET", "/v2/", redirect(f"{plain.url}/v2/"))

        with pytest.raises(DeniedError, match="redirects away from TLS"):
            connect(secure.host, ca_files=(ca_file,)).ping()

    assert plain.seen == []


@pytest.mark.parametrize("name", ["absent.pem", "empty.pem"])
def test_certificate_files_that_cannot_be_read_are_named(
    secure: FaultServer, connect: Connect, ca_file: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty.pem").write_text("")

    with pytest.raises(StorageError, match=f"{name}: no certificate of an authority"):
        connect(secure.host, ca_files=(tmp_path / name,)).ping()
    with pytest.raises(StorageError, match=f"{name}, .*{name}: no client certificate with its key"):
        connect(secure.host, ca_files=(ca_file,), client_cert=tmp_path / name).ping()


def test_encrypted_key_does_not_ask_on_the_terminal(
    secure: FaultServer, connect: Connect, ca_file: Path, client_files: tuple[Path, Path], tmp_path: Path
) -> None:
    key = serialization.load_pem_private_key(client_files[1].read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"canary"),
        )
    )

    with pytest.raises(StorageError, match=r"no client certificate with its key, unencrypted"):
        connect(secure.host, ca_files=(ca_file,), client_cert=client_files[0], client_key=locked).ping()


def test_plain_registry_asked_for_tls_names_the_remedy(connect: Connect, clock: FakeTime) -> None:
    with pytest.raises(RemoteError, match="does not speak TLS; if it is a plain http registry, use --plain-http"):
        connect(plain_http=False).ping()

    assert clock.slept == []


def test_tls_registry_asked_in_plain_http_is_an_error(secure: FaultServer, connect: Connect) -> None:
    with pytest.raises(RemoteError, match=secure.host):
        connect(secure.host, retry=Retry(attempts=1)).ping()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"\x15\x03\x03\x00\x02\x02\x28", "TLS failed: .*HANDSHAKE_FAILURE"),
        (b"\x15\x03\x03\x00\x02\x02\x74", "wants a client certificate"),
        (b"", "the connection broke"),
    ],
    ids=["failure", "certificate required", "end"],
)
def test_handshake_that_fails_says_why(connect: Connect, reply: bytes, reason: str) -> None:
    def answer(listener: socket.socket) -> None:
        here, _ = listener.accept()
        with here:
            here.recv(1 << 16)
            here.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=answer, args=(listener,))
        thread.start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(RemoteError, match=reason):
            connect(host, plain_http=False, retry=Retry(attempts=1)).ping()
        thread.join()


def test_push_and_pull_over_tls(secure: FaultServer, connect: Connect, ca_file: Path) -> None:
    repo = connect(secure.host, ca_files=(ca_file,)).repository("x")
    data = DATA[::-1]

    repo.push(blob(data), Bytes(data))

    assert pull(repo, blob(data)) == data
    assert pull(repo, blob(data), 1000) == data[1000:]
