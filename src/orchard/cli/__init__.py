"""The terminal: what ``orchard`` and ``kit`` do when typed."""

from orchard.cli.main import COMMANDS, EXIT_CODES, main, program, run

__all__ = ["COMMANDS", "EXIT_CODES", "main", "program", "run"]
