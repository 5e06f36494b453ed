"""Where things are: the addresses of pages, and the hub's own name in the commands that people copy.

The page of a version has its reference for an address: ``/r/team/model:v1``, ``/r/team/model@sha256:…``. Repository
names hold slashes and never ``:`` or ``@``, so every such address can be read in one way only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request

from orchard.errors import InvalidError, InvalidReferenceError, NotFoundError
from orchard.oci import Digest, Reference, check_repository, check_tag

T = TypeVar("T")

MANIFEST: Final = "manifest.json"
_MARKS: Final = frozenset(":@")
_LOOPBACK: Final = ("localhost:", "127.", "[::1]:")
_FALLBACK: Final = "hub.example.com"


@dataclass(frozen=True, slots=True)
class Target:
    """What the path of a page names.

    Attributes:
        repository: Name of the repository.
        version: Tag or digest; if absent, the whole repository is meant.
        leaf: Which page about it: ``files``, ``tags``, ``manifest.json``; empty for the first one.
        rest: What that page is to show, if it shows one of many: a path, a tag.
    """

    repository: str
    version: str | Digest | None = None
    leaf: str = ""
    rest: str = ""

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read what stands behind ``/r/``: ``name``, ``name/-/leaf``, ``name:tag/leaf`` or ``name@digest/leaf``.

        No component of a repository's name is a bare ``-``, so that what is about a repository cannot be taken for one.

        Raises:
            NotFoundError: If it can be nothing that this hub has.
        """
        name, dash, leaves = path.partition("/-/")
        if dash and not _MARKS & set(name):
            leaf, _, rest = leaves.partition("/")
            return cls(_checked(check_repository, name), None, leaf, rest)
        name, at, digest = path.partition("@") if "@" in path.partition(":")[0] else (path, "", "")
        name, colon, tag = name.partition(":")
        text, _, leaves = (digest or tag).partition("/")
        leaf, _, rest = leaves.partition("/")
        repository = _checked(check_repository, name.rstrip("/"))
        if not at and not colon:
            return cls(repository)
        return cls(repository, _checked(Digest.parse, text) if at else _checked(check_tag, text), leaf, rest)


def _checked(check: Callable[[str], T], text: str) -> T:
    try:
        return check(text)
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

    def ways(self, repository: str, version: str | Digest, *, labelled: bool = False) -> list["Way"]:
        """List ways to get a version, best first; where labels choose it, the way to see them comes before."""
        reference = self.reference(repository, version)
        folder = repository.rpartition("/")[2]
        plain = "" if self.secure else " --plain-http"
        if labelled:
            return [
                Way("labels", f"orchard index info --remote {reference}{self.plain_http}"),
                Way("orchard", f"orchard unpack {reference} -d {folder} --label KEY=VALUE{self.plain_http}"),
                Way("pull", f"orchard pull {reference} --label KEY=VALUE{self.plain_http}"),
            ]
        return [
            Way("orchard", f"orchard unpack {reference} -d {folder}{self.plain_http}"),
            Way("kit", f"kit unpack {reference} -d {folder}{plain}"),
            # `oras pull` skips layers without a title annotation, which kits do not have; a copy is whole.
            Way("oras", f"oras copy {reference} --to-oci-layout {folder}{plain.replace('--', '--from-')}"),
            Way("Python", self._python(reference, folder)),
        ]

    def _python(self, reference: str, folder: str) -> str:
        if not self.plain_http:
            return f'import orchard; orchard.unpack("{reference}", "{folder}")'
        options = "from orchard.remote import Options; import orchard"
        return f'{options}; orchard.unpack("{reference}", "{folder}", options=Options(plain_http=True))'


@dataclass(frozen=True, slots=True)
class Way:
    """A way to get a version.

    Attributes:
        client: With what.
        command: What to type.
    """

    client: str
    command: str


@lru_cache(1 << 10)
def repository_url(repository: str) -> str:
    """Give the address of a repository's page."""
    return f"/r/{quote(repository, safe='/')}"


def version_url(repository: str, version: str | Digest) -> str:
    """Give the address of a version's page, by tag or for ever."""
    if isinstance(version, Digest):  # lower-case letters, digits, and the colon
        return f"{repository_url(repository)}@{version}"
    return f"{repository_url(repository)}:{quote(version, safe=':')}"


def manifest_url(repository: str, digest: Digest) -> str:
    """Give the address of a manifest's bytes."""
    return leaf_url(repository, digest, MANIFEST)


def leaf_url(repository: str, version: str | Digest | None, leaf: str, *, rest: str = "") -> str:
    """Give the address of a page about a repository, or about one of its versions."""
    start = f"{repository_url(repository)}/-" if version is None else version_url(repository, version)
    whole = f"{start}/{leaf}" if leaf else start
    return f"{whole}/{quote(rest, safe='/')}" if rest else whole


def namespace_url(namespace: str) -> str:
    """Give the address of a namespace's page."""
    return f"/n/{quote(namespace, safe='')}"


def search_url(query: str, **more: str) -> str:
    """Give the address of what a query finds; what is empty is left out."""
    asked = {name: value for name, value in {"q": query, **more}.items() if value}
    return f"/search?{urlencode(asked)}" if asked else "/search"
