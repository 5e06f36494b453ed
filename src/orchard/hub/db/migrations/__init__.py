"""Every change of the tables, in order. A released one never changes."""
