import pytest

from orchard.errors import (
    DeniedError,
    IntegrityError,
    InvalidDigestError,
    InvalidDocumentError,
    InvalidReferenceError,
    LimitExceededError,
    NotFoundError,
    RemoteError,
    UnsupportedError,
)
from orchard.oci import mediatype
from orchard.remote import Given, Registry, RemoteRepository
from orchard.store import Bytes, MemoryStore, Store, copy_graph
from support.clients import CONFIG, Connect, blob, manifest, named
from support.faultserver import FOREVER, Exchange, FaultServer, answer, redirect, status

RAW = manifest()
DOCUMENT = named(RAW)


@pytest.fixture
def tagged(server: FaultServer) -> FaultServer:
    server.add_manifest(mediatype.OCI_MANIFEST, RAW, "v1")
    return server


def test_repository_is_a_store(repo: RemoteRepository, server: FaultServer) -> None:
    store: Store = repo

    assert (repo.host, repo.name) == (server.host, "team/model")
    assert store.exists(CONFIG) is False


@pytest.mark.parametrize("target", ["v1", str(DOCUMENT.digest)])
def test_resolve_asks_for_headers_only(tagged: FaultServer, repo: RemoteRepository, target: str) -> None:
    assert repo.resolve(target) == DOCUMENT
    assert tagged.lines() == [f"HEAD /v2/team/model/manifests/{target}"]
    assert mediatype.OCI_MANIFEST in tagged.seen[0].headers["accept"]


@pytest.mark.parametrize(
    ("target", "name"), [("v2", ":v2"), (str(CONFIG.digest), f"@{CONFIG.digest}")], ids=["tag", "digest"]
)
def test_resolve_of_what_is_not_there_names_it(repo: RemoteRepository, target: str, name: str) -> None:
    with pytest.raises(NotFoundError, match=rf"127\.0\.0\.1:\d+/team/model{name} does not exist"):
        repo.resolve(target)


@pytest.mark.parametrize(
    ("target", "error"),
    [("", InvalidReferenceError), ("../x", InvalidReferenceError), ("sha256:short", InvalidDigestError)],
)
def test_resolve_of_what_is_no_name_asks_nobody(
    server: FaultServer, repo: RemoteRepository, target: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="is not a"):
        repo.resolve(target)

    assert server.seen == []


@pytest.mark.parametrize("absent", ["Docker-Content-Digest", "Content-Type", "Content-Length"])
def test_resolve_when_a_header_is_missing_fetches(tagged: FaultServer, repo: RemoteRepository, absent: str) -> None:
    headers = {
        "Docker-Content-Digest": str(DOCUMENT.digest),
        "Content-Type": mediatype.OCI_MANIFEST,
        "Content-Length": str(DOCUMENT.size),
    }
    del headers[absent]

    def bare(exchange: Exchange) -> None:
        exchange.send_response(200)
        for name, value in headers.items():
            exchange.send_header(name, value)
        exchange.end_headers()

    tagged.on("HEAD", "/manifests/", bare)

    found = repo.resolve("v1")

    assert (found.digest, found.size, found.media_type) == (DOCUMENT.digest, DOCUMENT.size, DOCUMENT.media_type)
    assert [seen.method for seen in tagged.seen] == ["HEAD", "GET"]


def test_resolve_where_there_is_no_head_fetches(tagged: FaultServer, repo: RemoteRepository) -> None:
    tagged.on("HEAD", "/manifests/", status(405))

    assert repo.resolve("v1").digest == DOCUMENT.digest


def test_resolve_that_is_denied_gives_the_reason(tagged: FaultServer, repo: RemoteRepository) -> None:
    tagged.on("*", "/manifests/", status(403, "DENIED", "rule 7: not scanned"), FOREVER)

    with pytest.raises(DeniedError, match="rule 7: not scanned"):
        repo.resolve("v1")


@pytest.mark.parametrize("header", ["sha256:" + "0" * 64, "sha512:" + "0" * 128, "sha256:x"])
def test_resolve_when_the_digest_header_lies_is_an_error(
    tagged: FaultServer, repo: RemoteRepository, header: str
) -> None:
    lie = answer(200, {"Docker-Content-Digest": header, "Content-Type": mediatype.OCI_MANIFEST}, RAW)
    tagged.on("HEAD", "/manifests/", status(405), FOREVER)
    tagged.on("GET", "/manifests/", lie, FOREVER)

    with pytest.raises(IntegrityError, match=r"the content is sha|an impossible digest"):
        repo.resolve("v1")


