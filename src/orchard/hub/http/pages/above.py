"""What stands above every page about a repository, those for changing it among them."""

from typing import Final

from orchard.errors import NotFoundError
from orchard.hub.access import Action
from orchard.hub.http.pages.addresses import Place, leaf_url
from orchard.hub.http.pages.ports import Registry, Visit
from orchard.hub.registry import Card

SETTINGS: Final = "settings"
_TABS: Final = (("", "Versions"), ("card", "Model card"), ("tags", "Tags and their history"))


def card_of(registry: Registry, visit: Visit) -> Card:
    """Describe a repository.

    Raises:
        NotFoundError: If there is none, or it holds no version.
    """
    found = registry.tabling.cards(visit.who, [visit.name], [])
    if not found:
        raise NotFoundError(f"there is no repository {visit.name} with a version in it")
    return found[0]


def frame(registry: Registry, visit: Visit, card: Card) -> dict[str, object]:
    """Give what every page about a repository shows above: among it the settings, to those who may change them."""
    newest = card.latest
    tabs = (*_TABS, *(((SETTINGS, "Settings"),) if registry.may(visit.who, Action.GOVERN, visit.name) else ()))
    return {
        "name": visit.name,
        "card": card,
        "tabs": [(title, leaf_url(visit.name, None, leaf).removesuffix("/-"), leaf) for leaf, title in tabs],
        "tab": visit.target.leaf,
        "ways": Place.of(visit.request).ways(visit.name, newest.tags[0] if newest.tags else newest.digest),
    }
