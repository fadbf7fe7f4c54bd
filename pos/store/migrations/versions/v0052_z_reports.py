"""Z reports with totals that never fall, and differences that another person signs for."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0052"
down_revision = "0051"

SCHEMA = """
-- One for each closed shift, numbered without a gap. The figures are of the till since its first day, up to this report.
-- ``difference_minor`` is what the shift was over or short in all, in its currency.
CREATE TABLE z_report (
    shift_id TEXT PRIMARY KEY REFERENCES shift_close DEFERRABLE INITIALLY DEFERRED,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    payments INTEGER NOT NULL CHECK (payments >= 0),
    gross_minor INTEGER NOT NULL CHECK (gross_minor >= 0),
    undone_minor INTEGER NOT NULL CHECK (undone_minor >= 0),
    refunded_minor INTEGER NOT NULL CHECK (refunded_minor >= 0),
    duplicates INTEGER NOT NULL CHECK (duplicates >= 0),
    no_sales INTEGER NOT NULL CHECK (no_sales >= 0),
    difference_minor INTEGER NOT NULL,
    needs_acceptance INTEGER NOT NULL CHECK (needs_acceptance IN (0, 1))
) STRICT;
CREATE TRIGGER totals_never_fall BEFORE INSERT ON z_report
BEGIN
    SELECT RAISE(ABORT, 'the totals of a till never fall') WHERE EXISTS (SELECT 1 FROM z_report AS before
        WHERE before.currency = NEW.currency AND (before.payments > NEW.payments OR before.gross_minor > NEW.gross_minor
        OR before.undone_minor > NEW.undone_minor OR before.refunded_minor > NEW.refunded_minor
        OR before.duplicates > NEW.duplicates OR before.no_sales > NEW.no_sales));
    SELECT RAISE(ABORT, 'the shift is not closed') WHERE NOT EXISTS (
        SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
END;

-- Another person has looked at a difference and signs for it.
CREATE TABLE difference_accepted (
    shift_id TEXT PRIMARY KEY REFERENCES z_report,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE TRIGGER difference_is_accepted_by_another BEFORE INSERT ON difference_accepted
WHEN NOT EXISTS (SELECT 1 FROM z_report JOIN shift USING (shift_id) WHERE shift_id = NEW.shift_id
    AND needs_acceptance AND shift.operator <> NEW.operator)
BEGIN SELECT RAISE(ABORT, 'a difference is accepted by another person'); END;

CREATE VIEW v_z_report AS
SELECT z_report.receipt_number, z_report.shift_id, shift.number AS shift_number, shift.operator, shift.business_date,
       shift_close.closed_at_utc, z_report.currency, payments, gross_minor, undone_minor, refunded_minor, duplicates,
       no_sales, difference_minor, needs_acceptance, shift_close.reason, difference_accepted.operator AS accepted_by,
       difference_accepted.at_utc AS accepted_at_utc
FROM z_report JOIN shift USING (shift_id) JOIN shift_close USING (shift_id) LEFT JOIN difference_accepted USING (shift_id);
"""

APPEND_ONLY = ("z_report", "difference_accepted")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
