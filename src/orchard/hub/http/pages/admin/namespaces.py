"""Namespaces, for administrators: how much each keeps and may keep, and which CI services it trusts."""

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from orchard.errors import DeniedError, InvalidError, NotFoundError
from orchard.hub.access import Action, Party, Pattern, Visibility, check_name
from orchard.hub.access.trusts import LIFETIME, NewTrust
from orchard.hub.catalog.usage import EVERYWHERE, Holding
from orchard.hub.http.pages.admin.frame import HOME, ROWS, Frame, Take, Visit, back, next_url
from orchard.hub.http.pages.admin.reading import bytes_of, count_of, written
from orchard.hub.http.pages.forms import Form
from orchard.hub.http.pages.sections import Door
from orchard.hub.http.pages.trouble import NO_TROUBLE, Trouble, take
from orchard.hub.registry import Quota

PATH: Final = f"{HOME}/namespaces"
_TIGHT: Final = 90  # hundredths of a quota
_FULL: Final = 100
_TRUSTS: Final = 100
_SCOPES: Final = (Action.PULL, Action.PUSH, Action.DELETE)
VISIBILITIES: Final = [(one.value, one.value) for one in Visibility]


class NamespacePages:
    """Makes the pages about namespaces."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._means = frame.means
        self._all: dict[str, Take] = {"make": self._make, "quota": self._default}
        self._deeds: dict[str, Take] = {"quota": self._quota, "trust": self._trust, "untrust": self._untrust}

    def doors(self) -> list[Door]:
        """Give the pages."""
        return [
            self._frame.door(PATH, self.list, self.change_all),
            self._frame.door(f"{PATH}/{{namespace}}", self.one, self.change),
        ]

    def list(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """List namespaces by name, with what they keep and may keep."""
        allotment = self._means.registry.allotment(visit.who)
        query = visit.asked("q").lower()
        found = allotment.holdings(part=query, after=visit.asked("after"), limit=ROWS + 1)
        _, default = allotment.get(EVERYWHERE)
        return self._frame.page(
            visit,
            "namespaces.html",
            "namespaces",
            trouble=trouble,
            query=query,
            default=default,
            written=written,
            rows=[(one, one.quota or default, fullness(one, one.quota or default)) for one in found[:ROWS]],
            following=next_url(visit, after=found[ROWS - 1].namespace) if len(found) > ROWS else "",
            first=not visit.asked("after"),
            visibilities=VISIBILITIES,
        )

    def change_all(self, visit: Visit, form: Form) -> Response:
        """Do what a form of the list says."""
        return take(self._all, self.list, visit, form=form)

    def one(self, visit: Visit, trouble: Trouble = NO_TROUBLE) -> Response:
        """Show what a namespace keeps and may keep, and whom it trusts.

        Raises:
            NotFoundError: If there is none of this name.
        """
        name = visit.place("namespace")
        allotment = self._means.registry.allotment(visit.who)
        holding = next(
            (one for one in allotment.holdings(part=name, after=name[:-1], limit=2) if one.namespace == name), None
        )
        if holding is None:
            raise NotFoundError(f"there is no namespace {name}")
        usage, quota = allotment.get(name)
        known = self._means.login and not _is_missing(self, name)
        return self._frame.page(
            visit,
            "namespace.html",
            "namespaces",
            trouble=trouble,
            holding=holding,
            usage=usage,
            quota=quota,
            written=written,
            own=holding.quota,
            full=fullness(holding, quota),
            namespace=self._means.people.namespaces.get(name) if known else None,
            trusts=self._means.trusts.list(name)[:_TRUSTS] if known else [],
            scopes=[scope.value for scope in _SCOPES],
        )

    def change(self, visit: Visit, form: Form) -> Response:
        """Do what a form of a namespace's page says."""
        return take(self._deeds, self.one, visit, form=form)

    def _make(self, visit: Visit, form: Form) -> Response:
        """Make a namespace.

        Raises:
            InvalidError: If something it says makes no sense.
        """
        name = check_name(form.word("name"), "a namespace")
        visibility = form.word("visibility")
        if visibility not in set(Visibility):
            raise InvalidError(f"{visibility[:32]!r} is no visibility")
        owner = Party.parse(form.word("owner")) if form.word("owner") else None
        self._means.people.namespaces.create(visit.by, name, owner=owner, visibility=Visibility(visibility))
        return back(f"{PATH}/{quote(name)}", "namespace-made")

    def _default(self, visit: Visit, form: Form) -> Response:
        self._means.registry.allotment(visit.who).set(EVERYWHERE, _read(form))
        return back(PATH, "quota")

    def _quota(self, visit: Visit, form: Form) -> Response:
        name = visit.place("namespace")
        self._means.registry.allotment(visit.who).set(name, _read(form))
        return back(f"{PATH}/{quote(name)}", "quota")

    def _trust(self, visit: Visit, form: Form) -> Response:
        """Trust a CI service.

        Raises:
            InvalidError: If something it says makes no sense, or may not be.
        """
        name = visit.place("namespace")
        wanted = NewTrust(
            name=form.word("name"),
            issuer=form.word("issuer"),
            claims=_claims(form.text("claims")),
            actions=frozenset(form.all("scope")),
            patterns=tuple(Pattern.parse(text) for text in form.word("repositories").split() or (f"{name}/**",)),
            lifetime=LIFETIME,
        )
        try:
            self._means.trusts.create(visit.by, name, wanted)
        except DeniedError as error:  # where the hub may not go: the address can be put right
            raise InvalidError(str(error)) from error
        return back(f"{PATH}/{quote(name)}", "trusted")

    def _untrust(self, visit: Visit, form: Form) -> Response:
        name = visit.place("namespace")
        self._means.trusts.remove(visit.by, name, form.word("trust"))
        return back(f"{PATH}/{quote(name)}", "untrusted")


def fullness(holding: Holding, quota: Quota | None) -> tuple[int, str] | None:
    """Tell how full a namespace is, in hundredths, and how a bar shows it; nothing without a limit of bytes."""
    if quota is None or quota.bytes is None:
        return None
    used = _FULL if not quota.bytes else 100 * holding.bytes // quota.bytes
    kind = "over" if used >= _FULL else "tight" if used >= _TIGHT else ""
    return min(used, _FULL), kind


def _is_missing(pages: NamespacePages, name: str) -> bool:
    return not pages._means.people.namespaces.named([name])  # noqa: SLF001 -- its own


def _read(form: Form) -> Quota | None:
    """Read a quota; none if nothing is limited."""
    size, repositories = bytes_of(form.word("bytes")), count_of(form.word("repositories"), "repositories")
    return None if size is None and repositories is None else Quota(size, repositories)


def _claims(text: str) -> dict[str, str]:
    """Read claims, one a line: ``repository=acme/models``.

    Raises:
        InvalidError: If a line is none.
    """
    claims: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals:
            raise InvalidError(f"{line[:80]!r} is no claim; write one a line, as in repository=acme/models")
        claims[name.strip()] = value.strip()
    return claims
