"""Which files are datasets, by their names."""

from typing import Final, NamedTuple

from orchard.insight.datasets import Packing, TableFormat

COUNTED: Final = 1 << 30  # bytes, unpacked, that are passed over for counting rows
_FORMATS: Final[dict[str, TableFormat]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKINGS: Final[dict[str, Packing]] = {".gz": "gzip", ".zst": "zstd"}


class TableKind(NamedTuple):
    """How a dataset is written.

    Attributes:
        format: What its bytes say, without compression around them.
        packing: The compression around the whole file.
    """

    format: TableFormat
    packing: Packing = ""


def detect_table(path: str) -> TableKind | None:
    """Tell by a file's name what kind of dataset it is, or that it is none.

    >>> detect_table("data/train.csv.gz"), detect_table("model/config.json")
    (TableKind(format='csv', packing='gzip'), None)
    """
    name = path.rpartition("/")[2].lower()
    packing: Packing = ""
    for ending, around in _PACKINGS.items():
        if name.endswith(ending):
            name, packing = name.removesuffix(ending), around
    found = next((kind for ending, kind in _FORMATS.items() if name.endswith(ending)), None)
    if found is None or (found == "parquet" and packing):
        return None
    return TableKind(found, packing)
