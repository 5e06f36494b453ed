from pathlib import Path

import pytest

from orchard.errors import StorageError
from orchard.remote.helpers import HelperProgram, Secret


def program(tmp_path: Path, script: str, timeout: float = 20.0) -> HelperProgram:
    path = tmp_path / "docker-credential-test"
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    path.chmod(0o755)
    return HelperProgram("test", {"PATH": str(tmp_path)}, timeout)


def test_get_passes_the_server_and_reads_the_answer(tmp_path: Path) -> None:
    script = (
        """test "$1" = get && read server; echo '{"ServerURL": "'$server'", "Username": "ana", "Secret": "canary"}'"""
    )

    secret = program(tmp_path, script).get("https://r.example")

    assert secret == Secret("ana", "canary")
    assert "canary" not in repr(secret)


@pytest.mark.parametrize(
    "script",
    [
        'echo "credentials not found in native keychain"; exit 1',
        'echo \'{"Username": "", "Secret": ""}\'',
    ],
)
def test_get_when_the_helper_has_nothing_gives_nothing(tmp_path: Path, script: str) -> None:
    assert program(tmp_path, script).get("r.example") is None


def test_get_when_the_helper_is_not_installed_gives_nothing(tmp_path: Path) -> None:
    assert HelperProgram("absent", {"PATH": str(tmp_path)}).get("r.example") is None


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo canary; exit 1", "get failed with status 1"),
        ("exit 0", "no usable answer"),
        ("echo canary", "no usable answer"),
        ("echo '[]'", "get failed with status 0"),
        ("echo '{}'", "no user name and secret"),
        ("head -c 1200000 /dev/zero; exec sleep 10", "printed more than"),
    ],
)
def test_get_when_the_helper_fails_says_how_but_not_what_it_printed(tmp_path: Path, script: str, reason: str) -> None:
    with pytest.raises(StorageError, match=reason) as caught:
        program(tmp_path, script).get("r.example")

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("script", ["exec sleep 10", "exec >&-; exec sleep 10"])
def test_get_when_the_helper_does_not_end_ends_it(tmp_path: Path, script: str) -> None:
    with pytest.raises(StorageError, match="did not end within"):
        program(tmp_path, script, timeout=0.2).get("r.example")


def test_get_when_the_helper_cannot_be_started_says_so(tmp_path: Path) -> None:
    helper = program(tmp_path, "")
    (tmp_path / "docker-credential-test").write_text("#!/absent/interpreter\n")

    with pytest.raises(StorageError, match="docker-credential-test: No such file"):
        helper.get("r.example")


@pytest.mark.parametrize("name", ["../../x", "a b", "A", "", "x;y", "x\n"])
def test_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(StorageError, match="may hold a-z"):
        HelperProgram(name, {})


def test_store_gives_the_secret_on_stdin(tmp_path: Path) -> None:
    program(tmp_path, f'test "$1" = store && cat > {tmp_path}/got').store("r.example", "ana", "canary")

    assert (tmp_path / "got").read_text() == '{"ServerURL":"r.example","Username":"ana","Secret":"canary"}'


def test_store_and_erase_when_the_helper_fails_say_so(tmp_path: Path) -> None:
    helper = program(tmp_path, "exit 3")

    with pytest.raises(StorageError, match="store failed with status 3"):
        helper.store("r.example", "ana", "canary")
    with pytest.raises(StorageError, match="erase failed with status 3"):
        helper.erase("r.example")


def test_store_when_the_helper_is_not_installed_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="docker-credential-absent is not installed"):
        HelperProgram("absent", {"PATH": str(tmp_path)}).store("r.example", "ana", "canary")
