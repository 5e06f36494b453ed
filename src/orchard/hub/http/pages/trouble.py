"""Why a form was not taken, and pages that nobody may keep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from starlette.responses import Response

from orchard.errors import ConflictError, InvalidError, NotFoundError, OrchardError
from orchard.hub.http.pages.answers import sentence
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.statuses import status_of

V = TypeVar("V")

ABOUT_THE_FORM: Final = (InvalidError, ConflictError, NotFoundError)  # what whoever filled it in can put right


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a form was not taken, for the page that shows it again.

    Attributes:
        form: Which form of the page.
        text: What is wrong, as a sentence.
        status: HTTP status of the page.
        typed: What was filled in.
    """

    form: str = ""
    text: str = ""
    status: int = 200
    typed: Form = field(default_factory=lambda: Form({}))

    @classmethod
    def of(cls, error: OrchardError, typed: Form) -> "Trouble":
        """Say what is wrong with a form, as whoever refused it says."""
        return cls(typed.word("do"), sentence(error), status_of(type(error)), typed)

    def wrong(self, form: str) -> str:
        """Give what is wrong with one form; nothing if it is another one."""
        return self.text if self.form == form else ""

    def value(self, form: str, name: str, otherwise: str = "") -> str:
        """Give what was typed into a field of a form, else what stood there."""
        return self.typed.text(name) if self.form == form and name in self.typed.fields else otherwise

    def ticked(self, form: str, name: str, value: str, *, otherwise: bool = False) -> bool:
        """Tell whether a box of a form was ticked, else whether it is at first."""
        return value in self.typed.all(name) if self.form == form else otherwise


NO_TROUBLE: Final = Trouble()


def take(
    deeds: Mapping[str, Callable[[V, Form], Response]],
    again: Callable[[V, Trouble], Response],
    visit: V,
    *,
    form: Form,
    about: tuple[type[OrchardError], ...] = ABOUT_THE_FORM,
) -> Response:
    """Do what a form of a page says, in its field ``do``; else show the page again, with what was typed and why not.

    Args:
        deeds: What can be done there.
        again: Shows the page.
        visit: Who looks at it.
        form: What was filled in.
        about: What is told beside the form.
    """
    deed = deeds.get(form.word("do"))
    if deed is None:
        return again(visit, Trouble.of(InvalidError("the form does not say what is to be done"), form))
    try:
        return deed(visit, form)
    except about as error:
        return again(visit, Trouble.of(error, form))


def confirmed(form: Form, name: str, deed: str = "go on; nothing was changed") -> None:
    """Go on if somebody typed the name of what they are about to delete.

    Raises:
        InvalidError: If they did not.
    """
    if form.word("typed") != name:
        raise InvalidError(f"type {name} to {deed}")


def secret_page(page: Response) -> Response:
    """Let nobody keep a page that shows a secret."""
    page.headers["Cache-Control"] = "no-store"
    return page
