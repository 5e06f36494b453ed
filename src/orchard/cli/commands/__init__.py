"""One module for each command; ``cli.main`` imports the one that runs."""
