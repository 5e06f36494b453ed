"""What is known of one file: one shape for each kind of file, written as JSON with its kind beside it.

They are kept, so a field that is added needs a default, and one that is changed a new revision of whatever keeps them.
Texts come from strangers and are cut to bounds; what nobody says is ``None`` or empty.
"""

from typing import Final

from orchard.insight.datasets import TableInsight
from orchard.insight.documents import (
    AdapterInsight,
    CardInsight,
    ConfigInsight,
    GenerationInsight,
    ImageInsight,
    MetricsInsight,
    NotebookInsight,
    PipelineInsight,
    SentencesInsight,
    TemplateInsight,
    TokenizerConfigInsight,
    TokenizerInsight,
)
from orchard.insight.kept import Kept
from orchard.insight.weights import (
    GgufInsight,
    OnnxInsight,
    PickleInsight,
    SafetensorsInsight,
    ShardsInsight,
    TorchInsight,
)

INSIGHT_REVISION: Final = 1  # of what ``examine`` gives; whatever was kept of an older one is made anew


class Unreadable(Kept, frozen=True, kw_only=True, tag="unreadable"):
    """A file that claims to be of a kind and is not, or not within bounds.

    Attributes:
        why: What is wrong with it, for people.
    """

    why: str


WeightsInsight = SafetensorsInsight | GgufInsight | OnnxInsight | TorchInsight
Insight = (
    WeightsInsight
    | PickleInsight
    | ShardsInsight
    | ConfigInsight
    | GenerationInsight
    | TokenizerInsight
    | TokenizerConfigInsight
    | TemplateInsight
    | AdapterInsight
    | PipelineInsight
    | SentencesInsight
    | NotebookInsight
    | ImageInsight
    | CardInsight
    | MetricsInsight
    | TableInsight
    | Unreadable
)
