"""Objects in S3, and in what speaks like it.

Where it is and who asks is said by the environment, in ``kit``'s variables first, then in Amazon's own:
``S3_API_ENDPOINT`` (path-style then) or ``AWS_ENDPOINT_URL_S3``, ``S3_REGION`` or ``AWS_REGION``, ``S3_ACCESS_KEY_ID``
and ``S3_SECRET_KEY`` or ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and ``AWS_SESSION_TOKEN``. Without credentials
requests are not signed, as public buckets want them.

An object is read in parts, each by a request of its own on the condition that the ETag is still the wanted one. So no
answer takes long, a broken connection costs one part, and an answer that does not end is cut off.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from orchard.errors import (
    ConflictError,
    DeniedError,
    IntegrityError,
    InvalidDocumentError,
    NotFoundError,
    RemoteError,
    UnsupportedError,
)
from orchard.formats import LockedObject
from orchard.oci import CHUNK, Readable

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import S3Store

PART: Final = 16 << 20  # bytes that one request asks for
_TIMEOUT: Final = "120s"  # for one request with its body
_RETRIES: Final = 4
_BUCKET: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61}[a-z0-9])?")
_SHOWN: Final = 200


class ObjectAddress(NamedTuple):
    """Where an object is.

    Attributes:
        bucket: Name of the bucket.
        key: Name of the object, decoded.
        version_id: Which of its versions; empty for the newest.
    """

    bucket: str
    key: str
    version_id: str


def parse_object_address(url: str) -> ObjectAddress:
    """Read ``s3://bucket/key[?versionId=...]``.

    Raises:
        InvalidDocumentError: If it is something else.
    """
    try:
        parts = urlsplit(url)
        key = unquote(parts.path.removeprefix("/"), errors="strict")
        query = parse_qs(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
    except ValueError as error:
        raise InvalidDocumentError(f"{url[:_SHOWN]!r} is not an address in S3: {error}") from error
    version = query.pop("versionId", [""])
    if parts.scheme != "s3" or _BUCKET.fullmatch(parts.netloc) is None or not key:
        raise InvalidDocumentError(f"{url[:_SHOWN]!r} is not an address in S3 (example: s3://bucket/path/to/key)")
    if query or len(version) > 1 or parts.fragment or url.endswith("#"):
        raise InvalidDocumentError(
            f"{url[:_SHOWN]!r}: only ?versionId=... may follow the key; write ? as %3F, # as %23"
        )
    return ObjectAddress(parts.netloc, key, version[0])


class S3Objects:
    """Objects by URL.

    Args:
        environ: The environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._stores: dict[str, S3Store] = {}

    def stat(self, url: str, version_id: str = "") -> LockedObject:
        """Say what an object is now, or was in a version.

        Args:
            url: Where it is.
            version_id: Which version, if the URL does not say it.

        Raises:
            InvalidDocumentError: If the URL is none of S3.
            NotFoundError: If there is none.
            DeniedError: If it may not be read.
            RemoteError: If S3 cannot be asked, or does not say what is needed.
            UnsupportedError: If the ``s3`` extra is not installed.
        """
        address = parse_object_address(url)
        wanted = address.version_id or version_id
        with _translated(url):
            meta = self._get(address, {"head": True, **_version(wanted)}).meta
        etag = (meta["e_tag"] or "").strip('"')
        if not etag:
            raise RemoteError(f"{url}: the server gives no ETag, so nobody can tell whether it has changed")
        version = meta["version"]
        # "null" is what a bucket says that keeps no versions, and it names whatever is there.
        return LockedObject(etag=etag, version_id="" if version in {None, "null"} else str(version), size=meta["size"])

    @contextmanager
    def open(self, url: str, wanted: LockedObject) -> Iterator[Readable]:
        """Open an object if it is the wanted one; the bytes are not verified.

        Raises:
            ConflictError: If it has changed, now or while it is read.
            IntegrityError: If an answer is longer or shorter than it has to be.
            OrchardError: As ``stat`` does.
        """
        yield _Body(self._parts(url, wanted))

    def _parts(self, url: str, wanted: LockedObject) -> Iterator[bytes]:
        address = parse_object_address(url)
        options: GetOptions = {"if_match": f'"{wanted.etag}"', **_version(address.version_id or wanted.version_id)}
        for start in range(0, wanted.size, PART):
            end = min(start + PART, wanted.size)
            with _translated(url):
                answer: GetResult = self._get(address, {**options, "range": (start, end)})
                yield from _exactly(answer, end - start, url)
        if not wanted.size:
            with _translated(url):
                self._get(address, {**options, "head": True})

    def _get(self, address: ObjectAddress, options: "GetOptions") -> "GetResult":
        import obstore  # noqa: PLC0415 -- an extra

        return obstore.get(self._store(address.bucket), address.key, options=options)

    def _store(self, bucket: str) -> "S3Store":
        """Open a bucket.

        Raises:
            UnsupportedError: If the ``s3`` extra is not installed.
        """
        if bucket not in self._stores:
            try:
                from obstore.store import S3Store  # noqa: PLC0415 -- an extra
            except ImportError as error:
                raise UnsupportedError(
                    "s3:// needs the s3 extra; install it with: pip install 'orchard[s3]'"
                ) from error
            self._stores[bucket] = S3Store(bucket, **_settings(self._environ))
        return self._stores[bucket]


