"""The bank may find the money of a receipt that was settled: from settled to verified."""

from pos.store.migrations.run_sql import run_sql

revision = "0021"
down_revision = "0020"

SCHEMA = """
DROP TRIGGER bank_receipt_step;
CREATE TRIGGER bank_receipt_step BEFORE INSERT ON bank_receipt_event
WHEN NEW.number > 1 AND NOT EXISTS (
    SELECT 1 FROM bank_receipt_event AS last WHERE last.tender_id = NEW.tender_id AND last.number = NEW.number - 1
    AND ((last.state = 'presented' AND NEW.state IN ('verified', 'rejected'))
        OR (last.state = 'rejected' AND NEW.state IN ('verified', 'settled'))
        OR (last.state = 'settled' AND NEW.state = 'verified')))
BEGIN SELECT RAISE(ABORT, 'a bank receipt does not go from its state to this one'); END;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
