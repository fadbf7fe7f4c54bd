"""What became of dealers' bank receipts, and an outbox that tells central more than payments."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0013"
down_revision = "0012"

SCHEMA = """
-- A bank receipt is presented with its payment; what the bank says of it comes as a row of its own.
CREATE TABLE bank_receipt_event (
    outcome_id TEXT PRIMARY KEY,
    tender_id TEXT NOT NULL REFERENCES tender,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('presented', 'verified', 'rejected', 'settled')),
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    UNIQUE (tender_id, number),
    CHECK ((number = 1) = (state = 'presented')),
    CHECK ((state IN ('rejected', 'settled')) = (reason IS NOT NULL))
) STRICT;
CREATE INDEX bank_receipt_rejected ON bank_receipt_event (tender_id) WHERE state = 'rejected';

CREATE INDEX tender_by_amount ON tender (currency, amount_minor);

CREATE TRIGGER bank_receipt_step BEFORE INSERT ON bank_receipt_event
WHEN NEW.number > 1 AND NOT EXISTS (
    SELECT 1 FROM bank_receipt_event AS last WHERE last.tender_id = NEW.tender_id AND last.number = NEW.number - 1
    AND ((last.state = 'presented' AND NEW.state IN ('verified', 'rejected'))
        OR (last.state = 'rejected' AND NEW.state IN ('verified', 'settled'))))
BEGIN SELECT RAISE(ABORT, 'a bank receipt does not go from its state to this one'); END;

INSERT INTO bank_receipt_event (outcome_id, tender_id, number, state, at_utc, operator)
SELECT 'presented-' || tender.tender_id, tender.tender_id, 1, 'presented', taken_at_utc, operator
FROM instrument JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id)
WHERE instrument LIKE 'bank_receipt|%';

-- One payment a leg, and whatever else is told of it. ``source_id`` is the row that a message tells; empty: the leg.
CREATE TABLE outbox_kept AS SELECT * FROM outbox;
DROP VIEW v_outbox;
DROP TABLE outbox;
CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    correlator_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    source_id TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL,
    queue TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'unknown', 'parked', 'acknowledged')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at_utc TEXT,
    body BLOB,
    server_id TEXT,
    server_href TEXT,
    applied_change INTEGER,
    reason TEXT,
    changed_at_utc TEXT NOT NULL,
    UNIQUE (payment_event_id, leg, source_id),
    CHECK (state IN ('waiting', 'parked') OR body IS NOT NULL),
    CHECK ((state = 'acknowledged') = (server_id IS NOT NULL)),
    CHECK ((kind = 'payment') = (source_id = ''))
) STRICT;
INSERT INTO outbox (outbox_id, payment_event_id, leg, correlator_id, kind, account, queue, state, attempts,
    next_attempt_at_utc, body, server_id, server_href, applied_change, reason, changed_at_utc)
SELECT outbox_id, payment_event_id, leg, correlator_id, kind, account, queue, state, attempts,
    next_attempt_at_utc, body, server_id, server_href, applied_change, reason, changed_at_utc
FROM outbox_kept;
DROP TABLE outbox_kept;
CREATE INDEX outbox_of_source ON outbox (source_id) WHERE source_id <> '';
CREATE INDEX outbox_unsent ON outbox (outbox_id) WHERE state <> 'acknowledged';
CREATE TRIGGER outbox_body_is_frozen BEFORE UPDATE OF body ON outbox
WHEN OLD.body IS NOT NULL AND NEW.body IS NOT OLD.body
BEGIN SELECT RAISE(ABORT, 'the body was frozen before the first send'); END;
CREATE TRIGGER outbox_keeps_its_key BEFORE UPDATE OF outbox_id, correlator_id, payment_event_id, leg, kind, source_id,
account ON outbox
BEGIN SELECT RAISE(ABORT, 'an outbox row keeps its key'); END;
CREATE TRIGGER outbox_is_never_deleted BEFORE DELETE ON outbox
BEGIN SELECT RAISE(ABORT, 'outbox rows stay'); END;
CREATE TRIGGER acknowledged_is_final BEFORE UPDATE OF state ON outbox
WHEN OLD.state = 'acknowledged' AND NEW.state <> 'acknowledged'
BEGIN SELECT RAISE(ABORT, 'central has acknowledged this row'); END;
CREATE TRIGGER outbox_message_follows_its_leg BEFORE INSERT ON outbox
WHEN NEW.kind <> 'payment' AND NOT EXISTS (
    SELECT 1 FROM outbox WHERE payment_event_id = NEW.payment_event_id AND leg = NEW.leg AND kind = 'payment')
BEGIN SELECT RAISE(ABORT, 'central hears of a leg before it hears what became of it'); END;

CREATE VIEW v_outbox AS
SELECT outbox_id, payment_event_id, leg, correlator_id, kind, state, attempts, account, reason, next_attempt_at_utc,
       server_id, source_id
FROM outbox;

DROP VIEW v_tender;
CREATE VIEW v_tender AS
SELECT tender_id, payment_event_id, mode, amount_minor, change_minor, currency,
       coalesce((SELECT state FROM bank_receipt_event AS event WHERE event.tender_id = tender.tender_id
                 ORDER BY number DESC LIMIT 1), 'taken') AS state, rounding_minor,
       foreign_minor, foreign_currency, rate, rate_source
FROM tender;

DROP VIEW v_payment;
CREATE VIEW v_payment AS
SELECT payment_event_id, receipt_number, terminal, epoch, sequence, shift_id, business_date, taken_at_utc, operator,
       payer_kind, payer_account, amount_minor, currency,
       coalesce((SELECT state FROM v_tender WHERE v_tender.payment_event_id = payment_event.payment_event_id
                 AND state <> 'taken'
                 ORDER BY CASE state WHEN 'presented' THEN 1 WHEN 'rejected' THEN 2 WHEN 'settled' THEN 3 ELSE 4 END
                 LIMIT 1), 'taken') AS state
FROM payment_event;

CREATE VIEW v_bank_receipt AS
SELECT tender.tender_id, tender.payment_event_id, receipt_number, tender.number, tender.mode, payer_account AS dealer,
       tender.amount_minor - tender.change_minor AS amount_minor, tender.currency, latest.state, latest.reason
FROM (SELECT tender_id, max(number) AS number, state, reason FROM bank_receipt_event GROUP BY tender_id) AS latest
JOIN tender ON tender.tender_id = latest.tender_id
JOIN payment_event ON payment_event.payment_event_id = tender.payment_event_id;
"""

APPEND_ONLY = ("bank_receipt_event",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("outbox")
