import subprocess
import sys

import pytest

from orchard import formats
from orchard.errors import UnsafePathError
from orchard.formats import clean_path


@pytest.mark.parametrize(
    "code",
    [
        "import orchard.formats",
        "from orchard.formats import kitfile_from_json, to_yaml; to_yaml(kitfile_from_json({'model': {}}))",
        "from orchard.formats import IgnoreRules; IgnoreRules.parse('**/*.py').matches('a/b.py')",
    ],
)
def test_yaml_is_loaded_only_to_read_it(code: str) -> None:
    check = f"{code}\nimport sys\nprint([name for name in sys.modules if name.startswith('ruamel')])"

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=100, check=True)

    assert done.stdout.strip() == "[]"


def test_every_name_at_the_door_leads_to_something() -> None:
    assert all(getattr(formats, name) is not None for name in formats.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = formats.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("a", "a"),
        ("./a", "a"),
        ("a/", "a"),
        ("a//b/./c", "a/b/c"),
        ("a/../b", "b"),
        ("a/b/..", "a"),
        ("a/..", "."),
        (".", "."),
        ("./", "."),
        ("", "."),
        ("..a", "..a"),
        ("a..b", "a..b"),
        ("a/...", "a/..."),
        ("c:d", "c:d"),
        (" a", " a"),
    ],
)
def test_clean_path_writes_a_path_in_its_shortest_form(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/", "absolute"),
        ("/a", "absolute"),
        ("\\a", "absolute"),
        ("C:\\a", "absolute"),
        ("c:/a", "absolute"),
        ("..", "leaves the directory"),
        ("../a", "leaves the directory"),
        ("a/../..", "leaves the directory"),
        ("a\0b", "control characters"),
        ("a\n", "control characters"),
    ],
)
def test_clean_path_refuses_what_is_not_beneath_the_kitfile(path: str, message: str) -> None:
    with pytest.raises(UnsafePathError, match=message):
        clean_path(path)
