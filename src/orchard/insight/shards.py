"""``model.safetensors.index.json`` and its like: which tensor is in which file."""

from typing import Final

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.plain import count, mapping
from orchard.insight.weights import ShardsInsight
from orchard.oci import JSON

MAX_TENSORS: Final = 200_000
MAX_FILES: Final = 2000


def shards_of(value: JSON, *, what: str) -> ShardsInsight:
    """Keep what an index says.

    Raises:
        InvalidDocumentError: If it is none.
        LimitExceededError: If it names more than anybody's.
    """
    said = mapping(value)
    places = said.get("weight_map")
    if not isinstance(places, dict):
        raise InvalidDocumentError(f"{what}: not an index of weights, it has no weight_map")
    files: dict[str, list[str]] = {}
    for tensor, name in places.items():
        if not isinstance(name, str) or not name:
            raise InvalidDocumentError(f"{what}: tensor {tensor[:200]!r} is in no file")
        files.setdefault(name[:512], []).append(tensor[:512])
    if len(places) > MAX_TENSORS or len(files) > MAX_FILES:
        raise LimitExceededError(f"{what}: {len(places)} tensors in {len(files)} files, more than anybody's")
    metadata = mapping(said.get("metadata"))
    return ShardsInsight(
        size=count(metadata.get("total_size")),
        parameters=count(metadata.get("total_parameters")),
        files={name: tuple(sorted(tensors)) for name, tensors in sorted(files.items())},
    )
