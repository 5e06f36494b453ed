"""Benchmarks: what Orchard does, beside what this machine can do, in one run."""
