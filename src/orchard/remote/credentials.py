"""Who we are at a registry: finding, keeping and forgetting credentials.

Files have Docker's format (``{"auths": {host: {"auth": base64("user:password")}}}``), so that a login with ``docker``,
``podman``, ``kit`` or ``oras`` is a login here, and ours is one there.
"""

import binascii
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Final, Protocol

from orchard.errors import InvalidDocumentError, StorageError
from orchard.oci import JSON, loads
from orchard.remote.helpers import HelperProgram, Secret

MAX_FILE: Final = 1 << 20  # bytes of a credential file
DOCKER_HUB: Final = "docker.io"
DOCKER_HUB_API: Final = "registry-1.docker.io"
DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"  # what docker login has always written

_DOCKER_HUB_NAMES: Final = frozenset((DOCKER_HUB, DOCKER_HUB_API, "index.docker.io"))
_API_SUFFIXES: Final = ("/v1", "/v2")


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """What proves who we are. Its ``repr`` shows the user name only.

    Attributes:
        username: User name; may be empty with an identity token.
        password: Password, API key or personal access token.
        identity_token: OAuth2 refresh token, exchanged for access tokens; then there is no password.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def __repr__(self) -> str:
        return f"Credential(username={self.username!r}, secret hidden)"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not appear in a message."""
        texts = (self.password, self.identity_token, self.basic)
        return tuple(filter(None, (*texts, self.as_password.basic if self.identity_token else "")))

    @property
    def as_password(self) -> "Credential":
        """The identity token in the place of a password, for token services that know no other way."""
        return Credential(self.username or "<token>", self.identity_token)

    @property
    def basic(self) -> str:
        """``user:password`` in base64 (RFC 7617)."""
        return b64encode(f"{self.username}:{self.password}".encode()).decode()


