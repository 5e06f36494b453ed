"""Completion in shells: references of the local store, and what click does not know about shells.

Bash takes ``:`` and ``=`` for the ends of words, so a reference reaches us in pieces and would be completed from its
last colon on. Here the whole line is read instead, and what bash holds already is left out of the answer.
"""

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

from orchard.errors import OrchardError

__all__ = ["MOST", "complete_references", "get_completion_class", "shell_complete"]

MOST: Final = 500  # items; a shell asks before it shows half as many

_BREAKS: Final = ":="  # of COMP_WORDBREAKS, what references and options may hold


class _Bash(BashComplete):
    source_template: ClassVar[str] = BashComplete.source_template.replace(
        "$(env COMP_WORDS=", '$(env COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_WORDS='
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE")
        if not line:
            return super().get_completion_args()
        typed = line.encode()[: int(os.environ.get("COMP_POINT") or len(line.encode()))].decode("utf-8", "ignore")
        words = split_arg_string(typed)
        incomplete = "" if not words or typed[-1:].isspace() else words.pop()
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        typed = self.get_completion_args()[1] if os.environ.get("COMP_LINE") else ""
        held = max(typed.rfind(one) for one in _BREAKS) + 1
        value = item.value.removeprefix(typed[:held]) if held else item.value
        return f"{item.type},{value}"


class _PowerShell(ShellComplete):
    name: ClassVar[str] = "powershell"
    source_template: ClassVar[str] = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $env:%(complete_var)s = "powershell_complete"
    $env:COMP_LINE = $commandAst.ToString().PadRight($cursorPosition).Substring(0, $cursorPosition)
    %(prog_name)s | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, "ParameterValue", $_)
    }
    Remove-Item Env:%(complete_var)s, Env:COMP_LINE
}
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)
        incomplete = "" if not words or line[-1:].isspace() else words.pop()
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        return str(item.value)


add_completion_class(_Bash, "bash")
add_completion_class(_PowerShell, "powershell")


def complete_references(
    home: str | None, environ: Mapping[str, str], incomplete: str, *, indexes: bool = False
) -> list[CompletionItem]:
    """Give the references of the local store that begin so; nothing where the store cannot be read.

    Args:
        home: The home directory, if one was named.
        environ: The environment.
        incomplete: What is typed.
        indexes: Whether indexes are wanted, not ModelKits.
    """
    from orchard.oci import mediatype  # noqa: PLC0415 -- only where references are completed
    from orchard.project import Workspace, entry_name  # noqa: PLC0415

    try:
        entries = Workspace(home, environ=environ).layout.entries()
        names = [
            entry_name(entry)
            for entry in entries
            if entry.tag is not None and (entry.descriptor.media_type in mediatype.INDEXES) == indexes
        ]
    except OrchardError:
        return []
    matching: list[Any] = sorted(name for name in names if name.startswith(incomplete))
    return [CompletionItem(name) for name in matching[:MOST]]
