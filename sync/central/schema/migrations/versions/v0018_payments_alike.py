"""A payment that may be a double is found among those of its account over its sum, not among all of its account."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # In the place of the one by account alone, whose questions it answers too: a payment writes no more indexes.
    run_sql("""
DROP INDEX payment_by_account;
CREATE INDEX payment_by_account ON payment (account_id, amount_minor, paid_at_utc);
""")
