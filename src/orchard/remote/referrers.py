"""Who refers to a document: the referrers API, and the tag scheme where a registry has none.

OCI distribution spec 1.1, "Listing Referrers" and "Pushing Manifests with Subject".
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from threading import Lock
from typing import Final

from orchard.errors import InvalidDocumentError, NotFoundError
from orchard.oci import JSON, MAX_MANIFEST, Descriptor, Digest, Document, Index, dumps, loads, mediatype
from orchard.remote.client import Answer
from orchard.remote.documents import Documents
from orchard.remote.pages import pages
from orchard.remote.place import Place

MAX_ALGORITHM: Final = 32
MAX_REFERENCE: Final = 64

_NOT_IN_TAGS: Final = re.compile(r"[^A-Za-z0-9._-]")
_ABSENT: Final = frozenset({400, 404, 405, 501})  # how registries without the API answer


class Referrers:
    """The referrers of a repository's documents."""

    def __init__(self, place: Place, documents: Documents) -> None:
        self._place = place
        self._documents = documents
        self._offered: bool | None = None  # whether there is an API, once known
        self._lock = Lock()

    def of(self, subject: Digest, artifact_type: str | None) -> Iterator[Descriptor]:
        """Give what refers to a document, only of one artifact type if one is given.

        Raises:
            InvalidDocumentError: If the list is not an index.
            OrchardError: As ``pages``.
        """
        for found in self._all(subject, artifact_type):
            if artifact_type is None or found.artifact_type == artifact_type:
                yield found

    def add(self, document: Document, subject: Digest) -> None:
        """Write down in the tag scheme that a document refers to another; no API of the registry does it for us.

        Safe to repeat, and from several threads; two programs at once may still lose an entry, as with any client.

        Raises:
            InvalidDocumentError: If what has the tag is not an index.
            OrchardError: As ``Documents.put``.
        """
        tag = fallback_tag(subject)
        entry = document.describe().to_json() | ({"artifactType": document.kind} if document.kind else {})
        with self._lock:
            listed = self._tagged(tag)
            if any(isinstance(known, dict) and known.get("digest") == entry["digest"] for known in listed):
                return
            index = {"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": [*listed, entry]}
            self._documents.put(dumps(index), mediatype.OCI_INDEX, tag)

    def _all(self, subject: Digest, artifact_type: str | None) -> Iterator[Descriptor]:
        if self._offered is not False:
            for answer in self._from_api(subject, artifact_type):
                yield from self._index(answer.body).manifests
        if self._offered is False:
            raw = self._tagged_raw(fallback_tag(subject))
            yield from () if raw is None else self._index(raw).manifests

    def _from_api(self, subject: Digest, artifact_type: str | None) -> Iterator[Answer]:
        request = self._place.reading("GET", "referrers", str(subject))
        url = request.url if artifact_type is None else request.url.asking({"artifactType": artifact_type})
        headers = {"Accept": mediatype.OCI_INDEX}
        for answer in pages(self._place.client, replace(request, url=url, headers=headers, wanted=_ABSENT | {200})):
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            self._offered = answer.status == 200 and kind == mediatype.OCI_INDEX  # noqa: PLR2004 -- the HTTP status
            if not self._offered:
                return
            yield answer

    def _tagged_raw(self, tag: str) -> bytes | None:
        try:
            return self._documents.get(tag)[1]
        except NotFoundError:
            return None

    def _tagged(self, tag: str) -> list[JSON]:
        """Give the entries of a tagged index as they stand there, foreign fields included."""
        raw = self._tagged_raw(tag)
        if raw is None:
            return []
        self._index(raw)
        value = loads(raw, what=tag, limit=MAX_MANIFEST)
        listed = value.get("manifests") if isinstance(value, dict) else None
        return listed if isinstance(listed, list) else []

    def _index(self, raw: bytes) -> Index:
        document = self._place.parse(raw, "", what="list of referrers")
        if not isinstance(document, Index):
            raise InvalidDocumentError(f"{self._place.name}: the list of referrers is not an index")
        return document


def fallback_tag(subject: Digest) -> str:
    """Give the tag under which the tag scheme keeps the referrers of a document (distribution spec, same section)."""
    algorithm, value = subject.algorithm[:MAX_ALGORITHM], subject.hex[:MAX_REFERENCE]
    return _NOT_IN_TAGS.sub("-", f"{algorithm}-{value}")
