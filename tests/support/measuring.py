"""Coverage of programs that tests start: it doubles their time, so those are measured that tests name."""

import os

_WORDS = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
_kept: dict[str, str] = {}


def forget() -> None:
    """Let programs run unmeasured from now on."""
    _kept.update({word: os.environ.pop(word) for word in _WORDS if word in os.environ})


def measured() -> dict[str, str]:
    """Give what the environment of a program must hold so that it is measured; nothing where nobody measures."""
    return dict(_kept)
