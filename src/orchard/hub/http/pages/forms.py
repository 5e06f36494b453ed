"""Forms that browsers send: small, text, and read with care."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse

from orchard.errors import InvalidError, LimitExceededError
from orchard.hub.http.pages.answers import SAFE

_MAX: Final = 16 << 10  # bytes
_FIELDS: Final = 64


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody filled in.

    Attributes:
        fields: All values of each field, in order.
    """

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """Give the first value of a field as it was typed; empty if there is none."""
        return self.fields.get(name, ("",))[0]

    def word(self, name: str) -> str:
        """Give the first value of a field without the blanks around it."""
        return self.text(name).strip()

    def ticked(self, name: str) -> bool:
        """Tell whether a box was ticked: browsers leave out those that were not."""
        return name in self.fields

    def all(self, name: str) -> Sequence[str]:
        """Give every value of a field."""
        return self.fields.get(name, ())

    @classmethod
    async def read(cls, request: Request) -> Self:
        """Read the form that a request brings.

        Raises:
            LimitExceededError: If it is larger than any of ours.
            InvalidError: If it is none.
        """
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MAX:
                raise LimitExceededError(f"the form has more than {_MAX} bytes")
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
        except ValueError as error:
            raise InvalidError("the form cannot be read") from error
        fields: dict[str, list[str]] = {}
        for name, value in pairs:
            fields.setdefault(name, []).append(value)
        return cls(fields)


def onward(url: str) -> RedirectResponse:
    """Go to a page of this hub after a form was taken, so that loading it again does nothing twice."""
    return RedirectResponse(url, 303, SAFE)
