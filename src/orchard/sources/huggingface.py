"""A repository of a Hugging Face hub: what it is, what is in it, and its files, pinned to one commit.

Three routes are all it takes, and every server that ``HF_ENDPOINT`` may point to has them (its own client was watched):

    GET /api/models/{id}/revision/{revision}      the commit
    GET /api/models/{id}/tree/{commit}            the files, with their sizes and hashes, in pages
    GET /{id}/resolve/{commit}/{path}             a file; often redirected to storage elsewhere

What it says is a claim: paths are checked here, sizes and hashes where bytes flow.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from operator import attrgetter
from typing import Final, NamedTuple, Self
from urllib.parse import quote

from orchard.archive import DEFAULTS, is_plain
from orchard.errors import (
    DeniedError,
    IntegrityError,
    InvalidDocumentError,
    LimitExceededError,
    NotFoundError,
    OrchardError,
    UnauthenticatedError,
    UnsafePathError,
)
from orchard.formats import spdx
from orchard.oci import JSON, Hasher, Readable, loads, read_bounded
from orchard.remote import Answer, Options, Timing, Url, Web
from orchard.sources.addresses import HubAddress
from orchard.sources.gitobject import git_name

MAX_FILES: Final = 120_000  # of one repository, directories included; 100,000 take 130 MiB of memory
MAX_INFO: Final = 16 << 20  # bytes; it lists the files too, where the server does not do as asked
MAX_PAGE: Final = 4 << 20  # bytes
MAX_SIZE: Final = 1 << 50  # bytes of one file

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_SKIPPED: Final = frozenset((".gitattributes", ".gitignore"))


class HubFile(NamedTuple):
    """A file of a repository.

    Attributes:
        path: Below the root of the repository.
        size: In bytes.
        oid: Git's name for it, if it is kept in Git.
        sha256: Hex digest, if it is kept outside of Git (LFS, Xet).
    """

    path: str
    size: int
    oid: str
    sha256: str = ""

    @property
    def identity(self) -> str:
        """What decides its bytes."""
        return f"sha256:{self.sha256}" if self.sha256 else f"git:{self.oid}"

    def check(self, data: bytes) -> bytes:
        """Give the whole content back if it is the right one.

        Raises:
            IntegrityError: If it is not.
        """
        hasher = Hasher()
        hasher.update(data)
        if (hasher.hex if self.sha256 else git_name(data)) != (self.sha256 or self.oid):
            raise IntegrityError(f"{self.path}: the content does not match the hash that its repository lists")
        return data


class Snapshot(NamedTuple):
    """A repository as it is at one commit.

    Attributes:
        commit: Forty hex digits.
        license: As its card names it, in the spelling of SPDX where there is one; empty if it does not.
        files: Without those that only Git needs, in the order of their paths.
    """

    commit: str
    license: str
    files: tuple[HubFile, ...]


class HuggingFace:
    """One repository; use it as a context. Safe to use from many threads.

    Attributes:
        address: Which one.
        revision: The branch, tag or commit that was asked for.

    Args:
        address: Which one.
        options: How to reach the hub.
        token: Who we are, if it is known. It is shown to the hub alone.
        timing: Clock, sleep and chance.
    """

    def __init__(
        self, address: HubAddress, *, options: Options, token: str | None, timing: Timing | None = None
    ) -> None:
        self.address = address
        self._known = token is not None
        self.revision = "main" if address.revision is None else address.revision
        explain = self._explain
        self._web = Web(address.endpoint, options=options, token=token, explain=explain, timing=timing)
        self._api = self._web.root.under("api", f"{address.kind.value}s", address.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._web.close()

    def snapshot(self) -> Snapshot:
        """Find out the commit, and list its files.

        Raises:
            NotFoundError: If there is no such repository or revision, or none that we may see.
            DeniedError: If it wants conditions to be accepted, or a login.
            InvalidDocumentError: If the answers are not those of a hub.
            IntegrityError: If it gives another commit than the one that was asked for.
            UnsafePathError: If a path in it could not be unpacked.
            LimitExceededError: If there are more than ``MAX_FILES`` files.
            OrchardError: As ``Web.ask`` raises it.
        """
        what = f"{self._web.host}: {self.address.path}"
        url = _escaped(self._api, "revision", self.revision).asking([("expand", "sha"), ("expand", "cardData")])
        info = _object(self._web.ask(url, limit=MAX_INFO), what)
        commit = info.get("sha")
        if not isinstance(commit, str) or _COMMIT.fullmatch(commit) is None:
            raise InvalidDocumentError(f"{what}: names no commit for {self.revision}")
        if _COMMIT.fullmatch(self.revision) and self.revision != commit:
            raise IntegrityError(f"{what}: gives commit {commit} where {self.revision} was asked for")
        card = info.get("cardData")
        license_id = card.get("license") if isinstance(card, dict) else None
        files = self._tree(commit, what)
        return Snapshot(commit, spdx(license_id) if isinstance(license_id, str) else "", files)

    def open(self, file: HubFile, commit: str, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open a file for reading, from ``offset`` bytes on; it goes on where a connection breaks. It is not verified.

        Raises:
            OrchardError: As ``Web.open`` does.
        """
        return self._web.open(self._place(file, commit), file.size, offset=offset)

    def url_of(self, file: HubFile, commit: str) -> str:
        """Give the address of a file."""
        return str(self._place(file, commit))

    def read(self, file: HubFile, commit: str, *, limit: int) -> bytes:
        """Read a small file, verified.

        Raises:
            LimitExceededError: If it is larger than ``limit`` bytes.
            IntegrityError: If it is not what the repository lists.
            OrchardError: As ``open`` does.
        """
        if file.size > limit:
            raise LimitExceededError(f"{file.path}: {file.size} bytes, at most {limit} are accepted here")
        with self.open(file, commit) as body:
            return file.check(read_bounded(body, limit=file.size, what=file.path))

    def _place(self, file: HubFile, commit: str) -> Url:
        root = self._web.root.under(*self.address.path.split("/"), "resolve")
        return _escaped(root, commit, *file.path.split("/"))

    def _tree(self, commit: str, what: str) -> tuple[HubFile, ...]:
        url = self._api.under("tree", commit).asking({"recursive": "true", "expand": "false"})
        files: dict[str, HubFile] = {}
        count = 0
        for answer in self._web.pages(url):
            for entry in _list(answer, what):
                count += 1
                if count > MAX_FILES:
                    raise LimitExceededError(f"{what}: more than {MAX_FILES} files and directories")
                file = _file(entry, what)
                if file is not None and files.setdefault(file.path, file) is not file:
                    raise InvalidDocumentError(f"{what}: lists {file.path!r} twice")
        _refuse_overlaps(files, what)
        kept = (file for file in files.values() if file.path.rpartition("/")[2] not in _SKIPPED)
        return tuple(sorted((file for file in kept if self._wanted(file.path)), key=attrgetter("path")))

    def _wanted(self, path: str) -> bool:
        below = self.address.below
        return not below or path == below or path.startswith(f"{below}/")

    def _explain(self, status: int, headers: Mapping[str, str]) -> OrchardError | None:
        code, path, host = headers.get("X-Error-Code", ""), self.address.path, self._web.host
        if code == "GatedRepo":
            then = "with your account" if self._known else "and give a token with --token or HF_TOKEN"
            return DeniedError(f"{path} is gated: accept its conditions at {self.address.url} {then}")
        if code == "RevisionNotFound":
            return NotFoundError(f"reference {self.revision!r} not found in {path}")
        if code == "EntryNotFound":
            return NotFoundError(f"{host}: {path} lists a file that is not there; try again")
        return self._unseen(status, headers)

    def _unseen(self, status: int, headers: Mapping[str, str]) -> OrchardError | None:
        path, host = self.address.path, self._web.host
        if status == 403:  # noqa: PLR2004 -- the HTTP status
            return DeniedError(f"{host}: not allowed to read {path}; does the token have this right?")
        if status not in {401, 404}:
            return None
        if "invalid" in headers.get("X-Error-Message", "").lower():
            return UnauthenticatedError(f"{host}: refused the token; make a new one, or leave it out")
        if self._known:
            return NotFoundError(f"{path} does not exist at {host}, or the token may not see it")
        return NotFoundError(f"{path} does not exist at {host}, or is private: give a token with --token or HF_TOKEN")