class _Body:
    """An iterator as a ``Readable``."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        self._rest = self._rest or next(self._pieces, b"")
        chunk, self._rest = self._rest[:size], self._rest[size:]
        return chunk


def _exactly(answer: "GetResult", size: int, url: str) -> Iterator[bytes]:
    left = size
    for piece in answer.stream(min_chunk_size=CHUNK):
        left -= len(piece)
        if left < 0:
            raise IntegrityError(f"{url}: the server sends more than was asked for")
        yield bytes(piece)
    if left:
        raise IntegrityError(f"{url}: the server sends {size - left} bytes where {size} were asked for")


def _version(version_id: str) -> "GetOptions":
    return {"version": version_id} if version_id else {}


def _settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Put together what the environment says."""

    def first(*names: str) -> str:
        return next((environ[name] for name in names if environ.get(name)), "")

    endpoint = first("S3_API_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    key, secret = first("S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"), first("S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY")
    settings: dict[str, Any] = {
        "region": first("S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1",
        "skip_signature": not (key and secret),
        "virtual_hosted_style_request": not endpoint,
        "client_options": {"allow_http": endpoint.startswith("http://"), "timeout": _TIMEOUT, "connect_timeout": "20s"},
        "retry_config": {"max_retries": _RETRIES},
    }
    if endpoint:
        settings["endpoint"] = endpoint
    if key and secret:
        settings |= {"access_key_id": key, "secret_access_key": secret}
        if environ.get("AWS_SESSION_TOKEN") and not environ.get("S3_ACCESS_KEY_ID"):
            settings["session_token"] = environ["AWS_SESSION_TOKEN"]
    return settings


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn what the library raises into ours.

    Raises:
        NotFoundError: If there is no such object.
        ConflictError: If it has another ETag.
        DeniedError: If S3 refuses.
        RemoteError: In place of everything else.
        UnsupportedError: If the ``s3`` extra is not installed.
    """
    try:
        from obstore import exceptions  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UnsupportedError("s3:// needs the s3 extra; install it with: pip install 'orchard[s3]'") from error
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"{url}: there is no such object") from error
    except exceptions.PreconditionError as error:
        raise ConflictError(f"{url}: the object has changed since it was pinned") from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise DeniedError(
            f"{url}: S3 refuses; set S3_ACCESS_KEY_ID and S3_SECRET_KEY, or look at what they may"
        ) from error
    except (exceptions.BaseError, ValueError, OSError) as error:
        if "error sending request" in str(error):
            text = f"{url}: S3 cannot be reached; check $S3_API_ENDPOINT, and that this machine is online"
            raise RemoteError(text) from error
        raise RemoteError(f"{url}: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """Take the first line of a message, which goes on for pages."""
    line = str(error).strip().partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
