"""Where a version runs: inference engines on this machine."""
