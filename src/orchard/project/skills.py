"""Agent skills: prompts with a ``SKILL.md``, installed where coding agents look for them.

A skill comes from a ModelKit, so its names are somebody else's. It is read into memory, at most 10 MiB of it, verified,
and written into a fresh directory under a name made of harmless letters; that directory then takes its place at once.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from orchard.archive import Limits, decompress, members
from orchard.errors import InvalidError, LimitExceededError, OrchardError, StorageError
from orchard.formats import Compression, Filters, Layer, LayerFormat, LayerKind, clean_path, read_skill
from orchard.oci import Reference, Verifying, read_bounded
from orchard.project.agents import skills_directory
from orchard.project.versions import Version
from orchard.store import Source

MAX_BYTES: Final = 10 << 20  # of all files of a skill
UNNAMED: Final = "unnamed-skill"

_SKILL: Final = "skill.md"
_LIMITS: Final = Limits(members=10_000, total=MAX_BYTES + (10 << 20), ratio_after=MAX_BYTES)
_NAMES: Final[dict[Compression, Literal["gzip", "zstd"]]] = {Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}
_HARMFUL: Final = re.compile(r"[^a-z0-9._]+")
_LONGEST: Final = 128


@dataclass(frozen=True, slots=True)
class SkillFiles:
    """A skill, ready to be written.

    Attributes:
        name: What its directory is called.
        files: Paths below that, and their content.
        executable: Those of the paths that may be run.
    """

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    executable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of a skill for an agent.

    Attributes:
        skill: Its name.
        agent: The agent.
        path: Its directory.
        state: Whether it is there now, was there before, or could not be written.
        problem: Why it could not be.
    """

    skill: str
    agent: str
    path: Path
    state: Literal["installed", "skipped", "failed"]
    problem: str = ""


def find_skills(
    version: Version, source: Source, *, filters: Filters, reference: Reference
) -> Iterator[SkillFiles | OrchardError]:
    """Read the skills among the prompts that filters select; one that is bad does not hide the others.

    Args:
        version: Where they are.
        source: Where its layers are.
        filters: Which prompts.
        reference: What the version is called; names a skill that has no name.
    """
    for layer in version.kit.layers:
        if layer.kind is not LayerKind.PROMPT or not filters.selects(layer):
            continue
        try:
            files, executable = _read(source, layer)
        except OrchardError as error:
            yield error
            continue
        said = next((files[path] for path in files if path.rpartition("/")[2].lower() == _SKILL), None)
        if said is not None:
            name = _name(read_skill(said.decode("utf-8", "replace")).name, layer, reference)
            yield SkillFiles(name, files, executable)


def install_skill(
    skill: SkillFiles,
    agents: Sequence[str],
    environ: Mapping[str, str],
    *,
    project: Path | None,
    replace: bool,
    dry_run: bool = False,
) -> list[Installed]:
    """Write a skill for some agents; those that share a directory get it once.

    Args:
        skill: What to write.
        agents: For whom.
        environ: Where the user's directories are.
        project: Of one project only; for all of them if not given.
        replace: Whether one that is there makes room.
        dry_run: Whether to say what would happen, and write nothing.

    Raises:
        UsageError: If there is no home directory.
    """
    done: dict[Path, Installed] = {}
    results = []
    for agent in agents:
        path = skills_directory(agent, environ, project) / skill.name
        if path not in done:
            done[path] = _install(skill, agent, path, replace=replace, dry_run=dry_run)
        first = done[path]
        results.append(Installed(skill.name, agent, path, first.state, first.problem))
    return results


