"""Descriptors: the typed, sized name of content (OCI image spec, descriptor.md)."""

from typing import Annotated, Final, TypeVar

import msgspec

from orchard.errors import InvalidDigestError, InvalidDocumentError
from orchard.oci.digest import Digest
from orchard.oci.strictjson import JSON

T = TypeVar("T")

MAX_SIZE: Final = 2**63 - 1


class Platform(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which machine a manifest of an index is for."""

    architecture: str = ""
    os: str = ""


class Descriptor(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """What some content is called: its type, its digest and its size.

    Fields of the spec that we do not use (``urls`` above all: never fetched) are dropped when parsed; the document that
    a descriptor came from keeps them, because its received bytes are kept.

    Attributes:
        media_type: Type of the content.
        digest: Its name.
        size: Its length in bytes, as claimed; ``Verifying`` finds out.
        annotations: Free key/value pairs.
        artifact_type: For a manifest in an index, what kind of artifact it is.
    """

    media_type: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_SIZE)]
    annotations: dict[str, str] = {}
    artifact_type: str | None = None
    platform: Platform | None = None

    def __hash__(self) -> int:
        return hash(self.digest)

    def to_json(self) -> dict[str, JSON]:
        """Give the JSON object of this descriptor, keys in the order of the spec, absent ones left out."""
        result: dict[str, JSON] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.annotations:
            result["annotations"] = dict(self.annotations)
        if self.platform is not None:
            result["platform"] = {"architecture": self.platform.architecture, "os": self.platform.os}
        if self.artifact_type is not None:
            result["artifactType"] = self.artifact_type
        return result

    @classmethod
    def of(cls, data: bytes, media_type: str, *, annotations: dict[str, str] | None = None) -> "Descriptor":
        """Describe bytes that are in memory, by sha256."""
        return cls(media_type=media_type, digest=Digest.of(data), size=len(data), annotations=annotations or {})


def convert(value: JSON, kind: type[T], *, what: str) -> T:
    """Read a strictly parsed JSON value as one of our structs.

    Raises:
        InvalidDocumentError: Naming the place, such as ``$.layers[3].digest``.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise InvalidDocumentError(f"{what}: {error}") from error


def _decode(kind: type, value: object) -> Digest:
    if kind is not Digest:
        raise NotImplementedError(kind)
    if not isinstance(value, str):
        raise ValueError("a digest must be a string")  # noqa: TRY004 -- msgspec adds the place to a ValueError only
    try:
        return Digest.parse(value)
    except InvalidDigestError as error:
        raise ValueError(error) from error
