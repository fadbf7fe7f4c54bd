"""Central's store: one SQL database in SQLite or PostgreSQL, its schema's steps, and its transactions."""
