"""Orchard: whole machine-learning projects as OCI artifacts."""

__version__ = "0.1.0"
