"""The history of central's schema, run by alembic when a store is opened, each change with the data kept."""
