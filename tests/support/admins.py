"""``orchard hub admin`` inside the test: its commands on the database of a hub."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchard.cli.main import run
from support.hubs import fresh_catalog, quick_directory
from support.schemas import check_run

Admin = Callable[..., Any]
Fails = Callable[..., tuple[int, str]]


@pytest.fixture(name="data")
def make_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data directory of a hub that `orchard hub` would take."""
    with quick_directory() as home:
        fresh_catalog(home / "hub").close()
        monkeypatch.setenv("ORCHARD_HOME", str(home))
        yield home / "hub"


@pytest.fixture(name="fails")
def make_fails(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command that fails; give its exit code and what it said."""

    def fails(*words: str, stdin: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run(["hub", "admin", *words])
        said = capsys.readouterr().err
        assert code != 0, said
        assert "Traceback" not in said
        return code, said

    return fails


@pytest.fixture(name="admin")
def make_admin(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Admin:
    """Run a command twice would be one too many: once, with JSON, held to its schema."""
    assert data.is_dir()

    def admin(*words: str, stdin: str = "", text: bool = False) -> Any:  # noqa: ANN401 -- JSON, or text
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        arguments = ["hub", "admin", *words, *([] if text else ["--output", "json"])]
        code = run(arguments)
        found = capsys.readouterr()
        assert code == 0, found.err
        check_run(arguments, found.out, found.err)
        return found.out if text else json.loads(found.out)

    return admin
