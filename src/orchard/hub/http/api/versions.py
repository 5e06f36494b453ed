"""Versions: one manifest digest in one repository, with the tags that point to it."""

import re
from typing import Annotated, Any, Final

from msgspec import Meta, Raw

from orchard.errors import ConflictError, InvalidError, OrchardError, UnsupportedError
from orchard.hub.access import Principal
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.shapes import (
    Bytes,
    Count,
    DigestText,
    Moment,
    Output,
    Paged,
    Part,
    QueryText,
    RepositoryName,
    SortText,
    TagName,
    VersionName,
)
from orchard.hub.registry import (
    FIRST,
    Page,
    ReadableRepository,
    Registry,
    VersionDetail,
    VersionMark,
    VersionSummary,
    Wish,
    asking,
    parse,
)
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, convert, loads

_MARK: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_MAX_DESCRIPTOR: Final = 2 * MAX_MANIFEST


class Version(Output, frozen=True):
    """A version: one manifest and the tags that point to it.

    Attributes:
        digest: The digest of its manifest: its name for ever.
        tags: Tags that point to it, the newest first.
        media_type: Type of the manifest.
        artifact_type: What kind of artifact it says it is.
        kind: What people call such an artifact: ModelKit, ModelPack, image, index, artifact.
        model_name: What it calls the model.
        model_version: What it calls this version.
        description: What it says about itself.
        format: Format of the model.
        framework: Framework of the model.
        licence: Its licence.
        size_bytes: Bytes of everything that it names.
        layer_count: Layers; of an index, manifests.
        pushed_at: When it came.
        pushed_by: Who pushed it.
        note: Why facts are missing, if they could not be read.
    """

    digest: DigestText
    tags: list[TagName]
    media_type: str
    artifact_type: str | None
    kind: Annotated[str, Meta(examples=["ModelKit"])]
    model_name: str | None
    model_version: str | None
    description: str | None
    format: str | None
    framework: str | None
    licence: str | None
    size_bytes: Bytes
    layer_count: Count
    pushed_at: Moment
    pushed_by: str
    note: str | None


class Referrer(Output, frozen=True):
    """A manifest that is about another one: a signature, an attestation, a bill of materials.

    Attributes:
        digest: Its name.
        media_type: Type of the manifest.
        artifact_type: What kind of artifact it is.
        size_bytes: Bytes of the manifest itself.
        annotations: What it says about itself.
    """

    digest: DigestText
    media_type: str
    artifact_type: str | None
    size_bytes: Bytes
    annotations: dict[str, str]


class WholeVersion(Version, frozen=True):
    """A version, with its documents.

    Attributes:
        manifest: The manifest as it was pushed.
        config: The config that it names, if that is JSON: of a ModelKit, its Kitfile.
        referrers: What is about it, the first 200; `/referrers` lists all.
    """

    manifest: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    config: Raw
    referrers: list[Referrer]


class ReferrerQuery(Paged, frozen=True):
    """Which referrers are wanted.

    Attributes:
        artifact_type: Those of this kind only.
    """

    artifact_type: Annotated[str, Meta(max_length=255)] = ""


class VersionQuery(Paged, frozen=True):
    """Which versions are wanted.

    Attributes:
        q: What they must be, in the language of `/search`.
        sort: In which order they come, as of `/search`; the newest first, if it is empty and `q` holds no words.
    """

    after: Annotated[str, Meta(max_length=2048, extra_json_schema={"pattern": "^[A-Za-z0-9_-]*$"})] = ""
    q: QueryText = ""
    sort: SortText = ""


