"""Where a project comes from: what Git says of its directory, as annotations of the manifest.

Git is asked with two calls that change nothing and run nothing: a repository is a directory that may have come from a
stranger, and its own configuration may name programs (file system monitors, hooks, filters) to be run by whoever looks
at it. Remote URLs lose whatever may be a secret.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Final, NamedTuple

import msgspec

from orchard.oci import JSON

# ruff: noqa: PLC0415 -- most projects are looked at outside Git, and every `inspect` comes through here

SOURCE: Final = "org.opencontainers.image.source"
REVISION: Final = "org.opencontainers.image.revision"
BRANCH: Final = "ml.orchard.git.branch"
DIRTY: Final = "ml.orchard.git.dirty"

PATIENCE: Final = 10.0  # seconds that Git may take
MAX_LENGTH: Final = 1024  # characters of a value

# Variables that choose configuration files stay, CI systems set them; those that choose the repository go, because a
# hook of another repository may run us.
_KEPT: Final = re.compile(r"GIT_(CONFIG.*|DISCOVERY_ACROSS_FILESYSTEM)")
_QUIET: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_HARMLESS: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=keep",
    "status.submoduleSummary=false",
    "status.renames=false",
    "protocol.allow=never",
)
_FILTER: Final = re.compile(r"filter\.(.+)\.(clean|smudge|process)", re.DOTALL)
_SCHEMES: Final = frozenset({"http", "https", "ssh", "git", "git+ssh"})
_SCP: Final = re.compile(r"(?:[^@/:\s]*@)?([\w.-]+):(?!/?/)([^\s?#]+)")
_UNPRINTABLE: Final = re.compile(r"[\0-\x20\x7f]")


class Origin(NamedTuple):
    """Where a project comes from.

    Attributes:
        annotations: What is known, by OCI annotation.
        warnings: Why more is not known, where that is worth a word.
    """

    annotations: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()


class Inquiry:
    """Asks Git about a directory, while something else is done. Outside Git, or where Git ignores it, nothing is known.

    Args:
        directory: The context.
        environ: The environment.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._found = Origin()
        top = _top(Path(os.path.realpath(directory)))
        self._thread = None if top is None else Thread(target=self._ask, args=(directory, top, environ), daemon=True)
        if self._thread is not None:
            self._thread.start()

    def answer(self) -> Origin:
        """Wait for the answer."""
        if self._thread is not None:
            self._thread.join()
        return self._found

    def _ask(self, directory: Path, top: Path, environ: Mapping[str, str]) -> None:
        self._found = _ask_git(directory, top, environ)


def _ask_git(directory: Path, top: Path, environ: Mapping[str, str]) -> Origin:
    program = _program(environ.get("PATH", os.defpath))
    if program is None:
        return Origin(warnings=("git is not installed: remote, commit and branch are not recorded",))
    try:
        return Origin(_Git(program, directory, top=top, environ=environ).annotations())
    except _GitError as error:
        return Origin(warnings=(f"git does not say where this comes from: {error}; --no-provenance keeps it quiet",))


def read_origin(annotations: Mapping[str, str]) -> dict[str, JSON]:
    """Give what the annotations of a manifest say about where it comes from, as people and scripts call it.

    Strangers write annotations: all of it is a claim.
    """
    names = {"source": SOURCE, "revision": REVISION, "branch": BRANCH}
    found: dict[str, JSON] = {name: annotations[key] for name, key in names.items() if key in annotations}
    if DIRTY in annotations:
        found["dirty"] = annotations[DIRTY] == "true"
    return found


def clean_url(url: str) -> str | None:
    """Take from the URL of a remote whatever may be a secret or says nothing elsewhere; nothing may be left.

    User names and passwords, queries and fragments go. A path on this machine is no source, nor is a URL of a transport
    that runs programs (``ext::``).
    """
    from urllib.parse import urlsplit, urlunsplit

    if _UNPRINTABLE.search(url) or len(url) > MAX_LENGTH:
        return None
    if "://" not in url:
        match = _SCP.fullmatch(url)
        return f"ssh://{match[1]}/{match[2]}" if match and "::" not in url else None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return urlunsplit((parts.scheme, host if port is None else f"{host}:{port}", parts.path, "", ""))


class _GitError(Exception):
    """Git did not answer."""


