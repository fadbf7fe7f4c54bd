"""Bills that were asked for, each with the bill that was made of what was not billed yet."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(UP)


UP = """
CREATE TABLE bill_on_demand (
    id TEXT PRIMARY KEY,
    idempotency_key TEXT UNIQUE,
    correlator_id TEXT UNIQUE,
    received_sha256 TEXT NOT NULL,
    account_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('inProgress', 'rejected', 'done', 'terminatedWithError')),
    bill_id TEXT UNIQUE REFERENCES bill (id),
    last_update TEXT NOT NULL,
    body TEXT NOT NULL,
    change_number BIGINT NOT NULL,
    CHECK ((state = 'done') = (bill_id IS NOT NULL))
);
CREATE INDEX bill_on_demand_by_change ON bill_on_demand (change_number);
CREATE INDEX bill_on_demand_by_account ON bill_on_demand (account_id);
CREATE INDEX rate_by_account ON rate (account_id);
"""
