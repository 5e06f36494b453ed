"""A part of a bucket: putting, getting, erasing and listing objects, every failure as an error of ours.

Requests are tried again a few times where that is safe: objects have names that nobody uses twice, so putting one again
is. A body is signed where the line is not encrypted, so that a broken one is refused (0.7 CPU-s a GiB more).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from orchard.errors import ConflictError, NotFoundError, StorageError, UnavailableError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from obstore.store import S3Store

_ATTEMPTS: Final = 3  # further ones of a request that failed
_TRUNCATED: Final = 3  # times that a part is asked for when less than all of it comes
_CONNECT: Final = "5s"
_TIMEOUT: Final = "60s"
_PATIENCE: Final = timedelta(seconds=60)  # after that a request is not tried again
_BACKOFF: Final[Any] = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2}
_LISTED: Final = 1000
_MARK: Final = "orchard-hub"
_SHOWN: Final = 200
_TYPE: Final = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where objects are.

    Attributes:
        bucket: Name of the bucket.
        prefix: What all names begin with; empty, or without a slash at either end.
        endpoint: Address of the server, if it is not Amazon's.
        region: Its region.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"

    @classmethod
    def parse(cls, url: str, *, endpoint: str | None = None, region: str = "us-east-1") -> Self:
        """Read ``s3://bucket/prefix``.

        Raises:
            UsageError: If it is something else.
        """
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
        odd = parts.query or parts.fragment or "//" in prefix or {".", ".."} & set(prefix.split("/"))
        if parts.scheme != "s3" or not parts.netloc or odd:
            raise UsageError(f"{url[:_SHOWN]!r} is no place for blobs (example: s3://bucket/prefix)")
        return cls(bucket=parts.netloc, prefix=prefix, endpoint=endpoint or None, region=region)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a list.

    Attributes:
        key: Its name, without the prefix.
        written: When it was put, by the clock of the store.
    """

    key: str
    written: datetime


class Bucket:
    """Objects at an address. Credentials are those of Amazon's variables, else those of the machine."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._store = _open(address)

    def __str__(self) -> str:
        return str(self._address)

    def claim(self, owner: str) -> None:
        """Say whose objects these are. Two catalogs in one place would take each other's objects for garbage.

        Raises:
            ConflictError: If they are somebody else's.
            StorageError: If that cannot be told.
        """
        import obstore  # noqa: PLC0415 -- an extra

        with _translated(str(self), missing="there is no such bucket"), suppress(obstore.exceptions.AlreadyExistsError):
            obstore.put(self._store, _MARK, owner.encode(), mode="create", use_multipart=False)
        with _translated(str(self)):
            found = bytes(obstore.get(self._store, _MARK).bytes()).decode(errors="replace")
        if found != owner:
            raise ConflictError(
                f"{self} holds the blobs of another hub; take another prefix, or erase {self}/{_MARK} if it is gone"
            )

    def put(self, key: str, data: bytes) -> None:
        """Write an object; durable when this returns.

        Raises:
            StorageError: If that fails.
        """
        import obstore  # noqa: PLC0415 -- an extra

        with _translated(f"{self}/{key}", missing="there is no such bucket"):
            obstore.put(self._store, key, data, use_multipart=False, attributes=_TYPE)

    def get(self, key: str, start: int, stop: int) -> bytes:
        """Read some bytes of an object, exactly those.

        Raises:
            NotFoundError: If it is not there.
            StorageError: If they cannot be read.
        """
        import obstore  # noqa: PLC0415 -- an extra

        count = 0
        for _ in range(_TRUNCATED):
            with _translated(f"{self}/{key}"):
                data = bytes(obstore.get_range(self._store, key, start=start, end=stop))
            count = len(data)
            if count == stop - start:
                return data
        raise StorageError(f"{self}/{key}: {count} bytes come where {stop - start} were asked for")

    def erase(self, keys: Sequence[str]) -> None:
        """Erase objects, those that are there.

        Raises:
            StorageError: If that fails.
        """
        import obstore  # noqa: PLC0415 -- an extra

        with _translated(str(self)):
            obstore.delete(self._store, list(keys))

    def list(self, under: str) -> Iterator[list[Listed]]:
        """List the objects below a name, up to 1000 at a time.

        Raises:
            StorageError: If that fails.
        """
        import obstore  # noqa: PLC0415 -- an extra

        with _translated(str(self), missing="there is no such bucket"):
            for page in obstore.list(self._store, under, chunk_size=_LISTED):
                yield [Listed(found["path"], found["last_modified"]) for found in page]

    def sign(self, key: str, seconds: int) -> str:
        """Give an address from which anybody can read an object for a while.

        Raises:
            StorageError: If there are no credentials.
        """
        import obstore  # noqa: PLC0415 -- an extra

        with _translated(f"{self}/{key}"):
            return obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))


def _open(address: Address) -> "S3Store":
    """Open a bucket; nothing is asked for yet.

    Raises:
        UnsupportedError: If the ``s3`` extra is not installed.
        UsageError: If the address cannot be one.
    """
    try:
        from obstore.store import S3Store  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UnsupportedError("s3:// needs the s3 extra; install it with: pip install 'orchard[hub,s3]'") from error
    plain = (address.endpoint or "").startswith("http://")
    options: dict[str, Any] = {} if address.endpoint is None else {"endpoint": address.endpoint}
    try:
        return S3Store(
            address.bucket,
            prefix=address.prefix or None,
            region=address.region,
            virtual_hosted_style_request=address.endpoint is None,
            unsigned_payload=not plain,
            client_options={"allow_http": plain, "connect_timeout": _CONNECT, "timeout": _TIMEOUT},
            retry_config={"max_retries": _ATTEMPTS, "retry_timeout": _PATIENCE, "backoff": _BACKOFF},
            **options,
        )
    except Exception as error:
        raise UsageError(f"{address} cannot be used: {_brief(error)}") from error


@contextmanager
def _translated(what: str, *, missing: str = "there is no such object") -> Iterator[None]:
    """Turn what the library raises into ours.

    Raises:
        NotFoundError: If there is no such object.
        UnavailableError: If the store does not answer, or refuses us.
        StorageError: In place of everything else.
    """
    from obstore import exceptions  # noqa: PLC0415 -- an extra

    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error) or "bucket" in missing:
            raise UnavailableError(f"{what}: there is no such bucket; make it") from error
        raise NotFoundError(f"{what}: {missing}") from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise UnavailableError(f"{what}: the object store refuses the hub's credentials: {_brief(error)}") from error
    except (exceptions.BaseError, ValueError, OSError) as error:
        raise UnavailableError(f"{what}: the object store does not do its part: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """Take the first line of a message, which goes on for pages."""
    line = str(error).strip().partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
