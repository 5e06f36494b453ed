"""Projects with a history, and how they come to a hub: files, a commit, a version, tags."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import orchard
from story.asking import Asking

Files = Mapping[str, str | bytes]

PEOPLE: Final[Mapping[str, str]] = {"ana": "Ana Ruiz", "ben": "Ben Okafor", "mei": "Mei Lin"}
_READY: Final = frozenset(("ready", "partial", "unreadable", "nothing"))
_PATIENCE: Final = 120.0  # seconds for a hub to understand all of it


class Release(NamedTuple):
    """One version of a project.

    Attributes:
        tags: What it is called when it comes; the first one is its own.
        author: Who made it.
        date: When it was committed, as Git reads it.
        message: Of the commit.
        files: Makes all of its files.
        uncommitted: Files that are another than in the commit.
        promoted: A tag that it gets after it was looked at.
    """

    tags: Sequence[str]
    author: str
    date: str
    message: str
    files: Callable[[], Files]
    uncommitted: Files = MappingProxyType({})
    promoted: str = ""


class Project(NamedTuple):
    """A project with its history, and the repository that holds its versions."""

    repository: str
    remote: str
    releases: Sequence[Release]


@dataclass(frozen=True, slots=True)
class Place:
    """A hub to fill.

    Attributes:
        host: Where it is, as references name it.
        work: A directory for files, and for what the library remembers.
        homes: The home directory of each author, with logins in them; if there is none, all share one.
        authorization: Header for the hub's API, if it asks for logins.
    """

    host: str
    work: Path
    homes: Mapping[str, Path] = field(default_factory=dict)
    authorization: str = ""

    def home(self, author: str) -> Path:
        """Give the home directory of an author."""
        return self.homes.get(author, self.work / "home")


def publish(project: Project, place: Place, *, told: Callable[[str], None] = lambda _: None) -> list[orchard.Version]:
    """Live through the history of a project: each release is written, committed, packed and pushed.

    Returns:
        The versions, oldest first.
    """
    directory = place.work / project.repository.replace("/", "-")
    directory.mkdir(parents=True)
    repository = f"{place.host}/{project.repository}"
    found = []
    for release in project.releases:
        _write(directory, release.files())
        _commit(directory, project.remote, release)
        _write_more(directory, release.uncommitted)
        home = place.home(release.author)
        version = orchard.pack(directory, tag=f"{repository}:{','.join(release.tags)}", push=True, home=home)
        if release.promoted:
            orchard.copy(f"{repository}:{release.tags[0]}", f"{repository}:{release.promoted}", home=home)
        told(f"{project.repository}:{release.tags[0]}: {release.message}")
        found.append(version)
    return found


def wait_until_understood(projects: Sequence[Project], place: Place) -> bool:
    """Wait until the hub has looked into every version; say whether it has."""
    hub, until = Asking(place.host, place.authorization), time.monotonic() + _PATIENCE
    left = [
        f"/api/v1/repositories/{project.repository}/-/versions/{release.tags[0]}/understanding"
        for project in projects
        for release in project.releases
    ]
    while left and time.monotonic() < until:
        left = [path for path in left if _state(hub.ask(path)) not in _READY]
        if left:
            time.sleep(0.1)  # noqa: TID251 -- waiting for another process
    return not left


def _state(understanding: object) -> str:
    assert isinstance(understanding, dict)
    return str(understanding["state"])


def _write(directory: Path, files: Files) -> None:
    """Make a directory hold these files and no others, but for Git's own."""
    for path in directory.iterdir():
        if path.name == ".git":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    _write_more(directory, files)


def _write_more(directory: Path, files: Files) -> None:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _commit(directory: Path, remote: str, release: Release) -> None:
    """Commit what is there; without Git, versions do not say where they come from, and nothing else is missing."""
    git = shutil.which("git")
    if git is None:
        return
    first = not (directory / ".git").exists()
    for words in _commands(remote, release, first=first):
        subprocess.run([git, *words], cwd=directory, env=_identity(release), check=True, stdout=subprocess.DEVNULL)


def _commands(remote: str, release: Release, *, first: bool) -> Iterator[Sequence[str]]:
    if first:
        yield ("init", "--quiet", "--template=")
        yield ("symbolic-ref", "HEAD", "refs/heads/main")  # old versions of Git know no --initial-branch
        yield ("remote", "add", "origin", remote)
    yield ("add", "--all")
    yield ("commit", "--quiet", "--no-gpg-sign", "--no-verify", "--message", release.message)


def _identity(release: Release) -> Mapping[str, str]:
    """Make commits that are the same on every machine: nothing of its settings, its clock, its user."""
    name, mail = PEOPLE[release.author], f"{release.author}@lamps.example"
    fixed = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    for role in ("AUTHOR", "COMMITTER"):
        fixed |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail, f"GIT_{role}_DATE": release.date}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return {**kept, **fixed}
