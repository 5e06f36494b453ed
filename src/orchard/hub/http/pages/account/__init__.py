"""Pages about people and what is theirs: accounts, tokens, teams, namespaces, repositories; and setting a hub up."""

from orchard.hub.http.pages.account.means import Means
from orchard.hub.http.pages.account.section import Account

__all__ = ["Account", "Means"]
