"""Who may change who may do what: from somebody who came through the door to a mandate."""

from sqlalchemy import select

from orchard.errors import DeniedError
from orchard.hub.access.ledger import Ledger
from orchard.hub.access.mandate import Mandate, Over
from orchard.hub.access.names import Party, PartyKind
from orchard.hub.access.principal import Action, Principal, Role
from orchard.hub.access.rights import Rights
from orchard.hub.db.people import team_members


class Authority:
    """Gives out mandates.

    Args:
        ledger: Where teams are kept.
        rights: What repositories' owners may.
        self_service: Whether everybody with an account may make teams and namespaces.
    """

    def __init__(self, ledger: Ledger, rights: Rights, *, self_service: bool = False) -> None:
        self._ledger = ledger
        self._rights = rights
        self._self_service = self_service

    def site(self, who: Principal) -> Mandate:
        """Let somebody change everything.

        Raises:
            DeniedError: Unless they administer the site.
            StorageError: If the catalog fails.
        """
        if not self.is_site_admin(who):
            raise DeniedError(f"{who.name} does not administer this hub")
        return Mandate(who.name, Over.SITE)

    def account(self, who: Principal, name: str) -> Mandate:
        """Let somebody change an account: its password, its tokens.

        Raises:
            DeniedError: Unless it is their own and they came in without a token, or they administer the site: a token
                must not make another that lives on when it is revoked.
            StorageError: If the catalog fails.
        """
        return self._mandate(who, Over.ACCOUNT, name, granted=who.whole and not who.limits and who.name == name)

    def team(self, who: Principal, name: str) -> Mandate:
        """Let somebody change a team.

        Raises:
            DeniedError: Unless they are one of its owners, or administer the site.
            StorageError: If the catalog fails.
        """
        return self._mandate(who, Over.TEAM, name, granted=who.whole and self._role(who, name) is Role.OWNER)

    def namespace(self, who: Principal, name: str) -> Mandate:
        """Let somebody change a namespace and all in it.

        Raises:
            DeniedError: Unless they are an owner there, or administer the site.
            StorageError: If the catalog fails.
        """
        granted = who.whole and self._rights.standing(who, name).namespaces.get(name) is Role.OWNER
        return self._mandate(who, Over.NAMESPACE, name, granted=granted)

    def repository(self, who: Principal, name: str) -> Mandate:
        """Let somebody change the visibility of a repository, and who may do what there.

        Raises:
            DeniedError: Unless they own it.
            StorageError: If the catalog fails.
        """
        return self._mandate(who, Over.REPOSITORY, name, granted=self._rights.allows(who, Action.OWN, name))

    def creation(self, who: Principal, owner: Party) -> Mandate:
        """Let somebody make a team or a namespace for an owner.

        Raises:
            DeniedError: Unless they administer the site; or everybody may do so, and the owner is themselves or a team
                that they look after.
            StorageError: If the catalog fails.
        """
        granted = self._self_service and who.whole and self._is_or_leads(who, owner)
        return self._mandate(who, Over.CREATION, str(owner), granted=granted)

    def may_create(self, who: Principal) -> bool:
        """Tell whether somebody may make teams and namespaces at all.

        Raises:
            StorageError: If the catalog fails.
        """
        return who.whole and (self._self_service or self.is_site_admin(who))

    def _mandate(self, who: Principal, over: Over, subject: str, *, granted: bool) -> Mandate:
        """Give a mandate.

        Raises:
            DeniedError: If it is not granted, and whoever asks does not administer the site.
        """
        if granted or self.is_site_admin(who):
            return Mandate(who.name, over, subject)
        raise DeniedError(f"{who.name} may not change {over} {subject}")

    def is_site_admin(self, who: Principal) -> bool:
        """Tell whether somebody administers the site, and came in with what lets them.

        Raises:
            StorageError: If the catalog fails.
        """
        return who.whole and self._rights.standing(who, "").site_admin

    def _is_or_leads(self, who: Principal, party: Party) -> bool:
        if party.kind is PartyKind.USER:
            return who.name == party.name
        return self._role(who, party.name) is Role.OWNER

    def _role(self, who: Principal, team: str) -> Role | None:
        member = (team_members.c.team_name == team) & (team_members.c.user_name == who.name)
        with self._ledger.database.read() as connection:
            found = connection.execute(select(team_members.c.role).where(member)).scalar()
        return None if found is None else Role(found)
