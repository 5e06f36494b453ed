"""Importing in this process, where a test can look at what was asked of the hub and at what was kept."""

from collections.abc import Mapping
from pathlib import Path

from orchard.formats import Kitfile, parse_kitfile
from orchard.project import Packed, Recipe, Silent, Workspace
from orchard.remote import Options, Retry, Timeouts
from orchard.sources import Order, Wanted, check_tag, open_project
from support.hfserver import HubServer

QUICK = Options(
    retry=Retry(attempts=3, first=0.001, longest=0.002, deadline=5.0),
    timeouts=Timeouts(read=2.0, stall=0.5, floor=1000),
)


def imported(
    hub: HubServer,
    home: Path,
    text: str,
    *,
    kitfile: str | None = None,
    environ: Mapping[str, str] | None = None,
    tag: str | None = None,
    ref: str | None = None,
    token: str | None = None,
    options: Options = QUICK,
    recipe: Recipe | None = None,
) -> Packed:
    """Import what ``text`` names, as the command does."""
    known = {"HF_ENDPOINT": hub.url, "HOME": str(home), **(environ or {})}
    wanted = Wanted(text, ref=ref, token=token)
    with (
        Workspace(home, environ=known) as workspace,
        open_project(wanted, environ=known, options=options, scratch=home / "cache/import") as project,
    ):
        return project.pack(
            _kitfile(kitfile) or project.own_kitfile() or project.propose(),
            workspace,
            order=Order(tag=check_tag(tag, project), recipe=recipe or Recipe(), concurrency=4),
            observer=Silent(),
            note=lambda _: None,
        )


def _kitfile(text: str | None) -> Kitfile | None:
    return None if text is None else parse_kitfile(text.encode(), what="Kitfile")


def left(home: Path) -> list[str]:
    """Name what is visible in a store, and what is half-made."""
    paths = (path for path in (home / "layout").rglob("*") if path.is_file())
    names = {path.relative_to(home / "layout").as_posix() for path in paths}
    return sorted(names - {"oci-layout", "index.json", "index.lock", "writers.lock"})
