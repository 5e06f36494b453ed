"""A repository of Git becomes a version: one commit is fetched, its large files as far as they are claimed, and packed.

The clone lives in a directory of its own below the cache, and goes whatever happens. Large files are moved from where
Git LFS puts them to where they belong, so they are on disk once until they are packed.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, NamedTuple

import msgspec

from orchard.errors import IntegrityError, NotFoundError, StorageError, UnsupportedError
from orchard.formats import KITFILE_NAMES, Kitfile, Package, clean_path
from orchard.project import Observer, Packed, Plan, Workspace, propose_kitfile, read_kitfile
from orchard.sources.addresses import GitAddress
from orchard.sources.gitclient import Git, resolved
from orchard.sources.origin import Material, Note, Order, Origin

MAX_POINTER: Final = 1024  # bytes (Git LFS specification: smaller than that)
AT_ONCE: Final = 100  # patterns of one call of Git LFS
MAX_LINK: Final = 4096  # bytes

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SOME_COMMIT: Final = re.compile(r"[0-9a-f]{4,64}")
_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n"
)
_GLOB: Final = re.compile(r"[\[\]*\\!]")
_LINK, _SUBMODULE = "120000", "160000"
_REMOVED: Final = frozenset((".gitignore", ".gitattributes"))


class _Pointer(NamedTuple):
    """A large file that is not there yet.

    Attributes:
        path: Where it belongs.
        oid: Its SHA-256, in hex.
        size: In bytes.
    """

    path: str
    oid: str
    size: int


class GitProject:
    """One commit of a repository, checked out, ready to be imported.

    Attributes:
        origin: Where it comes from.
    """

    def __init__(self, git: Git, directory: Path, *, address: GitAddress, commit: str) -> None:
        self._git = git
        self._directory = directory
        self._address = address
        ref = "HEAD" if address.revision is None else address.revision
        self.origin = Origin(url=address.location, commit=commit, ref=ref, tool="git")
        self._modes = dict(_modes(git))
        for path in [path for path in self._modes if path.rpartition("/")[2] in _REMOVED]:
            (directory / path).unlink(missing_ok=True)
            del self._modes[path]
        self._pointers = [found for path in self._modes if (found := _pointer(directory, path)) is not None]

    @property
    def name(self) -> str:
        """What a kit of it is called by default."""
        return self._address.name.lower()

    def own_kitfile(self) -> Kitfile | None:
        """Read the Kitfile that the repository has, if it has one.

        Raises:
            InvalidDocumentError: If it is not valid.
        """
        if not any((self._directory / name).is_file() for name in KITFILE_NAMES):
            return None
        return read_kitfile(self._directory)[0]

    def propose(self, depth: int = 0) -> Kitfile:
        """Guess a Kitfile from what was checked out."""
        owner, _, name = self._address.name.rpartition("/")
        sizes = {pointer.path: pointer.size for pointer in self._pointers}
        package = Package(name=name, authors=(owner,) if owner else ())
        return propose_kitfile(self._directory, package=package, depth=depth, sizes=sizes)

    def materials(self, _kitfile: Kitfile) -> list[Material]:
        """List what went in besides the commit, which names every byte of it."""
        return []

    def plan(self, kitfile: Kitfile, workspace: Workspace, order: Order) -> list[Plan]:
        """Say which layers ``pack`` would make; no large file is fetched.

        Raises:
            OrchardError: As ``Workspace.plan`` does.
        """
        self._make_links(lambda _text: None)
        recipe = msgspec.structs.replace(order.recipe, provenance=False)
        sizes = {pointer.path: pointer.size for pointer in self._pointers}
        with self._without_git():
            plans = workspace.plan(self._directory, tag=order.tag, kitfile=kitfile, recipe=recipe)
        return [
            msgspec.structs.replace(
                plan,
                entries=[
                    msgspec.structs.replace(entry, size=sizes.get(entry.name, entry.size)) for entry in plan.entries
                ],
            )
            for plan in plans
        ]

    def pack(self, kitfile: Kitfile, workspace: Workspace, *, order: Order, observer: Observer, note: Note) -> Packed:
        """Fetch the large files that the Kitfile claims, and pack.

        Raises:
            UnsupportedError: If there are such files, and Git LFS is not installed.
            IntegrityError: If one of them is not what the repository says.
            OrchardError: As ``git`` and ``Workspace.pack`` raise it.
        """
        wanted = [pointer for pointer in self._pointers if _claimed(kitfile, pointer.path)]
        if wanted:
            self._fetch(wanted, note)
        self._make_links(note)
        annotations = {**self.origin.annotations, **order.recipe.annotations}
        recipe = msgspec.structs.replace(order.recipe, annotations=annotations, provenance=False)
        shutil.rmtree(self._directory / ".git")  # it is not part of the project, and takes as much room
        return workspace.pack(self._directory, tag=order.tag, kitfile=kitfile, recipe=recipe, observer=observer)

    @contextmanager
    def _without_git(self) -> Iterator[None]:
        """Keep what is Git's own out of the project while it is looked at."""
        own, aside = self._directory / ".git", self._directory.with_name(f"{self._directory.name}.git")
        own.rename(aside)
        try:
            yield
        finally:
            aside.rename(own)

    def _fetch(self, wanted: list[_Pointer], note: Note) -> None:
        if not self._git.has_lfs:
            raise UnsupportedError(f"git-lfs is not installed, and {wanted[0].path} is kept there; install it")
        for pointer in wanted:
            note(f"Downloading file {pointer.path}")
        for patterns in _patterns(wanted, everything=len(wanted) == len(self._pointers)):
            self._git("lfs", "fetch", f"--include={patterns}", "--exclude=", "origin", self.origin.commit)
        for number, pointer in enumerate(wanted):
            last = all(later.oid != pointer.oid for later in wanted[number + 1 :])
            self._place(pointer, move=last)

    def _place(self, pointer: _Pointer, *, move: bool) -> None:
        """Put a large file where it belongs.

        Raises:
            IntegrityError: If it did not come, or has another size than its pointer says.
        """
        oid = pointer.oid
        fetched, target = (
            self._directory / f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}",
            self._directory / pointer.path,
        )
        if not fetched.is_file() or fetched.stat().st_size != pointer.size:
            raise IntegrityError(f"{pointer.path}: Git LFS did not give its content ({oid[:12]}, {pointer.size} bytes)")
        mode = target.stat().st_mode
        target.unlink()
        if move:
            fetched.replace(target)
        else:
            shutil.copyfile(fetched, target)
        target.chmod(mode)

    def _make_links(self, note: Note) -> None:
        """Make the symbolic links; whether they lead somewhere safe is judged when they are packed."""
        for path, mode in self._modes.items():
            if mode == _SUBMODULE:
                note(f"{path}: a submodule is not imported")
            if mode == _LINK:
                place = self._directory / path
                with place.open("rb") as file:
                    target = file.read(MAX_LINK)
                place.unlink()
                place.symlink_to(os.fsdecode(target))


