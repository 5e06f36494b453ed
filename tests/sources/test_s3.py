"""An S3 that lies."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread

import pytest

from orchard.errors import ConflictError, DeniedError, IntegrityError, InvalidDocumentError, NotFoundError, RemoteError
from orchard.formats import Dataset, Kitfile, Lock, LockedObject, parse_filters
from orchard.oci import Digest, Reference, chunks
from orchard.project import ModelKitFormat, Version, read_version
from orchard.project.remotedata import remote_data
from orchard.sources import S3Objects
from orchard.store import Bytes, MemoryStore, Store

CONTENT = b"0123456789" * 100
ETAG = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
DATE = "Fri, 01 Jan 2027 00:00:00 GMT"
URL = "s3://bucket/key"


@dataclass
class Lying:
    """What the server does, and what it saw."""

    body: bytes = CONTENT
    etag: str = ETAG
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    endless: int | None = None
    seen: list[tuple[str, str, bool]] = field(default_factory=list)


@contextmanager
def serving(lying: Lying) -> Iterator[str]:  # noqa: C901 -- one handler, a few lies
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(len(lying.body), whole=True)
            self.end_headers()

        def do_GET(self) -> None:
            first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            if lying.endless is not None:
                self._answer(lying.endless, whole=False, span=(first, last))
                self.end_headers()
                self._pour()
                return
            part = lying.body[first : last + 1]
            self._answer(len(part), whole=False, span=(first, last))
            self.end_headers()
            self.wfile.write(part)

        def _answer(self, length: int, *, whole: bool, span: tuple[int, int] = (0, 0)) -> None:
            lying.seen.append((self.command, self.path, "Authorization" in self.headers))
            self.send_response(lying.status or (200 if whole else 206))
            self.send_header("ETag", f'"{lying.etag}"')
            self.send_header("Last-Modified", DATE)
            if not whole:
                self.send_header("Content-Range", f"bytes {span[0]}-{span[1]}/{len(CONTENT)}")
            if length:
                self.send_header("Content-Length", str(0 if lying.status else length))
            else:
                self.send_header("Transfer-Encoding", "chunked")
            for name, value in lying.headers.items():
                self.send_header(name, value)

        def _pour(self) -> None:
            piece = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
            try:
                for _ in count():
                    self.wfile.write(piece)
            except OSError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def objects_at(endpoint: str, **more: str) -> S3Objects:
    given = {"S3_API_ENDPOINT": endpoint, "S3_ACCESS_KEY_ID": "id", "S3_SECRET_KEY": "secret", **more}
    return S3Objects(given)


def read(objects: S3Objects, wanted: LockedObject) -> bytes:
    with objects.open(URL, wanted) as body:
        return b"".join(chunks(body))


WANTED = LockedObject(etag=ETAG, size=len(CONTENT))


def test_open_then_the_bytes_come_and_requests_are_signed() -> None:
    lying = Lying()
    with serving(lying) as endpoint:
        objects = objects_at(endpoint)
        assert objects.stat(URL) == WANTED
        assert read(objects, WANTED) == CONTENT
    assert lying.seen == [("HEAD", "/bucket/key", True), ("GET", "/bucket/key", True)]


def test_open_without_credentials_then_requests_are_not_signed() -> None:
    lying = Lying()
    with serving(lying) as endpoint:
        assert S3Objects({"S3_API_ENDPOINT": endpoint}).stat(URL) == WANTED
    assert lying.seen == [("HEAD", "/bucket/key", False)]


ENDLESS = [
    pytest.param(0, RemoteError, "Content-Length", id="without-a-length"),
    pytest.param(1 << 40, IntegrityError, "more than was asked for", id="with-a-length"),
]


@pytest.mark.parametrize(("length", "error", "message"), ENDLESS)
def test_open_an_answer_that_does_not_end_then_it_is_cut_off(length: int, error: type[Exception], message: str) -> None:
    with serving(Lying(endless=length)) as endpoint, pytest.raises(error, match=message):
        read(objects_at(endpoint), WANTED)


def test_open_an_answer_that_is_too_short_then_it_is_refused() -> None:
    with (
        serving(Lying(body=CONTENT[:10])) as endpoint,
        pytest.raises((IntegrityError, RemoteError), match="bucket/key"),
    ):
        read(objects_at(endpoint), WANTED)


STATUS = [
    pytest.param(404, NotFoundError, id="404"),
    pytest.param(403, DeniedError, id="403"),
    pytest.param(401, DeniedError, id="401"),
    pytest.param(412, ConflictError, id="412"),
    pytest.param(400, RemoteError, id="400"),
]


@pytest.mark.parametrize(("status", "error"), STATUS)
def test_stat_when_the_server_refuses_then_it_is_one_clear_error(status: int, error: type[Exception]) -> None:
    with serving(Lying(status=status)) as endpoint, pytest.raises(error, match=r"s3://bucket/key: [^\n]*$"):
        objects_at(endpoint).stat(URL)


def test_stat_when_there_is_no_etag_then_it_is_refused() -> None:
    with serving(Lying(etag="")) as endpoint, pytest.raises(RemoteError, match="bucket/key"):
        objects_at(endpoint).stat(URL)


def test_open_when_the_server_sends_us_elsewhere_then_no_credentials_go_along_and_the_content_is_checked() -> None:
    other = Lying(body=b"x" * len(CONTENT))
    with serving(other) as elsewhere:
        lying = Lying(status=307, headers={"Location": f"{elsewhere}/bucket/key"})
        with serving(lying) as endpoint:
            objects = objects_at(endpoint)
            lock = Lock(objects={URL: WANTED})
            data = remote_data(kit(ETAG, lock), parse_filters(()), name="x", find=nowhere, objects=lambda: objects)
            with data.files[0].open() as content, pytest.raises((IntegrityError, RemoteError), match="bucket/key"):
                list(chunks(content))
    assert other.seen == [("GET", "/bucket/key", False)]


ADDRESSES = ["s3://", "s3://b", "s3:///key", "http://bucket/key", "s3://bu cket/k", "s3://bucket/%ff", "s3://b@evil/k"]


@pytest.mark.parametrize("url", ADDRESSES)
def test_stat_of_what_is_no_address_then_nothing_is_asked(url: str) -> None:
    with pytest.raises(InvalidDocumentError, match="is not an address in S3"):
        S3Objects({}).stat(url)


def kit(etag: str, lock: Lock | None = None) -> Version:
    """A kit with one dataset in S3."""
    store = MemoryStore()
    kitfile = Kitfile(datasets=(Dataset(path="d.csv", remote_path=URL, remote_hash=etag),))
    annotations = {"ml.orchard.kitfile.lock": lock.to_annotation()} if lock else {}
    config, manifest = ModelKitFormat().documents(kitfile, [], annotations)
    store.push(manifest.config, Bytes(config))
    store.push(manifest.describe(), Bytes(manifest.raw))
    return read_version(store, manifest.describe())


def nowhere(reference: Reference) -> tuple[Version, Store]:
    raise NotFoundError(f"{reference}")


LIES = [
    pytest.param(b"x" * len(CONTENT), None, "does not match the ETag", id="other-content"),
    pytest.param(
        b"x" * len(CONTENT), Digest.of(CONTENT), "the content does not match; it is sha256", id="other-content-pinned"
    ),
]


@pytest.mark.parametrize(("body", "sha256", "message"), LIES)
def test_remote_data_when_the_content_is_another_one_then_it_is_refused(
    body: bytes, sha256: Digest | None, message: str
) -> None:
    lock = Lock(objects={URL: LockedObject(etag=ETAG, size=len(CONTENT), sha256=sha256)})
    with serving(Lying(body=body)) as endpoint:
        objects = objects_at(endpoint)
        data = remote_data(kit(ETAG, lock), parse_filters(()), name="x", find=nowhere, objects=lambda: objects)
        with data.files[0].open() as content, pytest.raises(IntegrityError, match=message):
            list(chunks(content))


def test_remote_data_when_an_etag_is_no_hash_and_nothing_is_pinned_then_the_size_and_the_etag_decide() -> None:
    with serving(Lying(etag=f"{ETAG}-2")) as endpoint:
        objects = objects_at(endpoint)
        data = remote_data(kit(f"{ETAG}-2"), parse_filters(()), name="x", find=nowhere, objects=lambda: objects)
        with data.files[0].open() as content:
            assert b"".join(chunks(content)) == CONTENT


def test_remote_data_when_the_lock_says_another_etag_than_the_kitfile_then_it_is_refused() -> None:
    version = kit("0" * 32, Lock(objects={URL: WANTED}))
    with pytest.raises(ConflictError, match="the Kitfile says ETag 0000"):
        remote_data(version, parse_filters(()), name="x", find=nowhere, objects=lambda: S3Objects({}))
