"""The history of the till's schema, run by alembic at start, each change with the data kept."""