def test_resolve_of_a_digest_when_the_header_lies_is_an_error(tagged: FaultServer, repo: RemoteRepository) -> None:
    tagged.on("HEAD", "/manifests/", answer(200, {"Docker-Content-Digest": "sha256:" + "0" * 64}, RAW))

    with pytest.raises(IntegrityError, match=f"says that {DOCUMENT.digest} is sha256:000"):
        repo.resolve(str(DOCUMENT.digest))


def test_resolve_of_a_digest_when_the_bytes_lie_is_an_error(tagged: FaultServer, repo: RemoteRepository) -> None:
    tagged.on("HEAD", "/manifests/", status(405))
    tagged.manifests[str(DOCUMENT.digest)] = mediatype.OCI_MANIFEST, RAW + b" "

    with pytest.raises(IntegrityError, match=f"the content is {named(RAW + b' ').digest}"):
        repo.resolve(str(DOCUMENT.digest))


@pytest.mark.parametrize("kind", ["application/json", "", "text/plain; charset=utf-8"])
def test_resolve_when_the_type_is_not_told_reads_it_in_the_document(
    tagged: FaultServer, repo: RemoteRepository, kind: str
) -> None:
    tagged.manifests[str(DOCUMENT.digest)] = kind, RAW

    assert repo.resolve("v1").media_type == mediatype.OCI_MANIFEST


def test_resolve_of_a_document_with_two_types_is_refused(tagged: FaultServer, repo: RemoteRepository) -> None:
    tagged.on("HEAD", "/manifests/", status(405))
    tagged.manifests[str(DOCUMENT.digest)] = mediatype.OCI_INDEX, RAW

    with pytest.raises(InvalidDocumentError, match=r"127\.0\.0\.1:\d+/team/model: v1: manifest: .* but it was sent as"):
        repo.resolve("v1")


def test_resolve_of_an_endless_document_is_cut(tagged: FaultServer, repo: RemoteRepository) -> None:
    tagged.on("HEAD", "/manifests/", status(405))
    tagged.on("GET", "/manifests/", answer(200, {}, bytes((4 << 20) + 1)))

    with pytest.raises(LimitExceededError, match="more than 4194304 bytes"):
        repo.resolve("v1")


def test_push_of_a_document_keeps_its_bytes_and_type(server: FaultServer, repo: RemoteRepository) -> None:
    repo.push(DOCUMENT, Bytes(RAW))

    assert server.manifests == {str(DOCUMENT.digest): (mediatype.OCI_MANIFEST, RAW)}


def test_push_of_wrong_document_bytes_sends_nothing(server: FaultServer, repo: RemoteRepository) -> None:
    with pytest.raises(IntegrityError, match="more than the promised"):
        repo.push(DOCUMENT, Bytes(RAW + b" "))

    assert server.seen == []


