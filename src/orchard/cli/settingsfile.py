"""Changing one line of a config file that people write too: comments, order and blank lines stay as they are.

An edit is made in the text and then proved: the new text must say exactly what the old one said, but for the change.
Where it does not (a key written in an unusual way), nothing is written and the user is asked to do it by hand.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from orchard.cli.settings import REGISTRY, Setting, parse
from orchard.errors import InvalidDocumentError, StorageError

_HEADER: Final = re.compile(r"\s*\[")


def change(path: Path, name: str, value: Setting | None) -> None:
    """Set a key in a file, or (``None``) take it away; the file is made if it is not there.

    Raises:
        InvalidDocumentError: If the file is not valid, or is written in a way that cannot be changed here.
        StorageError: If it cannot be read or written.
    """
    target = path.resolve()  # a link to a file elsewhere stays one
    try:
        text = target.read_text(encoding="utf-8") if target.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path}: {error}") from error
    wanted = {key: one for key, one in {**parse(text.encode(), path), name: value}.items() if one is not None}
    edited = _edited(text, name, value)
    if _said(edited, path) != wanted:
        raise InvalidDocumentError(f"{path}: {name} is written there in a way that only an editor can change")
    _save(target, edited)


def _said(text: str, path: Path) -> Mapping[str, Setting] | None:
    try:
        return parse(text.encode(), path)
    except InvalidDocumentError:
        return None


def _edited(text: str, name: str, value: Setting | None) -> str:
    section, _, key = name.rpartition(".")
    lines = text.splitlines()
    start, end = _section(lines, _header(section))
    written = None if value is None else f"{key} = {_toml(value)}"
    at = next((number for number in range(start, end) if re.match(rf"\s*{re.escape(key)}\s*=", lines[number])), None)
    if at is not None:
        lines[at : at + 1] = [] if written is None else [written]
    elif written is not None and start < 0:
        lines += [*([""] if lines and lines[-1].strip() else []), _header(section), written]
    elif written is not None:
        while end > start and not lines[end - 1].strip():
            end -= 1
        lines.insert(end, written)
    return "\n".join([*lines, ""]) if lines else ""


def _header(section: str) -> str:
    if section.startswith(f"{REGISTRY}."):
        return f"[{REGISTRY}.{json.dumps(section.removeprefix(f'{REGISTRY}.'))}]"
    return f"[{section}]" if section else ""


def _section(lines: list[str], header: str) -> tuple[int, int]:
    """Give the lines of a section without its header; from -1 on if there is none."""
    start = 0
    if header:
        start = next((number + 1 for number, line in enumerate(lines) if _bare(line) == header), -1)
    if start < 0:
        return -1, -1
    end = next((number for number in range(start, len(lines)) if _HEADER.match(lines[number])), len(lines))
    return start, end


def _bare(line: str) -> str:
    line = line.partition("#")[0].strip()
    if re.fullmatch(rf"\[{REGISTRY}\.[\w-]+\]", line):  # a host without dots needs no quotes
        host = line.removeprefix(f"[{REGISTRY}.").removesuffix("]")
        return _header(f"{REGISTRY}.{host}")
    return line.replace("'", '"')


def _toml(value: Setting) -> str:
    """Write a value; texts are printable, so JSON writes them as TOML does."""
    return json.dumps(value, ensure_ascii=False)


def _save(path: Path, text: str) -> None:
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 -- a descriptor, not a path
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o600)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(f"{path}: cannot be written: {error.strerror}") from error
