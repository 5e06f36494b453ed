"""Write the pinned, hashed requirement files anew. Packages younger than a week are left out."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"
WEEK = dt.timedelta(days=7)


def lock(target: str, *arguments: str) -> None:
    """Resolve pyproject.toml, or another source, into one file that names no index."""
    before = (dt.datetime.now(dt.UTC) - WEEK).date().isoformat()
    options = ("--quiet", "--universal", "--generate-hashes", "--no-header", "--no-emit-index-url")
    command = (UV, "pip", "compile", *options, "--python-version=3.11", f"--exclude-newer={before}", *arguments)
    subprocess.run([*command, f"--output-file=requirements/{target}.txt"], cwd=ROOT, check=True)  # noqa: S603 -- our own tool


if __name__ == "__main__":
    lock("hub", "pyproject.toml", "--extra=hub", "--extra=preview", "--group=build")
    scale = ("--extra=hub", "--extra=preview", "--extra=s3", "--extra=postgres")
    lock("scale", "pyproject.toml", *scale, "--group=build", "--constraint=requirements/hub.txt")
    extras = (*scale, "--extra=fsspec", "--extra=infer")
    lock("dev", "pyproject.toml", *extras, "--group=build", "--group=dev", "--constraint=requirements/hub.txt")
    lock("train", "requirements/train.in")
    lock("swift", "requirements/swift.in")
