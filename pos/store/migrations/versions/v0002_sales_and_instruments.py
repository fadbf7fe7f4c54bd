"""Sales line by line with their serials, the papers behind tenders, and vouchers held for a payment."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0002"
down_revision = "0001"

SCHEMA = """
CREATE TABLE sale_line (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    item TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_minor INTEGER NOT NULL CHECK (unit_price_minor >= 0),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    tax_category TEXT NOT NULL,
    tax_rate TEXT NOT NULL,
    tax_minor INTEGER NOT NULL CHECK (tax_minor >= 0 AND tax_minor <= amount_minor),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (payment_event_id, number),
    CHECK (amount_minor = quantity * unit_price_minor)
) STRICT, WITHOUT ROWID;

-- A serial number is sold once, with or without its check digit (body). A piece that came back and is sold again
-- needs a row of its own kind, not this one.
CREATE TABLE sale_serial (
    kind TEXT NOT NULL CHECK (kind IN ('iccid', 'imei')),
    body TEXT NOT NULL,
    serial TEXT NOT NULL,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    line INTEGER NOT NULL,
    PRIMARY KEY (kind, body)
) STRICT, WITHOUT ROWID;

-- The one card slip, bank receipt, bank advice or voucher behind a tender: taken once.
CREATE TABLE instrument (
    instrument TEXT PRIMARY KEY,
    tender_id TEXT NOT NULL UNIQUE REFERENCES tender
) STRICT, WITHOUT ROWID;

-- A voucher reserved at central before its payment: asked for, answered, then used by a tender or let go.
CREATE TABLE voucher_hold (
    hold_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    code_mark TEXT NOT NULL,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    state TEXT NOT NULL CHECK (state IN ('asked', 'reserved', 'refused', 'used', 'abandoned', 'released')),
    value_minor INTEGER,
    expires TEXT,
    approval TEXT,
    asked_at_utc TEXT NOT NULL,
    changed_at_utc TEXT NOT NULL,
    CHECK (state <> 'reserved' OR (value_minor IS NOT NULL AND value_minor >= amount_minor))
) STRICT;
CREATE INDEX voucher_hold_by_event ON voucher_hold (payment_event_id);
CREATE INDEX voucher_hold_open ON voucher_hold (state) WHERE state IN ('asked', 'reserved', 'abandoned');

-- Rows of one queue go to central in their order; without one, those of the account do.
ALTER TABLE outbox ADD COLUMN queue TEXT;
ALTER TABLE payment_event ADD COLUMN order_mark TEXT;
ALTER TABLE allocation ADD COLUMN sale_line INTEGER;
ALTER TABLE tender ADD COLUMN voucher_hold TEXT REFERENCES voucher_hold;
CREATE UNIQUE INDEX tender_by_hold ON tender (voucher_hold) WHERE voucher_hold IS NOT NULL;

CREATE TRIGGER sale_balances BEFORE INSERT ON payment_event
BEGIN
    SELECT RAISE(ABORT, 'a line of the sale is not paid whole') WHERE EXISTS (
        SELECT 1 FROM sale_line WHERE payment_event_id = NEW.payment_event_id AND (
            currency <> NEW.currency OR amount_minor IS NOT (
                SELECT coalesce(sum(amount_minor), 0) FROM allocation
                WHERE payment_event_id = NEW.payment_event_id AND allocation.sale_line = sale_line.number)));
    SELECT RAISE(ABORT, 'an allocation names no line of the sale') WHERE EXISTS (
        SELECT 1 FROM allocation WHERE payment_event_id = NEW.payment_event_id AND sale_line IS NOT NULL AND (
            bill_no IS NOT NULL OR sale_line NOT IN (
                SELECT number FROM sale_line WHERE payment_event_id = NEW.payment_event_id)));
END;
CREATE TRIGGER sale_line_before_event BEFORE INSERT ON sale_line
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER sale_serial_before_event BEFORE INSERT ON sale_serial
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;

CREATE TRIGGER hold_serves_its_payment BEFORE INSERT ON tender
WHEN NEW.voucher_hold IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM voucher_hold WHERE hold_id = NEW.voucher_hold AND payment_event_id = NEW.payment_event_id
    AND state = 'reserved' AND mode = NEW.mode AND currency = NEW.currency AND amount_minor = NEW.amount_minor)
BEGIN SELECT RAISE(ABORT, 'the voucher is not held for this payment'); END;
CREATE TRIGGER tender_uses_its_hold AFTER INSERT ON tender
WHEN NEW.voucher_hold IS NOT NULL
BEGIN UPDATE voucher_hold SET state = 'used' WHERE hold_id = NEW.voucher_hold; END;
CREATE TRIGGER used_is_what_a_tender_uses BEFORE UPDATE OF state ON voucher_hold
WHEN NEW.state = 'used' AND NOT EXISTS (SELECT 1 FROM tender WHERE voucher_hold = NEW.hold_id)
BEGIN SELECT RAISE(ABORT, 'no payment uses this voucher'); END;
CREATE TRIGGER hold_keeps_its_key BEFORE UPDATE OF hold_id, payment_event_id, mode, code_mark, account, amount_minor,
currency ON voucher_hold
BEGIN SELECT RAISE(ABORT, 'a hold keeps what it was asked for'); END;
CREATE TRIGGER hold_is_never_deleted BEFORE DELETE ON voucher_hold
BEGIN SELECT RAISE(ABORT, 'holds stay'); END;
CREATE TRIGGER released_is_final BEFORE UPDATE OF state ON voucher_hold
WHEN NEW.state <> OLD.state AND (
    OLD.state IN ('released', 'refused', 'used') OR (OLD.state = 'abandoned' AND NEW.state <> 'released'))
BEGIN SELECT RAISE(ABORT, 'the hold has ended'); END;

DROP VIEW v_allocation;
CREATE VIEW v_allocation AS
SELECT allocation_id, payment_event_id, tender_id, account, bill_no, amount_minor, currency, sale_line,
       (SELECT item FROM sale_line AS line
        WHERE line.payment_event_id = allocation.payment_event_id AND line.number = allocation.sale_line) AS item
FROM allocation;

CREATE VIEW v_sale_line AS
SELECT payment_event_id, number, item, name, quantity, unit_price_minor, amount_minor, tax_category, tax_rate, tax_minor,
       currency
FROM sale_line;
"""

APPEND_ONLY = ("sale_line", "sale_serial", "instrument")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("voucher_hold")
    # A tender has one key more now.
    run_sql("DROP TRIGGER tender_never_replaced;")
    never_replace("tender")
