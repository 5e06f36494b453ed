"""KitOps' own `kit` 1.7 guesses the same Kitfile, where the rules of later versions play no part (ADR 31)."""

from pathlib import Path

import pytest

from orchard.formats import parse_kitfile
from support.cli import Program

pytestmark = pytest.mark.peer("kit")

# No .bin, no unknown file in the top directory, no prompts, no bundles.
ALIKE = [
    ["a.gguf", "config.json", "README.md", "LICENSE", "t.csv"],
    ["m/a.safetensors", "m/config.json", "docs/x.md", "src/a.py", "lib/b.py", "data/a.csv", "text/a.md"],
    ["mixed/a.csv", "mixed/b.md", "deep/x/y.csv", "z/a.py", "notes.pdf", "v.yaml"],
    ["config.json", "t.csv", "u.parquet"],
    ["a.onnx", "b.onnx", "c.onnx", "x/d.onnx", "x/train.py"],
    ["w.h5", "readme.txt", "License.md", "sub/one.zip", "sub/two.tar", "e/f/g.pt"],
]


@pytest.mark.parametrize("files", ALIKE, ids=lambda files: files[0])
def test_kit_guesses_the_same_but_for_slashes_at_the_end_of_directories(
    kit: Program, program: Program, files: list[str], tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for number, name in enumerate(files):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(b"x" * (number + 1))
    words = ("init", ".", "--name", "n", "--desc", "d", "--author", "a", "--force")
    kit.ok(*words, cwd=project)
    theirs = parse_kitfile((project / "Kitfile").read_bytes())
    program.ok(*words, cwd=project)
    ours = parse_kitfile((project / "Kitfile").read_bytes())
    assert (ours.model, ours.package) == (theirs.model, theirs.package)
    for mine, other in ((ours.datasets, theirs.datasets), (ours.docs, theirs.docs), (ours.code, theirs.code)):
        assert sorted(entry.path.rstrip("/") for entry in mine) == sorted(entry.path for entry in other)