class Credentials(Protocol):
    """Somebody who knows credentials."""

    def find(self, host: str, repository: str = "") -> Credential | None:
        """Give the credential for a registry host, or for a repository there; ``None`` to come as nobody."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """One credential that the caller holds, for one host; nobody anywhere else."""

    host: str
    credential: Credential | None = None

    def find(self, host: str, repository: str = "") -> Credential | None:
        """Give the credential if the host is the one it is for."""
        del repository
        return self.credential if canonical(host) == canonical(self.host) else None


ANONYMOUS: Final = Given("")


def canonical(host: str) -> str:
    """Give the one name of a registry host that has several: lower case, and Docker Hub as ``docker.io``."""
    host = host.lower()
    return DOCKER_HUB if host in _DOCKER_HUB_NAMES else host


def api_host(host: str) -> str:
    """Give the host that speaks the registry API: that of Docker Hub is not the one in its references."""
    return DOCKER_HUB_API if canonical(host) == DOCKER_HUB else host


class CredentialStore:
    """The credential files of this machine, ours first.

    Read in this order, first answer wins: our own file, Podman's (``$REGISTRY_AUTH_FILE``,
    ``$XDG_RUNTIME_DIR/containers/auth.json``, ``~/.config/containers/auth.json``; these may name a credential for a
    part of a registry, the longest name wins), Docker's (``$DOCKER_CONFIG/config.json`` or ``~/.docker/config.json``).
    A file may delegate to helper programs, by host (``credHelpers``) or for all hosts (``credsStore``).

    Args:
        home_file: Our own ``credentials.json``; the only file that is ever written.
        environ: Environment to find the other files and helper programs with.
    """

    def __init__(self, home_file: Path, environ: Mapping[str, str]) -> None:
        self._home = home_file
        self._environ = environ

    def find(self, host: str, repository: str = "") -> Credential | None:
        """Give the credential for a host, or for a repository there.

        Raises:
            InvalidDocumentError: If a credential file cannot be understood.
            LimitExceededError: If one is over 1 MiB.
            StorageError: If one cannot be read.
        """
        for path, by_namespace in self._files():
            names = list(_names(canonical(host), repository if by_namespace else ""))
            found = self._look_up(_load(path), names)
            if found is not None:
                return found
        return None

    def store(self, host: str, credential: Credential) -> None:
        """Keep a credential in our own file (or in the helper program that it names), readable by its owner only.

        Raises:
            InvalidDocumentError: If the file is there and cannot be understood; it is left alone then.
            LimitExceededError: If it is over 1 MiB.
            StorageError: If it cannot be written, or its helper program fails.
        """
        content = _load(self._home)
        helper = self._helper(content, canonical(host))
        if helper is not None:
            helper.store(_key(host), credential.username, credential.identity_token or credential.password)
            return
        auths = _without(content, host)
        auths[_key(host)] = _entry(credential)
        _save(self._home, {**content, "auths": auths})

    def erase(self, host: str) -> bool:
        """Forget a credential in our own file or its helper program; tell whether there was one.

        Raises:
            InvalidDocumentError: If the file is there and cannot be understood.
            LimitExceededError: If it is over 1 MiB.
            StorageError: If it cannot be written, or its helper program fails.
        """
        content = _load(self._home)
        helper = self._helper(content, canonical(host))
        known = helper is not None and helper.get(_key(host)) is not None
        if helper is not None and known:
            helper.erase(_key(host))
        before = _object(content.get("auths"))
        after = _without(content, host)
        if len(after) < len(before):
            _save(self._home, {**content, "auths": after})
        return known or len(after) < len(before)

    def take_over(self, path: Path) -> list[str]:
        """Copy into our own file what another has and ours has not, and name those registries.

        Raises:
            InvalidDocumentError: If one of the files cannot be understood; ours is left alone then.
            LimitExceededError: If one is over 1 MiB.
            StorageError: If one cannot be read, or ours cannot be written.
        """
        theirs, ours = _load(path), _load(self._home)
        known = {_name_of(key) for key in (*_object(ours.get("auths")), *_object(ours.get("credHelpers")))}
        merged = {**theirs, **ours}
        new: set[str] = set()
        for section in ("auths", "credHelpers"):
            added = {key: one for key, one in _object(theirs.get(section)).items() if _name_of(key) not in known}
            new |= {_name_of(key) for key in added}
            if added or section in merged:
                merged[section] = {**added, **_object(ours.get(section))}
        if new:
            _save(self._home, merged)
        return sorted(new)

    def _files(self) -> Iterator[tuple[Path, bool]]:
        environ = self._environ
        yield self._home, False
        user = Path(environ.get("HOME") or environ.get("USERPROFILE") or "/nonexistent")
        if named := environ.get("REGISTRY_AUTH_FILE"):
            yield Path(named), True
        if runtime := environ.get("XDG_RUNTIME_DIR"):
            yield Path(runtime, "containers", "auth.json"), True
        yield Path(environ.get("XDG_CONFIG_HOME") or user / ".config", "containers", "auth.json"), True
        yield Path(environ.get("DOCKER_CONFIG") or user / ".docker", "config.json"), False

    def _look_up(self, content: dict[str, JSON], names: list[str]) -> Credential | None:
        helper = self._helper(content, names[-1])
        if helper is not None and (secret := helper.get(_key(names[-1]))) is not None:
            return _of_helper(secret)
        auths = _object(content.get("auths"))
        for name in names:
            entries = [entry for key, entry in auths.items() if _name_of(key) == name]
            found = next((c for c in map(_credential, entries) if c is not None), None)
            if found is not None:
                return found
        return None

    def _helper(self, content: dict[str, JSON], host: str) -> HelperProgram | None:
        helpers = _object(content.get("credHelpers"))
        named = next((name for key, name in helpers.items() if _name_of(key) == host), content.get("credsStore"))
        return HelperProgram(named, self._environ) if isinstance(named, str) and named else None


def _key(host: str) -> str:
    return DOCKER_HUB_KEY if canonical(host) == DOCKER_HUB else host.lower()


def _names(host: str, repository: str) -> Iterator[str]:
    """Give what an entry may be called, the longest name first: ``host/team/model``, ``host/team``, ``host``."""
    parts = repository.split("/") if repository else []
    for count in range(len(parts), 0, -1):
        yield "/".join([host, *parts[:count]])
    yield host


def _name_of(key: str) -> str:
    """Give the name that a key of a credential file stands for, by any tool: with a scheme, ``/v1/``, ``/``."""
    name = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    for suffix in _API_SUFFIXES:
        name = name.removesuffix(suffix)
    host, slash, path = name.partition("/")
    return canonical(host) + slash + path


def _without(content: dict[str, JSON], host: str) -> dict[str, JSON]:
    auths = _object(content.get("auths"))
    return {key: entry for key, entry in auths.items() if _name_of(key) != canonical(host)}


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _entry(credential: Credential) -> JSON:
    entry: dict[str, JSON] = {"auth": credential.basic}
    if credential.identity_token:
        entry["identitytoken"] = credential.identity_token
    return entry


def _credential(entry: JSON) -> Credential | None:
    fields = {key: value for key, value in _object(entry).items() if isinstance(value, str)}
    username, password = fields.get("username", ""), fields.get("password", "")
    with suppress(binascii.Error, UnicodeDecodeError):
        pair = b64decode(fields.get("auth", ""), validate=True).decode().rstrip("\0")
        username, _, password = pair.partition(":") if pair else (username, "", password)
    token = fields.get("identitytoken", "")
    if not password and not token:
        return None
    return Credential(username, "" if token else password, token)


def _of_helper(secret: Secret) -> Credential:
    if secret.username == "<token>":  # how helper programs mark an identity token
        return Credential(identity_token=secret.value)
    return Credential(secret.username, secret.value)


def _load(path: Path) -> dict[str, JSON]:
    """Read a credential file; one that is not there is empty.

    Raises:
        InvalidDocumentError: If it is not a JSON object.
        StorageError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    value = loads(raw, what=str(path), limit=MAX_FILE) if raw.strip() else {}
    if not isinstance(value, dict):
        raise InvalidDocumentError(f"{path}: not a JSON object")
    return value


def _save(path: Path, content: dict[str, JSON]) -> None:
    """Replace a file in one step; ``mkstemp`` creates it with mode 0600.

    Raises:
        StorageError: If that fails; the old file is left then.
    """
    temporary = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 -- a descriptor, not a path
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 -- both are strings of one directory
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror}") from error
