"""Against a real registry: Debian's docker-registry."""

import hashlib
import os
import resource
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import pytest
import trustme

from orchard.errors import DeniedError, NotFoundError, UnauthenticatedError, UnsupportedError
from orchard.oci import Descriptor, Readable, Verifying, chunks, dumps, mediatype
from orchard.remote import Chunking, Credential, CredentialStore, Given, Timing
from orchard.store import Bytes, MemoryStore, copy_graph
from support.clients import Connect, blob, pull
from support.faultserver import FaultServer
from support.registries import PASSWORD, USER, Running, Tokens, docker_registry

pytestmark = pytest.mark.peer("docker-registry")

MIB = 1 << 20
REAL = Timing()


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def artifact(*layers: bytes, subject: Descriptor | None = None) -> tuple[MemoryStore, Descriptor]:
    store = MemoryStore()
    for data in (b"{}", *layers):
        store.push(blob(data), Bytes(data))
    document = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "artifactType": "application/vnd.test",
        "config": blob(b"{}").to_json(),
        "layers": [blob(data).to_json() for data in layers],
        **({} if subject is None else {"subject": subject.to_json()}),
    }
    raw = dumps(document)
    root = Descriptor.of(raw, mediatype.OCI_MANIFEST)
    store.push(root, Bytes(raw))
    return store, root


@pytest.mark.parametrize(
    "chunking", [Chunking(), Chunking(threshold=0, size=700_000)], ids=["one piece", "chunks of 700 kB"]
)
def test_artifact_survives_the_round_trip(peer: Running, connect: Connect, chunking: Chunking) -> None:
    store, root = artifact(os.urandom(3 * MIB), os.urandom(100), b"")
    registry = connect(peer.host, chunking=chunking, timing=REAL)
    repo = registry.repository("team/round-trip")

    copy_graph(store, repo, root)
    repo.tag(root, "v1")
    there = MemoryStore()
    copy_graph(repo, there, repo.resolve("v1"))

    assert there.resolve(str(root.digest)) == root
    assert registry.repository("team/round-trip").exists(root)
    assert "v1" in list(repo.tags())
    assert "team/round-trip" in list(registry.catalog())


def test_ranges_are_served(peer: Running, connect: Connect) -> None:
    data = os.urandom(MIB)
    repo = connect(peer.host).repository("team/ranges")
    repo.push(blob(data), Bytes(data))

    assert pull(repo, blob(data), MIB - 1000) == data[-1000:]


def test_sha512_works_where_the_registry_knows_it(peer: Running, connect: Connect) -> None:
    data = os.urandom(1000)
    wanted = blob(data, "sha512")
    repo = connect(peer.host).repository("team/sha512")

    repo.push(wanted, Bytes(data))

    assert pull(repo, wanted) == data


def test_blobs_are_mounted_not_sent(peer: Running, connect: Connect) -> None:
    store, root = artifact(os.urandom(MIB))
    told: list[str] = []
    registry = connect(peer.host, trace=told.append)
    source, sink = registry.repository("team/mount-a"), registry.repository("team/mount-b")
    copy_graph(store, source, root)
    told.clear()

    copy_graph(source, sink, root)

    assert [line for line in told if "PATCH" in line or ("/uploads/" in line and "PUT" in line)] == []
    assert sink.resolve(str(root.digest)).digest == root.digest


@pytest.mark.parametrize(
    "chunking", [Chunking(), Chunking(threshold=0, size=2 * MIB)], ids=["one piece", "chunks of 2 MiB"]
)
def test_upload_that_breaks_is_finished(peer: Running, connect: Connect, chunking: Chunking) -> None:
    data = os.urandom(5 * MIB)
    told: list[str] = []
    with Breaking(peer, after=3 * MIB) as front:
        repo = connect(front.host, chunking=chunking, trace=told.append).repository("team/broken")

        repo.push(blob(data), Bytes(data))

    assert pull(connect(peer.host).repository("team/broken"), blob(data)) == data
    assert any("TransientError" in line for line in told)


class Breaking:
    """Passes connections on to a registry, but breaks the first one that sends more than so many bytes."""

    def __init__(self, peer: Running, after: int) -> None:
        self._peer = peer
        self._after = after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(here,), daemon=True).start()

    def _pass_on(self, here: socket.socket) -> None:
        host, _, port = self._peer.host.rpartition(":")
        with suppress(OSError), here, socket.create_connection((host, int(port))) as there:
            sent = 0
            while sent <= self._after:
                source = select.select([here, there], [], [])[0][0]
                piece = source.recv(1 << 16)
                if not piece:
                    return
                (there if source is here else here).sendall(piece)
                sent += len(piece) if source is here else 0
            self._after = 1 << 60
            here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_delete_is_by_digest(peer: Running, connect: Connect) -> None:
    store, root = artifact(b"to be deleted")
    repo = connect(peer.host).repository("team/delete")
    copy_graph(store, repo, root)
    repo.tag(root, "v1")

    with pytest.raises(UnsupportedError, match="by digest only, not the tag v1"):
        repo.delete("v1")
    repo.delete(str(root.digest))

    with pytest.raises(NotFoundError, match=r"team/delete:v1 does not exist"):
        repo.resolve("v1")


