"""The billing cycles of the operator, as they were told."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(UP)


UP = """
CREATE TABLE bill_cycle (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    change_number BIGINT NOT NULL
);
CREATE INDEX bill_cycle_by_change ON bill_cycle (change_number);
"""
