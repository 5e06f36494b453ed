"""Every exception that Orchard raises on purpose.

    OrchardError
    ├── UsageError                 the caller asked for something that makes no sense
    ├── InvalidError               a text, document or archive breaks its grammar
    │   ├── InvalidDigestError
    │   ├── InvalidReferenceError
    │   ├── InvalidDocumentError   JSON or YAML: a manifest, a config, a Kitfile
    │   │   └── NotAModelKitError  a sound artifact of another kind
    │   ├── UnsafeArchiveError     an archive member that must not be extracted
    │   ├── UnsafePathError        a path that leaves the directory it belongs in
    │   └── LimitExceededError     more bytes, entries or levels than we accept
    ├── IntegrityError             bytes that are not what their descriptor says
    ├── NotFoundError
    ├── ConflictError              something is already there, or has changed meanwhile
    │   └── PreconditionError      the caller asked to be refused in that case
    ├── DeniedError                the answer is no, whoever asks again the same way
    │   ├── UnauthenticatedError   the answer may change after a login
    │   └── QuotaError             the answer may change when something is deleted
    ├── UnsupportedError           the other side does not offer this
    ├── StorageError               where bytes or rows are kept failed: full, read-only, unreadable
    │   └── UnavailableError       it does not answer at the moment; the same may succeed later
    └── RemoteError                the other side could not be asked or failed to answer
        ├── RateLimitedError
        └── UpstreamError          a hub asked it on somebody's behalf

Names end in ``Error``. A message is one line that names the thing and, where there is one, the next step.
This module imports nothing.
"""


class OrchardError(Exception):
    """Anything that went wrong in a way Orchard foresaw."""


class UsageError(OrchardError):
    """The request contradicts itself or lacks something it needs."""


class InvalidError(OrchardError):
    """The input can never be accepted, however often it is sent."""


class InvalidDigestError(InvalidError):
    """Not a digest of an algorithm that we support."""


class InvalidReferenceError(InvalidError):
    """Not a reference, a repository name or a tag."""


class InvalidDocumentError(InvalidError):
    """A JSON or YAML document that breaks its grammar or its schema."""


class NotAModelKitError(InvalidDocumentError):
    """A sound OCI artifact that does not hold a machine-learning project."""


class UnsafeArchiveError(InvalidError):
    """An archive holds a member that must not be extracted."""


class UnsafePathError(InvalidError):
    """A path is absolute, or leaves the directory that it belongs in."""


class LimitExceededError(InvalidError):
    """The input is larger, longer or deeper than we accept."""


class IntegrityError(OrchardError):
    """Bytes do not match the digest or the size that was promised for them."""


class NotFoundError(OrchardError):
    """There is no such thing, or none that the caller may see."""


class ConflictError(OrchardError):
    """Something is already there, or changed while we were looking."""


class PreconditionError(ConflictError):
    """What the caller made a condition of does not hold: somebody else was faster."""


class DeniedError(OrchardError):
    """The caller may not do this."""


class UnauthenticatedError(DeniedError):
    """The caller is not known yet; logging in may help."""


class QuotaError(DeniedError):
    """There is no room for more: a namespace has used up what it may keep."""


class UnsupportedError(OrchardError):
    """The other side does not offer this operation."""


class StorageError(OrchardError):
    """The place where bytes or rows are kept failed: full, read-only or unreadable."""


class UnavailableError(StorageError):
    """The place where bytes or rows are kept does not answer at the moment; the same may succeed later."""


class RemoteError(OrchardError):
    """A registry could not be reached, or failed to answer properly."""


class UpstreamError(RemoteError):
    """A registry that a hub asked on somebody's behalf could not be reached, or failed to answer properly."""


class RateLimitedError(RemoteError):
    """The registry asked us to come back later."""
