"""Roles that were given: in a namespace, or in one repository."""

from collections.abc import Sequence

from orchard.hub.access import Grant as Given
from orchard.hub.access import Mandate, Name, Party, People, Principal, Role, Target, checked_repository, namespace_of
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.parties import party_of
from orchard.hub.http.api.shapes import AccountName, Input, NamespaceName, Output, Part, PartyName, RepositoryName


class Grant(Output, frozen=True):
    """A role that was given.

    Attributes:
        party: To whom.
        target: Where: a namespace, or one repository of it.
        role: The role.
    """

    party: PartyName
    target: RepositoryName
    role: Role


class GrantedRole(Input, frozen=True):
    """A role to give.

    Attributes:
        role: The role; each may all that the ones before it may.
    """

    role: Role


class Grants:
    """Roles that accounts and teams were given where they own nothing."""

    def __init__(self, people: People) -> None:
        self._people = people

    @operation("GET", "/namespaces/{namespace}/grants")
    def list_namespace_grants(self, who: Principal, *, namespace: NamespaceName) -> Part[Grant]:
        """List the roles that were given in a namespace and in its repositories; for its owners."""
        return _all(self._people.directory.grants_in(who, Target.parse(namespace)))

    @operation("PUT", "/namespaces/{namespace}/grants/{party}")
    def put_namespace_grant(
        self, who: Principal, *, namespace: NamespaceName, party: PartyName, body: GrantedRole
    ) -> Grant:
        """Give a role in a namespace, in place of the one that this party has there; for its owners."""
        return self._put(who, Target.parse(namespace), party, role=body.role)

    @operation("DELETE", "/namespaces/{namespace}/grants/{party}")
    def delete_namespace_grant(self, who: Principal, *, namespace: NamespaceName, party: PartyName) -> None:
        """Take a role in a namespace away; for its owners."""
        self._remove(who, Target.parse(namespace), party)

    @operation("GET", "/repositories/{+repository}/-/grants")
    def list_repository_grants(self, who: Principal, *, repository: RepositoryName) -> Part[Grant]:
        """List the roles that were given in one repository; for its owners."""
        return _all(self._people.directory.grants_in(who, _repository(repository)))

    @operation("PUT", "/repositories/{+repository}/-/grants/{party}")
    def put_repository_grant(
        self, who: Principal, *, repository: RepositoryName, party: PartyName, body: GrantedRole
    ) -> Grant:
        """Give a role in one repository, in place of the one that this party has there; for its owners."""
        return self._put(who, _repository(repository), party, role=body.role)

    @operation("DELETE", "/repositories/{+repository}/-/grants/{party}")
    def delete_repository_grant(self, who: Principal, *, repository: RepositoryName, party: PartyName) -> None:
        """Take a role in one repository away; for its owners."""
        self._remove(who, _repository(repository), party)

    @operation("GET", "/users/{user}/grants")
    def list_user_grants(self, who: Principal, *, user: AccountName) -> Part[Grant]:
        """List the roles that an account was given; what its teams were given is not among them."""
        return _all(self._people.directory.grants_of(who, Party.parse(f"user:{user}")))

    def _put(self, who: Principal, target: Target, party: str, *, role: Role) -> Grant:
        somebody = party_of(party)
        self._people.grants.put(self._mandate(who, target), somebody, target, role=role)
        return _shown(Given(somebody, target, role))

    def _remove(self, who: Principal, target: Target, party: str) -> None:
        self._people.grants.remove(self._mandate(who, target), party_of(party), target)

    def _mandate(self, who: Principal, target: Target) -> Mandate:
        if target.repository is None:
            return self._people.authority.namespace(who, target.namespace)
        return self._people.authority.repository(who, target.repository)


def _repository(name: str) -> Target:
    """Mean one repository.

    Raises:
        InvalidReferenceError: If the name cannot be one.
    """
    return Target(Name(namespace_of(name)), checked_repository(name))


def _all(grants: Sequence[Given]) -> Part[Grant]:
    return Part([_shown(one) for one in grants], None)


def _shown(grant: Given) -> Grant:
    return Grant(party=str(grant.party), target=str(grant.target), role=grant.role)
