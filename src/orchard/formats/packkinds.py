"""What a single file is in a ModelPack: weights, what configures them, documentation, code or data."""

from typing import Final

from orchard.formats.classify import DOCS_SUFFIXES, MODEL_SUFFIXES
from orchard.formats.layertype import LayerKind

# Data in a directory of weights is still what the model needs; these are not weights by themselves.
_NOT_WEIGHTS: Final = frozenset((".tfrecords", ".npy", ".npz"))
_WEIGHTS: Final = (
    *(suffix for suffix in MODEL_SUFFIXES if suffix not in _NOT_WEIGHTS),
    ".bin", ".dduf", ".engine", ".trt", ".pte", ".mlmodel", ".task", ".msgpack", ".onnx_data", ".onnx.data",
)  # fmt: skip
# Files that end in .bin are weights in the directory of a model, but for what training leaves there.
_SMALL: Final = frozenset(("training_args.bin", "optimizer.bin", "scheduler.bin"))
_CODE: Final = (".py", ".ipynb", ".sh", ".c", ".cc", ".cpp", ".cu", ".go", ".js", ".ts", ".rs", ".java", ".jl")
_DOCS: Final = ("readme", "license", "licence", "notice", "copying", "use_policy", "changelog")


def is_weights(path: str) -> bool:
    """Tell by its name whether a file holds weights."""
    name = path.rpartition("/")[2].lower()
    return name.endswith(_WEIGHTS) and name not in _SMALL


def kind_of_file(claimed: LayerKind, path: str) -> LayerKind:
    """Tell by its name what a file is that a directory of some kind holds; only a model holds several kinds."""
    if claimed is not LayerKind.MODEL or is_weights(path):
        return claimed
    name = path.rpartition("/")[2].lower()
    if name.startswith(_DOCS) or name.endswith(DOCS_SUFFIXES):
        return LayerKind.DOCS
    return LayerKind.CODE if name.endswith(_CODE) else LayerKind.PART