def test_referrers_use_the_tag_scheme(peer: Running, connect: Connect) -> None:
    store, root = artifact(b"subject")
    about, signature = artifact(b"signature", subject=root)
    repo = connect(peer.host).repository("team/referrers")
    copy_graph(store, repo, root)
    copy_graph(about, repo, signature)

    assert [found.digest for found in repo.referrers(root.digest)] == [signature.digest]


def test_large_blob_needs_little_memory_both_ways(peer: Running, connect: Connect) -> None:
    size = 64 * MIB
    hasher = hashlib.sha256()
    for _ in range(size // MIB):
        hasher.update(bytes(MIB))
    wanted = Descriptor.of(b"", mediatype.OCTET_STREAM)
    wanted = Descriptor(
        media_type=wanted.media_type, digest=type(wanted.digest)("sha256", hasher.hexdigest()), size=size
    )
    repo = connect(peer.host, chunking=Chunking(threshold=0, size=16 * MIB), timing=REAL).repository("team/large")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    repo.push(wanted, Zeros())
    with repo.open(wanted) as body:
        read = sum(map(len, chunks(Verifying(body, wanted))))

    assert read == size
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB


class Zeros:
    @contextmanager
    def open(self, content: Descriptor, offset: int = 0) -> Iterator[Readable]:
        self.left = content.size - offset
        yield self

    def read(self, size: int, /) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


def test_login_with_a_password(connect: Connect, tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "credentials.json", {})
    with docker_registry(tmp_path, htpasswd=True) as peer:
        with pytest.raises(UnauthenticatedError, match="login required"):
            connect(peer.host).ping()
        with pytest.raises(UnauthenticatedError, match="the stored credential was refused"):
            connect(peer.host, credentials=Given(peer.host, Credential(USER, "wrong"))).ping()
        connect(peer.host, credentials=Given(peer.host, Credential(USER, PASSWORD))).ping()
        store.store(peer.host, Credential(USER, PASSWORD))
        repo = connect(peer.host, credentials=store).repository("team/model")

        repo.push(blob(b"data"), Bytes(b"data"))

        assert pull(repo, blob(b"data")) == b"data"


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[tuple[Running, Tokens]]:
    with FaultServer() as service:
        made = Tokens(service, trustme.CA())
        with docker_registry(tmp_path, tokens=made) as running:
            yield running, made


def test_login_with_tokens(tokens: tuple[Running, Tokens], connect: Connect) -> None:
    peer, service = tokens
    store, root = artifact(os.urandom(MIB))
    registry = connect(peer.host, credentials=Given(peer.host, Credential(USER, PASSWORD)))
    one, two = registry.repository("team/one"), registry.repository("team/two")

    registry.ping()
    copy_graph(store, one, root)
    copy_graph(one, two, root)
    names = list(registry.catalog())
    one.delete(str(root.digest))

    asked = [seen.query.get("scope", []) for seen in service.server.seen]
    assert names == ["team/one", "team/two"]
    assert asked[0] == []
    assert ["repository:team/two:pull,push", "repository:team/one:pull"] in asked
    assert ["repository:team/one:delete,pull,push"] in asked
    assert len(asked) == len({tuple(scopes) for scopes in asked})


def test_login_with_tokens_for_reading_only_is_denied_the_push(
    tokens: tuple[Running, Tokens], connect: Connect
) -> None:
    peer, service = tokens
    service.allowed = "pull"
    repo = connect(peer.host, credentials=Given(peer.host, Credential(USER, PASSWORD))).repository("team/model")

    with pytest.raises(DeniedError, match=r"not allowed: POST .*/uploads/: UNAUTHORIZED"):
        repo.push(blob(b"data"), Bytes(b"data"))


def test_login_at_a_token_service_with_a_wrong_password_says_so(
    tokens: tuple[Running, Tokens], connect: Connect
) -> None:
    peer, _ = tokens

    with pytest.raises(UnauthenticatedError, match="incorrect username or password"):
        connect(peer.host, credentials=Given(peer.host, Credential(USER, "wrong"))).ping()


def test_tls_with_an_own_authority(connect: Connect, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    data = os.urandom(MIB)
    with docker_registry(tmp_path, certificate=authority.issue_cert("127.0.0.1")) as peer:
        repo = connect(peer.host, ca_files=(tmp_path / "ca.pem",)).repository("team/tls")

        repo.push(blob(data), Bytes(data))

        assert pull(repo, blob(data)) == data
