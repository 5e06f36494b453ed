"""Coding agents, and where each of them looks for skills. The names and directories are those that KitOps uses."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from orchard.errors import NotFoundError, UsageError

AUTO: Final = "auto"  # every agent that is on this machine

_SHARED: Final = ".agents/skills"


class Agent(NamedTuple):
    """Where an agent looks for skills.

    Attributes:
        project: Below the directory of a project.
        home: For all projects; ``~``, ``$XDG_CONFIG_HOME``, ``$CLAUDE_CONFIG_DIR`` and ``$CODEX_HOME`` stand for
            directories of the user.
        signs: Directories of the user that are there if the agent is; none for one that cannot be found out about.
    """

    project: str
    home: str
    signs: tuple[str, ...]


def _own(directory: str) -> Agent:
    """Describe an agent that keeps everything in one directory, in projects as at home."""
    return Agent(f"{directory}/skills", f"~/{directory}/skills", (f"~/{directory}",))


def _shared(home: str, *signs: str) -> Agent:
    """Describe an agent that looks into the directory for all agents, in projects."""
    return Agent(_SHARED, home, signs)


AGENTS: Final[dict[str, Agent]] = {
    "adal": _own(".adal"),
    "amp": _shared("$XDG_CONFIG_HOME/agents/skills", "$XDG_CONFIG_HOME/amp"),
    "antigravity": _shared("~/.gemini/antigravity/skills", "~/.gemini/antigravity"),
    "augment": _own(".augment"),
    "bob": _own(".bob"),
    "claude-code": Agent(".claude/skills", "$CLAUDE_CONFIG_DIR/skills", ("$CLAUDE_CONFIG_DIR",)),
    "cline": _shared("~/.agents/skills", "~/.cline"),
    "codebuddy": _own(".codebuddy"),
    "codex": _shared("$CODEX_HOME/skills", "$CODEX_HOME"),
    "command-code": _own(".commandcode"),
    "continue": _own(".continue"),
    "cortex": Agent(".cortex/skills", "~/.snowflake/cortex/skills", ("~/.snowflake/cortex",)),
    "crush": Agent(".crush/skills", "$XDG_CONFIG_HOME/crush/skills", ("$XDG_CONFIG_HOME/crush",)),
    "cursor": _shared("~/.cursor/skills", "~/.cursor"),
    "deepagents": _shared("~/.deepagents/agent/skills", "~/.deepagents"),
    "droid": _own(".factory"),
    "firebender": _shared("~/.firebender/skills", "~/.firebender"),
    "gemini-cli": _shared("~/.gemini/skills", "~/.gemini"),
    "github-copilot": _shared("~/.copilot/skills", "~/.copilot"),
    "goose": Agent(".goose/skills", "$XDG_CONFIG_HOME/goose/skills", ("$XDG_CONFIG_HOME/goose",)),
    "iflow-cli": _own(".iflow"),
    "junie": _own(".junie"),
    "kilo": _own(".kilocode"),
    "kimi-cli": _shared("$XDG_CONFIG_HOME/agents/skills", "~/.kimi"),
    "kiro-cli": _own(".kiro"),
    "kode": _own(".kode"),
    "mcpjam": _own(".mcpjam"),
    "mistral-vibe": _own(".vibe"),
    "mux": _own(".mux"),
    "neovate": _own(".neovate"),
    "openclaw": Agent("skills", "~/.openclaw/skills", ("~/.openclaw", "~/.clawdbot", "~/.moltbot")),
    "opencode": _shared("$XDG_CONFIG_HOME/opencode/skills", "$XDG_CONFIG_HOME/opencode"),
    "openhands": _own(".openhands"),
    "pi": Agent(".pi/skills", "~/.pi/agent/skills", ("~/.pi/agent",)),
    "pochi": _own(".pochi"),
    "qoder": _own(".qoder"),
    "qwen-code": _own(".qwen"),
    "replit": _shared("$XDG_CONFIG_HOME/agents/skills"),
    "roo": _own(".roo"),
    "trae": _own(".trae"),
    "trae-cn": Agent(".trae/skills", "~/.trae-cn/skills", ("~/.trae-cn",)),
    "universal": _shared("$XDG_CONFIG_HOME/agents/skills"),
    "warp": _shared("~/.agents/skills", "~/.warp"),
    "windsurf": Agent(".windsurf/skills", "~/.codeium/windsurf/skills", ("~/.codeium/windsurf",)),
    "zencoder": _own(".zencoder"),
}


def choose_agents(text: str, environ: Mapping[str, str]) -> list[str]:
    """Read a list of agents, such as ``codex,cursor``; ``auto`` is those that are on this machine.

    Raises:
        UsageError: If one is not known.
        NotFoundError: If there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in AGENTS and name != AUTO]
    if unknown or not names:
        raise UsageError(f"unknown agent {', '.join(unknown) or repr(text)}; there are {AUTO}, {', '.join(AGENTS)}")
    found = [name for name, agent in AGENTS.items() if any(_place(sign, environ).is_dir() for sign in agent.signs)]
    if names == [AUTO] and not found:
        raise NotFoundError("no coding agent was found on this machine; name one, such as claude-code or universal")
    return list(dict.fromkeys(one for name in names for one in (found if name == AUTO else [name])))


def skills_directory(name: str, environ: Mapping[str, str], project: Path | None) -> Path:
    """Give the directory where an agent looks for skills: of a project, or of all of them.

    Raises:
        UsageError: If there is no home directory.
    """
    agent = AGENTS[name]
    return (project / agent.project if project is not None else _place(agent.home, environ)).absolute()


def _place(text: str, environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if not home:
        raise UsageError("no home directory: set $HOME, or name a directory")
    first, _, rest = text.partition("/")
    defaults = {"~": "", "$XDG_CONFIG_HOME": ".config", "$CLAUDE_CONFIG_DIR": ".claude", "$CODEX_HOME": ".codex"}
    chosen = environ.get(first.removeprefix("$"), "").strip() if first.startswith("$") else ""
    return Path(chosen or os.path.join(home, defaults[first])) / rest  # noqa: PTH118 -- "" adds nothing
