"""Running ``git`` on a stranger's repository: no hooks, no prompts, and no secret where others could read it.

A token is handed over in the environment to a credential helper that answers for one origin alone; it is in no
argument, no URL and no file.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from orchard.errors import NotFoundError, RemoteError, UnauthenticatedError, UnsupportedError

MAX_OUTPUT: Final = 256 << 20  # bytes of one command; a listing of a million files
TOKEN: Final = "ORCHARD_IMPORT_TOKEN"  # noqa: S105 -- the name of a variable
USER: Final = "x-access-token"  # what hosts take with a token; most take anything

_DROPPED: Final = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX"
    r"|TEMPLATE_DIR|CONFIG_PARAMETERS|TRACE.*|EXTERNAL_DIFF|CURL_VERBOSE)"
)
_SETTINGS: Final = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.symlinks": "false",  # links are made by us, after nothing can be written through them any more
    "core.autocrlf": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "protocol.allow": "never",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.git.allow": "always",
    "protocol.file.allow": "always",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "lfs.storage": "lfs",
    "lfs.skipdownloaderrors": "false",
    "lfs.dialtimeout": "30",
    "lfs.activitytimeout": "60",
}
_HELPER: Final = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" {USER} "${TOKEN}"; }}; f'
_REFUSED: Final = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|returned error: 40[13]", re.IGNORECASE
)
_ABSENT: Final = re.compile(
    r"couldn't find remote ref|not found|does not exist|does not appear to be a git repo|not our ref|no such file",
    re.IGNORECASE,
)


class Git:
    """``git`` in one directory.

    Args:
        directory: The repository; made by ``init``.
        location: Where it comes from.
        environ: The environment.
        token: Who we are there, if it is known.

    Raises:
        UnsupportedError: If ``git`` is not installed.
    """

    def __init__(self, directory: Path, location: str, *, environ: Mapping[str, str], token: str | None = None) -> None:
        program = shutil.which("git", path=environ.get("PATH"))
        if program is None:
            raise UnsupportedError("git is not installed; install it, or import from Hugging Face with --tool hf")
        self._program = program
        self._directory = directory
        self._location = location
        self._token = token
        self._environ = {name: value for name, value in environ.items() if _DROPPED.fullmatch(name) is None}
        self._environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
        self._environ |= {"GIT_ATTR_NOSYSTEM": "1", "GCM_INTERACTIVE": "never"}
        self._configure(_SETTINGS | _credentials(location, token))
        if token is not None:
            self._environ[TOKEN] = token

    @property
    def has_lfs(self) -> bool:
        """Whether Git LFS is installed."""
        return shutil.which("git-lfs", path=self._environ.get("PATH")) is not None

    def __call__(self, *words: str) -> bytes:
        """Run a command and give what it writes.

        Raises:
            UnauthenticatedError: If the other side refuses us.
            NotFoundError: If the repository or the revision does not exist.
            RemoteError: If it fails in another way.
        """
        command = [self._program, "-C", str(self._directory), *words]
        try:
            done = subprocess.run(  # noqa: S603 -- no shell; whatever comes from outside is checked by the caller
                command, env=self._environ, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except OSError as error:
            raise RemoteError(f"git cannot be run: {error.strerror}") from error
        if done.returncode:
            raise self._failed(words, done.stderr)
        return done.stdout[:MAX_OUTPUT]

    def works(self, *words: str) -> bool:
        """Run a command, and tell whether it worked."""
        try:
            self(*words)
        except (RemoteError, NotFoundError):
            return False
        return True

    def _configure(self, settings: Mapping[str, str]) -> None:
        """Hand settings over in the environment; they beat every file, and no process list shows them."""
        first = _number(self._environ.get("GIT_CONFIG_COUNT", "0"))
        for number, (name, value) in enumerate(settings.items(), first):
            self._environ |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        self._environ["GIT_CONFIG_COUNT"] = str(first + len(settings))

    def _failed(self, words: Sequence[str], stderr: bytes) -> RemoteError | NotFoundError | UnauthenticatedError:
        text = stderr.decode("utf-8", "replace")
        if self._token:
            text = text.replace(self._token, "(hidden)")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = next((line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))), "")
        said = said or (lines[-1] if lines else f"git {words[0]} failed")
        shown = "".join(c if c.isprintable() else " " for c in said)[:300]
        if _REFUSED.search(text):
            return UnauthenticatedError(f"{self._location}: refused, or private: give a token with --token ({shown})")
        if _ABSENT.search(text):
            return NotFoundError(f"{self._location}: {shown}")
        return RemoteError(f"{self._location}: {shown}")


def _credentials(location: str, token: str | None) -> dict[str, str]:
    """Let one origin, and no other, have the token."""
    parts = urlsplit(location)
    if token is None or parts.scheme not in {"http", "https"}:
        return {}
    return {f"credential.{parts.scheme}://{parts.netloc}.helper": _HELPER}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def resolved(location: str) -> str:
    """Give a location as ``git`` can use it from another directory."""
    if location.startswith("~"):
        location = str(Path(location).expanduser())
    is_path = "://" not in location and (location.startswith((".", "/")) or Path(location).exists())
    return os.path.abspath(location) if is_path else location  # noqa: PTH100 -- links stay as they are
