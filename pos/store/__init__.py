"""The till's two files: ``till.db``, the books, and ``cache.db``, what central told (rebuildable)."""
