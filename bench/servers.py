"""Registries to measure against, each a process of its own."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.timing import environment

BIN: Final = Path(sys.executable).parent
TESTS: Final = Path(__file__).parents[1] / "tests"
PATIENCE: Final = 20.0  # seconds until a server listens
NGINX: Final = """\
daemon off; pid {root}/pid; error_log {root}/error; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path {root}/t; proxy_temp_path {root}/t; fastcgi_temp_path {root}/t; uwsgi_temp_path {root}/t;
  scgi_temp_path {root}/t;
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/v2/.*/manifests/sha256:(.*)$ {{
      default_type application/vnd.oci.image.manifest.v1+json; alias {layout}/blobs/sha256/$1;
    }}
    location ~ ^/v2/.*/blobs/sha256:(.*)$ {{ alias {layout}/blobs/sha256/$1; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A registry that runs.

    Attributes:
        host: Where it listens.
        pid: Its process; all of its work is done in there.
    """

    host: str
    pid: int

    @property
    def cpu_seconds(self) -> float:
        """CPU time that it has used so far, all threads together."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Let the peak of its memory begin where it is now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    @property
    def peak_mib(self) -> float:
        """Most resident memory since then."""
        return self._memory("VmHWM")

    @property
    def resident_mib(self) -> float:
        """Resident memory now."""
        return self._memory("VmRSS")

    def _memory(self, name: str) -> float:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0


@contextmanager
def hub(root: Path) -> Iterator[str]:
    """Run a hub of ours, and give its host."""
    with run_hub(root) as server:
        yield server.host


@contextmanager
def run_hub(root: Path, *words: str, password: str | None = None) -> Iterator[Server]:
    """Run a hub of ours, on the data of the one before if there was one; with logins if there is a password."""
    root.mkdir(parents=True, exist_ok=True)
    log = root / "log"
    variables = environment(root)
    command = [str(BIN / "orchard"), "hub", "--port", "0", "--data", str(root / "data"), *words]
    if password is not None:
        variables["ORCHARD_ADMIN_PASSWORD"] = password
        command += ["--login", "required", "--token-lifetime", "15min"]
    with _process(command, log, variables) as pid:
        yield Server(_announced(log, r"http://([\w.\-:]+)"), pid)


@contextmanager
def docker_registry(root: Path) -> Iterator[str]:
    """Run Debian's docker-registry, and give its host."""
    with run_docker_registry(root) as server:
        yield server.host


@contextmanager
def run_zot(root: Path) -> Iterator[Server]:
    """Run zot, without accounts."""
    root.mkdir(parents=True)
    port = _free_port()
    config = {
        "distSpecVersion": "1.1.0",
        "storage": {"rootDirectory": str(root / "data"), "gc": False},
        "http": {"address": "127.0.0.1", "port": str(port)},
        "log": {"level": "error"},
    }
    (root / "config.json").write_text(json.dumps(config))
    with _process(["zot", "serve", str(root / "config.json")], root / "log", os.environ) as pid:
        yield Server(_listening(port), pid)


@contextmanager
def run_docker_registry(root: Path) -> Iterator[Server]:
    """Run Debian's docker-registry, without accounts."""
    root.mkdir(parents=True)
    port = _free_port()
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(root / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "bench"},
    }
    (root / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with _process(["docker-registry", "serve", str(root / "config.yml")], root / "log", os.environ) as pid:
        yield Server(_listening(port), pid)


@contextmanager
def nginx(root: Path, layout: Path) -> Iterator[str]:
    """Serve a layout with nginx, by digest, as fast as it can, and give its host."""
    root.mkdir(parents=True)
    root.chmod(0o755)
    port = _free_port()
    (root / "nginx.conf").write_text(
        "user root;\n" * (os.geteuid() == 0) + NGINX.format(root=root, layout=layout, port=port)
    )
    with _process(["nginx", "-p", str(root), "-c", str(root / "nginx.conf")], root / "log", os.environ):
        yield _listening(port)
    shutil.rmtree(root)


@contextmanager
def limited(layout: Path, rate: int) -> Iterator[str]:
    """Serve a layout, by digest, with so many bytes a second for each connection, and give its host."""
    log = layout.parent / "limited.log"
    variables = {**os.environ, "PYTHONPATH": str(TESTS)}
    with _process([sys.executable, "-m", "support.capped", str(layout), str(rate)], log, variables):
        yield _announced(log, r"([\w.]+:\d+)")


@contextmanager
def _process(command: list[str], log: Path, environ: Mapping[str, str]) -> Iterator[int]:
    with log.open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=dict(environ))
    try:
        yield process.pid
    finally:
        process.terminate()
        process.communicate()


def _announced(log: Path, pattern: str) -> str:
    """Wait for the line that says where a server listens.

    Raises:
        RuntimeError: If it does not come.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        time.sleep(0.02)  # noqa: TID251 -- waiting for another process
    raise RuntimeError(log.read_text())


def _listening(port: int) -> str:
    """Wait until something listens.

    Raises:
        RuntimeError: If nothing does.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return f"127.0.0.1:{port}"
        time.sleep(0.02)  # noqa: TID251 -- waiting for another process
    raise RuntimeError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
