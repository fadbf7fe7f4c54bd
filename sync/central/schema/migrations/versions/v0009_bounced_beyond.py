"""What bounced beyond what was left of a payment."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql("""
-- So much of a bounce was not there any more: another terminal had paid it back, and this one had not heard of it. The
-- account owes it.
CREATE TABLE refund_beyond (
    refund_id TEXT PRIMARY KEY REFERENCES refund (id),
    account_id TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0)
);
CREATE INDEX refund_beyond_by_account ON refund_beyond (account_id);
""")
