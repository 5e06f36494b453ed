"""Servers that speak HTTP/1.0, or close the connection after every answer: slow, but nothing is lost."""

import pytest

from orchard.oci import mediatype
from orchard.remote import Chunking, RemoteRepository
from orchard.store import Bytes
from support.clients import Connect, blob, manifest, named, pull
from support.faultserver import Exchange, FaultServer

DATA = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture(params=["HTTP/1.0", "HTTP/1.1"])
def old(request: pytest.FixtureRequest, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> FaultServer:
    """The server, which ends every connection with its first answer, and says so in its version or not at all."""
    monkeypatch.setattr(Exchange, "protocol_version", request.param)

    def close(exchange: Exchange) -> bool:
        exchange.close_connection = True
        return False

    server.on("*", "/", close, 1 << 30)
    return server


def test_blob_and_document_go_there_and_back(old: FaultServer, connect: Connect) -> None:
    repo = connect(chunking=Chunking(threshold=300_000, size=300_000)).repository("team/model")
    raw = manifest(blob(DATA))

    repo.push(blob(DATA), Bytes(DATA))
    repo.push(blob(b"{}"), Bytes(b"{}"))
    repo.push(named(raw), Bytes(raw))
    repo.tag(named(raw), "v1")

    assert repo.resolve("v1").digest == named(raw).digest
    assert pull(repo, blob(DATA)) == DATA
    assert repo.read_range(blob(DATA), 1000, 24) == DATA[1000:1024]
    assert old.connections == len(old.seen)


def test_blob_whose_length_is_not_said_is_read_to_its_end(server: FaultServer, repo: RemoteRepository) -> None:
    def unsized(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Type", mediatype.OCTET_STREAM)
        exchange.send_header("Connection", "close")
        exchange.end_headers()
        exchange.wfile.write(DATA)
        exchange.close_connection = True

    server.on("GET", "/blobs/", unsized)

    assert pull(repo, blob(DATA)) == DATA
