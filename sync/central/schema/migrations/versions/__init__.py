"""One schema change, one file."""
