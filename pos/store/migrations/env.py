"""Runs the migrations on the connection that ``pos.store.migrate`` hands over, inside its one transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
