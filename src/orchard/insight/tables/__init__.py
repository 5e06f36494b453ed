"""Datasets: the schema, the first rows and a summary of CSV, TSV, JSON Lines and Parquet files.

DuckDB reads them in a process of its own (``worker``), which can reach nothing but the bytes that ``reader`` gives it.
Only ``database`` imports it, and only ``worker`` runs that; whoever imports the rest pays for no database.
"""
