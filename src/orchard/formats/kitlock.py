"""``Kitfile.lock``: what the references of a Kitfile meant when it was packed, so that they mean the same for ever.

    {
      "version": 1,
      "kits": {"registry.example.com/team/base:v1": "sha256:…"},
      "objects": {"s3://bucket/train.csv": {"etag": "…", "versionId": "…", "size": 42, "sha256": "sha256:…"}}
    }

The file stands beside the Kitfile. The same value travels in the manifest of the kit, as an annotation, so that whoever
pulls or unpacks the kit gets what was pinned. Strict: it is ours, and an unknown key may change its meaning.
"""

from typing import Annotated, Final

import msgspec

from orchard.errors import InvalidDocumentError
from orchard.oci import JSON, Digest, Manifest, convert, dumps, loads

LOCK_ANNOTATION: Final = "ml.orchard.kitfile.lock"
LOCK_SUFFIX: Final = ".lock"
MAX_LOCK: Final = 1 << 20  # bytes
_VERSION: Final = 1

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class LockedObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An object in S3.

    Attributes:
        etag: Without quotes.
        version_id: Of a bucket that keeps versions; empty if it does not.
        size: Bytes.
        sha256: Of the content, if somebody has read it.
    """

    etag: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    version_id: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    size: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    sha256: Digest | None = None

    def to_json(self) -> dict[str, JSON]:
        """Give the JSON object, absent keys left out."""
        result: dict[str, JSON] = {"etag": self.etag}
        if self.version_id:
            result["versionId"] = self.version_id
        result["size"] = self.size
        if self.sha256 is not None:
            result["sha256"] = str(self.sha256)
        return result


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What references mean.

    Attributes:
        version: Of this format.
        kits: Manifest digests, by reference as a Kitfile writes it.
        objects: Objects, by URL as a Kitfile writes it.
    """

    version: int = _VERSION
    kits: dict[_Text, Digest] = {}
    objects: dict[_Text, LockedObject] = {}

    def __bool__(self) -> bool:
        """Whether it pins anything."""
        return bool(self.kits or self.objects)

    def to_json(self) -> dict[str, JSON]:
        """Give the JSON object, its keys sorted."""
        kits: dict[str, JSON] = {text: str(self.kits[text]) for text in sorted(self.kits)}
        objects: dict[str, JSON] = {url: self.objects[url].to_json() for url in sorted(self.objects)}
        return {"version": self.version, "kits": kits, "objects": objects}

    def to_annotation(self) -> str:
        """Write it in one line."""
        return dumps(self.to_json()).decode()

    def to_file(self) -> bytes:
        """Write it for people, and for Git: a line a pin."""
        return msgspec.json.format(dumps(self.to_json()), indent=2) + b"\n"


def parse_lock(raw: bytes, *, what: str) -> Lock:
    """Read a lock.

    Raises:
        InvalidDocumentError: If it breaks the grammar, or is of another version.
        LimitExceededError: If it is over 1 MiB.
    """
    lock = convert(loads(raw, what=what, limit=MAX_LOCK), Lock, what=what)
    if lock.version != _VERSION:
        raise InvalidDocumentError(f"{what}: version {lock.version} is not supported; this version reads {_VERSION}")
    return lock


def lock_of(manifest: Manifest, *, what: str) -> Lock:
    """Read the lock that a kit carries; an empty one if it carries none.

    Raises:
        InvalidDocumentError: If it breaks the grammar.
        LimitExceededError: If it is over 1 MiB.
    """
    text = manifest.annotations.get(LOCK_ANNOTATION)
    return Lock() if text is None else parse_lock(text.encode(), what=f"{what}: annotation {LOCK_ANNOTATION}")
