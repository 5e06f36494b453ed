"""Parameters and metrics of a version, and how those of two differ: old, new, and which way."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from orchard.formats import Kitfile
from orchard.insight import CardInsight
from orchard.oci import JSON
from orchard.project.comparing.differences import Direction, Measure
from orchard.project.comparing.values import changes, flatten

_METRICS: Final = "metrics"
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_PLAIN: Final = re.compile(r"[a-z]+")
_NUMBERED: Final = re.compile(r"[a-z]+[0-9]+")
# Words that say of a metric which way is better. Of what has none of them, or of both kinds, nobody knows.
_UP: Final = frozenset({
    "accuracy", "acc", "precision", "recall", "f1", "auc", "auroc", "auprc", "map", "mrr", "ndcg", "bleu",
    "rouge",  # codespell:ignore rouge
    "meteor", "iou", "dice", "r2", "throughput",
})  # fmt: skip
_DOWN: Final = frozenset({
    "loss", "error", "err", "rmse", "mse", "mae", "perplexity", "ppl", "wer", "cer", "fid", "latency", "brier",
    "nll", "crossentropy",
    "mape",  # codespell:ignore mape
})  # fmt: skip


class Measures(NamedTuple):
    """What was set, and what came of it.

    Attributes:
        parameters: Every parameter, by path.
        metrics: Every metric, by path.
    """

    parameters: dict[str, JSON]
    metrics: dict[str, JSON]


def measures_of(kitfile: Kitfile, *others: Mapping[str, JSON]) -> Measures:
    """Give the parameters and metrics of a version.

    Args:
        kitfile: Its ``model.parameters`` hold parameters; metrics stand in an object ``metrics``, in whichever case
            and depth, and are called by their path in there.
        others: Further metrics, by path, such as those of a ``metrics.json``; what is said first holds.
    """
    parameters: dict[str, JSON] = {}
    metrics: dict[str, JSON] = {}
    found = kitfile.model.parameters if kitfile.model is not None else None
    for path, value in flatten(found).items() if found is not None else ():
        words = path.split(".")
        last = max((n for n, word in enumerate(words[:-1]) if word.casefold() == _METRICS), default=None)
        if last is None:
            parameters[path] = value
        else:
            metrics[".".join(words[last + 1 :])] = value
    for other in others:
        metrics = {**other, **metrics}
    return Measures(parameters, metrics)


def card_metrics(card: CardInsight) -> dict[str, JSON]:
    """Give the results of a model card by name; where one name has several, with the data that each was measured on."""
    names = [one.name for one in card.metrics]
    return {
        one.name if names.count(one.name) == 1 else f"{one.dataset or one.task}.{one.name}": one.value
        for one in card.metrics
    }


def compare_measures(before: dict[str, JSON], after: dict[str, JSON], *, directed: bool) -> tuple[Measure, ...]:
    """Compare parameters or metrics; those whose values are the same are left out.

    Args:
        before: Those of the first version, by path.
        after: Those of the second version, by path.
        directed: Whether they are metrics, of which names may tell which way is better.
    """
    found = []
    for change in changes(before, after):
        one, two = _number(change.before), _number(change.after)
        delta = None if one is None or two is None else _finite(two - one)
        relative = None if not delta or not one else _finite(delta / abs(one))
        direction = _direction(change.path, delta) if directed and delta else None
        found.append(Measure(change.kind, change.path, change.before, change.after, delta, relative, direction))
    return tuple(found)


def rises(name: str) -> bool | None:
    """Tell whether a higher value of a metric is better; None if its name does not say.

    >>> rises("eval.f1_macro"), rises("valLoss"), rises("size"), rises("accuracy_loss")
    (True, False, None, None)
    """
    words = {word.lower() for word in _WORD.findall(name)}
    words |= {*_PLAIN.findall(name.lower()), *_NUMBERED.findall(name.lower())}
    up, down = not words.isdisjoint(_UP), not words.isdisjoint(_DOWN)
    return up if up is not down else None


def _direction(name: str, delta: float) -> Direction | None:
    up = rises(name)
    if up is None:
        return None
    return Direction.BETTER if up is (delta > 0) else Direction.WORSE


def _number(value: JSON) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _finite(float(value))
    except OverflowError:
        return None


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
