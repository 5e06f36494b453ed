"""What every endpoint of the API works with: the registry, threads, and the request."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeVar
from urllib.parse import parse_qs

from orchard.errors import ConflictError, DeniedError, InvalidError, InvalidReferenceError
from orchard.hub.access import Action, Principal
from orchard.hub.http.asgi import Scope
from orchard.hub.http.body import Body
from orchard.hub.http.crowd import Crowd
from orchard.hub.http.origin import origin_of
from orchard.hub.http.replies import Reply
from orchard.hub.http.threads import Threads
from orchard.hub.registry import DeletableRepository, OpenUpload, Page, ReadableRepository, Registry, WritableRepository

T = TypeVar("T")

PAGE: Final = 1000  # most items of one answer, and as many as a client gets that does not say
_FIELDS: Final = 128
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PATIENCE: Final = 3.0  # seconds to wait for the request before: a client that lost its connection comes back at once
_NAP: Final = 0.02
_OVERRIDE: Final = b"orchard-override"  # by which an administrator says why a rule is broken


class Call:
    """One request, and who sent it.

    Attributes:
        who: Who sent it.
        name: The repository that it is about, as far as the path says so.
        tail: What stands at the end of the path: a tag, a digest, a session.
        body: Its body.
        refusal: What is answered where there is no such upload; set if whoever sent the request has nothing but the
            address of an upload and a token that has run out since it began.
    """

    def __init__(
        self,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        *,
        who: Principal,
        path: tuple[str, str],
        body: Body,
        refusal: Reply | None = None,
    ) -> None:
        self._scope = scope
        self._headers = headers
        self.who = who
        self.name, self.tail = path
        self.body = body
        self.refusal = refusal

    @property
    def method(self) -> str:
        """What is to be done."""
        method: str = self._scope["method"]
        return method

    @property
    def path(self) -> str:
        """Where."""
        path: str = self._scope["path"]
        return path

    @property
    def uploads(self) -> bool:
        """Whether it is about an upload."""
        return self.path.startswith(f"/v2/{self.name}/blobs/uploads")

    @property
    def origin(self) -> str:
        """The address that the client asked."""
        return origin_of(self._scope, self._headers)

    def header(self, name: bytes) -> str | None:
        """Give a header, if it was sent."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def fields(self) -> int:
        """How many parameters stand behind the question mark, be they readable or not."""
        query: bytes = self._scope["query_string"]
        return query.count(b"&") + 1 if query else 0

    @property
    def asks_more(self) -> bool:
        """Whether there is anything behind a question mark."""
        return bool(self._scope["query_string"])

    @cached_property
    def query(self) -> Mapping[str, Sequence[str]]:
        """The parameters behind the question mark.

        Raises:
            InvalidError: If there are too many.
        """
        try:
            return parse_qs(
                self._scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=_FIELDS
            )
        except ValueError as error:
            raise InvalidError(f"the query cannot be read: {error}") from error

    def parameter(self, name: str) -> str | None:
        """Give a parameter, if it was sent; of several, the first."""
        return self.query.get(name, (None,))[0]

    @property
    def page(self) -> Page:
        """Which part of a list is wanted.

        Raises:
            InvalidError: If ``n`` is not a number.
        """
        wanted = self.parameter("n")
        return Page(self.parameter("last") or "", PAGE if wanted is None else min(number(wanted, "n"), PAGE))


def number(text: str, name: str) -> int:
    """Read a parameter that is a number.

    Raises:
        InvalidError: If it is none, or larger than any that we give.
    """
    if _NUMBER.fullmatch(text) is None:
        raise InvalidError(f"{name}={text[:32]!r} is not a number")
    return int(text)


@dataclass(frozen=True, slots=True)
class Service:
    """What endpoints work with.

    Attributes:
        registry: What is served.
        threads: Where waiting is done.
        min_chunk: Bytes that chunks of an upload should have at least, because smaller ones cost the storage much; they
            are taken all the same.
        crowd: Whose long answers are on their way.
    """

    registry: Registry
    threads: Threads
    min_chunk: int = 0
    crowd: Crowd = field(default_factory=Crowd)

    async def reading(self, call: Call) -> ReadableRepository:
        """Open the repository that a request is about.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If whoever asks may not.
        """
        return await self._open(call, Action.PULL, self.registry.readable)

    async def writing(self, call: Call) -> WritableRepository:
        """Open the repository that a request is about, for writing.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If whoever asks may not.
        """
        override = call.header(_OVERRIDE)
        if override is not None:
            return await self.threads.run(lambda: self.registry.writable(call.who, call.name, override=override))
        return await self._open(call, Action.PUSH, self.registry.writable)

    async def deleting(self, call: Call) -> DeletableRepository:
        """Open the repository that a request is about, for taking things out of it.

        Raises:
            InvalidReferenceError: If this cannot be a repository's name.
            DeniedError: If whoever asks may not.
        """
        override = call.header(_OVERRIDE)
        if override is not None:
            return await self.threads.run(lambda: self.registry.deletable(call.who, call.name, override=override))
        return await self._open(call, Action.DELETE, self.registry.deletable)

    async def ask(self, repository: ReadableRepository, work: Callable[[], T]) -> T:
        """Ask a repository something in a thread; in one that may wait long, if another machine has to be asked."""
        return await (self.threads.wait if repository.distant else self.threads.run)(work)

    async def namespace(self, call: Call) -> str | None:
        """Let a request that says which registry it means (``ns``) be about what the hub keeps of that registry.

        That is what stands for the registry, or whatever repository has a name that begins with its host, such as
        ``docker.io/library/busybox``. Where there is no such repository, the parameter is ignored, as it may be.
        Gives the registry, if the request is about it now.

        Raises:
            InvalidError: If the parameters cannot be read.
            StorageError: If the catalog fails.
        """
        source = call.parameter("ns")
        name = f"{source}/{call.name}" if source is None else self.registry.name_of(source, call.name)
        try:
            if source is None or not await self.threads.run(lambda: self.registry.holds(call.who, name)):
                return None
        except InvalidReferenceError:
            return None
        call.name = name
        return source

    async def would_help(self, call: Call, actions: Iterable[str]) -> bool:
        """Tell whether another token of the same account would do for what a request is about."""
        who = call.who.without_ticket()
        openings: dict[Action, Callable[[Principal, str], object]] = {
            Action.PULL: self.registry.readable,
            Action.PUSH: self.registry.writable,
            Action.DELETE: self.registry.deletable,
        }

        def attempt() -> bool:
            try:
                for action in actions:
                    openings[Action(action)](who, call.name)
            except DeniedError:
                return False
            return True

        return await self.threads.run(attempt)

    async def _open(self, call: Call, action: Action, opening: Callable[[Principal, str], T]) -> T:
        """Open a repository, in a thread if it takes waiting to find out whether somebody may."""
        if self.registry.decided(call.who, action, call.name):
            return opening(call.who, call.name)
        return await self.threads.run(lambda: opening(call.who, call.name))

    @asynccontextmanager
    async def holding(self, take: Callable[[], OpenUpload]) -> AsyncIterator[OpenUpload]:
        """Hold an upload session while the block runs, waiting a little while another request has it.

        Raises:
            ConflictError: If that request does not end.
        """
        upload = await self._patiently(take)
        try:
            yield upload
        finally:
            await self.threads.run(upload.close)

    async def _patiently(self, take: Callable[[], OpenUpload]) -> OpenUpload:
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while True:
            try:
                return await self.threads.run(take)
            except ConflictError:
                if loop.time() >= until:
                    raise
            await asyncio.sleep(_NAP)
