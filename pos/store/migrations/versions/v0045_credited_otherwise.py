"""A cheque that the bank credited with another sum than it is over: its charge, or its mistake."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0045"
down_revision = "0044"

SCHEMA = """
-- Beside the credit of the cheque, which is whole for its payer; ``reason`` is what the bank said.
CREATE TABLE deposit_difference (
    slip_id TEXT NOT NULL,
    cheque_id TEXT NOT NULL,
    step_id TEXT NOT NULL REFERENCES deposit_slip_event DEFERRABLE INITIALLY DEFERRED,
    credited_minor INTEGER NOT NULL CHECK (credited_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    cause TEXT NOT NULL CHECK (cause IN ('bank_charge', 'bank_error')),
    reason TEXT NOT NULL CHECK (length(reason) > 0),
    PRIMARY KEY (slip_id, cheque_id),
    FOREIGN KEY (slip_id, cheque_id) REFERENCES deposit_credit (slip_id, cheque_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deposit_difference_by_step ON deposit_difference (step_id);

CREATE TRIGGER difference_is_one BEFORE INSERT ON deposit_difference
BEGIN
    SELECT RAISE(ABORT, 'the step is complete') WHERE EXISTS (
        SELECT 1 FROM deposit_slip_event WHERE step_id = NEW.step_id);
    SELECT RAISE(ABORT, 'a difference is of the credit that it stands beside') WHERE NEW.step_id IS NOT (
        SELECT step_id FROM deposit_credit WHERE slip_id = NEW.slip_id AND cheque_id = NEW.cheque_id);
    SELECT RAISE(ABORT, 'it is no difference, or a charge that is paid to us') WHERE NOT EXISTS (
        SELECT 1 FROM cheque WHERE cheque_id = NEW.cheque_id AND currency = NEW.currency
        AND iif(NEW.cause = 'bank_charge', NEW.credited_minor < amount_minor, NEW.credited_minor <> amount_minor));
END;
"""

APPEND_ONLY = ("deposit_difference",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