def _install(skill: SkillFiles, agent: str, path: Path, *, replace: bool, dry_run: bool) -> Installed:
    there = path.exists() or path.is_symlink()
    if there and not replace:
        return Installed(skill.name, agent, path, "skipped")
    if dry_run:
        return Installed(skill.name, agent, path, "installed")
    temporary = path.with_name(f".{skill.name}.{secrets.token_hex(4)}")
    try:
        _write(skill, temporary / "new")
        if there:
            path.rename(temporary / "old")  # a link is moved, not followed
        (temporary / "new").rename(path)
    except OSError as error:
        return Installed(skill.name, agent, path, "failed", f"{error.filename}: {error.strerror}")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Installed(skill.name, agent, path, "installed")


def _write(skill: SkillFiles, directory: Path) -> None:
    directory.mkdir(parents=True)
    for name, content in skill.files.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o777 if name in skill.executable else 0o666  # the umask cuts it
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(file, "wb") as body:
            body.write(content)


def _read(source: Source, layer: Layer) -> tuple[dict[str, bytes], frozenset[str]]:
    """Read the files of a prompt, named as below the skill's own directory.

    Raises:
        LimitExceededError: If they are too large.
        InvalidError: If two files have one name, or the layer is not sound.
        OrchardError: As the store or the registry raises it.
    """
    if layer.descriptor.size > MAX_BYTES:
        raise LimitExceededError(f"prompt {layer.path}: exceeds maximum size ({MAX_BYTES} bytes)")
    with source.open(layer.descriptor) as body:
        verified = Verifying(body, layer.descriptor)
        kind = layer.type.compression
        plain = verified if kind is Compression.NONE else decompress(verified, _NAMES[kind], _LIMITS, what=layer.path)
        if layer.type.format is LayerFormat.RAW:
            data = read_bounded(plain, limit=MAX_BYTES, what=f"prompt {layer.path}")
            return {layer.path.rpartition("/")[2]: data}, frozenset()
        files: dict[str, bytes] = {}
        executable = set()
        total = 0
        for member in members(plain, _LIMITS, what=f"prompt {layer.path}"):
            name = _below(member.name, layer.path)
            if member.is_directory or name is None:
                continue
            total += member.size
            if total > MAX_BYTES:
                raise LimitExceededError(f"prompt {layer.path}: exceeds maximum size ({MAX_BYTES} bytes)")
            if name in files:
                raise InvalidError(f"prompt {layer.path}: {name!r} stands twice in it")
            files[name] = member.content.read_whole()
            executable |= {name} if member.mode & 0o100 else set()
        return files, frozenset(executable)


def _below(name: str, path: str) -> str | None:
    """Name a file of a layer as below the entry's own directory; one that is elsewhere belongs to no skill."""
    prefix = clean_path(path)
    if prefix == ".":
        return name
    if name == prefix:
        return name.rpartition("/")[2]
    return name.removeprefix(f"{prefix}/") if name.startswith(f"{prefix}/") else None


def _name(said: str, layer: Layer, reference: Reference) -> str:
    """Name a skill as KitOps does: by what it says, the Kitfile, its directory or file, the repository."""
    path = layer.path.rstrip("/")
    base = path.rpartition("/")[2]
    if base.lower() == _SKILL:
        base = path.rpartition("/")[0].rpartition("/")[2]
    elif not layer.path.endswith("/"):
        base = base.rpartition(".")[0] or base
    repository = reference.repository.rpartition("/")[2]
    return harmless_name(next((text for text in (said, layer.name, base.strip("."), repository) if text), ""))


def harmless_name(text: str) -> str:
    """Make a directory's name of any text: lower case, letters, digits, ``.``, ``_`` and ``-``, no dot at its ends."""
    name = _HARMFUL.sub("-", text.lower())[:_LONGEST].strip(".-_")
    return name or UNNAMED


def own_skill() -> SkillFiles:
    """Give the skill that teaches an agent to use this program.

    Raises:
        StorageError: If it is missing from the installation.
    """
    path = Path(__file__).with_name("SKILL.md")
    try:
        return SkillFiles("orchard", {"SKILL.md": path.read_bytes()})
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}; install Orchard again") from error
