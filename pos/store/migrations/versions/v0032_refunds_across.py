"""Refunds of payments that another terminal took: what central was asked to hold, what was paid back, and telling it."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.relax import relax
from pos.store.migrations.run_sql import run_sql

revision = "0032"
down_revision = "0031"

SCHEMA = """
-- What central is asked to hold before any money goes out. It is used by one refund (its id), or let go at central.
CREATE TABLE refund_hold (
    hold_id TEXT PRIMARY KEY,
    of_receipt TEXT NOT NULL,
    operator TEXT NOT NULL,
    legs_json TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    state TEXT NOT NULL CHECK (state IN ('asked', 'reserved', 'used', 'refused', 'abandoned', 'released')),
    used_by TEXT UNIQUE CHECK ((used_by IS NOT NULL) = (state = 'used')),
    asked_at_utc TEXT NOT NULL,
    changed_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX refund_hold_open ON refund_hold (state) WHERE state IN ('asked', 'reserved', 'abandoned');
CREATE INDEX refund_hold_by_receipt ON refund_hold (of_receipt);
CREATE TRIGGER refund_hold_goes_its_way BEFORE UPDATE OF state ON refund_hold
WHEN NEW.state <> OLD.state AND NOT (
    (OLD.state = 'asked' AND NEW.state IN ('reserved', 'refused', 'abandoned'))
    OR (OLD.state = 'reserved' AND NEW.state IN ('used', 'abandoned'))
    OR (OLD.state = 'abandoned' AND NEW.state = 'released'))
BEGIN SELECT RAISE(ABORT, 'a hold does not go this way'); END;
CREATE TRIGGER refund_hold_keeps_its_key BEFORE UPDATE OF hold_id, of_receipt, operator, legs_json, amount_minor, currency,
asked_at_utc ON refund_hold
BEGIN SELECT RAISE(ABORT, 'what was asked stays'); END;
CREATE TRIGGER refund_hold_is_never_deleted BEFORE DELETE ON refund_hold
BEGIN SELECT RAISE(ABORT, 'holds stay'); END;

-- The refund of a payment that these books do not have. It is written after its legs and parts, so that a trigger can weigh
-- it; ``payment_event_id`` is the other terminal's. ``taken_by`` is empty where central does not know who took it.
CREATE TABLE refund_across (
    refund_id TEXT PRIMARY KEY,
    hold_id TEXT NOT NULL UNIQUE REFERENCES refund_hold,
    payment_event_id TEXT NOT NULL,
    of_receipt TEXT NOT NULL,
    of_terminal TEXT NOT NULL,
    taken_at_utc TEXT NOT NULL,
    taken_by TEXT NOT NULL,
    payer_kind TEXT NOT NULL,
    payer_account TEXT NOT NULL,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    shift_id TEXT REFERENCES shift,
    business_date TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3)
) STRICT;
CREATE INDEX refund_across_by_shift ON refund_across (shift_id) WHERE shift_id IS NOT NULL;

-- How much of each leg goes back, by central's id of it; what came in as cash goes out of the drawer.
CREATE TABLE refund_across_leg (
    refund_id TEXT NOT NULL REFERENCES refund_across DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    payment_id TEXT NOT NULL,
    account TEXT NOT NULL,
    mode TEXT NOT NULL,
    method_type TEXT NOT NULL,
    is_cash INTEGER NOT NULL CHECK (is_cash IN (0, 1)),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (refund_id, leg)
) STRICT, WITHOUT ROWID;

