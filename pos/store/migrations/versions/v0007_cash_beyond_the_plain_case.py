"""Notes of another currency, what a count declares apart, and who paid large amounts in cash."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0007"
down_revision = "0006"

SCHEMA = """
-- Foreign notes behind a cash tender: amount_minor is their value in the shop's currency, figured once.
ALTER TABLE tender ADD COLUMN foreign_minor INTEGER CHECK (foreign_minor > 0);
ALTER TABLE tender ADD COLUMN foreign_currency TEXT CHECK (length(foreign_currency) = 3);
ALTER TABLE tender ADD COLUMN rate TEXT CHECK (length(rate) > 0);
ALTER TABLE tender ADD COLUMN rate_source TEXT
    CHECK ((foreign_minor IS NULL) = (foreign_currency IS NULL) AND (foreign_minor IS NULL) = (rate IS NULL)
           AND (foreign_minor IS NULL) = (rate_source IS NULL))
    CHECK (foreign_minor IS NULL OR (mode = 'cash' AND foreign_currency <> currency));

DROP VIEW v_tender;
CREATE VIEW v_tender AS
SELECT tender_id, payment_event_id, mode, amount_minor, change_minor, currency, 'taken' AS state, rounding_minor,
       foreign_minor, foreign_currency, rate, rate_source
FROM tender;

-- What a count holds beside the shop's own cash and cheques.

CREATE TABLE shift_count_foreign (
    count_id TEXT NOT NULL REFERENCES shift_count DEFERRABLE INITIALLY DEFERRED,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    counted_minor INTEGER NOT NULL CHECK (counted_minor >= 0),
    PRIMARY KEY (count_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE shift_count_declared (
    count_id TEXT NOT NULL REFERENCES shift_count DEFERRABLE INITIALLY DEFERRED,
    kind TEXT NOT NULL,
    ledger_account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (count_id, kind)
) STRICT, WITHOUT ROWID;

-- Expected and counted in the currency itself; booked, value, over_short and exchange in the shop's.
CREATE TABLE shift_close_foreign (
    shift_id TEXT NOT NULL REFERENCES shift,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    expected_minor INTEGER NOT NULL CHECK (expected_minor >= 0),
    counted_minor INTEGER NOT NULL CHECK (counted_minor >= 0),
    booked_minor INTEGER NOT NULL CHECK (booked_minor >= 0),
    rate TEXT NOT NULL,
    rate_source TEXT NOT NULL,
    value_minor INTEGER NOT NULL CHECK (value_minor >= 0),
    over_short_minor INTEGER NOT NULL,
    exchange_minor INTEGER NOT NULL,
    PRIMARY KEY (shift_id, currency),
    CHECK (value_minor = booked_minor + over_short_minor + exchange_minor)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER foreign_count_before_its_count BEFORE INSERT ON shift_count_foreign
WHEN EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'the count is complete'); END;
CREATE TRIGGER declared_before_its_count BEFORE INSERT ON shift_count_declared
WHEN EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'the count is complete'); END;
CREATE TRIGGER foreign_close_before_its_close BEFORE INSERT ON shift_close_foreign
WHEN EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id)
BEGIN SELECT RAISE(ABORT, 'the shift is closed'); END;

CREATE TRIGGER close_follows_its_count BEFORE INSERT ON shift_close
BEGIN
    SELECT RAISE(ABORT, 'the closing is not what was counted') WHERE NEW.counted_cash_minor IS NOT (
        SELECT cash_minor + (SELECT coalesce(sum(amount_minor), 0) FROM shift_count_declared
                             WHERE shift_count_declared.count_id = NEW.count_id)
        FROM shift_count WHERE shift_count.count_id = NEW.count_id);
    SELECT RAISE(ABORT, 'the closing leaves a currency out') WHERE EXISTS (
        SELECT tender.foreign_currency FROM payment_event JOIN tender USING (payment_event_id)
        WHERE payment_event.shift_id = NEW.shift_id AND foreign_currency IS NOT NULL
        UNION SELECT currency FROM shift_count_foreign WHERE count_id = NEW.count_id
        EXCEPT SELECT currency FROM shift_close_foreign WHERE shift_id = NEW.shift_id);
END;

-- Cash of one payer that reached the shop's threshold: the booked row names nobody, the side row can be purged.

CREATE TABLE large_cash (
    payment_event_id TEXT PRIMARY KEY REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    business_date TEXT NOT NULL,
    cash_minor INTEGER NOT NULL CHECK (cash_minor > 0),
    day_minor INTEGER NOT NULL CHECK (day_minor >= cash_minor),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    document TEXT NOT NULL,
    person_digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX large_cash_by_date ON large_cash (business_date);

CREATE TABLE large_cash_person (
    payment_event_id TEXT PRIMARY KEY REFERENCES large_cash,
    salt TEXT NOT NULL,
    identity_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

APPEND_ONLY = ("shift_count_foreign", "shift_count_declared", "shift_close_foreign", "large_cash")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("large_cash_person")
