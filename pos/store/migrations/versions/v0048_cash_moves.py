"""Cash that goes into or out of an open drawer without a payment."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0048"
down_revision = "0047"

SCHEMA = """
-- ``receipt_number`` NULL: the drawer was only opened. ``undoes`` is the move that this one takes back, whole.
CREATE TABLE cash_move (
    move_id TEXT PRIMARY KEY,
    receipt_number TEXT UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    shift_id TEXT NOT NULL REFERENCES shift,
    kind TEXT NOT NULL CHECK (kind IN ('pickup', 'loan', 'paid_in', 'paid_out', 'no_sale')),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    reason TEXT,
    text TEXT,
    ledger_account TEXT,
    undoes TEXT UNIQUE REFERENCES cash_move,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    approver TEXT,
    CHECK ((kind = 'no_sale') = (amount_minor = 0)),
    CHECK ((kind = 'no_sale') = (receipt_number IS NULL)),
    CHECK ((kind = 'no_sale') = (ledger_account IS NULL))
) STRICT;
CREATE INDEX cash_move_by_shift ON cash_move (shift_id);
CREATE TRIGGER cash_moves_in_an_open_shift BEFORE INSERT ON cash_move
BEGIN
    SELECT RAISE(ABORT, 'the shift is closed') WHERE EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
    SELECT RAISE(ABORT, 'cash moves in the currency of the shift') WHERE NEW.currency IS NOT (
        SELECT currency FROM shift WHERE shift_id = NEW.shift_id);
    SELECT RAISE(ABORT, 'a move is taken back as it was, in its shift') WHERE NEW.undoes IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM cash_move AS first WHERE first.move_id = NEW.undoes AND first.undoes IS NULL
        AND (first.shift_id, first.kind, first.amount_minor, first.currency, first.ledger_account)
        = (NEW.shift_id, NEW.kind, NEW.amount_minor, NEW.currency, NEW.ledger_account));
END;

-- ``drawer_minor`` is what the drawer has more by it, or (negative) less.
CREATE VIEW v_cash_move AS
SELECT move_id, receipt_number, shift_id, shift.business_date, kind, cash_move.amount_minor, cash_move.currency,
       iif(undoes IS NULL, 1, -1) * cash_move.amount_minor * CASE WHEN kind IN ('loan', 'paid_in') THEN 1
       WHEN kind IN ('pickup', 'paid_out') THEN -1 ELSE 0 END AS drawer_minor,
       reason, text, at_utc, cash_move.operator, approver, undoes,
       (SELECT back.move_id FROM cash_move AS back WHERE back.undoes = cash_move.move_id) AS undone_by
FROM cash_move JOIN shift USING (shift_id);
"""

APPEND_ONLY = ("cash_move",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
