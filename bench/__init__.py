"""Benchmarks: what Orchard does, beside what this machine and other tools can do, in one run."""

import sys
from pathlib import Path

# The servers that tests run serve here too.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
