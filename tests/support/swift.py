"""A real S3: OpenStack Swift with its s3api, all four servers of it, on loopback.

``make swift`` installs it into an environment of its own, ``.cache/swift``; tests that need it are skipped, loudly,
where it is missing. One device, one replica, no memcached. Buckets may keep versions.
"""

import getpass
import hmac
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Final

import obstore
import pytest
from obstore.store import S3Store

from support.ports import free_port

HERE: Final = Path(__file__).parents[2] / ".cache/swift"
PATIENCE: Final = 40.0  # seconds until all servers listen
ACCESS_KEY: Final = "test:tester"
SECRET_KEY: Final = "testing"
REGION: Final = "us-east-1"

_RINGS: Final = """
import sys
from pathlib import Path
from swift.common.ring import RingBuilder
root = Path(sys.argv[1])
for name, port in zip(("account", "container", "object"), sys.argv[2:]):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1.0,
                     "replication_ip": "127.0.0.1", "replication_port": int(port)})
    builder.rebalance()
    builder.get_ring().save(str(root / f"{name}.ring.gz"))
"""
_SERVER: Final = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {root}
devices = {root}/devices
mount_check = false
fallocate_reserve = 0
log_udp_host =
log_level = WARNING
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""
_PROXY: Final = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {root}
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper cache s3api tempauth slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = 1
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:9
"""


@dataclass(frozen=True)
class Swift:
    """A running S3.

    Attributes:
        endpoint: Its address; path-style.
    """

    endpoint: str

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which programs find it."""
        return {
            "S3_API_ENDPOINT": self.endpoint,
            "S3_REGION": REGION,
            "S3_ACCESS_KEY_ID": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
        }

    def make_bucket(self, name: str, *, versioned: bool = False) -> None:
        """Make a bucket."""
        self._ask("PUT", f"/{name}")
        if versioned:
            body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            self._ask("PUT", f"/{name}", "versioning=", body)

    def put(self, bucket: str, key: str, data: bytes, *, parts: int | None = None) -> str:
        """Put an object, in parts of so many bytes if that is said, and give its ETag."""
        done = obstore.put(self._store(bucket), key, data, use_multipart=parts is not None, chunk_size=parts or 5 << 20)
        return (done["e_tag"] or "").strip('"')

    def _store(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region=REGION,
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def _ask(self, method: str, path: str, query: str = "", body: bytes = b"") -> None:
        connection = HTTPConnection(self.endpoint.removeprefix("http://"), timeout=PATIENCE)
        try:
            headers = _signed(method, connection.host + f":{connection.port}", path, query=query, body=body)
            connection.request(method, f"{path}?{query}" if query else path, body=body, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
            assert answer.status < 300, (answer.status, said)
        finally:
            connection.close()


def _signed(method: str, host: str, path: str, *, query: str, body: bytes) -> dict[str, str]:
    """Sign a request (AWS, "Signature Version 4")."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": now}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope},SignedHeaders={names},Signature={signature}"
    return {**headers, "Authorization": credential}


def require_swift() -> None:
    """Skip what needs it, where it is missing."""
    if not (HERE / ".made").exists():
        pytest.skip("MISSING PEER: swift is not installed; `make swift` installs it")


@contextmanager
def running_swift(root: Path) -> Iterator[Swift]:
    """Run it in a directory, which must be on a file system with extended attributes."""
    require_swift()
    ports = _free_ports(4)
    _configure(root, ports)
    with ExitStack() as stack:
        logs = []
        for name in ("account", "container", "object", "proxy"):
            log = root / f"{name}.log"
            logs.append(log)
            out = stack.enter_context(log.open("wb"))
            program = HERE / f"bin/swift-{name}-server"
            process = subprocess.Popen([program, root / f"{name}.conf", "-v"], stdout=out, stderr=out, env=_environ())
            stack.callback(_end, process)
        for port in ports:
            _wait_for(port, logs)
        yield Swift(f"http://127.0.0.1:{ports[-1]}")


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return {**kept, "PYTHONWARNINGS": "ignore"}


def _configure(root: Path, ports: list[int]) -> None:
    (root / "devices/d1").mkdir(parents=True)
    (root / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    user = getpass.getuser()
    for name, port in zip(("account", "container", "object"), ports, strict=False):
        (root / f"{name}.conf").write_text(_SERVER.format(name=name, port=port, root=root, user=user))
    (root / "proxy.conf").write_text(_PROXY.format(port=ports[-1], root=root, user=user))
    words: list[str | Path] = [HERE / "bin/python", "-c", _RINGS, root, *map(str, ports[:-1])]
    subprocess.run(words, check=True, env=_environ(), capture_output=True)


def _free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def _wait_for(port: int, logs: list[Path]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            Event().wait(0.05)
    raise AssertionError("\n".join(log.read_text(errors="replace")[-2000:] for log in logs))


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