def test_push_when_the_registry_stored_something_else_is_an_error(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("PUT", "/manifests/", answer(201, {"Docker-Content-Digest": "sha256:" + "0" * 64}))

    with pytest.raises(IntegrityError, match="says that"):
        repo.push(DOCUMENT, Bytes(RAW))


def test_push_of_a_document_refused_by_the_registry_says_why(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("PUT", "/manifests/", status(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"))

    with pytest.raises(RemoteError, match="MANIFEST_BLOB_UNKNOWN: blob unknown to registry"):
        repo.push(DOCUMENT, Bytes(RAW))


def test_tag_of_what_was_just_pushed_fetches_nothing(server: FaultServer, repo: RemoteRepository) -> None:
    repo.push(DOCUMENT, Bytes(RAW))
    repo.tag(DOCUMENT, "v1")

    assert server.tags == {"v1": str(DOCUMENT.digest)}
    assert [seen.method for seen in server.seen] == ["PUT", "PUT"]


def test_tag_of_what_is_there_fetches_it_first(tagged: FaultServer, repo: RemoteRepository) -> None:
    repo.tag(DOCUMENT, "v2")

    assert tagged.tags["v2"] == str(DOCUMENT.digest)


def test_tag_of_what_is_not_there_is_an_error(repo: RemoteRepository) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        repo.tag(DOCUMENT, "v1")


def test_tag_that_is_no_tag_asks_nobody(server: FaultServer, repo: RemoteRepository) -> None:
    with pytest.raises(InvalidReferenceError, match="is not a tag"):
        repo.tag(DOCUMENT, "a/b")

    assert server.seen == []


@pytest.mark.parametrize("target", ["v1", str(DOCUMENT.digest)])
def test_delete_removes_a_tag_or_a_document(tagged: FaultServer, repo: RemoteRepository, target: str) -> None:
    repo.delete(target)

    assert tagged.lines() == [f"DELETE /v2/team/model/manifests/{target}"]
    with pytest.raises(NotFoundError, match="does not exist"):
        repo.delete(target)


@pytest.mark.parametrize("code", [400, 405])
def test_delete_of_a_tag_where_only_digests_are_deleted_says_so(
    server: FaultServer, repo: RemoteRepository, code: int
) -> None:
    server.on("DELETE", "/manifests/", status(code, "UNSUPPORTED"))

    with pytest.raises(UnsupportedError, match=r"by digest only, not the tag v1|UNSUPPORTED"):
        repo.delete("v1")


def test_delete_where_nothing_is_deleted_says_so(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("DELETE", "/manifests/", status(405, "UNSUPPORTED", "The operation is unsupported."))

    with pytest.raises(UnsupportedError, match="The operation is unsupported"):
        repo.delete(str(DOCUMENT.digest))


def test_copy_from_registry_to_memory_and_back(server: FaultServer, connect: Connect) -> None:
    layers = [bytes([number]) * 500_000 for number in range(3)]
    raw = manifest(*map(blob, layers))
    source = MemoryStore()
    for data in (b"{}", *layers):
        source.push(blob(data), Bytes(data))
    source.push(named(raw), Bytes(raw))
    repo, there = connect().repository("team/model"), MemoryStore()

    copy_graph(source, repo, named(raw))
    copy_graph(repo, there, named(raw))

    assert server.manifests == {str(named(raw).digest): (mediatype.OCI_MANIFEST, raw)}
    assert all(there.exists(blob(data)) for data in layers)
    assert there.resolve(str(named(raw).digest)) == named(raw)


def test_copy_within_a_registry_moves_no_byte(server: FaultServer, connect: Connect) -> None:
    layer = bytes(500_000)
    raw = manifest(blob(layer))
    server.add_manifest(mediatype.OCI_MANIFEST, raw)
    server.on("HEAD", "/v2/team/other/", status(404), FOREVER)
    for data in (b"{}", layer):
        server.add_blob(data)
    registry = connect()

    copy_graph(registry.repository("team/model"), registry.repository("team/other"), named(raw))

    assert server.lines("POST") == ["POST /v2/team/other/blobs/uploads/"] * 2
    assert [line for line in server.lines("GET") if "/blobs/" in line] == []


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io"])
def test_docker_hub_is_reached_at_its_api_and_its_library(server: FaultServer, connect: Connect, host: str) -> None:
    registry = connect(host, proxy=server.url, plain_http=True)

    assert registry.repository("busybox").exists(CONFIG) is False
    assert registry.repository("ana/model").exists(CONFIG) is False
    assert {seen.headers["host"] for seen in server.seen} == {"registry-1.docker.io"}
    assert [line.split("/blobs")[0] for line in server.lines()] == ["HEAD /v2/library/busybox", "HEAD /v2/ana/model"]
    assert registry.host == host


@pytest.mark.parametrize("host", ["https://ghcr.io", "ghcr.io/team", ""])
def test_registry_that_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidReferenceError, match="is not a registry host"):
        Registry(host)


def test_repository_that_is_no_name_is_refused() -> None:
    with pytest.raises(InvalidReferenceError, match="must be in lower case"):
        Registry("ghcr.io").repository("Team/model")


def test_registry_that_was_closed_stays_usable(connect: Connect, server: FaultServer) -> None:
    registry = connect()
    registry.close()
    registry.ping()
    registry.close()
    registry.ping()

    assert len(server.seen) == 2


def test_head_of_a_redirected_blob_is_followed(server: FaultServer, repo: RemoteRepository) -> None:
    with FaultServer() as storage:
        storage.add_blob(b"{}")
        server.on("HEAD", "/blobs/", redirect(f"{storage.url}/v2/x/blobs/{CONFIG.digest}"))

        assert repo.exists(CONFIG) is True


def test_credentials_are_asked_for_by_repository(server: FaultServer, connect: Connect) -> None:
    asked: list[tuple[str, str]] = []

    class Listening(Given):
        def find(self, host: str, repository: str = "") -> None:
            asked.append((host, repository))

    registry = connect(credentials=Listening(""))
    server.on("GET", "/tags/list", status(404), FOREVER)
    for name in ("a/b", "a/b", "c"):
        with pytest.raises(NotFoundError, match="no"):
            list(registry.repository(name).tags())

    assert asked == [(server.host, "a/b"), (server.host, "c")]