def _escaped(url: Url, *segments: str) -> Url:
    """Append segments in which a slash is no separator: a revision may be ``refs/pr/1``."""
    return Url(url.origin, "/".join([url.path.rstrip("/"), *(quote(part, safe="") for part in segments)]))


def _object(answer: Answer, what: str) -> dict[str, JSON]:
    value = _parsed(answer, what, MAX_INFO)
    if not isinstance(value, dict):
        raise InvalidDocumentError(f"{what}: the answer is not an object")
    return value


def _list(answer: Answer, what: str) -> Iterator[dict[str, JSON]]:
    value = _parsed(answer, what, MAX_PAGE)
    if not isinstance(value, list):
        raise InvalidDocumentError(f"{what}: the list of files is not a list")
    for entry in value:
        if not isinstance(entry, dict):
            raise InvalidDocumentError(f"{what}: an entry of the list of files is not an object")
        yield entry


def _parsed(answer: Answer, what: str, limit: int) -> JSON:
    if "html" in answer.headers.get("Content-Type", "").lower():
        raise InvalidDocumentError(f"{what}: the answer is a web page and not that of a hub; is HF_ENDPOINT right?")
    return loads(answer.body, what=what, limit=limit)


def _file(entry: dict[str, JSON], what: str) -> HubFile | None:
    """Read one entry of a tree; nothing if it is a directory.

    Raises:
        InvalidDocumentError: If it lacks something, or contradicts itself.
        UnsafePathError: If its path is not one that could be unpacked.
    """
    path, kind = entry.get("path"), entry.get("type")
    if not isinstance(path, str) or kind not in {"file", "directory"}:
        raise InvalidDocumentError(
            f"{what}: an entry of the list of files has no path, or is neither file nor directory"
        )
    _check_path(path, what)
    if kind == "directory":
        return None
    lfs, oid = entry.get("lfs"), entry.get("oid")
    sha256 = lfs.get("oid") if isinstance(lfs, dict) else ""
    size = lfs.get("size", entry.get("size")) if isinstance(lfs, dict) else entry.get("size")
    if not isinstance(size, int) or not 0 <= size <= MAX_SIZE or size != entry.get("size", size):
        raise InvalidDocumentError(f"{what}: {path!r} has no size that could be right")
    named = isinstance(oid, str) and _COMMIT.fullmatch(oid)
    if isinstance(lfs, dict) and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise InvalidDocumentError(f"{what}: {path!r} has no SHA-256, so it could not be verified")
    if not lfs and not named:
        raise InvalidDocumentError(f"{what}: {path!r} has no hash, so it could not be verified")
    return HubFile(path, size, str(oid) if named else "", str(sha256))


def _check_path(path: str, what: str) -> None:
    """Refuse a path that could not be unpacked, or could be unpacked elsewhere.

    Raises:
        UnsafePathError: If it is not a plain relative path.
        LimitExceededError: If it is too long or too deep.
    """
    if not is_plain(path) or _UNFIT.search(path):
        raise UnsafePathError(f"{what}: {path[:160]!r} is not a plain relative path; nothing is imported")
    parts = path.split("/")
    if len(path.encode()) > DEFAULTS.name or len(parts) > DEFAULTS.depth:
        raise LimitExceededError(f"{what}: {path[:160]!r} is too long or too deep")
    if any(len(part.encode()) > DEFAULTS.component for part in parts):
        raise LimitExceededError(f"{what}: a part of {path[:160]!r} is longer than {DEFAULTS.component} bytes")


def _refuse_overlaps(files: Mapping[str, HubFile], what: str) -> None:
    """Refuse a file that is a directory too.

    Raises:
        InvalidDocumentError: Naming it.
    """
    for path in files:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in files:
                raise InvalidDocumentError(f"{what}: {parent!r} is a file and a directory")
            parent = parent.rpartition("/")[0]
