"""A first Kitfile for a directory, guessed from names and sizes, and from what skills say of themselves.

Every file that is looked at ends up in some entry: whatever is not understood is code.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec.structs import replace

from orchard.formats.classify import BUNDLE_SUFFIX, Directory, FileKind, Listed, file_kind
from orchard.formats.kitfile import (
    MANIFEST_VERSION,
    Code,
    Dataset,
    Docs,
    Kitfile,
    MCPServer,
    Model,
    ModelPart,
    Package,
    Prompt,
)
from orchard.formats.skill import Skill

MAX_UNKNOWN: Final = 5  # more files of one directory that are not understood become one entry

_DOCS_DIRECTORY: Final = "docs"
_CODE_DIRECTORIES: Final = frozenset(("src", "pkg", "lib", "build"))


def generate(
    listing: Iterable[Listed],
    *,
    package: Package | None = None,
    license_id: str = "",
    depth: int = 0,
    skills: Mapping[str, Skill] | None = None,
) -> Kitfile:
    """Guess a Kitfile.

    Args:
        listing: Everything in the directory, in any order; ``depth`` and two more levels are looked at.
        package: What is known about the project already.
        license_id: SPDX identifier of the project's license file, if it has one.
        depth: How many levels of sub-directories are sorted file by file; those below are judged as a whole.
        skills: What each ``SKILL.md`` says, by its path.
    """
    tree, known, package = Directory.of(listing), skills or {}, package or Package()
    if tree.skill is not None:
        skill = known.get(tree.skill.path, Skill())
        prompt = Prompt(name=skill.name, path=".", description=skill.description)
        return Kitfile(manifest_version=MANIFEST_VERSION, package=_named(package, skill), prompts=(prompt,))
    guess = _Guess(known)
    guess.directory(tree, depth)
    kitfile = _licensed(guess.kitfile(package), license_id)
    said = [known[d.skill.path] for d in tree.directories.values() if d.skill is not None and d.skill.path in known]
    return _described(kitfile, [skill for skill in said if any(skill)])


class _Guess:
    """The Kitfile in the making."""

    def __init__(self, skills: Mapping[str, Skill]) -> None:
        self._skills = skills
        self._code: list[Code] = []
        self._datasets: list[Dataset] = []
        self._docs: list[Docs] = []
        self._prompts: list[Prompt] = []
        self._servers: list[MCPServer] = []
        self._models: list[Listed] = []  # the model and its parts, undecided
        self._metadata: list[Listed] = []

    def directory(self, directory: Directory, depth: int) -> None:
        """Take in a directory, file by file, and so many levels below it in the same way."""
        if directory.path and directory.skill is not None:
            self._skill(directory)
            return
        unknown = [file for file in directory.files if not self._file(file)]
        for below in directory.directories.values():
            if depth:
                self.directory(below, depth - 1)
            else:
                self._whole(below)
        if len(unknown) > MAX_UNKNOWN:
            self._code.append(Code(path=f"{directory.path}/" if directory.path else "."))
        else:
            self._code += [Code(path=file.path) for file in unknown]

    def _file(self, file: Listed) -> bool:
        """Take in one file, if it is understood."""
        for word in ("readme", "license"):
            if file.name.lower().startswith(word):
                self._docs.append(Docs(path=file.path, description=f"{word.capitalize()} file"))
                return True
        match file_kind(file.name):
            case FileKind.MODEL:
                self._models.append(file)
            case FileKind.METADATA:
                self._metadata.append(file)
            case FileKind.BUNDLE:
                self._server(file)
            case FileKind.UNKNOWN:
                return False
            case kind:
                self._add(kind, file.path)
        return True

    def _whole(self, directory: Directory) -> None:
        """Take in a directory as what it is as a whole; its models and bundles are taken out of it in any case."""
        if directory.skill is not None:
            self._skill(directory)
            return
        path = f"{directory.path}/"
        if directory.name == _DOCS_DIRECTORY:
            self._docs.append(Docs(path=path))
            return
        if directory.name in _CODE_DIRECTORIES:
            self._code.append(Code(path=path))
            return
        by_kind: dict[FileKind, list[Listed]] = {}
        for file in directory.files:
            by_kind.setdefault(file_kind(file.name), []).append(file)
        self._models += by_kind.get(FileKind.MODEL, [])
        for bundle in by_kind.get(FileKind.BUNDLE, []):
            self._server(bundle)
        kind = _kind_of(directory, by_kind.keys())
        if kind is FileKind.MODEL:
            self._models += by_kind.get(FileKind.METADATA, [])
        elif kind is not FileKind.BUNDLE:
            self._add(kind, path)

    def _skill(self, directory: Directory) -> None:
        said = self._skills.get(directory.skill.path, Skill()) if directory.skill else Skill()
        self._prompts.append(Prompt(name=said.name, path=directory.path, description=said.description))

    def _server(self, file: Listed) -> None:
        """Take in an MCP bundle; servers need names, and each its own."""
        name = file.name.removesuffix(BUNDLE_SUFFIX) or file.path
        taken = {server.name for server in self._servers}
        self._servers.append(MCPServer(name=file.path if name in taken else name, path=file.path))

    def _add(self, kind: FileKind, path: str) -> None:
        match kind:
            case FileKind.DATASET:
                self._datasets.append(Dataset(path=path))
            case FileKind.PROMPT:
                self._prompts.append(Prompt(path=path))
            case FileKind.DOCS:
                self._docs.append(Docs(path=path))
            case _:
                self._code.append(Code(path=path))

    def kitfile(self, package: Package) -> Kitfile:
        """Decide what is left open."""
        model, metadata = _model(self._models), [file.path for file in self._metadata]
        if model is not None:
            model = replace(model, parts=(*model.parts, *(ModelPart(path=path) for path in metadata)))
        else:
            self._datasets += [Dataset(path=path) for path in metadata]
        return Kitfile(
            manifest_version=MANIFEST_VERSION,
            package=package,
            model=model,
            code=tuple(self._code),
            datasets=tuple(self._datasets),
            docs=tuple(self._docs),
            prompts=tuple(self._prompts),
            mcp_servers=tuple(self._servers),
        )


def _kind_of(directory: Directory, kinds: AbstractSet[FileKind]) -> FileKind:
    """Decide what a directory is: what all its files are, metadata aside unless there are only bundles beside it."""
    telling = kinds - {FileKind.METADATA}
    if directory.directories or len(telling) != 1:
        return FileKind.UNKNOWN
    kind = next(iter(telling))
    return FileKind.UNKNOWN if kind is FileKind.BUNDLE and FileKind.METADATA in kinds else kind


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


def _stem(file: Listed) -> str:
    dot = file.name.rfind(".")
    return file.path if dot < 0 else file.path[: len(file.path) - len(file.name) + dot]


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


def _described(kitfile: Kitfile, said: list[Skill]) -> Kitfile:
    """Let skills say what the package is, where nothing else does; a mixed project is not called like its skill."""
    if not said:
        return kitfile
    others = (kitfile.model, kitfile.code, kitfile.datasets, kitfile.docs, kitfile.mcp_servers)
    alone = len(said) == 1 and not any(others)
    package = _named(kitfile.package, said[0] if alone else Skill(license=said[0].license))
    return replace(kitfile, package=package)


def _named(package: Package, skill: Skill) -> Package:
    return replace(
        package,
        name=package.name or skill.name,
        description=package.description or skill.description,
        license=package.license or skill.license,
    )
