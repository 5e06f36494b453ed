"""A first Kitfile for a directory, guessed from names and sizes alone.

The rules are those of ``kit init`` 1.7, so both tools guess the same, with three additions: what operating systems and
version control leave behind is not looked at, and prompts and agent skills are recognised (KitOps 1.9 and later).
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from msgspec.structs import replace

from orchard.formats.ignore import ALWAYS_IGNORED
from orchard.formats.kitfile import (
    MANIFEST_VERSION,
    Code,
    Dataset,
    Docs,
    Kitfile,
    Model,
    ModelPart,
    Package,
    Prompt,
)

MAX_CODE_DIRECTORIES: Final = 5  # more than these unclear directories become one entry for everything

MODEL_SUFFIXES: Final = (
    ".safetensors", ".pkl", ".joblib", ".bin", ".pth", ".pt", ".mar", ".pt2", ".ptl", ".pb", ".ckpt", ".tflite",
    ".tfrecords", ".npy", ".npz", ".keras", ".h5", ".caffemodel", ".pmml", ".coreml", ".gguf", ".ggml", ".ggmf",
    ".llamafile", ".onnx",
)  # fmt: skip
METADATA_SUFFIXES: Final = (".json", ".yaml", ".xml", ".txt")
DOCS_SUFFIXES: Final = (".md", ".adoc", ".html", ".pdf")
DATASET_SUFFIXES: Final = (".tar", ".zip", ".parquet", ".csv")

_DOCS_DIRECTORY: Final = "docs"
_CODE_DIRECTORIES: Final = frozenset(("src", "pkg", "lib", "build"))
_PROMPT_NAMES: Final = frozenset(("agents.md", "skill.md"))
_SKILL: Final = "skill.md"
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


def file_kind(name: str) -> FileKind:
    """Guess what a file is from its name. Suffixes are compared as they are written, as ``kit`` does."""
    lower = name.lower()
    if lower in _PROMPT_NAMES or ".prompt" in lower:
        return FileKind.PROMPT
    for kind, suffixes in _SUFFIXES:
        if name.endswith(suffixes):
            return kind
    return FileKind.UNKNOWN


_SUFFIXES: Final = (
    (FileKind.MODEL, MODEL_SUFFIXES),
    (FileKind.METADATA, METADATA_SUFFIXES),
    (FileKind.DOCS, DOCS_SUFFIXES),
    (FileKind.DATASET, DATASET_SUFFIXES),
)


def license_files(listing: Iterable[Listed]) -> list[str]:
    """Give the paths of the files whose text ``detect_license`` should see, in order."""
    tree = _Directory.of(listing)
    return [file.path for file in tree.files if file.path.lower().startswith("license")]


def generate(listing: Iterable[Listed], *, package: Package | None = None, license_id: str = "") -> Kitfile:
    """Guess a Kitfile.

    Args:
        listing: Everything in the directory, in any order; two levels are looked at.
        package: What is known about the project already.
        license_id: SPDX identifier of the project's license file, if it has one.
    """
    guess = _Guess()
    tree = _Directory.of(listing)
    for file in tree.files:
        guess.file(file)
    for name, directory in tree.directories.items():
        guess.directory(name, directory)
    return _licensed(guess.kitfile(package or Package()), license_id)


@dataclass(slots=True)
class _Directory:
    """A directory: its files and its sub-directories, each in the order of their names."""

    path: str = ""
    files: list[Listed] = field(default_factory=list)
    directories: "dict[str, _Directory]" = field(default_factory=dict)

    @classmethod
    def of(cls, listing: Iterable[Listed]) -> "_Directory":
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


class _Guess:
    """The Kitfile in the making."""

    def __init__(self) -> None:
        self._code: list[Code] = []
        self._datasets: list[Dataset] = []
        self._docs: list[Docs] = []
        self._prompts: list[Prompt] = []
        self._models: list[Listed] = []  # the model and its parts, undecided
        self._metadata: list[Listed] = []
        self._unclear: list[str] = []
        self._catch_all = False

    def file(self, file: Listed) -> None:
        """Take in a file of the top directory."""
        for word in ("readme", "license"):
            if file.path.lower().startswith(word):
                self._docs.append(Docs(path=file.path, description=f"{word.capitalize()} file"))
                return
        match file_kind(file.path):
            case FileKind.MODEL:
                self._models.append(file)
            case FileKind.METADATA:
                self._metadata.append(file)
            case FileKind.UNKNOWN:
                self._catch_all = True
            case kind:
                self._add(kind, file.path)

    def directory(self, name: str, directory: _Directory) -> None:
        """Take in a directory in the top directory."""
        if name in _CODE_DIRECTORIES:
            self._code.append(Code(path=directory.path))
            return
        if name == _DOCS_DIRECTORY or any(_name(file).lower() == _SKILL for file in directory.files):
            self._add(FileKind.DOCS if name == _DOCS_DIRECTORY else FileKind.PROMPT, directory.path)
            return
        by_kind: dict[FileKind, list[Listed]] = {}
        for file in directory.files:
            by_kind.setdefault(file_kind(_name(file)), []).append(file)
        self._models += by_kind.get(FileKind.MODEL, [])
        kind = _kind_of(directory, by_kind.keys())
        if kind is FileKind.MODEL:
            self._models += by_kind.get(FileKind.METADATA, [])
        elif kind is FileKind.UNKNOWN:
            self._unclear.append(directory.path)
        else:
            self._add(kind, directory.path)

    def _add(self, kind: FileKind, path: str) -> None:
        match kind:
            case FileKind.DATASET:
                self._datasets.append(Dataset(path=path))
            case FileKind.PROMPT:
                self._prompts.append(Prompt(path=path))
            case _:
                self._docs.append(Docs(path=path))

    def kitfile(self, package: Package) -> Kitfile:
        """Decide what is left open."""
        model, metadata = _model(self._models), [file.path for file in self._metadata]
        if model is not None:
            model = replace(model, parts=(*model.parts, *(ModelPart(path=path) for path in metadata)))
        else:
            self._datasets += [Dataset(path=path) for path in metadata]
        if self._catch_all or len(self._unclear) > MAX_CODE_DIRECTORIES:
            self._code = [Code(path=".")]
        else:
            self._code += [Code(path=path) for path in self._unclear]
        return Kitfile(
            manifest_version=MANIFEST_VERSION,
            package=package,
            model=model,
            code=tuple(self._code),
            datasets=tuple(self._datasets),
            docs=tuple(self._docs),
            prompts=tuple(self._prompts),
        )


def _kind_of(directory: _Directory, kinds: AbstractSet[FileKind]) -> FileKind:
    """Decide what a directory is: what all its files are, metadata aside."""
    telling = kinds - {FileKind.METADATA}
    if directory.directories or len(telling) != 1:
        return FileKind.UNKNOWN
    return next(iter(telling))


def _model(files: list[Listed]) -> Model | None:
    """Choose the model among several files: the largest if it stands out, else the first; the others are its parts."""
    if not files:
        return None
    largest = max(files, key=lambda file: file.size)
    average = sum(file.size for file in files) // len(files)
    stands_out = len(files) == 1 or largest.size > average + average // 2
    chosen = largest if stands_out else files[0]
    parts = tuple(ModelPart(path=file.path) for file in files if file is not chosen)
    return Model(name=_stem(chosen) if stands_out else "", path=chosen.path, parts=parts)


def _name(file: Listed) -> str:
    return file.path.rpartition("/")[2]


def _stem(file: Listed) -> str:
    dot = _name(file).rfind(".")
    return file.path if dot < 0 else file.path[: len(file.path) - len(_name(file)) + dot]


def _licensed(kitfile: Kitfile, license_id: str) -> Kitfile:
    """Write the license where it most likely belongs."""
    if not license_id:
        return kitfile
    if kitfile.model is not None:
        return replace(kitfile, model=replace(kitfile.model, license=license_id))
    if len(kitfile.datasets) == 1:
        return replace(kitfile, datasets=(replace(kitfile.datasets[0], license=license_id),))
    if len(kitfile.code) == 1:
        return replace(kitfile, code=(replace(kitfile.code[0], license=license_id),))
    return replace(kitfile, package=replace(kitfile.package, license=license_id))
