"""Manifests and indexes of one repository: small, read whole, named by what their bytes hash to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from orchard.errors import DeniedError, IntegrityError, NotFoundError, UnsupportedError
from orchard.oci import MAX_MANIFEST, Descriptor, Digest, mediatype
from orchard.remote.auth import Scope
from orchard.remote.client import Answer, Data, Request
from orchard.remote.place import Place

DELETED: Final = frozenset({200, 202, 204})


class Documents:
    """The documents of a repository, by digest or tag."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def find(self, target: str) -> Descriptor:
        """Describe a document, without fetching it where the registry says enough.

        Raises:
            NotFoundError: If there is none.
            IntegrityError: If the registry names another digest than the one that was asked for.
            OrchardError: As ``Client.send``.
        """
        request = self._place.reading("HEAD", "manifests", target)
        try:
            with self._naming(target):
                answer = self._place.client.ask(request)
        except (UnsupportedError, DeniedError):
            return self.get(target)[0]  # no HEAD here; or a refusal, whose reason only the answer to a GET holds
        described = self._described(answer, target)
        return self.get(target)[0] if described is None else described

    def get(self, target: str) -> tuple[Descriptor, bytes]:
        """Fetch a document; its digest is computed, never believed.

        Raises:
            NotFoundError: If there is none.
            IntegrityError: If its bytes are not what was asked for, or not what the registry says.
            InvalidDocumentError: If it is not a manifest or an index.
            LimitExceededError: If it is over 4 MiB.
            OrchardError: As ``Client.send``.
        """
        request = self._place.reading("GET", "manifests", target)
        with self._naming(target):
            answer = self._place.client.ask(replace(request, limit=MAX_MANIFEST))
        wanted = Digest.parse(target) if ":" in target else self._place.named_digest(answer)
        actual = Digest.of(answer.body, "sha256" if wanted is None else wanted.algorithm)
        if wanted is not None and actual != wanted:
            raise IntegrityError(f"{self._place.name}: {target}: the content is {actual}, not {wanted}")
        document = self._place.parse(answer.body, _media_type(answer), what=target)
        return document.describe(actual.algorithm), answer.body

    def put(self, raw: bytes, media_type: str, target: str) -> Answer:
        """Write a document under a digest or a tag, byte for byte.

        Raises:
            IntegrityError: If the registry then names another digest than that of the bytes.
            OrchardError: As ``Client.send``.
        """
        request = Request(
            method="PUT",
            url=self._place.url("manifests", target),
            scope=Scope.push(self._place.repository),
            headers={"Content-Type": media_type},
            body=Data(raw),
            wanted=frozenset({200, 201, 202}),
            commits=True,
        )
        answer = self._place.client.ask(request)
        named = self._place.named_digest(answer)
        self._place.check_digest(answer, Digest.of(raw, "sha256" if named is None else named.algorithm))
        return answer

    def delete(self, target: str) -> None:
        """Delete a tag, or a document with all its tags.

        Raises:
            NotFoundError: If there is none.
            UnsupportedError: If the registry deletes nothing, or not by tag.
            OrchardError: As ``Client.send``.
        """
        scope = Scope.delete(self._place.repository)
        url = self._place.url("manifests", target)
        wanted = DELETED if ":" in target else DELETED | {400}  # what distribution 2 says to a tag
        with self._naming(target):
            answer = self._place.client.ask(Request(method="DELETE", url=url, scope=scope, wanted=wanted))
        if answer.status not in DELETED:
            raise UnsupportedError(f"{self._place.host} deletes by digest only, not the tag {target}")

    @contextmanager
    def _naming(self, target: str) -> Iterator[None]:
        """Say what was not found the way people name it.

        Raises:
            NotFoundError: In the place of one that names a path.
        """
        try:
            yield
        except NotFoundError as error:
            mark = "@" if ":" in target else ":"
            raise NotFoundError(f"{self._place.name}{mark}{target} does not exist") from error

    def _described(self, answer: Answer, target: str) -> Descriptor | None:
        """Read a descriptor from headers; nothing if one of its parts is missing."""
        named, media_type = self._place.named_digest(answer), _media_type(answer)
        size = answer.headers.get("Content-Length", "")
        digest = Digest.parse(target) if ":" in target else named
        if digest is not None:
            self._place.check_digest(answer, digest)
        if digest is None or not media_type or not (size.isascii() and size.isdigit()):
            return None
        return Descriptor(media_type=media_type, digest=digest, size=int(size[:19]))


def _media_type(answer: Answer) -> str:
    """Give the type of a document as the registry names it; empty if it names none that could be right."""
    named = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    return named if mediatype.is_document(named) else ""
