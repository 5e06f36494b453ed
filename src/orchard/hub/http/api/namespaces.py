"""Namespaces: whose repositories are whose."""

from msgspec import UNSET, UnsetType

from orchard.errors import ConflictError, NotFoundError
from orchard.hub.access import Name, Party, People, Principal, Visibility, check_name
from orchard.hub.access import Namespace as Place
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.parties import party_of
from orchard.hub.http.api.shapes import Created, Input, NamespaceName, Output, Paged, Part, PartyName


class Namespace(Output, frozen=True):
    """A namespace.

    Attributes:
        name: Its name.
        owner: Whose it is; null: administrators of the site look after it.
        visibility: Who may read those of its repositories that have no visibility of their own.
    """

    name: NamespaceName
    owner: PartyName | None
    visibility: Visibility


class NewNamespace(Input, frozen=True):
    """A namespace to be.

    Attributes:
        name: Its name.
        owner: Whose it shall be; yours, if left out; null for nobody's, which administrators of the site can say.
        visibility: Who may read its repositories.
    """

    name: NamespaceName
    owner: PartyName | UnsetType | None = UNSET
    visibility: Visibility = Visibility.PRIVATE


class NamespaceChange(Input, frozen=True):
    """What a namespace shall be. What is left out stays.

    Attributes:
        owner: Whose it shall be.
        visibility: Who may read its repositories.
    """

    owner: PartyName | UnsetType | None = UNSET
    visibility: Visibility | UnsetType = UNSET


class Namespaces:
    """Namespaces: the first component of repositories' names, and whose it is."""

    def __init__(self, people: People) -> None:
        self._people = people

    @operation("GET", "/namespaces")
    def list_namespaces(self, who: Principal, *, query: Paged) -> Part[Namespace]:
        """List namespaces by name: those where you have a role, or all if you administer the site."""
        found = self._people.directory.namespaces(who, after=query.after, limit=query.limit + 1)
        return Part.of([_shown(one) for one in found], query.limit, lambda last: last.name)

    @operation("POST", "/namespaces", ConflictError, NotFoundError)
    def create_namespace(self, who: Principal, *, body: NewNamespace) -> Created[Namespace]:
        """Make a namespace; for administrators of the site, or for everybody where the hub is set so."""
        name = check_name(body.name, "a namespace")
        owner = Party.user(Name(who.name)) if body.owner is UNSET else _party(body.owner)
        authority = self._people.authority
        by = authority.site(who) if owner is None else authority.creation(who, owner)
        made = self._people.namespaces.create(by, name, owner=owner, visibility=body.visibility)
        return Created(_shown(made), f"/namespaces/{name}")

    @operation("GET", "/namespaces/{namespace}")
    def get_namespace(self, who: Principal, *, namespace: NamespaceName) -> Namespace:
        """Show a namespace."""
        return _shown(self._people.directory.namespace(who, namespace))

    @operation("PATCH", "/namespaces/{namespace}")
    def update_namespace(self, who: Principal, *, namespace: NamespaceName, body: NamespaceChange) -> Namespace:
        """Change who may read a namespace's repositories, or give it to somebody else; for its owners."""
        by = self._people.authority.namespace(who, namespace)
        if body.visibility is not UNSET:
            self._people.namespaces.set_visibility(by, namespace, body.visibility)
        if body.owner is not UNSET:
            self._people.namespaces.give(by, namespace, _party(body.owner))
        return _shown(self._people.namespaces.get(namespace))

    @operation("DELETE", "/namespaces/{namespace}", ConflictError)
    def delete_namespace(self, who: Principal, *, namespace: NamespaceName) -> None:
        """Delete an empty namespace, the roles in it and its robots; for its owners."""
        self._people.namespaces.delete(self._people.authority.namespace(who, namespace), namespace)


def _party(text: str | None) -> Party | None:
    return None if text is None else party_of(text)


def _shown(place: Place) -> Namespace:
    return Namespace(
        name=place.name, owner=None if place.owner is None else str(place.owner), visibility=place.visibility
    )
