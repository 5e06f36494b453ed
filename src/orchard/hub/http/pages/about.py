"""What a version is in ten seconds: facts and the conclusion as a person reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.hub.http.pages import cells, text
from orchard.hub.http.pages.columns import METRIC, PARAM
from orchard.hub.registry import Fact, VersionSummary

if TYPE_CHECKING:
    from orchard.insight import Conclusion, MemoryEstimate

_SHOWN: frozenset[str] = frozenset(("name", "version", "description", "size", "size.new", "files", "kind"))
Values = Mapping[str, Sequence[str | float]]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to know.

    Attributes:
        title: In full, if what is shown is shortened.
        url: Where it leads.
    """

    name: str
    text: str
    title: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """A version in ten seconds.

    Attributes:
        line: What it is, in one line.
        what: What it is.
        origin: Where it came from.
        metrics: How good it is.
        params: What it was made with.
        others: Further facts.
        new: Bytes that the version before did not have, if that is known.
        memory: What its main model needs.
    """

    line: str
    what: Sequence[Item]
    origin: Sequence[Item]
    metrics: Sequence[Item]
    params: Sequence[Item]
    others: Sequence[Item]
    new: int | None
    memory: "MemoryEstimate | None"


def about(summary: VersionSummary, known: Sequence[Fact], conclusion: "Conclusion | None") -> About:
    """Put together what is known of a version."""
    values = _grouped(known)
    new = _one(values, "size.new")
    models = () if conclusion is None else conclusion.models
    return About(
        line=_line(summary, values),
        what=_what(summary, values),
        origin=_origin(values),
        metrics=_prefixed(values, METRIC),
        params=_prefixed(values, PARAM),
        others=[
            Item(key, _said(key, found))
            for key, found in values.items()
            if not key.startswith((METRIC, PARAM)) and key not in _SHOWN
        ],
        new=int(new) if isinstance(new, float) else None,
        memory=models[0].memory if models else None,
    )


def _line(summary: VersionSummary, values: Values) -> str:
    params = _one(values, "params")
    parts = [
        str(_one(values, "architecture") or _one(values, "family") or ""),
        f"{text.parameters(params)} parameters" if isinstance(params, float) else "",
        str(_one(values, "quantization") or _one(values, "precision") or ""),
        str(_one(values, "format") or summary.model_format or ""),
    ]
    found = [text.clip(part, 60) for part in parts if part]
    return " · ".join([summary.kind, *found])


def _what(summary: VersionSummary, values: Values) -> list[Item]:
    context = _one(values, "context")
    said = {
        "Model": " ".join(filter(None, (summary.model_name, summary.model_version))),
        "Licence": _said("license", values.get("license", ())) or summary.licence or "",
        "Framework": _said("framework", values.get("framework", ())) or summary.framework or "",
        "Format": _said("format", values.get("format", ())) or summary.model_format or "",
        "Base model": _said("base_model", values.get("base_model", ())),
        "Context": f"{text.number(context)} tokens" if isinstance(context, float) else "",
        "Author": _said("author", values.get("author", ())),
    }
    return [Item(name, text.clip(what, 160), what if len(what) > 160 else "") for name, what in said.items() if what]  # noqa: PLR2004 -- as it is cut


def _origin(values: Values) -> list[Item]:
    commit, remote = str(_one(values, "git.commit") or ""), str(_one(values, "git.remote") or "")
    found = []
    if commit:
        dirty = str(_one(values, "git.dirty")).lower() in {"true", "1.0"}
        words = f"{commit[:8]}{', with changes that were not committed' if dirty else ''}"
        found.append(Item("Commit", words, commit, cells.commit_url(remote, commit)))
    if branch := str(_one(values, "git.branch") or ""):
        found.append(Item("Branch", text.clip(branch, 80)))
    if remote:
        found.append(Item("Repository", text.clip(remote, 120)))
    for name in values.get("dataset", ()):
        digest = str(_one(values, f"dataset.{name}.digest") or "")
        found.append(Item("Data", f"{text.clip(str(name), 40)} {digest.partition(':')[2][:12]}".strip(), digest))
    return found


def _prefixed(values: Values, prefix: str) -> list[Item]:
    return [
        Item(text.clip(key.removeprefix(prefix), 120), text.clip(_said(key, found), 400))
        for key, found in values.items()
        if key.startswith(prefix)
    ]


def _grouped(known: Sequence[Fact]) -> dict[str, list[str | float]]:
    values: dict[str, list[str | float]] = {}
    for fact in known:
        values.setdefault(fact.key, []).append(fact.value)
    return values


def _one(values: Values, key: str) -> str | float | None:
    found = values.get(key)
    return found[0] if found else None


def _said(key: str, values: Sequence[str | float]) -> str:
    return ", ".join(cells.fact_text(key, value) for value in values)
