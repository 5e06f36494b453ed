"""A service that is no registry, asked with plain GETs: lists in pages, small documents, large files that resume."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Self

from orchard.errors import OrchardError
from orchard.oci import Readable, read_bounded
from orchard.remote.allowance import Allowance, Means
from orchard.remote.backoff import Timing, retry_after
from orchard.remote.client import Answer
from orchard.remote.download import PARTIAL
from orchard.remote.exchange import Exchanges, Sending, first_bytes
from orchard.remote.failures import HIDDEN, Refusal, TransientError
from orchard.remote.fetching import Span, begun, range_header
from orchard.remote.options import Options
from orchard.remote.origin import Url
from orchard.remote.pages import MAX_BODY, linked
from orchard.remote.reading import open_spans

if TYPE_CHECKING:
    from orchard.remote.transport import Response

OK: Final = 200
Explain = Callable[[int, Mapping[str, str]], OrchardError | None]


class _File:
    """A file of a service, any span of which can be asked for."""

    def __init__(self, web: "Web", url: Url, size: int) -> None:
        self._web = web
        self._url = url
        self._storage: Url | None = None  # where the service sends us for it; signed, so it ends some time
        self.what = url.path
        self.size = size

    def __call__(self, span: Span) -> "Response":
        """Give an answer whose body starts with the first byte of a span."""
        asked = range_header(span, self.size)
        response = None if self._storage is None else self._web.send_on(self._storage, span=asked)
        if response is None:
            response = self._web.send(self._url, span=asked)
            self._storage = None if response.url.origin == self._url.origin else response.url
        return begun(response, span, self.size, what=self.what)


class Web:
    """One service at one origin; safe to use from many threads. Close it, or use it as a context.

    The token is shown to that origin and to nobody that it redirects to.

    Args:
        root: Where the service is, as the user named it: an http or https URL.
        options: TLS, proxies, timeouts, retries.
        token: Shown as ``Authorization: Bearer``, if there is one.
        explain: Turns a refusal, by status and headers, into the error that says it best; ``None`` for the usual one.
        timing: Clock, sleep and chance.

    Raises:
        RemoteError: If the root is not a URL.
    """

    def __init__(
        self,
        root: str,
        *,
        options: Options,
        token: str | None = None,
        explain: Explain | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.root = Url.parse(root)
        self.host = self.root.origin.authority
        self._options = options
        self._token = token
        self._explain = explain
        self._timing = Timing() if timing is None else timing
        self._means = Means(Allowance(options.ranges), options.retry, self._timing)
        self._exchanges = Exchanges(self.host, self.root.origin, options=options, timing=self._timing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._exchanges.close()

    def ask(self, url: Url, *, limit: int = MAX_BODY) -> Answer:
        """Get a document of at most ``limit`` bytes, with as many tries as the options allow.

        Raises:
            LimitExceededError: If it is larger.
            OrchardError: As ``send`` does.
        """
        backoff = self._means.backoff()
        while True:
            try:
                with self.send(url) as response:
                    body = read_bounded(response, limit=limit, what=f"{self.host}: answer to GET {url.path}")
                    return Answer(response.status, response.headers, response.url, body)
            except TransientError as error:
                backoff.pause(error)

    def pages(self, first: Url) -> Iterator[Answer]:
        """Get the pages of a list, as their ``Link`` headers lead, within this origin.

        Raises:
            RemoteError: If it leads elsewhere, or does not end.
            OrchardError: As ``ask`` does.
        """
        return linked(self.host, first, self.ask)

    def open(self, url: Url, size: int, *, offset: int = 0) -> AbstractContextManager[Readable]:
        """Open a file of known size for reading, from ``offset`` bytes on; it goes on where a connection breaks.

        The bytes are not verified.

        Raises:
            IntegrityError: If the service announces another size.
            OrchardError: As ``send`` does.
        """
        return open_spans(_File(self, url, size), offset, self._means)

    def post(self, url: Url, body: bytes, headers: Mapping[str, str], *, limit: int) -> Answer:
        """Send a document, with one try; give the answer whatever its status, with at most ``limit`` bytes of its body.

        No redirect is followed: what is sent was meant for this place.

        Raises:
            RemoteError: If there is no answer.
        """
        sent = {"User-Agent": self._options.user_agent, "Accept-Encoding": "identity", **headers}
        patience = self._options.timeouts.read
        with self._exchanges.once("POST", url, headers=sent, body=body, patience=patience) as response:
            return Answer(response.status, response.headers, response.url, first_bytes(response, limit))

    def send(self, url: Url, *, span: str | None = None) -> "Response":
        """Get something, with its body unread and one try.

        Args:
            url: Where it is, at this origin.
            span: The ``Range`` to ask for; an answer with the whole is one too.

        Raises:
            NotFoundError: If there is no such thing.
            DeniedError: If we may not have it.
            TransientError: If it may work later.
            RemoteError: If it failed in another way, or could not be reached.
        """
        authorization = f"Bearer {self._token}" if self._token and url.origin == self.root.origin else None
        response = self._get(url, span, authorization)
        if _is_wanted(response, span):
            return response
        with response:
            raise self._refused(response, url)

    def send_on(self, url: Url, *, span: str | None = None) -> "Response | None":
        """Ask a storage that the service has sent us to before, without the token; nothing if it refuses."""
        try:
            response = self._get(url, span, None)
        except OrchardError:
            return None
        if _is_wanted(response, span):
            return response
        response.close()
        return None

    def _get(self, url: Url, span: str | None, authorization: str | None) -> "Response":
        headers = {} if span is None else {"Range": span}
        sending = Sending(method="GET", url=url, headers=headers, patience=self._options.timeouts.read)
        return self._exchanges.follow(sending, authorization)

    def _refused(self, response: "Response", url: Url) -> OrchardError:
        sent_on = response.url.origin != self.root.origin
        if self._explain is not None and not sent_on:
            error = self._explain(response.status, response.headers)
            if error is not None:
                return error
        where = f"GET {url.path}, sent on to {response.url.origin}" if sent_on else f"GET {url.path}"
        refusal = Refusal(
            host=self.host,
            request=where,
            status=response.status,
            body=first_bytes(response),
            content_type=response.headers.get("Content-Type", ""),
            retry_after=retry_after(response.headers.get("Retry-After"), self._timing),
            known=self._token is not None,
            sent_on=sent_on,
        )
        return refusal.error(self._scrub)

    def _scrub(self, text: str) -> str:
        return text.replace(self._token, HIDDEN) if self._token else text


def _is_wanted(response: "Response", span: str | None) -> bool:
    return response.status == OK or (span is not None and response.status == PARTIAL)
