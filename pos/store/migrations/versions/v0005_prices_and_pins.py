"""Prices that were changed at the counter, and PINs of cards, which are kept only until they are printed."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0005"
down_revision = "0004"

SCHEMA = """
-- A serial may be a card's PIN now: then body is a keyed mark of it, and serial shows its end.
CREATE TEMPORARY TABLE kept_serial AS SELECT * FROM sale_serial;
DROP TABLE sale_serial;
CREATE TABLE sale_serial (
    kind TEXT NOT NULL CHECK (kind IN ('iccid', 'imei', 'voucher_pin')),
    body TEXT NOT NULL,
    serial TEXT NOT NULL,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    line INTEGER NOT NULL,
    PRIMARY KEY (kind, body)
) STRICT, WITHOUT ROWID;
INSERT INTO sale_serial (kind, body, serial, payment_event_id, line)
SELECT kind, body, serial, payment_event_id, line FROM kept_serial;
DROP TABLE kept_serial;
CREATE TRIGGER sale_serial_before_event BEFORE INSERT ON sale_serial
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;

-- A line whose unit price is not the item's own: that price, and why.
CREATE TABLE sale_price_override (
    payment_event_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    list_price_minor INTEGER NOT NULL CHECK (list_price_minor >= 0),
    reason TEXT NOT NULL,
    PRIMARY KEY (payment_event_id, number),
    FOREIGN KEY (payment_event_id, number) REFERENCES sale_line (payment_event_id, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER sale_price_override_before_event BEFORE INSERT ON sale_price_override
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;

-- The only place that has all of a PIN, until the first paper with it came out.
CREATE TABLE pin_to_print (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    line INTEGER NOT NULL,
    place INTEGER NOT NULL,
    pin TEXT NOT NULL,
    PRIMARY KEY (payment_event_id, line, place)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER pin_to_print_before_event BEFORE INSERT ON pin_to_print
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER pin_to_print_never_changes BEFORE UPDATE ON pin_to_print
BEGIN SELECT RAISE(ABORT, 'a PIN is printed as it was sold'); END;
CREATE TRIGGER pin_goes_when_it_is_printed BEFORE DELETE ON pin_to_print
WHEN NOT EXISTS (SELECT 1 FROM receipt JOIN print_job USING (receipt_number)
                 WHERE payment_event_id = OLD.payment_event_id AND state = 'printed')
BEGIN SELECT RAISE(ABORT, 'this PIN was not printed yet'); END;

DROP VIEW v_sale_line;
CREATE VIEW v_sale_line AS
SELECT payment_event_id, number, item, name, quantity, unit_price_minor, amount_minor, tax_category, tax_rate, tax_minor,
       currency, coalesce(list_price_minor, unit_price_minor) AS list_price_minor, reason AS override_reason
FROM sale_line LEFT JOIN sale_price_override USING (payment_event_id, number);
"""

APPEND_ONLY = ("sale_serial", "sale_price_override")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("pin_to_print")
