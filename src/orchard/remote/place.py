"""One repository of one registry, as the modules below ``repository`` see it."""

from dataclasses import dataclass

from orchard.errors import IntegrityError, InvalidDigestError, InvalidDocumentError
from orchard.oci import Descriptor, Digest, Document, mediatype, parse_document, wire
from orchard.remote.auth import Scope
from orchard.remote.client import Answer, Client, Request
from orchard.remote.origin import Url
from orchard.remote.unfinished import LEAST, Note, Target


@dataclass(frozen=True, slots=True)
class Place:
    """Where the content of a repository is.

    Attributes:
        client: The registry.
        repository: Name of the repository there.
    """

    client: Client
    repository: str

    @property
    def host(self) -> str:
        """The registry, as the user named it."""
        return self.client.host

    @property
    def name(self) -> str:
        """Registry and repository, for messages."""
        return f"{self.client.host}/{self.repository}"

    def url(self, *segments: str) -> Url:
        """Give the address of something below the repository."""
        return self.client.root.under(self.repository, *segments)

    @property
    def uploads(self) -> Url:
        """Where uploads are opened; the final slash is part of the endpoint."""
        return self.url("blobs", "uploads", "")

    def note(self, content: Descriptor) -> Note | None:
        """Open the note of an upload that may have to go on in another run; nothing if it is not worth one."""
        unfinished = self.client.unfinished
        if unfinished is None or content.size < LEAST:
            return None
        return unfinished.hold(Target(str(self.client.origin), self.repository, content.digest))

    def reading(self, method: str, *segments: str) -> Request:
        """Make a request that only reads; distribution 2 hides OCI documents from those who do not ask for them."""
        headers = {"Accept": mediatype.ACCEPT} if segments[0] == "manifests" else {}
        return Request(method=method, url=self.url(*segments), scope=Scope.pull(self.repository), headers=headers)

    def parse(self, raw: bytes, media_type: str, *, what: str) -> Document:
        """Read a document that the registry gave; an error says where it came from.

        Raises:
            InvalidDocumentError: If it is not a manifest or an index.
            LimitExceededError: If it names too much, or is nested too deep.
        """
        try:
            return parse_document(raw, media_type)
        except InvalidDocumentError as error:
            raise InvalidDocumentError(f"{self.name}: {what}: {error}") from error

    def check_digest(self, answer: Answer, wanted: Digest) -> None:
        """Compare the digest that the registry names with the one that is meant, if both are of one algorithm.

        Raises:
            IntegrityError: If they differ.
        """
        digest = self.named_digest(answer)
        if digest is not None and digest.algorithm == wanted.algorithm and digest != wanted:
            raise IntegrityError(f"{self.name}: says that {wanted} is {digest}")

    def named_digest(self, answer: Answer) -> Digest | None:
        """Give the digest that the registry names.

        Raises:
            IntegrityError: If it is not one.
        """
        named = answer.headers.get(wire.DIGEST_HEADER)
        try:
            return None if named is None else Digest.parse(named)
        except InvalidDigestError as error:
            raise IntegrityError(f"{self.name}: names an impossible digest: {error}") from error


def segments(content: Descriptor) -> tuple[str, str]:
    """Give the end of the path that content has in its repository."""
    return "manifests" if mediatype.is_document(content.media_type) else "blobs", str(content.digest)
