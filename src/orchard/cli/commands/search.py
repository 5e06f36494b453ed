"""``orchard search``."""

from typing import TYPE_CHECKING, Final

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, printable, table
from orchard.cli.workspace import open_workspace

if TYPE_CHECKING:
    from orchard.oci import JSON
    from orchard.project import Hit, HubHit

_HEADINGS: Final = ("REPOSITORY", "TAG", "WHERE", "WHAT")
_HUB_HEADINGS: Final = ("REPOSITORY", "TAG", "FORMAT", "PARAMS", "LICENSE", "SIZE", "PUSHED", "WHAT")
_SHOWN_FACTS: Final = ("format", "params", "license")
_USUAL: Final = frozenset((*_SHOWN_FACTS, "framework", "architecture", "precision", "quantization", "base_model"))
_READ: Final = 1000
_FOUND: Final = 25
_NONE: Final = "<none>"
_SHOWN: Final = 60  # characters of a value
_PLACES: Final = 3  # places that are shown of a version


@click.command(cls=Command)
@click.argument("terms", metavar="WORD...", nargs=-1, required=True)
@click.option("-r", "--remote", "places", metavar="HOST[/PREFIX]", multiple=True, help="Search a registry; repeatable.")
@click.option("--hub", "host", metavar="HOST", help="Let a hub search what it knows, by words and by fields.")
@click.option("--sort", metavar="ORDER", default="", help="With --hub: relevance, newest, oldest, FIELD or -FIELD.")
@click.option("--latest", is_flag=True, help="With --hub: one version of each repository.")
@click.option("--limit", type=click.IntRange(min=1), help="Versions to read of each (1000), or to find by a hub (25).")
@network_options
def command(
    network: NetworkFlags,
    terms: tuple[str, ...],
    places: tuple[str, ...],
    *,
    host: str | None,
    sort: str,
    latest: bool,
    limit: int | None,
) -> None:
    """Find versions by words: in the local store, in registries (--remote), or by what a hub knows (--hub).

    Locally and in registries, versions are found whose Kitfile holds all the words: names, descriptions, authors,
    licenses, parameters, paths. A parameter can be given with its value, as in lr=0.1.

    A hub also searches cards and what it found out about models and datasets, and understands queries such as
    'params>7e9 license:apache-2.0'. Put them in quotes: the shell has a meaning for > of its own.

    \b
    Examples:
      orchard search llama
      orchard search apache epochs=3
      orchard search llama --remote registry.example.com/team
      orchard search --hub hub.example.com 'llama license:mit' --sort newest
    """
    if host is not None and places:
        raise click.UsageError("--hub and --remote exclude each other")
    if host is None and (sort or latest):
        raise click.UsageError("--sort and --latest are for --hub")
    if host is None:
        _look(network, terms, places, limit=_READ if limit is None else limit)
    else:
        _ask(network, terms, host, sort=sort, latest=latest, limit=_FOUND if limit is None else limit)


def _ask(network: NetworkFlags, terms: tuple[str, ...], host: str, *, sort: str, latest: bool, limit: int) -> None:
    """Let a hub search."""
    from orchard.project import HubQuery, search_hub

    session = current_session()
    workspace = open_workspace(network, session)
    query = HubQuery(text=" ".join(terms), sort=sort, latest=latest)
    hits = list(search_hub(workspace.registries.open(host), query, limit + 1))
    shown = hits[:limit]
    session.printer.result(
        table(_HUB_HEADINGS, [_hub_row(hit) for hit in shown]) if shown else "",
        [_hub_value(hit) for hit in shown],
        brief="\n".join(_hub_name(hit) for hit in shown),
    )
    if not hits:
        session.printer.note("The hub finds nothing that you may read")
    elif len(hits) > limit:
        session.printer.note(f"There are more than {limit}; raise --limit, or say more")


def _hub_name(hit: "HubHit") -> str:
    return f"{hit.repository}:{hit.tags[0]}" if hit.tags else f"{hit.repository}@{hit.digest}"


def _hub_row(hit: "HubHit") -> tuple[str, ...]:
    known = {key: ", ".join(map(_plain, hit.facts.get(key, ()))) for key in _SHOWN_FACTS}
    others = [f"{key}={', '.join(map(_plain, values))}" for key, values in hit.facts.items() if key not in _USUAL]
    what = "  ".join([*others, hit.passage.strip()])
    first = (hit.repository, ",".join(hit.tags) or _NONE)
    rest = (*known.values(), format_size(hit.size), hit.pushed_at[:10], what)
    return tuple(_cut(text) for text in (*first, *rest))


def _plain(value: str | float) -> str:
    """Write a value; a number of parameters as people say it."""
    if isinstance(value, str):
        return value
    for unit, scale in (("B", 1e9), ("M", 1e6)):
        if value >= scale:
            return f"{value / scale:.3g}{unit}"
    return f"{value:g}"


def _hub_value(hit: "HubHit") -> "JSON":
    matches: list[JSON] = [
        {"path": key, "value": _text(value)} for key, values in hit.facts.items() for value in values
    ]
    if hit.passage:
        matches.append({"path": "text", "value": hit.passage})
    return {
        "reference": _hub_name(hit),
        "repo": hit.repository,
        "tags": list(hit.tags),
        "digest": hit.digest,
        "matches": matches,
        "facts": {key: list(values) for key, values in hit.facts.items()},
        "size": hit.size,
        "pushedAt": hit.pushed_at,
        "pushedBy": hit.pushed_by,
    }


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.17g}"


def _look(network: NetworkFlags, terms: tuple[str, ...], places: tuple[str, ...], *, limit: int) -> None:
    """Search what can be read, here or in registries."""
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
