"""What can be asked for: methods of resources, with all that their signatures say about requests and answers."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct, defstruct

from orchard.errors import (
    DeniedError,
    InvalidError,
    NotFoundError,
    OrchardError,
    RateLimitedError,
    UnauthenticatedError,
)
from orchard.hub.http.api.downloads import Download
from orchard.hub.http.api.problems import MediaTypeError, MismatchError, TruncatedError, problem_status
from orchard.hub.http.api.shapes import Created, Listing, Part

H = TypeVar("H", bound=Callable[..., object])

Method = Literal["GET", "PUT", "POST", "PATCH", "DELETE"]

_MARK: Final = "__operation__"
_PARAMETER: Final = re.compile(r"\{(\+?)([a-z_]+)\}")
_OK: Final = 200
_CREATED: Final = 201
_NO_CONTENT: Final = 204
_ALWAYS: Final = (UnauthenticatedError, DeniedError, RateLimitedError)
_OF_BODIES: Final = (InvalidError, TruncatedError, MediaTypeError, MismatchError)
_TOO_LARGE: Final = 413
_NO_SUCH_PART: Final = 416
_UNFORESEEN: Final = (500, 503, 507)


@dataclass(frozen=True, slots=True)
class _Mark:
    method: Method
    path: str
    raises: tuple[type[OrchardError], ...]
    status: int | None


def operation(method: Method, path: str, *raises: type[OrchardError], status: int | None = None) -> Callable[[H], H]:
    """Say that a method of a resource answers requests.

    Args:
        method: HTTP method; GET answers HEAD too.
        path: Below ``/api/v1``. ``{name}`` is a parameter, ``{+name}`` one that may hold slashes: what follows it
            starts with ``/-/``. Behind that, it is the rest of the path.
        raises: Errors that callers should expect, beside those that every operation may have: not known, not
            allowed, too often; with parameters invalid and not found; with a body those of bodies.
        status: HTTP status of success, where it is not 200, 201 (``Created``) or 204 (nothing).
    """

    def mark(handler: H) -> H:
        setattr(handler, _MARK, _Mark(method, path, raises, status))
        return handler

    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked for.

    Attributes:
        name: Its name in the OpenAPI document: the method's, in camel case.
        resource: What it is about: the class's name.
        about: What the class says about itself.
        method: HTTP method.
        path: Template of the path below ``/api/v1``.
        handler: Does it; called with keywords.
        inputs: What it takes: ``who``, ``path`` parameters by name, ``query``, ``body``, with their types.
        result: What is answered; none for nothing.
        status: HTTP status of success.
        located: Whether the answer says where the thing is.
        raises: Errors that callers should expect.
    """

    name: str
    resource: str
    about: str
    method: Method
    path: str
    handler: Callable[..., object]
    inputs: dict[str, Any]
    result: Any
    status: int
    located: bool
    raises: tuple[type[OrchardError], ...]

    @property
    def parameters(self) -> type[Struct] | None:
        """The shape of the parameters of the path."""
        fields = [(name, self.inputs[name]) for _, name in _PARAMETER.findall(self.path)]
        return defstruct(f"{self.name}Path", fields, forbid_unknown_fields=True) if fields else None

    @property
    def statuses(self) -> list[int]:
        """HTTP statuses of the problems that it may have."""
        kinds: list[type[OrchardError]] = [*_ALWAYS, *self.raises]
        found = set(_UNFORESEEN)
        if "body" in self.inputs:
            kinds += _OF_BODIES
            found.add(_TOO_LARGE)
        if self.parameters is not None:
            kinds += [InvalidError, NotFoundError]
        if "query" in self.inputs:
            kinds.append(InvalidError)
        if self.result is Download:
            found.add(_NO_SUCH_PART)
        return sorted(found | {problem_status(kind) for kind in kinds})

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return _PARAMETER.sub(r"{\2}", self.path)

    @property
    def pattern(self) -> str:
        """The path as a regular expression of decoded paths."""
        pieces = _PARAMETER.split(self.path)
        found = re.escape(pieces[0])
        for wide, name, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            found += f"(?P<{name}>{_matching(wide=bool(wide), rest=not text and '/-/' in found)}){re.escape(text)}"
        return found


def _matching(*, wide: bool, rest: bool) -> str:
    if not wide:
        return "[^/]+"
    return r"[\s\S]+" if rest else "(?:(?!/-/).)+"


def operations_of(resource: object) -> Iterator[Operation]:
    """Find the operations of a resource, in the order of its class."""
    for name, function in vars(type(resource)).items():
        mark = getattr(function, _MARK, None)
        if mark is not None:
            yield _operation(resource, name, mark)


def _operation(resource: object, name: str, mark: _Mark) -> Operation:
    handler = getattr(resource, name)
    hints = get_type_hints(handler, include_extras=True)
    returned = hints.pop("return")
    result, status = _result(returned)
    assert set(hints) == set(inspect.signature(handler).parameters), f"{name}: everything has a type"
    words = name.split("_")
    return Operation(
        name=words[0] + "".join(word.capitalize() for word in words[1:]),
        resource=type(resource).__name__,
        about=(type(resource).__doc__ or "").partition("\n\n")[0],
        method=mark.method,
        path=mark.path,
        handler=handler,
        inputs=hints,
        result=result,
        status=status if mark.status is None else mark.status,
        located=get_origin(returned) is Created,
        raises=mark.raises,
    )


def _result(hint: Any) -> tuple[Any, int]:  # noqa: ANN401 -- a type, or what typing makes of one
    """Read what is answered, and with which status, from what a handler returns."""
    if hint is type(None):
        return None, _NO_CONTENT
    if get_origin(hint) is Part:
        return Listing[get_args(hint)[0]], _OK  # type: ignore[misc] # known at run time only
    if get_origin(hint) is Created:
        return get_args(hint)[0], _CREATED
    return hint, _OK
