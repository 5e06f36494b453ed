"""What people type for a place to import from, and what it means: a repository of a Hugging Face hub, or one of Git."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from orchard.errors import UnsupportedError, UsageError

Tool = Literal["hf", "git"]

DEFAULT_ENDPOINT: Final = "https://huggingface.co"
MAX_ADDRESS: Final = 4096  # characters

_PART: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_-])?")
_HUB_HOSTS: Final = frozenset(("huggingface.co", "www.huggingface.co", "hf.co"))
_MARKS: Final = frozenset(("tree", "blob", "resolve", "raw", "commit", "commits", "discussions"))
_WITH_PATH: Final = frozenset(("tree", "blob", "resolve", "raw"))
_SCP: Final = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:.+")
_HOST: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?|localhost(?::[0-9]+)?")
_SCHEMES: Final = frozenset(("http", "https", "ssh", "git", "file"))


class Kind(Enum):
    """What a repository of a hub holds."""

    MODEL = "model"
    DATASET = "dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAddress:
    """A repository of a Hugging Face hub.

    Attributes:
        endpoint: URL of the hub.
        kind: What it holds.
        name: ``org/name``, or ``name`` alone for the few that are older than organisations.
        revision: Branch, tag or commit, if the address names one.
        below: Only what is at or below this path, if the address names one.
    """

    endpoint: str
    kind: Kind
    name: str
    revision: str | None = None
    below: str = ""

    @property
    def path(self) -> str:
        """The repository below the endpoint, as in its web address."""
        return self.name if self.kind is Kind.MODEL else f"datasets/{self.name}"

    @property
    def url(self) -> str:
        """Its web address."""
        return f"{self.endpoint}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAddress:
    """A repository of Git: a URL, ``user@host:path``, or a directory.

    Attributes:
        location: What ``git`` is given.
        revision: Branch, tag or commit, if it is known.
    """

    location: str
    revision: str | None = None

    @property
    def name(self) -> str:
        """Its last two path segments, without ``.git``; one if there is no more."""
        path = self.location if _SCP.fullmatch(self.location) is None else self.location.partition(":")[2]
        path = urlsplit(path).path if "://" in path else path
        parts = [part for part in path.removesuffix("/").removesuffix(".git").split("/") if part.strip("./~")]
        return "/".join(parts[-2:])

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine's disk."""
        return self.location.startswith(("/", ".", "~", "file:"))


Address = HubAddress | GitAddress


def parse_address(
    text: str, *, environ: Mapping[str, str], tool: Tool | None = None, ref: str | None = None
) -> Address:
    """Read what was typed.

    A name without a host, and anything at ``huggingface.co`` or at ``HF_ENDPOINT``, is a repository of the hub;
    anything else is one of Git. ``tool`` decides otherwise.

    Raises:
        UsageError: If it is neither, or names two revisions.
        UnsupportedError: If it is a space of the hub.
    """
    if not text or len(text) > MAX_ADDRESS or not text.isprintable() or text.startswith("-"):
        raise UsageError(f"{text[:80]!r} is not a repository (example: org/name, or https://host/org/name)")
    endpoint = endpoint_of(environ)
    inside = _inside_hub(text, endpoint)
    if tool == "git" or (tool is None and inside is None):
        if inside is not None:
            address = _hub_address(inside, endpoint)
            return _with_revision(GitAddress(location=address.url, revision=address.revision), ref)
        return _with_revision(_git_address(text), ref)
    if inside is None:
        raise UsageError(f"{text}: is not at {endpoint}; set HF_ENDPOINT, or use --tool git")
    return _with_revision(_hub_address(inside, endpoint), ref)


