"""How a whole version is understood from what is known of its files."""

from collections.abc import Mapping

from orchard.insight.conclusion import Conclusion, DatasetFacts, ModelFacts
from orchard.insight.insights import Insight, TableInsight, Unreadable
from orchard.insight.weights import GgufInsight, OnnxInsight, SafetensorsInsight, TorchInsight


def conclude(insights: Mapping[str, Insight]) -> Conclusion:
    """Put together what a version is.

    Args:
        insights: What ``examine`` gave, by path.
    """
    return Conclusion(
        models=tuple(
            _model(path, found)
            for path, found in sorted(insights.items())
            if isinstance(found, SafetensorsInsight | GgufInsight | OnnxInsight | TorchInsight)
        ),
        datasets=tuple(
            DatasetFacts(path=path, format=found.format, rows=found.rows, columns=len(found.columns), size=found.size)
            for path, found in sorted(insights.items())
            if isinstance(found, TableInsight)
        ),
        unreadable={path: found.why for path, found in sorted(insights.items()) if isinstance(found, Unreadable)},
    )


def _model(path: str, found: SafetensorsInsight | GgufInsight | OnnxInsight | TorchInsight) -> ModelFacts:
    return ModelFacts(
        name=path,
        format=str(type(found).__struct_config__.tag),
        files=(path,),
        tensors=len(found.tensors),
        parameters=found.parameters,
        parameters_by_dtype=found.parameters_by_dtype,
        size=found.size,
    )
