import json
import stat
from base64 import b64encode
from pathlib import Path

import pytest

from orchard.errors import InvalidDocumentError, LimitExceededError, StorageError
from orchard.remote import ANONYMOUS, Credential, CredentialStore, Given

ANA = Credential("ana", "canary")


def auth(text: str) -> dict[str, str]:
    return {"auth": b64encode(text.encode()).decode()}


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "orchard" / "credentials.json"


@pytest.fixture
def store(home: Path, tmp_path: Path) -> CredentialStore:
    return CredentialStore(home, {"HOME": str(tmp_path), "PATH": str(tmp_path / "bin")})


def helper(tmp_path: Path, name: str, script: str) -> None:
    program = tmp_path / "bin" / f"docker-credential-{name}"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


KEEPER = """
PATH=/usr/bin:/bin
cd "$(dirname "$0")"
case "$1" in
    get) test -f kept || { echo "credentials not found in native keychain"; exit 1; }; cat kept ;;
    store) cat > kept ;;
    erase) rm kept ;;
esac
"""


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("https://ghcr.io/v1/", "ghcr.io"),
        ("https://ghcr.io/v2/", "GHCR.io"),
        ("http://localhost:5000", "localhost:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "index.docker.io"),
        ("index.docker.io", "registry-1.docker.io"),
    ],
)
def test_find_knows_every_spelling_of_a_host(home: Path, store: CredentialStore, key: str, host: str) -> None:
    write(home, {"auths": {key: auth("ana:canary")}})

    assert store.find(host) == ANA


@pytest.mark.parametrize("host", ["ghcr.io.evil.example", "hcr.io", "ghcr.io:5000", "localhost"])
def test_find_gives_nothing_to_another_host(home: Path, store: CredentialStore, host: str) -> None:
    write(home, {"auths": {"ghcr.io": auth("ana:canary")}})

    assert store.find(host) is None


@pytest.mark.parametrize(
    ("entry", "credential"),
    [
        (auth("ana:canary"), ANA),
        (auth("ana:with:colons"), Credential("ana", "with:colons")),
        (auth("ana:canary\0\0"), ANA),
        ({"username": "ana", "password": "canary"}, ANA),
        ({**auth("ana:"), "identitytoken": "t"}, Credential("ana", "", "t")),
        ({**auth("ana:ignored"), "identitytoken": "t"}, Credential("ana", "", "t")),
        ({}, None),
        ({"auth": "not base64!"}, None),
        ({"auth": "//8="}, None),
        ({"auth": 7}, None),
        ("text", None),
    ],
)
def test_find_reads_every_form_of_an_entry(
    home: Path, store: CredentialStore, entry: object, credential: Credential | None
) -> None:
    write(home, {"auths": {"ghcr.io": entry}})

    assert store.find("ghcr.io") == credential


def test_find_asks_one_file_after_another(tmp_path: Path) -> None:
    home, named, runtime, config = (tmp_path / name for name in ("h.json", "named.json", "run", "config"))
    environ = {
        "HOME": str(tmp_path),
        "REGISTRY_AUTH_FILE": str(named),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(config),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
    }
    files = [
        home,
        named,
        runtime / "containers" / "auth.json",
        config / "containers" / "auth.json",
        tmp_path / "docker" / "config.json",
    ]
    for number, path in enumerate(files):
        write(path, {"auths": {f"only-{n}.example": auth(f"user{number}:x") for n in range(number + 1)}})
    store = CredentialStore(home, environ)

    found = [store.find(f"only-{number}.example") for number in range(len(files))]

    assert [credential and credential.username for credential in found] == ["user0", "user1", "user2", "user3", "user4"]


def test_find_uses_the_default_places_of_podman_and_docker(tmp_path: Path, store: CredentialStore) -> None:
    write(tmp_path / ".config" / "containers" / "auth.json", {"auths": {"podman.example": auth("p:x")}})
    write(tmp_path / ".docker" / "config.json", {"auths": {"docker.example": auth("d:x")}})

    assert store.find("podman.example") == Credential("p", "x")
    assert store.find("docker.example") == Credential("d", "x")


def test_find_in_podmans_files_prefers_the_longest_name(tmp_path: Path, store: CredentialStore) -> None:
    auths = {"quay.io": auth("all:x"), "quay.io/team": auth("team:x"), "quay.io/team/model": auth("model:x")}
    write(tmp_path / ".config" / "containers" / "auth.json", {"auths": auths})

    names = ("team/model", "team/other", "teams/model", "")
    found = [store.find("quay.io", name) for name in names]

    assert [credential and credential.username for credential in found] == ["model", "team", "all", "all"]


def test_find_in_dockers_files_knows_hosts_only(tmp_path: Path, store: CredentialStore) -> None:
    write(tmp_path / ".docker" / "config.json", {"auths": {"quay.io/team": auth("team:x")}})

    assert store.find("quay.io", "team/model") is None


@pytest.mark.parametrize("content", ["", "  \n"])
def test_find_in_an_empty_file_finds_nothing(home: Path, store: CredentialStore, content: str) -> None:
    home.parent.mkdir()
    home.write_text(content)

    assert store.find("ghcr.io") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"auths": {}, "auths": {}}'])
def test_find_in_a_broken_file_names_it(home: Path, store: CredentialStore, content: str) -> None:
    home.parent.mkdir()
    home.write_text(content)

    with pytest.raises(InvalidDocumentError, match=r"credentials\.json: "):
        store.find("ghcr.io")


