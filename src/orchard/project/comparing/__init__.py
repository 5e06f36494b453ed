"""What it takes to compare two versions, part by part; ``project.comparison`` puts the parts together."""