class _Settings(msgspec.Struct):
    """What the configuration says: remotes by name, the remote of each branch, and the filters of the repository."""

    remotes: dict[str, str] = msgspec.field(default_factory=dict)
    upstreams: dict[str, str] = msgspec.field(default_factory=dict)
    trusted: dict[str, str] = msgspec.field(default_factory=dict)
    own: set[str] = msgspec.field(default_factory=set)

    def add(self, scope: str, key: str, value: str) -> None:
        name = key.partition(".")[2].rpartition(".")[0]
        if key.startswith("remote.") and key.endswith(".url"):
            self.remotes.setdefault(name, value)
        elif key.startswith("branch.") and key.endswith(".remote"):
            self.upstreams[name] = value
        elif _FILTER.fullmatch(key):
            if scope in {"local", "worktree"}:
                self.own.add(key)
            else:
                self.trusted[key] = value

    @property
    def overrides(self) -> list[str]:
        """Settings that put those of the user in the place of those that the repository brings."""
        required = {f"{key.rpartition('.')[0]}.required=false" for key in self.own if key not in self.trusted}
        return [f"{key}={self.trusted.get(key, '')}" for key in sorted(self.own)] + sorted(required)

    def source(self, branch: str | None) -> str | None:
        """Choose a remote: that of the branch, else ``origin``, else the only one."""
        wanted = self.upstreams.get(branch or "", "origin")
        found = self.remotes.get(wanted) or self.remotes.get("origin")
        if found is None and len(self.remotes) == 1:
            found = next(iter(self.remotes.values()))
        return clean_url(found) if found else None


class _Git:
    """Questions to Git about one directory."""

    def __init__(self, program: str, directory: Path, *, top: Path, environ: Mapping[str, str]) -> None:
        kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)}
        # Where the repository is broken, Git would go on to one above it.
        self._environ = {**kept, **_QUIET, "GIT_CEILING_DIRECTORIES": str(top.parent)}
        self._program = program
        self._directory = directory
        self._at_top = top.samefile(directory)

    def annotations(self) -> dict[str, str]:
        """Give what Git knows.

        Raises:
            _GitError: If it does not answer.
        """
        if not self._at_top and self._ask("check-ignore", "-q", ".", wanted=(0, 1))[0] == 0:
            return {}
        settings = self._settings()
        commit, branch, dirty = self._status(settings)
        if commit is None:
            return {}
        source = settings.source(branch)
        found = {SOURCE: source, REVISION: commit, BRANCH: branch, DIRTY: "true" if dirty else "false"}
        return {key: value for key, value in found.items() if value is not None}

    def _settings(self) -> _Settings:
        settings = _Settings()
        words = self._ask("config", "--list", "--null", "--show-scope")[1].split("\0")
        for scope, entry in zip(words[::2], words[1::2], strict=False):
            key, _, value = entry.partition("\n")
            settings.add(scope, key, value)
        return settings

    def _status(self, settings: _Settings) -> tuple[str | None, str | None, bool]:
        words = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--ignore-submodules=dirty")
        said = self._ask(*words, "--", ".", settings=settings.overrides)[1].split("\0")
        headers = dict(line[2:].split(" ", 1) for line in said if line.startswith("# branch.") and " " in line[2:])
        commit, branch = headers.get("branch.oid"), headers.get("branch.head")
        dirty = any(line and not line.startswith("# ") for line in said)
        unborn, detached = commit == "(initial)", branch == "(detached)"
        return None if unborn else commit, None if detached else branch, dirty

    def _ask(self, *words: str, settings: list[str] | None = None, wanted: tuple[int, ...] = (0,)) -> tuple[int, str]:
        """Run Git.

        Raises:
            _GitError: If it fails, or takes too long.
        """
        import subprocess

        chosen = [word for setting in (*_HARMLESS, *(settings or [])) for word in ("-c", setting)]
        try:
            done = subprocess.run(  # noqa: S603 -- git itself, with nothing of a stranger in its words
                [self._program, "--no-pager", *chosen, *words],
                cwd=self._directory,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _GitError(f"it took longer than {PATIENCE:.0f} s") from error
        except OSError as error:
            raise _GitError(error.strerror or str(error)) from error
        if done.returncode not in wanted:
            first = done.stderr.decode(errors="replace").strip().partition("\n")[0]
            raise _GitError(_UNPRINTABLE.sub(" ", first)[:200] or f"exit code {done.returncode}")
        return done.returncode, done.stdout.decode(errors="surrogateescape")


def _program(path: str) -> str | None:
    """Find Git; ``shutil.which`` would do, but costs 10 ms to import."""
    places = (f"{directory}/git" for directory in path.split(os.pathsep) if Path(directory).is_absolute())
    return next((place for place in places if Path(place).is_file() and os.access(place, os.X_OK)), None)


def _top(directory: Path) -> Path | None:
    """Find the directory with ``.git`` in it, here or above, without running anything."""
    return next((place for place in (directory, *directory.parents) if (place / ".git").exists()), None)
