"""Content by descriptor, on this machine."""
