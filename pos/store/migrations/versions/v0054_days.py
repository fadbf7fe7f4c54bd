"""Business days that are closed, and counts of the safe."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0054"
down_revision = "0053"

SCHEMA = """
-- A business day of this terminal that is closed: what is booked on it later (above entries_through) is a supplement.
CREATE TABLE day_close (
    business_date TEXT PRIMARY KEY,
    shop TEXT NOT NULL,
    terminal TEXT NOT NULL,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    shifts INTEGER NOT NULL CHECK (shifts > 0),
    payments INTEGER NOT NULL CHECK (payments >= 0),
    gross_minor INTEGER NOT NULL CHECK (gross_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    entries_through INTEGER NOT NULL CHECK (entries_through >= 0),
    closed_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;
CREATE TRIGGER day_is_closed_when_its_shifts_are BEFORE INSERT ON day_close
BEGIN
    SELECT RAISE(ABORT, 'a shift of the day is open') WHERE EXISTS (SELECT 1 FROM shift
        WHERE business_date = NEW.business_date AND shift_id NOT IN (SELECT shift_id FROM shift_close));
    SELECT RAISE(ABORT, 'days are closed in their order') WHERE EXISTS (SELECT 1 FROM day_close AS later
        WHERE later.business_date > NEW.business_date);
END;
CREATE TRIGGER no_shift_on_a_closed_day BEFORE INSERT ON shift
WHEN EXISTS (SELECT 1 FROM day_close WHERE business_date >= NEW.business_date)
BEGIN SELECT RAISE(ABORT, 'the day is closed'); END;

-- What was counted loose in the safe, beside its bags. base_minor is what the safe had before the books began, as its first
-- count found it: expected is the base, the ledger's balance and less what lies in bags.
CREATE TABLE safe_count (
    count_id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    counted_minor INTEGER NOT NULL CHECK (counted_minor >= 0),
    expected_minor INTEGER NOT NULL,
    base_minor INTEGER NOT NULL,
    difference_minor INTEGER NOT NULL CHECK (difference_minor = counted_minor - expected_minor),
    reason TEXT,
    business_date TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    approver TEXT,
    CHECK (difference_minor = 0 OR reason IS NOT NULL)
) STRICT;

CREATE VIEW v_day AS
SELECT business_date, shop, terminal, receipt_number, shifts, payments, gross_minor, currency, entries_through,
       closed_at_utc, operator,
       (SELECT count(*) FROM journal_entry WHERE journal_entry.business_date = day_close.business_date
        AND journal_entry.rowid > entries_through) AS entries_since
FROM day_close;
CREATE VIEW v_safe_count AS
SELECT count_id, receipt_number, currency, counted_minor, expected_minor, difference_minor, reason, business_date, at_utc,
       operator, approver
FROM safe_count;
"""

APPEND_ONLY = ("day_close", "safe_count")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
