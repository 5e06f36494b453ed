"""Programs of other makers, run as people run them."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event

PATIENCE = 60.0


def call(*command: str | Path, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> str:
    """Run a program that must succeed; give what it writes."""
    done = attempt(*command, cwd=cwd, environ=environ)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def attempt(
    *command: str | Path, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program that may fail."""
    return subprocess.run(
        list(command),
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Storage:
    """Images of podman and buildah in a directory of the test, kept in the plainest way there is."""

    def __init__(self, directory: Path) -> None:
        self._flags = (
            *("--root", str(directory / "images"), "--runroot", str(directory / "run")),
            *("--storage-driver", "vfs"),
        )

    def podman(self, *arguments: str | Path) -> str:
        return call("podman", *self._flags, "--events-backend", "none", *arguments).strip()

    def buildah(self, *arguments: str | Path) -> str:
        return call("buildah", *self._flags, *arguments).strip()


@contextmanager
def containerd(directory: Path) -> Iterator[str]:
    """Run a containerd that keeps everything in a directory; give its address."""
    address = f"{directory}/c.sock"  # short: a socket's name has at most 107 bytes
    plugins = (
        *("grpc.v1.cri", "internal.v1.opt", "snapshotter.v1.overlayfs"),
        *(f"snapshotter.v1.{name}" for name in ("aufs", "btrfs", "zfs", "devmapper")),
    )
    disabled = ", ".join(f'"io.containerd.{name}"' for name in plugins)
    (directory / "c.toml").write_text(
        f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
        f'disabled_plugins = [{disabled}]\n[grpc]\naddress = "{address}"\n'
    )
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(["containerd", "-c", str(directory / "c.toml")], stdout=log, stderr=log)
    try:
        until = time.monotonic() + PATIENCE
        while attempt("ctr", "-a", address, "--connect-timeout", "1s", "version").returncode:
            assert time.monotonic() < until, (directory / "log").read_text()[-2000:]
            Event().wait(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE)
