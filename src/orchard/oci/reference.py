"""References: how people name an artifact.

    reference  = digest | [ registry "/" ] repository [ ":" tag *( "," tag ) ] [ "@" digest ]
    registry   = a host that contains "." or ":"; anything else belongs to the repository
    repository = component *( "/" component )      component = [a-z0-9]+ ( ( "." | "_" | "__" | "-"+ ) [a-z0-9]+ )*
    tag        = [A-Za-z0-9_] [A-Za-z0-9._-]{0,127}

Defaults and quirks are those of ``kit`` 1.7: without a registry the artifact is local (``localhost``); a tag before a
digest is dropped; a bare digest belongs to the local repository ``_``. Unlike there, every tag is checked.
"""

import re
from typing import Final, Self

import msgspec
from msgspec.structs import replace

from orchard.errors import InvalidDigestError, InvalidReferenceError
from orchard.oci.digest import Digest

LOCAL_REGISTRY: Final = "localhost"
UNNAMED: Final = "_"
DEFAULT_TAG: Final = "latest"
MAX_NAME: Final = 255

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?")


class Reference(msgspec.Struct, frozen=True):
    """A place where an artifact is, and which one there.

    Attributes:
        registry: Host, with port where there is one; ``localhost`` for the local store.
        repository: Name within the registry.
        tag: Tag, if the reference has one.
        digest: Digest, if the reference has one; then there is no tag.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __post_init__(self) -> None:
        if _HOST.fullmatch(self.registry) is None:
            raise InvalidReferenceError(f"{self.registry[:80]!r} is not a registry host (example: ghcr.io)")
        if self.repository != UNNAMED:
            check_repository(self.repository)
        if self.tag is not None:
            check_tag(self.tag)
        if len(self.registry) + 1 + len(self.repository) > MAX_NAME:
            raise InvalidReferenceError(f"{self.repository[:80]!r}…: the name is longer than {MAX_NAME} characters")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference that names one artifact.

        Raises:
            InvalidReferenceError: If it breaks the grammar, or names several tags.
        """
        reference, extra = cls.parse_tags(text)
        if extra:
            raise InvalidReferenceError(f"{text[:160]!r} names several tags; one is needed here")
        return reference

    @classmethod
    def parse_tags(cls, text: str) -> tuple[Self, tuple[str, ...]]:
        """Read a reference that may name several tags, as ``repository:one,two``; give the further ones apart.

        Raises:
            InvalidReferenceError: If it breaks the grammar.
        """
        if not text:
            raise InvalidReferenceError("the reference is empty (example: registry.example.com/team/model:v1)")
        bare = _bare_digest(text)
        if bare is not None:
            return cls(LOCAL_REGISTRY, UNNAMED, digest=bare), ()
        text, *extra = text.split(",")
        registry, slash, path = text.partition("/")
        if not slash or not ("." in registry or ":" in registry):
            registry, path = LOCAL_REGISTRY, text
        name, at, digest = path.partition("@")
        name, colon, tag = name.partition(":")
        if name.removeprefix(UNNAMED) == "" and (registry != LOCAL_REGISTRY or not at):
            raise InvalidReferenceError(f"{text[:160]!r} names no repository")
        for more in extra:
            check_tag(more)
        if at:
            return cls(registry, name, digest=_digest(digest, text)), tuple(extra)
        return cls(registry, name, tag=tag if colon else None), tuple(extra)

    @property
    def name(self) -> str:
        """Registry and repository, without tag or digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def is_local(self) -> bool:
        """Whether the reference names no registry."""
        return self.registry == LOCAL_REGISTRY

    @property
    def target(self) -> str:
        """What to resolve in the repository: the digest, the tag, or ``latest``."""
        return str(self.digest) if self.digest else self.tag or DEFAULT_TAG

    def tagged(self, tag: str) -> Self:
        """Name the same repository under a tag.

        Raises:
            InvalidReferenceError: If the tag breaks the grammar.
        """
        return replace(self, tag=tag, digest=None)

    def at(self, digest: Digest) -> Self:
        """Name one version of the same repository."""
        return replace(self, tag=None, digest=digest)

    def or_latest(self) -> Self:
        """Add the tag ``latest`` if there is neither a tag nor a digest."""
        return self if self.tag or self.digest else self.tagged(DEFAULT_TAG)

    def __str__(self) -> str:
        """Write it as people do: without ``localhost/``, and a bare digest for what has no name."""
        name = self.repository if self.is_local else self.name
        if self.repository == UNNAMED and self.is_local:
            return str(self.digest) if self.digest else UNNAMED
        if self.digest:
            return f"{name}@{self.digest}"
        return f"{name}:{self.tag}" if self.tag else name


def check_repository(name: str) -> str:
    """Give the name back if it is one.

    Raises:
        InvalidReferenceError: If it breaks the grammar or is longer than 255 characters.
    """
    if len(name) > MAX_NAME:
        raise InvalidReferenceError(f"{name[:80]!r}…: a repository name has at most {MAX_NAME} characters")
    if _REPOSITORY.fullmatch(name) is None:
        if name != name.lower():
            raise InvalidReferenceError(f"repository {name!r}: the name must be in lower case")
        raise InvalidReferenceError(f"{name!r} is not a repository name (example: team/model)")
    return name


def check_tag(tag: str) -> str:
    """Give the tag back if it is one.

    Raises:
        InvalidReferenceError: If it breaks the grammar.
    """
    if _TAG.fullmatch(tag) is None:
        raise InvalidReferenceError(
            f"{tag[:140]!r} is not a tag: use letters, digits, '.', '_', '-'; at most 128, starting with none of '.-'"
        )
    return tag


def _bare_digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except InvalidDigestError:
        return None


def _digest(text: str, reference: str) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidDigestError as error:
        raise InvalidReferenceError(f"{reference[:160]!r}: {error}") from error
