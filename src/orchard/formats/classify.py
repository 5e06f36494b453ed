"""What a file seems to be, by its name alone.

The rules are those of ``kit`` 1.8 and later (ADR 31 says how they differ from those of 1.7). What operating systems and
version control leave behind is not looked at.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from orchard.formats.ignore import ALWAYS_IGNORED

MODEL_SUFFIXES: Final = (
    ".safetensors", ".pkl", ".joblib", ".pth", ".pt", ".mar", ".pt2", ".ptl", ".pb", ".ckpt", ".tflite", ".tfrecords",
    ".npy", ".npz", ".keras", ".h5", ".caffemodel", ".pmml", ".coreml", ".gguf", ".ggml", ".ggmf", ".llamafile",
    ".onnx",
)  # fmt: skip
METADATA_SUFFIXES: Final = (".json", ".yaml", ".xml", ".txt")
DOCS_SUFFIXES: Final = (".md", ".adoc", ".html", ".pdf")
DATASET_SUFFIXES: Final = (".tar", ".zip", ".parquet", ".csv")
BUNDLE_SUFFIX: Final = ".mcpb"
SKILL: Final = "skill.md"

# Other files that end in .bin are optimizer states, training arguments and the like, as often as they are weights.
_PYTORCH: Final = re.compile(r".*pytorch_model.*\.bin", re.DOTALL)
_PROMPT_NAMES: Final = frozenset(("agents.md", SKILL, "claude.md"))
_JUNK: Final = frozenset((
    ".ds_store", ".appledouble", ".lsoverride", ".spotlight-v100", ".trashes", "thumbs.db", "desktop.ini",
    "$recycle.bin", "ehthumbs.db", ".git", ".hg", ".svn",
))  # fmt: skip


class FileKind(Enum):
    """What a file seems to be."""

    PROMPT = auto()
    MODEL = auto()
    METADATA = auto()
    DOCS = auto()
    DATASET = auto()
    BUNDLE = auto()
    UNKNOWN = auto()


class Listed(NamedTuple):
    """One line of a directory listing.

    Attributes:
        path: Relative to the directory, with ``/``.
        size: In bytes.
        is_dir: Whether it is a directory; one that is not empty need not be listed.
    """

    path: str
    size: int = 0
    is_dir: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def file_kind(name: str) -> FileKind:
    """Guess what a file is from its name. Suffixes are compared as they are written, as ``kit`` does."""
    lower = name.lower()
    if lower in _PROMPT_NAMES or ".prompt" in lower:
        return FileKind.PROMPT
    if _PYTORCH.fullmatch(name):
        return FileKind.MODEL
    for kind, suffixes in _SUFFIXES:
        if name.endswith(suffixes):
            return kind
    return FileKind.UNKNOWN


_SUFFIXES: Final = (
    (FileKind.MODEL, MODEL_SUFFIXES),
    (FileKind.METADATA, METADATA_SUFFIXES),
    (FileKind.DOCS, DOCS_SUFFIXES),
    (FileKind.DATASET, DATASET_SUFFIXES),
    (FileKind.BUNDLE, BUNDLE_SUFFIX),
)


@dataclass(slots=True)
class Directory:
    """A directory: its files and its sub-directories, each in the order of their names.

    Attributes:
        path: Relative to the top directory, whose own path is empty.
        files: Its files.
        directories: Its sub-directories, by name.
    """

    path: str = ""
    files: list[Listed] = field(default_factory=list)
    directories: "dict[str, Directory]" = field(default_factory=dict)

    @classmethod
    def of(cls, listing: Iterable[Listed]) -> "Directory":
        """Make the tree of a listing, without what nobody wants in a kit."""
        root = cls()
        for item in sorted(listing, key=lambda listed: listed.path.split("/")):
            parts = item.path.split("/")
            if item.path in ALWAYS_IGNORED or any(part.lower() in _JUNK for part in parts):
                continue
            parent = root
            for part in parts if item.is_dir else parts[:-1]:
                path = f"{parent.path}/{part}" if parent.path else part
                parent = parent.directories.setdefault(part, cls(path))
            if not item.is_dir:
                parent.files.append(item)
        return root

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def skill(self) -> Listed | None:
        """The file that makes it an agent skill."""
        return next((file for file in self.files if file.name.lower() == SKILL), None)


def license_files(listing: Iterable[Listed]) -> list[str]:
    """Give the paths of the files whose text ``detect_license`` should see, in order."""
    return [file.path for file in Directory.of(listing).files if file.path.lower().startswith("license")]


def skill_files(listing: Iterable[Listed]) -> list[str]:
    """Give the paths of the files whose text ``read_skill`` should see, in order."""
    return [item.path for item in listing if not item.is_dir and item.name.lower() == SKILL]
