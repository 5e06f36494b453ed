"""Facts about models and data, read from the headers of their files: bounded, by ranged reads, never the weights."""
