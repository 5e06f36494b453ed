"""The pages about people and their own things, as a part of the site."""

from collections.abc import Sequence

from starlette.convertors import Convertor, register_url_convertor  # codespell:ignore convertors,convertor

from orchard.hub.access import Principal
from orchard.hub.http.pages.account.frame import Frame
from orchard.hub.http.pages.account.me import AccountPage
from orchard.hub.http.pages.account.means import Means
from orchard.hub.http.pages.account.namespace import NamespaceSettings
from orchard.hub.http.pages.account.repository import RepositorySettings
from orchard.hub.http.pages.account.setup import PATH, Progress, SetupPage
from orchard.hub.http.pages.account.teams import TeamPages
from orchard.hub.http.pages.account.tokens import TokenPages
from orchard.hub.http.pages.rendering import Link, Renderer
from orchard.hub.http.pages.sections import Door


class Account:
    """Pages about people and their own things."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._progress = Progress(means)

    def links(self, who: Principal) -> Sequence[Link]:
        """Lead administrators to what is left to be set up."""
        return [Link("Set up", PATH)] if self._progress.waits_for(who) else []

    def doors(self, renderer: Renderer) -> Sequence[Door]:
        """Make the pages."""
        register_url_convertor("repository", _RepositoryName())
        frame = Frame(renderer, self._means)
        return [
            *AccountPage(frame).doors(),
            *TokenPages(frame).doors(),
            *TeamPages(frame).doors(),
            *NamespaceSettings(frame).doors(),
            *RepositorySettings(frame).doors(),
            *SetupPage(frame, self._progress).doors(),
        ]


class _RepositoryName(Convertor[str]):  # codespell:ignore convertor
    """What can be the name of a repository in an address, and not that of a version with a path in it."""

    regex = "[^:@]+?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value
