"""Small projects to pack, and what is compared when they come back."""

import random
import stat
from collections.abc import Mapping
from pathlib import Path

from orchard.oci import Digest

NEVER_PACKED = ("Kitfile", ".kitignore")

# One layer of every kind, in directories and in single files.
KITFILE = """\
manifestVersion: 1.0.0
package:
  name: {name}
  version: 1.2.3
  description: A project of every kind of layer
  license: Apache-2.0
  authors: [Ada, Grace]
model:
  name: {name}-model
  path: model/weights.bin
  framework: none
  parts:
    - name: config
      path: model/config.json
      type: config
  parameters:
    epochs: 3
    rate: 0.5
code:
  - path: src
    description: The code
datasets:
  - name: train
    path: data/train.csv
docs:
  - path: README.md
"""
PROMPTS = """\
prompts:
  - name: greet
    path: prompts/greet.md
"""

# What each layer of the project above is: type and path, in the order of the manifest.
LAYERS = [
    ("model", "model/weights.bin"),
    ("modelpart", "model/config.json"),
    ("code", "src"),
    ("dataset", "data/train.csv"),
    ("docs", "README.md"),
    ("prompt", "prompts/greet.md"),
]


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311 -- reproducible, not secret


def write_files(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a directory, and make the directories they need."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def make_project(
    directory: Path, *, name: str = "tiny", weights: int = 5000, seed: int = 1, prompts: bool = True
) -> Path:
    """Write a project with a layer of every kind; without prompts it is one that KitOps 1.7 can read too."""
    files: dict[str, str | bytes] = {
        "Kitfile": KITFILE.format(name=name) + (PROMPTS if prompts else ""),
        "model/weights.bin": noise(weights, seed),
        "model/config.json": '{"layers": 3}\n',
        "src/main.py": "print('hello')\n",
        "src/pkg/util.py": "",
        "src/run.sh": "#!/bin/sh\nexec python main.py\n",
        "data/train.csv": "".join(f"{number},{number * seed % 97}\n" for number in range(500)),
        "README.md": "# Tiny\n\nGrüße.\n",
    }
    if prompts:
        files["prompts/greet.md"] = "Say hello.\n"
    write_files(directory, files)
    (directory / "src/run.sh").chmod(0o755)
    return directory


def make_blob_project(directory: Path, *sizes: int, seed: int = 1) -> Path:
    """Write a project with one dataset layer of noise for each size."""
    entries = "".join(f"  - {{name: d{number}, path: d{number}.bin}}\n" for number in range(len(sizes)))
    kitfile = f"manifestVersion: 1.0.0\npackage: {{name: blobs}}\ndatasets:\n{entries}"
    blobs = {f"d{number}.bin": noise(size, seed * 100 + number) for number, size in enumerate(sizes)}
    return write_files(directory, {"Kitfile": kitfile, **blobs})


def contents(directory: Path) -> dict[str, tuple[int, str]]:
    """Give mode and digest of every file below a directory that a layer may hold; of a directory, its mode."""
    return {
        path.relative_to(directory).as_posix(): (stat.S_IMODE(path.lstat().st_mode), _content(path))
        for path in sorted(directory.rglob("*"))
        if path.name not in NEVER_PACKED
    }


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    return "" if path.is_dir() else str(Digest.of(path.read_bytes()))
