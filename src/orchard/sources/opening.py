"""From what was typed to a project that can be imported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchard.errors import InvalidReferenceError, UsageError
from orchard.formats import Kitfile
from orchard.oci import Reference
from orchard.project import Observer, Packed, Plan, Workspace
from orchard.remote import Options
from orchard.sources.addresses import GitAddress, HubAddress, Tool, endpoint_of, parse_address
from orchard.sources.origin import Material, Note, Order, Origin
from orchard.sources.tokens import find_token


class Project(Protocol):
    """A repository at one commit, ready to be imported."""

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        ...

    @property
    def name(self) -> str:
        """What a kit of it is called by default."""
        ...

    def own_kitfile(self) -> Kitfile | None:
        """Read the Kitfile that the repository has, if it has one."""
        ...

    def propose(self, depth: int = 0) -> Kitfile:
        """Guess a Kitfile; so many levels of directories are sorted file by file."""
        ...

    def materials(self, kitfile: Kitfile) -> list[Material]:
        """List the files that a Kitfile claims, for an attestation."""
        ...

    def plan(self, kitfile: Kitfile, workspace: Workspace, order: Order) -> list[Plan]:
        """Say which layers ``pack`` would make; nothing of them is fetched."""
        ...

    def pack(
        self,
        kitfile: Kitfile,
        workspace: Workspace,
        *,
        order: Order,
        observer: Observer,
        note: Note,
    ) -> Packed:
        """Fetch what the Kitfile claims, and write the version."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be imported.

    Attributes:
        text: What was typed: a name, or an address.
        tool: How to fetch it, if not as its address suggests.
        ref: Branch, tag or commit.
        token: Who we are.
    """

    text: str
    tool: Tool | None = None
    ref: str | None = None
    token: str | None = field(default=None, repr=False)


@contextmanager
def open_project(wanted: Wanted, *, environ: Mapping[str, str], options: Options, scratch: Path) -> Iterator[Project]:
    """Look at a repository: a name or an address of a Hugging Face hub, or anything that ``git`` can clone.

    Args:
        wanted: Which one.
        environ: The environment: ``HF_ENDPOINT``, ``HF_TOKEN`` and their kind.
        options: How to reach it.
        scratch: A directory for what is cloned; only Git needs it.

    Raises:
        UsageError: If it is not the name of a repository.
        NotFoundError: If there is no such repository or revision.
        DeniedError: If we may not see it.
        OrchardError: As its client raises it.
    """
    address = parse_address(wanted.text, environ=environ, tool=wanted.tool, ref=wanted.ref)
    options = options.with_environment(environ)
    if isinstance(address, HubAddress):
        from orchard.sources.hubimport import HubProject  # noqa: PLC0415 -- Git needs none of it
        from orchard.sources.huggingface import HuggingFace  # noqa: PLC0415

        with HuggingFace(address, options=options, token=find_token(environ, wanted.token)) as hub:
            yield HubProject(hub)
        return
    from orchard.sources.gitimport import cloned  # noqa: PLC0415 -- a hub needs none of it

    own = find_token(environ, wanted.token) if _is_hub(address, environ) else wanted.token
    with cloned(address, environ=environ, scratch=scratch, token=own) as project:
        yield project


def _is_hub(address: GitAddress, environ: Mapping[str, str]) -> bool:
    return address.location.startswith(f"{endpoint_of(environ)}/")


def check_tag(tag: str | None, project: Project) -> str:
    """Give what to call the version: the given name, or that of its repository.

    Raises:
        UsageError: If neither is a name that a version may have.
    """
    if tag is not None:
        if Reference.parse_tags(tag)[0].digest is not None:
            raise UsageError(f"{tag}: a digest cannot be chosen; import under a tag")
        return tag
    try:
        return str(Reference.parse(project.name).or_latest())
    except InvalidReferenceError as error:
        raise UsageError(f"{project.name!r} cannot name a ModelKit; use flag --tag to set a tag for it") from error
