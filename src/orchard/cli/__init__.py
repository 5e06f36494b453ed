"""The terminal: what ``orchard`` and ``kit`` do when typed."""

import gc

# Nearly all that a command makes lives until its end: looking for garbage on the way took 5 ms of 105.
gc.set_threshold(50_000, 10, 10)

from orchard.cli.main import COMMANDS, EXIT_CODES, main, program, run  # noqa: E402 -- its imports are most of the cost

__all__ = ["COMMANDS", "EXIT_CODES", "main", "program", "run"]