def endpoint_of(environ: Mapping[str, str]) -> str:
    """Give the URL of the hub: ``HF_ENDPOINT``, or the public one.

    Raises:
        UsageError: If ``HF_ENDPOINT`` is not an http or https URL.
    """
    endpoint = (environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    parts = _split(endpoint)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UsageError(f"HF_ENDPOINT is {endpoint[:80]!r}; it must be a URL, as in https://huggingface.co")
    return endpoint


def check_revision(revision: str) -> str:
    """Give a branch, tag or commit back if it may be one; ``git`` would take others for options.

    Raises:
        UsageError: If it may not.
    """
    odd = revision.startswith(("-", "/")) or ".." in revision or not revision.isprintable()
    if not revision or odd or len(revision) > 256 or set(revision) & set(" ~^:?*[\\"):  # noqa: PLR2004 -- characters
        raise UsageError(f"{revision[:80]!r} is not a branch, tag or commit")
    return revision


def _inside_hub(text: str, endpoint: str) -> str | None:
    """Give the part of an address below the hub's root; ``None`` if it is not there."""
    if text.startswith((".", "/", "~")) or _SCP.fullmatch(text):
        return None
    if text.startswith(f"{endpoint}/"):
        return text.removeprefix(f"{endpoint}/")
    scheme, mark, rest = text.partition("://")
    if mark:
        host, _, path = rest.partition("/")
        return path if scheme in {"http", "https"} and host.lower() in _HUB_HOSTS else None
    host, slash, path = text.partition("/")
    if slash and host.lower() in _HUB_HOSTS:
        return path
    has_host = path.count("/") >= 1 and _HOST.fullmatch(host) is not None
    return None if has_host else text


def _hub_address(path: str, endpoint: str) -> HubAddress:
    """Read the path of a web address of the hub.

    Raises:
        UsageError: If it names no repository.
        UnsupportedError: If it names a space.
    """
    parts = [unquote(part) for part in path.partition("?")[0].partition("#")[0].split("/") if part]
    kind = Kind.MODEL
    if parts and parts[0] == "spaces":
        raise UnsupportedError(f"{path}: a space is an application, not a model or a dataset; nothing to import")
    if parts and parts[0] in {"datasets", "models"}:
        kind = Kind.DATASET if parts.pop(0) == "datasets" else Kind.MODEL
    short = len(parts) == 1 or (len(parts) > 1 and parts[1] in _MARKS)
    name, rest = parts[: 1 if short else 2], parts[1 if short else 2 :]
    fits = name and all(_PART.fullmatch(part) and ".." not in part and "--" not in part for part in name)
    if not fits or (rest and rest[0] not in _MARKS):
        raise UsageError(f"could not extract organization and repository from {path!r} (example: org/name)")
    revision = rest[1] if len(rest) > 1 and rest[0] != "discussions" else None
    below = "/".join(rest[2:]) if rest and rest[0] in _WITH_PATH else ""
    return HubAddress(endpoint=endpoint, kind=kind, name="/".join(name), revision=revision, below=below)


def _git_address(text: str) -> GitAddress:
    """Read what ``git`` is to be given.

    Raises:
        UsageError: If its scheme is none that may be used, or a password is in it.
    """
    scheme, mark, _ = text.partition("://")
    if mark:
        if scheme not in _SCHEMES:
            raise UsageError(f"{text[:80]!r}: git is used with https, ssh, git and file URLs only")
        parts = _split(text)
        if parts is None:
            raise UsageError(f"{text[:80]!r} is not a URL (example: https://host/org/name)")
        if scheme in {"http", "https"} and "@" in parts.netloc:
            raise UsageError("a URL with a user name in it ends in logs; use --token, or git's own credential helper")
        return GitAddress(location=text)
    if "::" in text:
        raise UsageError(f"{text[:80]!r}: helpers of git's own are not used")
    host = text.partition("/")[0]
    if not text.startswith((".", "/", "~")) and not _SCP.fullmatch(text) and _HOST.fullmatch(host):
        return GitAddress(location=f"https://{text}")
    return GitAddress(location=text)


def _split(url: str) -> SplitResult | None:
    """Take a URL apart; one with a host that is none, such as ``[::1``, is no URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # an odd one is found when it is asked for
    except ValueError:
        return None
    return parts


def _with_revision(address: Address, ref: str | None) -> Address:
    """Add the revision that was asked for.

    Raises:
        UsageError: If the address names another one.
    """
    if ref is not None and address.revision is not None and ref != address.revision:
        raise UsageError(f"the address names {address.revision}, --ref names {ref}; give one of them")
    revision = address.revision if ref is None else ref
    return replace(address, revision=None if revision is None else check_revision(revision))
