"""What the catalog tells: values read from rows."""

from dataclasses import dataclass, field
from datetime import datetime

from orchard.oci import Digest


@dataclass(frozen=True, slots=True)
class Blob:
    """Content that a repository links."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest or index, as received."""

    digest: Digest
    media_type: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TagMove:
    """One change of a tag.

    Attributes:
        number: Grows with every change of any tag.
        digest: Where it points since then; none if it was removed.
        account: Who did it.
    """

    number: int
    digest: Digest | None
    at: datetime
    account: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A manifest that is about another one.

    Attributes:
        artifact_type: What it is, if it says so.
        account: Who pushed it.
    """

    digest: Digest
    artifact_type: str | None
    at: datetime
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a version says about itself, for lists.

    Attributes:
        kind: What people call such an artifact: ``ModelKit``, ``ModelPack``, ``Docker model``, ``image``, ``index`` or
            ``artifact``.
        total_size: Bytes of everything it names; of an index, of the manifests it lists and of what they name.
        layer_count: Layers, or manifests of an index.
        note: Why something is missing, if it could not be read.
    """

    kind: str
    total_size: int
    layer_count: int
    model_name: str | None = None
    model_version: str | None = None
    description: str | None = None
    framework: str | None = None
    model_format: str | None = None
    licence: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload session.

    Attributes:
        secret: What only whoever began it was told, and those whom he told.
        active_at: When bytes last came, in milliseconds, to the minute.
    """

    id: str
    repository: str
    account: str
    algorithm: str
    secret: str = field(repr=False)
    active_at: int = 0

    @property
    def handle(self) -> str:
        """What its address ends with."""
        return f"{self.id}-{self.secret}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySummary:
    """One repository in a list.

    Attributes:
        versions: Manifests that are not about another one.
        size_bytes: Bytes of the blobs it links, each counted once.
        model_name: What its latest version calls the model.
        format: Format of the latest version's model.
        latest_digest: The version that was pushed last.
        visibility: Who may read it without having a role; none: as its namespace says.
    """

    name: str
    versions: int
    tags: int
    latest_pushed_at: datetime
    size_bytes: int
    model_name: str | None
    format: str | None
    latest_digest: Digest
    visibility: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """One version in a list: a manifest and the tags that point to it, newest tag first."""

    digest: Digest
    tags: tuple[str, ...]
    media_type: str
    artifact_type: str | None
    kind: str
    model_name: str | None
    model_version: str | None
    description: str | None
    model_format: str | None
    framework: str | None
    licence: str | None
    size_bytes: int
    layer_count: int
    pushed_at: datetime
    pushed_by: str
    note: str | None


@dataclass(frozen=True, slots=True)
class VersionMark:
    """A place in the list of versions: behind the one that was pushed then, as the number so and so.

    Attributes:
        pushed_at: Milliseconds since 1970.
        number: Tells versions of one moment apart.
    """

    pushed_at: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSummary:
    """One tag in a list.

    Attributes:
        digest: What it points to.
        updated_at: Since when.
        updated_by: Who let it.
    """

    name: str
    digest: Digest
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How much there is.

    Attributes:
        blobs: Each counted once, whoever links it.
    """

    repositories: int
    manifests: int
    tags: int
    blobs: int
    blob_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        number: Its place in the order of events.
        at: When.
        account: Who did it.
        action: What: ``manifest.push``, ``tag.set``, ``user.create``.
        repository: Where; empty where it is about no repository.
        digest: To which content, if to any.
        tag: To which tag, if to any.
        subject: Who or what else it is about: an account, a team, a token.
        detail: More, as JSON.
    """

    number: int
    at: datetime
    account: str
    action: str
    repository: str
    digest: str | None
    tag: str | None
    subject: str | None
    detail: str | None