-- What it comes off: a bill that is owed again, or money on an account.
CREATE TABLE refund_across_part (
    refund_id TEXT NOT NULL REFERENCES refund_across DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    leg INTEGER NOT NULL,
    account TEXT NOT NULL,
    bill_no TEXT,
    bill_id TEXT CHECK ((bill_id IS NULL) = (bill_no IS NULL)),
    kept_as TEXT CHECK (kept_as IN ('advance', 'deposit')) CHECK (kept_as IS NULL OR bill_no IS NULL),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (refund_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX refund_across_part_by_bill ON refund_across_part (bill_no) WHERE bill_no IS NOT NULL;
CREATE INDEX refund_across_part_by_account ON refund_across_part (account);

CREATE TRIGGER refund_across_leg_before_refund BEFORE INSERT ON refund_across_leg
WHEN EXISTS (SELECT 1 FROM refund_across WHERE refund_id = NEW.refund_id)
BEGIN SELECT RAISE(ABORT, 'the refund is complete'); END;
CREATE TRIGGER refund_across_part_before_refund BEFORE INSERT ON refund_across_part
WHEN EXISTS (SELECT 1 FROM refund_across WHERE refund_id = NEW.refund_id)
BEGIN SELECT RAISE(ABORT, 'the refund is complete'); END;
CREATE TRIGGER refund_across_balances BEFORE INSERT ON refund_across
BEGIN
    SELECT RAISE(ABORT, 'the legs do not make the refund') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM refund_across_leg WHERE refund_id = NEW.refund_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the parts do not make their leg') WHERE EXISTS (
        SELECT 1 FROM refund_across_leg AS leg WHERE leg.refund_id = NEW.refund_id AND leg.amount_minor IS NOT (
            SELECT sum(amount_minor) FROM refund_across_part AS part WHERE part.refund_id = leg.refund_id
            AND part.leg = leg.leg AND part.currency = leg.currency))
        OR EXISTS (SELECT 1 FROM refund_across_part AS part WHERE part.refund_id = NEW.refund_id AND NOT EXISTS (
            SELECT 1 FROM refund_across_leg AS leg WHERE leg.refund_id = part.refund_id AND leg.leg = part.leg));
    SELECT RAISE(ABORT, 'central holds it for this refund') WHERE NOT EXISTS (
        SELECT 1 FROM refund_hold WHERE hold_id = NEW.hold_id AND used_by = NEW.refund_id AND of_receipt = NEW.of_receipt
        AND amount_minor = NEW.amount_minor AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the shift is closed') WHERE EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
    SELECT RAISE(ABORT, 'cash goes out of an open shift') WHERE NEW.shift_id IS NULL AND EXISTS (
        SELECT 1 FROM refund_across_leg WHERE refund_id = NEW.refund_id AND is_cash);
    SELECT RAISE(ABORT, 'this payment was taken here') WHERE EXISTS (
        SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id OR receipt_number = NEW.of_receipt);
END;

DROP TRIGGER outbox_message_follows_its_leg;
CREATE TRIGGER outbox_message_follows_its_leg BEFORE INSERT ON outbox
WHEN NEW.kind NOT IN ('payment', 'refund_across') AND NOT EXISTS (
    SELECT 1 FROM outbox WHERE payment_event_id = NEW.payment_event_id AND leg = NEW.leg AND kind = 'payment')
BEGIN SELECT RAISE(ABORT, 'central hears of a leg before it hears what became of it'); END;
CREATE TRIGGER outbox_is_about_what_was_booked_here BEFORE INSERT ON outbox
WHEN CASE NEW.kind WHEN 'refund_across' THEN NEW.payment_event_id IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM refund_across WHERE refund_id = NEW.source_id)
    ELSE NEW.payment_event_id IS NULL END
BEGIN SELECT RAISE(ABORT, 'the outbox tells what was booked here'); END;

-- Every refund of this till, whoever took the payment.
CREATE VIEW refund_made AS
SELECT correction_id AS refund_id, payment_event_id, correction.receipt_number, payer_account, at_utc,
       correction.utc_offset_min, correction.amount_minor, correction.currency,
       (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash
        WHERE correction_cash.correction_id = correction.correction_id) AS cash_minor
FROM correction JOIN payment_event USING (payment_event_id) WHERE kind = 'refund'
UNION ALL
SELECT refund_id, payment_event_id, receipt_number, payer_account, at_utc, utc_offset_min, amount_minor, currency,
       (SELECT coalesce(sum(amount_minor), 0) FROM refund_across_leg AS leg
        WHERE leg.refund_id = refund_across.refund_id AND is_cash)
FROM refund_across;

DROP TRIGGER only_what_is_owed_is_settled;
CREATE TRIGGER only_what_is_owed_is_settled BEFORE INSERT ON refund_settled
WHEN NEW.amount_minor IS NOT (SELECT amount_minor - cash_minor FROM refund_made
    WHERE refund_id = NEW.correction_id AND currency = NEW.currency)
BEGIN SELECT RAISE(ABORT, 'a refund is settled by what is still owed of it'); END;

DROP VIEW v_refund;
CREATE VIEW v_refund AS
SELECT refund_id, payment_event_id, amount_minor, currency, CASE
    WHEN refund_settled.correction_id IS NOT NULL THEN 'confirmed'
    WHEN cash_minor = amount THEN 'paid'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id = refund_id AND outbox.state = 'parked') THEN 'refused'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id = refund_id AND outbox.state IN ('sent', 'unknown')) THEN 'unknown'
    WHEN NOT EXISTS (SELECT 1 FROM outbox WHERE source_id = refund_id AND outbox.state <> 'acknowledged') THEN 'sent'
    ELSE 'approved' END AS state, receipt_number, cash_minor, reference, of_terminal
FROM (SELECT refund_made.*, refund_made.amount_minor AS amount,
      (SELECT of_terminal FROM refund_across WHERE refund_across.refund_id = refund_made.refund_id) AS of_terminal
      FROM refund_made) LEFT JOIN
     (SELECT correction_id, reference FROM refund_settled) AS refund_settled ON refund_settled.correction_id = refund_id;

DROP VIEW v_correction;
CREATE VIEW v_correction AS
SELECT correction_id, kind, correction.payment_event_id, receipt_number, shift_id, business_date, at_utc, operator,
       reason_code, reason, amount_minor, currency,
       (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash
        WHERE correction_cash.correction_id = correction.correction_id) AS cash_minor,
       tender_swap.payment_event_id AS paid_anew
FROM correction LEFT JOIN tender_swap USING (correction_id)
UNION ALL
SELECT refund_id, 'refund', refund_across.payment_event_id, refund_across.receipt_number, shift_id, business_date,
       refund_across.at_utc, operator, reason_code, reason, refund_across.amount_minor, refund_across.currency, cash_minor,
       NULL
FROM refund_across JOIN refund_made USING (refund_id);
"""

APPEND_ONLY = ("refund_across", "refund_across_leg", "refund_across_part")


def upgrade() -> None:
    relax("outbox", "payment_event_id TEXT NOT NULL REFERENCES", "payment_event_id TEXT REFERENCES")
    relax(
        "refund_settled",
        "correction_id TEXT PRIMARY KEY REFERENCES correction",
        "correction_id TEXT PRIMARY KEY",
    )
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("refund_hold")