class Versions:
    """Versions: manifests in a repository, with the tags that point to them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @operation("GET", "/repositories/{+repository}/-/versions")
    def list_versions(self, who: Principal, *, repository: RepositoryName, query: VersionQuery) -> Part[Version]:
        """List the versions of a repository, newest first.

        Referrers are none, nor are untagged manifests that an index lists.
        """
        readable = self._registry.readable(who, repository)
        if query.q or query.sort:
            return self._find(readable, query)
        found, following = self._registry.overview.versions(readable, after=_mark(query.after), limit=query.limit)
        after = None if following is None else f"{following.pushed_at}-{following.number}"
        return Part([shown(one) for one in found], after)

    def _find(self, readable: ReadableRepository, query: VersionQuery) -> Part[Version]:
        readable.require()
        wish = Wish(query=parse(query.q), sort=query.sort, after=query.after, limit=query.limit)
        found = self._registry.finder.find_in(readable, wish)
        return Part([shown(hit.version) for hit in found.hits], found.after)

    @operation("GET", "/repositories/{+repository}/-/versions/{version}")
    def get_version(self, who: Principal, *, repository: RepositoryName, version: VersionName) -> WholeVersion:
        """Show one version with its manifest, its config and what refers to it."""
        return _whole(self._registry.version(who, repository, asking.reference_of(version)))

    @operation("GET", "/repositories/{+repository}/-/versions/{version}/referrers")
    def list_referrers(
        self, who: Principal, *, repository: RepositoryName, version: VersionName, query: ReferrerQuery
    ) -> Part[Referrer]:
        """List what is about a version: signatures, attestations, bills of materials; by digest."""
        readable = self._registry.readable(who, repository)
        subject = readable.manifest(asking.reference_of(version)).digest
        rows, more = readable.referrers(subject, Page(query.after, query.limit), query.artifact_type or None)
        found = [
            _referrer(convert(loads(row.encode(), what="referrer", limit=_MAX_DESCRIPTOR), Descriptor, what="referrer"))
            for row in rows
        ]
        return Part(found, found[-1].digest if more and found else None)

    @operation("DELETE", "/repositories/{+repository}/-/versions/{version}", UnsupportedError, ConflictError)
    def delete_version(self, who: Principal, *, repository: RepositoryName, version: DigestText) -> None:
        """Delete a version and all tags that point to it; name it by its digest.

        An index that lists it must be deleted first.
        """
        self._registry.deletable(who, repository).delete_manifest(Digest.parse(version))


def shown(summary: VersionSummary) -> Version:
    """Show a version."""
    return Version(**_facts(summary))


def _facts(summary: VersionSummary) -> dict[str, Any]:
    return {
        "digest": str(summary.digest),
        "tags": list(summary.tags),
        "media_type": summary.media_type,
        "artifact_type": summary.artifact_type,
        "kind": summary.kind,
        "model_name": summary.model_name,
        "model_version": summary.model_version,
        "description": summary.description,
        "format": summary.model_format,
        "framework": summary.framework,
        "licence": summary.licence,
        "size_bytes": summary.size_bytes,
        "layer_count": summary.layer_count,
        "pushed_at": summary.pushed_at,
        "pushed_by": summary.pushed_by,
        "note": summary.note,
    }


def _whole(found: VersionDetail) -> WholeVersion:
    return WholeVersion(
        **_facts(found.summary),
        manifest=Raw(found.document.raw),
        config=Raw(_document(found.config)),
        referrers=[_referrer(one) for one in found.referrers],
    )


def _document(config: bytes | None) -> bytes:
    """Give a config as it was pushed, if it is JSON; a config may be anything."""
    if config is None:
        return b"null"
    try:
        loads(config, what="config", limit=len(config))
    except OrchardError:
        return b"null"
    return config


def _referrer(descriptor: Descriptor) -> Referrer:
    return Referrer(
        digest=str(descriptor.digest),
        media_type=descriptor.media_type,
        artifact_type=descriptor.artifact_type,
        size_bytes=descriptor.size,
        annotations=descriptor.annotations,
    )


def _mark(after: str) -> VersionMark:
    """Read where the part before ended.

    Raises:
        InvalidError: If it does not say that.
    """
    if not after:
        return FIRST
    match = _MARK.fullmatch(after)
    if match is None:
        raise InvalidError(f"after={after[:64]!r} does not come from the `next` of this list")
    return VersionMark(int(match[1]), int(match[2]))
