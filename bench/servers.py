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


@contextmanager
def hub(root: Path) -> Iterator[str]:
    """Run a hub of ours, and give its host."""
    root.mkdir(parents=True)
    log = root / "log"
    with _process([str(BIN / "orchard"), "hub", "--port", "0", "--data", str(root / "data")], log, environment(root)):
        yield _announced(log, r"http://([\w.\-:]+)")


@contextmanager
def docker_registry(root: Path) -> Iterator[str]:
    """Run Debian's docker-registry, and give its host."""
    root.mkdir(parents=True)
    port = _free_port()
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(root / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "bench"},
    }
    (root / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with _process(["docker-registry", "serve", str(root / "config.yml")], root / "log", os.environ):
        yield _listening(port)


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
def _process(command: list[str], log: Path, environ: Mapping[str, str]) -> Iterator[None]:
    with log.open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=dict(environ))
    try:
        yield
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
