"""A bill's state that was set by hand is kept beside what its payments say."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql("ALTER TABLE bill ADD COLUMN told_state TEXT;\n")
