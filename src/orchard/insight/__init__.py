"""Facts about models and data, read from the headers of their files: bounded, by ranged reads, never the weights.

``examine`` says what is in one file, ``conclude`` what a version is, from what is known of its files. A name is
imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.insight.access import InMemory, OnDisk, RandomAccess
    from orchard.insight.arrays import TensorData
    from orchard.insight.concluding import conclude
    from orchard.insight.conclusion import (
        CONCLUSION_REVISION,
        Conclusion,
        DatasetFacts,
        MemoryEstimate,
        ModelFacts,
        Need,
        TokenizerFacts,
    )
    from orchard.insight.datasets import Column, Histogram, TableFormat, TableInsight, TopValue
    from orchard.insight.detection import ModelFormat, ModelHeader, detect_format, may_be_model, read_header
    from orchard.insight.documents import (
        AdapterInsight,
        CardInsight,
        ConfigInsight,
        GenerationInsight,
        ImageInsight,
        Measured,
        MetricsInsight,
        NotebookInsight,
        PipelineInsight,
        SentencesInsight,
        TemplateInsight,
        TokenizerConfigInsight,
        TokenizerInsight,
    )
    from orchard.insight.examining import examine
    from orchard.insight.gguf import Array, Gguf, read_gguf
    from orchard.insight.insights import INSIGHT_REVISION, Insight, Unreadable
    from orchard.insight.onnx import Onnx, read_onnx
    from orchard.insight.safetensors import Safetensors, read_safetensors
    from orchard.insight.summary import PRECISIONS, Beside, Summary, param_size, summarise
    from orchard.insight.tables.changes import Retyped, Shift, TableChanges, table_changes
    from orchard.insight.tables.kinds import TableKind, detect_table
    from orchard.insight.tables.reader import NO_PREVIEW, TableReader, tables_readable
    from orchard.insight.tensor import Tensor, parameters_by_dtype
    from orchard.insight.torch import Torch, read_torch
    from orchard.insight.weights import (
        GgufInsight,
        GraphValue,
        LongArray,
        OnnxInsight,
        PickleInsight,
        SafetensorsInsight,
        Shape,
        ShardsInsight,
        TorchInsight,
    )

__all__ = [
    "CONCLUSION_REVISION",
    "INSIGHT_REVISION",
    "NO_PREVIEW",
    "PRECISIONS",
    "AdapterInsight",
    "Array",
    "Beside",
    "CardInsight",
    "Column",
    "Conclusion",
    "ConfigInsight",
    "DatasetFacts",
    "GenerationInsight",
    "Gguf",
    "GgufInsight",
    "GraphValue",
    "Histogram",
    "ImageInsight",
    "InMemory",
    "Insight",
    "LongArray",
    "Measured",
    "MemoryEstimate",
    "MetricsInsight",
    "ModelFacts",
    "ModelFormat",
    "ModelHeader",
    "Need",
    "NotebookInsight",
    "OnDisk",
    "Onnx",
    "OnnxInsight",
    "PickleInsight",
    "PipelineInsight",
    "RandomAccess",
    "Retyped",
    "Safetensors",
    "SafetensorsInsight",
    "SentencesInsight",
    "Shape",
    "ShardsInsight",
    "Shift",
    "Summary",
    "TableChanges",
    "TableFormat",
    "TableInsight",
    "TableKind",
    "TableReader",
    "TemplateInsight",
    "Tensor",
    "TensorData",
    "TokenizerConfigInsight",
    "TokenizerFacts",
    "TokenizerInsight",
    "TopValue",
    "Torch",
    "TorchInsight",
    "Unreadable",
    "conclude",
    "detect_format",
    "detect_table",
    "examine",
    "may_be_model",
    "param_size",
    "parameters_by_dtype",
    "read_gguf",
    "read_header",
    "read_onnx",
    "read_safetensors",
    "read_torch",
    "summarise",
    "table_changes",
    "tables_readable",
]

_WHERE: Final = {
    "CONCLUSION_REVISION": "conclusion",
    "INSIGHT_REVISION": "insights",
    "InMemory": "access",
    "OnDisk": "access",
    "RandomAccess": "access",
    "TensorData": "arrays",
    "conclude": "concluding",
    "Conclusion": "conclusion",
    "DatasetFacts": "conclusion",
    "MemoryEstimate": "conclusion",
    "ModelFacts": "conclusion",
    "Need": "conclusion",
    "TokenizerFacts": "conclusion",
    "ModelFormat": "detection",
    "ModelHeader": "detection",
    "detect_format": "detection",
    "may_be_model": "detection",
    "read_header": "detection",
    "examine": "examining",
    "Array": "gguf",
    "Gguf": "gguf",
    "read_gguf": "gguf",
    "ConfigInsight": "documents",
    "GenerationInsight": "documents",
    "TokenizerInsight": "documents",
    "TokenizerConfigInsight": "documents",
    "TemplateInsight": "documents",
    "AdapterInsight": "documents",
    "PipelineInsight": "documents",
    "SentencesInsight": "documents",
    "NotebookInsight": "documents",
    "ImageInsight": "documents",
    "Measured": "documents",
    "CardInsight": "documents",
    "MetricsInsight": "documents",
    "Insight": "insights",
    "Unreadable": "insights",
    "SafetensorsInsight": "weights",
    "LongArray": "weights",
    "Shape": "weights",
    "GgufInsight": "weights",
    "GraphValue": "weights",
    "OnnxInsight": "weights",
    "TorchInsight": "weights",
    "PickleInsight": "weights",
    "ShardsInsight": "weights",
    "Onnx": "onnx",
    "read_onnx": "onnx",
    "Safetensors": "safetensors",
    "read_safetensors": "safetensors",
    "PRECISIONS": "summary",
    "Beside": "summary",
    "Summary": "summary",
    "param_size": "summary",
    "summarise": "summary",
    "Torch": "torch",
    "read_torch": "torch",
    "Retyped": "tables.changes",
    "Shift": "tables.changes",
    "TableChanges": "tables.changes",
    "table_changes": "tables.changes",
    "TableFormat": "datasets",
    "TableKind": "tables.kinds",
    "detect_table": "tables.kinds",
    "NO_PREVIEW": "tables.reader",
    "TableReader": "tables.reader",
    "tables_readable": "tables.reader",
    "Column": "datasets",
    "Histogram": "datasets",
    "TableInsight": "datasets",
    "TopValue": "datasets",
    "Tensor": "tensor",
    "parameters_by_dtype": "tensor",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