def test_find_in_a_huge_file_stops_early(home: Path, store: CredentialStore) -> None:
    home.parent.mkdir()
    home.write_bytes(b" " * (1 << 20) + b"{}")

    with pytest.raises(LimitExceededError, match=r"credentials\.json"):
        store.find("ghcr.io")


def test_find_when_a_file_cannot_be_read_says_so(home: Path, store: CredentialStore) -> None:
    home.mkdir(parents=True)

    with pytest.raises(StorageError, match=r"credentials\.json: Is a directory"):
        store.find("ghcr.io")


def test_store_writes_a_file_that_docker_reads_and_only_its_owner(home: Path, store: CredentialStore) -> None:
    store.store("ghcr.io", ANA)

    assert json.loads(home.read_text()) == {"auths": {"ghcr.io": auth("ana:canary")}}
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    assert store.find("ghcr.io") == ANA


def test_store_keeps_what_it_does_not_know(home: Path, store: CredentialStore) -> None:
    write(home, {"HttpHeaders": {"a": "b"}, "auths": {"other.example": {"auth": "", "email": "e"}}})

    store.store("docker.io", ANA)

    assert json.loads(home.read_text()) == {
        "HttpHeaders": {"a": "b"},
        "auths": {"other.example": {"auth": "", "email": "e"}, "https://index.docker.io/v1/": auth("ana:canary")},
    }


def test_store_replaces_other_spellings_of_the_host(home: Path, store: CredentialStore) -> None:
    write(home, {"auths": {"https://ghcr.io/v1/": auth("old:x")}})

    store.store("ghcr.io", Credential("ana", identity_token="token"))

    assert json.loads(home.read_text())["auths"] == {"ghcr.io": {**auth("ana:"), "identitytoken": "token"}}
    assert store.find("ghcr.io") == Credential("ana", identity_token="token")


def test_store_narrows_the_mode_of_an_old_file(home: Path, store: CredentialStore) -> None:
    write(home, {})
    home.chmod(0o644)

    store.store("ghcr.io", ANA)

    assert stat.S_IMODE(home.stat().st_mode) == 0o600


def test_store_when_the_directory_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = CredentialStore(tmp_path / "file" / "credentials.json", {})

    with pytest.raises(StorageError, match=r"credentials\.json: "):
        store.store("ghcr.io", ANA)


def test_store_when_the_file_cannot_be_replaced_removes_its_temporary(tmp_path: Path) -> None:
    class Vanishing(CredentialStore):
        def _helper(self, content: object, host: str) -> None:
            del content, host
            (tmp_path / "credentials.json" / "x").mkdir(parents=True)

    with pytest.raises(StorageError, match=r"credentials\.json: "):
        Vanishing(tmp_path / "credentials.json", {}).store("ghcr.io", ANA)

    assert [path.name for path in tmp_path.iterdir()] == ["credentials.json"]


def test_erase_tells_whether_there_was_something(home: Path, store: CredentialStore) -> None:
    assert store.erase("ghcr.io") is False
    assert not home.exists()
    store.store("ghcr.io", ANA)

    assert store.erase("ghcr.io") is True
    assert store.erase("ghcr.io") is False
    assert json.loads(home.read_text()) == {"auths": {}}


@pytest.mark.parametrize("config", [{"credsStore": "keeper"}, {"credHelpers": {"https://ghcr.io": "keeper"}}])
def test_helper_program_keeps_what_the_file_would(
    tmp_path: Path, home: Path, store: CredentialStore, config: dict[str, object]
) -> None:
    helper(tmp_path, "keeper", KEEPER)
    write(home, {**config, "auths": {"ghcr.io": {}}})

    assert store.find("ghcr.io") is None
    store.store("ghcr.io", ANA)
    assert store.find("ghcr.io") == ANA
    assert "canary" not in home.read_text()
    assert "Y2FuYXJ5" not in home.read_text()
    assert store.erase("ghcr.io") is True
    assert store.erase("ghcr.io") is False
    assert store.find("ghcr.io") is None


def test_helper_program_for_another_host_is_not_asked(tmp_path: Path, store: CredentialStore) -> None:
    write(
        tmp_path / ".docker" / "config.json", {"credHelpers": {"gcr.io": "../../evil"}, "auths": {"a.b": auth("x:y")}}
    )

    assert store.find("a.b") == Credential("x", "y")


def test_helper_program_may_keep_an_identity_token(tmp_path: Path, home: Path, store: CredentialStore) -> None:
    helper(tmp_path, "keeper", KEEPER)
    write(home, {"credsStore": "keeper"})

    store.store("ghcr.io", Credential(identity_token="token"))

    assert store.find("ghcr.io") == Credential(identity_token="token")


def test_given_credential_is_for_its_host_only() -> None:
    given = Given("docker.io", ANA)

    assert given.find("registry-1.docker.io", "library/x") == ANA
    assert given.find("ghcr.io") is None
    assert ANONYMOUS.find("ghcr.io") is None


def test_repr_shows_no_secret() -> None:
    credential = Credential("ana", "canary", "canary")

    assert "canary" not in repr(credential) + repr(Given("x", credential))
    assert "ana" in repr(credential)
    assert {"canary"} < set(credential.secrets)
