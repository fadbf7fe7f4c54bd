"""Bill money that a dealer's person collects: the operator's own, apart from the dealer's cash."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0014"
down_revision = "0013"

SCHEMA = """
-- Cash that belongs to the operator from the moment it is taken.
CREATE TABLE trust_tender (
    tender_id TEXT PRIMARY KEY REFERENCES tender
) STRICT, WITHOUT ROWID;

CREATE TABLE trust_count (
    count_id TEXT PRIMARY KEY REFERENCES shift_count,
    cash_minor INTEGER NOT NULL CHECK (cash_minor >= 0)
) STRICT;

CREATE TABLE trust_close (
    shift_id TEXT PRIMARY KEY REFERENCES shift,
    expected_minor INTEGER NOT NULL,
    counted_minor INTEGER NOT NULL CHECK (counted_minor >= 0),
    over_short_minor INTEGER NOT NULL,
    CHECK (over_short_minor = counted_minor - expected_minor)
) STRICT;

CREATE TRIGGER trust_is_cash BEFORE INSERT ON trust_tender
WHEN NOT EXISTS (SELECT 1 FROM tender WHERE tender_id = NEW.tender_id AND mode = 'cash')
BEGIN SELECT RAISE(ABORT, 'only cash is held in trust'); END;

DROP VIEW v_shift;
CREATE VIEW v_shift AS
SELECT shift.shift_id, shift.operator, business_date, CASE WHEN shift_close.shift_id IS NULL THEN 'open' ELSE 'closed' END
       AS state, currency, float_minor, expected_cash_minor, counted_cash_minor, shift_close.over_short_minor, shift.number,
       trust_close.expected_minor AS trust_expected_minor, trust_close.counted_minor AS trust_counted_minor,
       trust_close.over_short_minor AS trust_over_short_minor
FROM shift LEFT JOIN shift_close USING (shift_id) LEFT JOIN trust_close USING (shift_id);
"""

APPEND_ONLY = ("trust_tender", "trust_count", "trust_close")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
