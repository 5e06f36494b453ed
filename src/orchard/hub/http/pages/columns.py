"""The columns of the table of versions: which there can be, which are shown first, and which facts they need."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from orchard.hub.registry import KnownKey

METRIC: Final = "metric."
PARAM: Final = "param."
MAX_COLUMNS: Final = 40
MAX_KEY: Final = 200  # characters
_CHOSEN: Final = 6  # metrics and parameters that are shown without being asked for
_METRICS: Final = 3

# Where less is better; of everything else, more is.
_LESS: Final = re.compile(
    r"(?:^|[._\-/ ])(?:\w*loss|\w*error|err|\w*perplexity|ppl|rmse|mse|ma\w?e|wer|cer|fid|brier|ece|latency\w*|time|"
    r"duration|seconds|ms|p\d\d|bytes|memory|f[pn]r|nll|kl)(?:$|[._\-/ ])",
    re.IGNORECASE,
)
_DATASET_DIGEST: Final = re.compile(r"dataset\..+\.digest", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: What it is called in an address; that of a fact, or of a column that puts several together.
        title: What stands above it.
        kind: How its cells are made.
        order: What it is sorted by; empty if it is not.
        group: Under which heading it is offered.
        needs: The facts it is made of.
    """

    key: str
    title: str
    kind: str
    order: str = ""
    group: str = "Version"
    needs: tuple[str, ...] = ()

    @property
    def metric(self) -> bool:
        """Whether it says how good a version is."""
        return self.group == "Metrics"

    @property
    def less_is_better(self) -> bool:
        """Whether the best value is the least."""
        return _LESS.search(self.title) is not None


VERSION: Final = Column("version", "Version", "version", "tag")
_OWN: Final = {
    column.key: column
    for column in (
        VERSION,
        Column("pushed", "Pushed", "pushed", "pushed"),
        Column("commit", "Code", "commit", "git.commit", needs=("git.commit", "git.remote", "git.branch", "git.dirty")),
        Column("data", "Data", "data", "dataset", needs=("dataset",)),
        Column(
            "model",
            "Model",
            "model",
            "params",
            needs=("format", "architecture", "params", "precision", "quantization"),
        ),
        Column("size", "Size", "size", "size", needs=("size.new",)),
        Column("pulls", "Pulls", "pulls", "pulls"),
        Column("kind", "Kind", "kind"),
        Column("trust", "Trust", "trust"),
    )
}
_COVERED: Final = frozenset(("git.commit", "git.remote", "git.dirty", "dataset", "size", "kind"))


def column_of(key: str) -> Column:
    """Give the column of a key, be anything known by it or not."""
    own = _OWN.get(key)
    if own is not None:
        return own
    if key.startswith(METRIC):
        return Column(key, key.removeprefix(METRIC), "number", key, "Metrics", (key,))
    if key.startswith(PARAM):
        return Column(key, key.removeprefix(PARAM), "number", key, "Parameters", (key,))
    return Column(key, key, "fact", key, "Facts", (key,))


def offered(known: Sequence[KnownKey]) -> list[Column]:
    """List all columns that there can be, those that put several facts together first, then metrics and parameters."""
    keys = [one.key for one in known if one.key not in _COVERED and not one.key.startswith("dataset.")]
    rest = [column_of(key) for key in keys if key not in _OWN]
    order = {"Metrics": 0, "Parameters": 1, "Facts": 2}
    return [*_OWN.values(), *sorted(rest, key=lambda column: order[column.group])]


def usual(known: Sequence[KnownKey]) -> list[Column]:
    """Choose columns for somebody who chose none: what tells the versions apart comes first."""
    present = {one.key for one in known}
    metrics = _telling(known, METRIC)[:_METRICS]
    params = [one for one in _telling(known, PARAM) if one.varies][: _CHOSEN - len(metrics)]
    chosen = ["version", "pushed", *(one.key for one in (*metrics, *params))]
    chosen += ["data"] * ("dataset" in present) + ["commit"] * ("git.commit" in present) + ["model", "size", "trust"]
    return [column_of(key) for key in chosen]


def needed(columns: Iterable[Column], known: Sequence[KnownKey]) -> list[str]:
    """List the facts that columns are made of."""
    found = dict.fromkeys(key for column in columns for key in column.needs)
    if "dataset" in found:
        found |= dict.fromkeys(one.key for one in known if _DATASET_DIGEST.fullmatch(one.key))
    return list(found)


def _telling(known: Sequence[KnownKey], prefix: str) -> list[KnownKey]:
    """Order keys: those whose values differ first, then those that most versions have, numbers before words."""
    wanted = [one for one in known if one.key.startswith(prefix)]
    return sorted(wanted, key=lambda one: (not one.varies, not one.numeric, -one.versions, one.key))