@contextmanager
def cloned(
    address: GitAddress, *, environ: Mapping[str, str], scratch: Path, token: str | None
) -> Iterator[GitProject]:
    """Fetch one commit of a repository, without its large files; all of it is gone when the block is left.

    Raises:
        UnsupportedError: If ``git`` is not installed.
        NotFoundError: If there is no such repository or revision.
        UnauthenticatedError: If it refuses us.
        StorageError: If the disk fails.
        RemoteError: If it cannot be reached.
    """
    try:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = Path(mkdtemp(prefix="git-", dir=scratch))
    except OSError as error:
        raise StorageError(f"{scratch}: cannot be written: {error.strerror}") from error
    try:
        address = replace(address, location=resolved(address.location))
        git = Git(directory, address.location, environ=environ, token=token)
        git("init", "--quiet", "--template=")
        git("remote", "add", "origin", address.location)
        commit = _fetched(git, address.revision)
        git("checkout", "--quiet", "--force", "--detach", commit)
        yield GitProject(git, directory, address=address, commit=commit)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _fetched(git: Git, revision: str | None) -> str:
    """Fetch a revision and give its commit: alone where the server lets us, with all branches where it does not.

    Raises:
        NotFoundError: If there is no such revision.
    """
    shallow = ("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "origin")
    if revision is None:
        git(*shallow, "HEAD")
        return _commit(git, "FETCH_HEAD")
    if _SOME_COMMIT.fullmatch(revision) is None:
        git(*shallow, revision)
        return _commit(git, "FETCH_HEAD")
    if git.works(*shallow, revision):  # a whole commit id, or a branch that looks like one
        return _commit(git, "FETCH_HEAD")
    git("fetch", "--quiet", "--tags", "--no-recurse-submodules", "origin", "+refs/heads/*:refs/remotes/origin/*")
    if not git.works("cat-file", "-e", f"{revision}^{{commit}}"):
        raise NotFoundError(f"reference {revision!r} not found")
    return _commit(git, revision)


def _commit(git: Git, name: str) -> str:
    """Give the id of a commit.

    Raises:
        NotFoundError: If it is none.
    """
    found = git("rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()
    if _COMMIT.fullmatch(found) is None:
        raise NotFoundError(f"{name}: not a commit")
    return found


def _modes(git: Git) -> Iterator[tuple[str, str]]:
    """List every path of the checkout, with its mode."""
    for line in git("ls-files", "--stage", "-z").split(b"\0"):
        front, tab, path = line.partition(b"\t")
        if tab:
            yield os.fsdecode(path), front[:6].decode()


def _pointer(directory: Path, path: str) -> _Pointer | None:
    """Read a file, if it stands for a large one.

    Raises:
        StorageError: If it cannot be read.
    """
    place = directory / path
    try:
        if not place.is_file() or place.stat().st_size >= MAX_POINTER:
            return None
        found = _POINTER.match(place.read_bytes())
    except OSError as error:
        raise StorageError(f"{place}: cannot be read: {error.strerror}") from error
    return None if found is None else _Pointer(path, found[1].decode(), int(found[2]))


def _claimed(kitfile: Kitfile, path: str) -> bool:
    """Tell whether some layer holds a file."""
    claims = {clean_path(entry.path) for _, _, entry in kitfile.entries() if entry.path}
    return any(claim in {".", path} or path.startswith(f"{claim}/") for claim in claims)


def _patterns(wanted: list[_Pointer], *, everything: bool) -> Iterator[str]:
    """Say which files Git LFS shall fetch, or a few more.

    It separates patterns by commas, so a comma in a name means all files; signs of patterns cannot be escaped.
    """
    if everything or any("," in pointer.path for pointer in wanted):
        yield "*"
        return
    names = ["/" + _GLOB.sub("?", pointer.path) for pointer in wanted]
    for start in range(0, len(names), AT_ONCE):
        yield ",".join(names[start : start + AT_ONCE])
