"""What is known of one file: one shape for each kind of file, written as JSON with its kind beside it.

They are kept, so a field that is added needs a default, and one that is changed a new revision of whatever keeps them.
Texts come from strangers and are cut to bounds; what nobody says is ``None`` or empty.
"""

from typing import Final

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
from orchard.insight.kept import Kept, Part
from orchard.insight.weights import (
    GgufInsight,
    OnnxInsight,
    PickleInsight,
    SafetensorsInsight,
    ShardsInsight,
    TorchInsight,
)

INSIGHT_REVISION: Final = 1  # of what ``examine`` gives; whatever was kept of an older one is made anew


class Column(Part, frozen=True, kw_only=True):
    """A column of a table.

    Attributes:
        name: What it is called.
        type: Of its values, as whatever read it says.
    """

    name: str
    type: str


class TableInsight(Kept, frozen=True, kw_only=True, tag="table"):
    """A table: CSV, TSV, Parquet, JSON lines.

    Attributes:
        format: Of the file.
        columns: In their order.
        rows: How many there are, if that was counted.
        size: Bytes of the file.
    """

    format: str
    columns: tuple[Column, ...]
    rows: int | None = None
    size: int = 0


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
