"""Where the time of a run of tests went: the modules that took longest, for whoever wants it shorter."""

from collections import defaultdict
from operator import itemgetter
from typing import Final

import pytest

_SHOWN: Final = 15
_LONG: Final = 60.0  # seconds that a run takes before anybody asks

_seconds: dict[str, float] = defaultdict(float)


def note(report: pytest.TestReport) -> None:
    """Count a phase of a test."""
    _seconds[report.nodeid.partition("::")[0]] += report.duration


def tell(terminal: pytest.TerminalReporter) -> None:
    """Write down what took longest, where it was long."""
    total = sum(_seconds.values())
    if total < _LONG:
        return
    terminal.section(f"slowest modules of {total:.0f} s in all workers")
    for module, seconds in sorted(_seconds.items(), key=itemgetter(1), reverse=True)[:_SHOWN]:
        terminal.line(f"{seconds:7.1f} s {module}")
