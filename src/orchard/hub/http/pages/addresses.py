"""Where things are: the addresses of pages, and the hub's own name in the commands that people copy.

The page of a version has its reference for an address: ``/r/team/model:v1``, ``/r/team/model@sha256:…``. Repository
names hold slashes and never ``:`` or ``@``, so every such address can be read in one way only.
"""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, urlencode

from starlette.requests import Request

from orchard.errors import InvalidError, InvalidReferenceError, NotFoundError
from orchard.oci import Digest, Reference, check_repository, check_tag

MANIFEST: Final = "manifest.json"
MAX_PAGE: Final = 200  # of a list whose length nobody counts
_LOOPBACK: Final = ("localhost:", "127.", "[::1]:")
_FALLBACK: Final = "hub.example.com"


@dataclass(frozen=True, slots=True)
class Target:
    """What the path of a page names.

    Attributes:
        repository: Name of the repository.
        version: Tag or digest; if absent, the whole repository is meant.
        manifest: Whether the bytes of the manifest are wanted, not a page about them.
    """

    repository: str
    version: str | Digest | None = None
    manifest: bool = False

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read what stands behind ``/r/``.

        Raises:
            NotFoundError: If it can be nothing that this hub has.
        """
        name, at, digest = path.partition("@")
        name, colon, tag = name.partition(":")
        text, _, leaf = (digest or tag).partition("/")
        if leaf not in {"", MANIFEST} or (at and colon):
            raise NotFoundError("there is no such page")
        try:
            version = Digest.parse(text) if at else check_tag(text) if colon else None
            return cls(check_repository(name.rstrip("/")), version, manifest=bool(leaf))
        except InvalidError as error:
            raise NotFoundError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Place:
    """This hub as the reader of a page reaches it.

    Attributes:
        host: Host and port, safe to stand in a command.
        secure: Whether it is reached by https.
    """

    host: str
    secure: bool

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read it from a request.

        What the header says ends up in a command that somebody pastes into a shell, so it must be a host by the
        grammar of references. The scheme that a proxy reports is believed: it decides over a flag in a text, no more.
        """
        secure = (request.headers.get("x-forwarded-proto") or request.url.scheme) == "https"
        host = request.headers.get("host", "")
        if ":" not in host and "." not in host:
            host = f"{host}:{443 if secure else 80}"  # clients take a bare word for a part of the repository
        try:
            return cls(Reference(host, "x").registry, secure)
        except InvalidReferenceError:
            return cls(_FALLBACK, secure)

    @property
    def loopback(self) -> bool:
        """Whether the reader sits at the machine of the hub."""
        return self.host.startswith(_LOOPBACK)

    @property
    def plain_http(self) -> str:
        """What ``orchard`` needs to hear when it comes by http; on loopback it knows."""
        return "" if self.secure or self.loopback else " --plain-http"

    def reference(self, repository: str, version: str | Digest) -> str:
        """Write the reference that a client pulls."""
        return f"{self.host}/{repository}{'@' if isinstance(version, Digest) else ':'}{version}"

    def commands(self, repository: str, version: str | Digest, *, labelled: bool = False) -> list[str]:
        """List ways to get a version, best first; where labels choose it, the way to see them comes before."""
        reference = self.reference(repository, version)
        folder = repository.rpartition("/")[2]
        plain = "" if self.secure else " --plain-http"
        if labelled:
            return [
                f"orchard index info --remote {reference}{self.plain_http}",
                f"orchard unpack {reference} -d {folder} --label KEY=VALUE{self.plain_http}",
                f"orchard pull {reference} --label KEY=VALUE{self.plain_http}",
            ]
        return [
            f"orchard unpack {reference} -d {folder}{self.plain_http}",
            f"orchard pull {reference}{self.plain_http}",
            f"kit pull {reference}{plain}",
            # `oras pull` skips layers without a title annotation, which kits do not have; a copy is whole.
            f"oras copy {reference} --to-oci-layout {folder}{plain.replace('--', '--from-')}",
        ]


def repository_url(repository: str) -> str:
    """Give the address of a repository's page."""
    return f"/r/{quote(repository, safe='/')}"


def version_url(repository: str, version: str | Digest) -> str:
    """Give the address of a version's page, by tag or for ever."""
    mark = "@" if isinstance(version, Digest) else ":"
    return f"{repository_url(repository)}{mark}{quote(str(version), safe=':')}"


def manifest_url(repository: str, digest: Digest) -> str:
    """Give the address of a manifest's bytes."""
    return f"{version_url(repository, digest)}/{MANIFEST}"


@dataclass(frozen=True, slots=True)
class Pager:
    """One of several pages of a list.

    Attributes:
        path: Address of the list.
        query: What was searched for; empty for nothing.
        number: Which page this is, from 1.
        size: Items on each.
        last: The number of the last page, if that is known.
    """

    path: str
    query: str
    number: int
    size: int
    last: int | None = None

    @classmethod
    def of(cls, request: Request, size: int, *, total: int | None = None, query: str = "") -> Self:
        """Read which page is wanted; a number that is none is 1, and one that is too high is the last."""
        last = None if total is None else max(1, -(-total // size))
        wanted = request.query_params.get("page", "1")[:9]
        number = int(wanted) if wanted.isascii() and wanted.isdecimal() else 1
        most = MAX_PAGE if last is None else last
        return cls(request.url.path, query, min(max(1, number), most), size, last)

    @property
    def bounds(self) -> slice:
        """Which items of the whole list this page holds."""
        return slice((self.number - 1) * self.size, self.number * self.size)

    def url(self, number: int) -> str:
        """Give the address of another page of the same list."""
        asked = {"q": self.query} if self.query else {}
        return f"{self.path}?{urlencode({**asked, 'page': number})}"
