"""``orchard search``."""

from typing import TYPE_CHECKING, Final

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import printable, table
from orchard.cli.workspace import open_workspace

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Hit

_HEADINGS: Final = ("REPOSITORY", "TAG", "WHERE", "WHAT")
_NONE: Final = "<none>"
_SHOWN: Final = 60  # characters of a value
_PLACES: Final = 3  # places that are shown of a version


@click.command(cls=Command)
@click.argument("terms", metavar="WORD...", nargs=-1, required=True)
@click.option("-r", "--remote", "places", metavar="HOST[/PREFIX]", multiple=True, help="Search a registry; repeatable.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Versions to read of each.")
@network_options
def command(network: NetworkFlags, terms: tuple[str, ...], places: tuple[str, ...], limit: int) -> None:
    """Find versions whose Kitfile holds all the words: names, descriptions, authors, licenses, parameters, paths.

    Without --remote, the local store is searched. A parameter can be given with its value, as in lr=0.1.

    \b
    Examples:
      orchard search llama
      orchard search apache epochs=3
      orchard search llama --remote registry.example.com/team
    """
    from itertools import chain, islice

    from orchard.project import RegistryPart, list_local, list_registry, search, words_of

    session = current_session()
    words = words_of(terms)
    workspace = open_workspace(network, session)
    if places:
        parts = [RegistryPart.parse(text) for text in places]
        lists = (list_registry(workspace.registries.open(p.host), p, workers=network.concurrency) for p in parts)
        listed = list(chain.from_iterable(islice(one, limit + 1) for one in lists))
    else:
        listed = list_local(workspace.layout)
    if places and len(listed) > limit:
        session.printer.warn(f"not all versions were read; raise --limit, or name a part: --remote {places[0]}/PREFIX")
    hits = list(search(listed, words))
    session.printer.result(
        table(_HEADINGS, [row for hit in hits for row in _rows(hit)]) if hits else "",
        [_value(hit) for hit in hits],
        brief="\n".join(_name(hit) for hit in hits),
    )
    if not hits:
        session.printer.note(f"Nothing holds {' and '.join(words)}")


def _name(hit: "Hit") -> str:
    one = hit.listed
    digest = str(one.descriptor.digest)
    if not one.repository:
        return digest
    return f"{one.repository}:{one.tags[0]}" if one.tags else f"{one.repository}@{digest}"


def _rows(hit: "Hit") -> list[tuple[str, ...]]:
    one = hit.listed
    first = (one.repository or _NONE, ",".join(one.tags) or _NONE)
    places = [(match.path, _cut(match.value)) for match in hit.matches[:_PLACES]]
    if len(hit.matches) > _PLACES:
        places[-1] = (f"and {len(hit.matches) - _PLACES + 1} more", "")
    return [(*(first if number == 0 else ("", "")), *place) for number, place in enumerate(places)]


def _cut(text: str) -> str:
    text = printable(text.replace("\n", " "))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _value(hit: "Hit") -> "JSON":
    one = hit.listed
    return {
        "reference": _name(hit),
        "repo": one.repository,
        "tags": list(one.tags),
        "digest": str(one.descriptor.digest),
        "matches": [{"path": match.path, "value": match.value} for match in hit.matches],
    }
