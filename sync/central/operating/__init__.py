"""Running central: its figures, processes, backups, its own check of its books, and test data."""
