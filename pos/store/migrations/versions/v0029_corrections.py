"""Corrections: what of a payment was undone, by which linked entry; and papers that may be taken anew afterwards."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0029"
down_revision = "0028"

SCHEMA = """
-- A correction is written after its parts, so that a trigger can weigh it. ``shift_id`` is the shift in which it was done;
-- empty where no drawer has to do with it. ``tender_id`` where it undoes one tender of several.
CREATE TABLE correction (
    correction_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('void', 'reversal', 'tender_cancellation', 'refund', 'transfer', 'reallocation')),
    payment_event_id TEXT NOT NULL REFERENCES payment_event,
    tender_id TEXT REFERENCES tender,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    shift_id TEXT REFERENCES shift,
    business_date TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    CHECK ((tender_id IS NOT NULL) = (kind = 'tender_cancellation')),
    CHECK (kind <> 'void' OR shift_id IS NOT NULL)
) STRICT;
CREATE INDEX correction_by_event ON correction (payment_event_id);
CREATE INDEX correction_by_shift ON correction (shift_id) WHERE shift_id IS NOT NULL;

-- What is undone: so much of an allocation, or of what an earlier correction placed anew.
CREATE TABLE correction_part (
    correction_id TEXT NOT NULL REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    part_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (correction_id, number),
    UNIQUE (correction_id, part_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX correction_part_by_part ON correction_part (part_id);

-- Where a transfer or re-allocation puts the money instead; it stays the money of the tender and leg that brought it.
CREATE TABLE placed_part (
    part_id TEXT PRIMARY KEY,
    correction_id TEXT NOT NULL REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    payment_event_id TEXT NOT NULL REFERENCES payment_event,
    leg INTEGER NOT NULL,
    tender_id TEXT NOT NULL REFERENCES tender,
    account TEXT NOT NULL,
    bill_no TEXT,
    bill_id TEXT,
    kept_as TEXT CHECK (kept_as IN ('advance', 'deposit')) CHECK (kept_as IS NULL OR bill_no IS NULL),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    chosen_by TEXT NOT NULL CHECK (chosen_by IN ('payer', 'default')),
    UNIQUE (correction_id, number)
) STRICT;
CREATE INDEX placed_part_by_bill ON placed_part (bill_no) WHERE bill_no IS NOT NULL;
CREATE INDEX placed_part_by_account ON placed_part (account);
CREATE INDEX placed_part_by_event ON placed_part (payment_event_id);

-- A tender that is undone whole: its paper counts no more, and may be taken anew.
CREATE TABLE tender_undone (
    tender_id TEXT PRIMARY KEY REFERENCES tender,
    correction_id TEXT NOT NULL REFERENCES correction DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE INDEX tender_undone_by_correction ON tender_undone (correction_id);

-- What went out of the drawer with a correction: money of the shop (negative: the change came back), and notes of another
-- currency as they had come in.
CREATE TABLE correction_cash (
    correction_id TEXT NOT NULL REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    tender_id TEXT NOT NULL REFERENCES tender,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    foreign_minor INTEGER CHECK (foreign_minor > 0),
    foreign_currency TEXT CHECK ((foreign_currency IS NULL) = (foreign_minor IS NULL)),
    PRIMARY KEY (correction_id, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER correction_part_before_correction BEFORE INSERT ON correction_part
BEGIN
    SELECT RAISE(ABORT, 'the correction is complete') WHERE EXISTS (
        SELECT 1 FROM correction WHERE correction_id = NEW.correction_id);
    SELECT RAISE(ABORT, 'more is undone than there is') WHERE NEW.amount_minor > coalesce((
        SELECT amount_minor FROM allocation WHERE allocation_id = NEW.part_id AND currency = NEW.currency
        UNION ALL SELECT amount_minor FROM placed_part WHERE part_id = NEW.part_id AND currency = NEW.currency), 0)
        - (SELECT coalesce(sum(amount_minor), 0) FROM correction_part WHERE part_id = NEW.part_id)
        - (SELECT coalesce(sum(amount_minor), 0) FROM suspense_transfer WHERE suspense_id = NEW.part_id);
END;
CREATE TRIGGER placed_part_before_correction BEFORE INSERT ON placed_part
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
BEGIN SELECT RAISE(ABORT, 'the correction is complete'); END;
CREATE TRIGGER correction_cash_before_correction BEFORE INSERT ON correction_cash
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
BEGIN SELECT RAISE(ABORT, 'the correction is complete'); END;
CREATE TRIGGER tender_undone_before_correction BEFORE INSERT ON tender_undone
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
BEGIN SELECT RAISE(ABORT, 'the correction is complete'); END;
CREATE TRIGGER suspense_is_not_undone BEFORE INSERT ON suspense_transfer
WHEN NEW.amount_minor > (SELECT amount_minor FROM suspense WHERE suspense_id = NEW.suspense_id)
    - (SELECT coalesce(sum(amount_minor), 0) FROM suspense_transfer WHERE suspense_id = NEW.suspense_id)
    - (SELECT coalesce(sum(amount_minor), 0) FROM correction_part WHERE part_id = NEW.suspense_id)
BEGIN SELECT RAISE(ABORT, 'this money was given back'); END;

CREATE TRIGGER correction_balances BEFORE INSERT ON correction
BEGIN
    SELECT RAISE(ABORT, 'the parts do not make the correction') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM correction_part
        WHERE correction_id = NEW.correction_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'a correction is about one payment') WHERE EXISTS (
        SELECT 1 FROM correction_part AS part WHERE part.correction_id = NEW.correction_id
        AND NEW.payment_event_id IS NOT coalesce(
            (SELECT payment_event_id FROM allocation WHERE allocation_id = part.part_id),
            (SELECT payment_event_id FROM placed_part AS placed WHERE placed.part_id = part.part_id)))
        OR EXISTS (SELECT 1 FROM placed_part WHERE correction_id = NEW.correction_id
            AND payment_event_id <> NEW.payment_event_id);
    SELECT RAISE(ABORT, 'money that is moved is placed whole, and other money nowhere') WHERE (
        SELECT coalesce(sum(amount_minor), 0) FROM placed_part WHERE correction_id = NEW.correction_id
        AND currency = NEW.currency) <> CASE WHEN NEW.kind IN ('transfer', 'reallocation') THEN NEW.amount_minor ELSE 0 END;
    SELECT RAISE(ABORT, 'the shift is closed') WHERE EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
    SELECT RAISE(ABORT, 'cash goes out of an open shift') WHERE NEW.shift_id IS NULL AND EXISTS (
        SELECT 1 FROM correction_cash WHERE correction_id = NEW.correction_id);
    SELECT RAISE(ABORT, 'a void is of the shift that took the payment') WHERE NEW.kind = 'void' AND NEW.shift_id IS NOT (
        SELECT shift_id FROM payment_event WHERE payment_event_id = NEW.payment_event_id);
    SELECT RAISE(ABORT, 'a void or reversal undoes the whole payment, once') WHERE NEW.kind IN ('void', 'reversal') AND (
        NEW.amount_minor IS NOT (
            SELECT amount_minor FROM v_payment WHERE payment_event_id = NEW.payment_event_id)
        OR EXISTS (SELECT 1 FROM correction WHERE payment_event_id = NEW.payment_event_id)
        OR (SELECT count(*) FROM tender_undone WHERE correction_id = NEW.correction_id)
            <> (SELECT count(*) FROM tender WHERE payment_event_id = NEW.payment_event_id));
    SELECT RAISE(ABORT, 'a tender that is cancelled is undone') WHERE NEW.kind = 'tender_cancellation' AND NOT EXISTS (
        SELECT 1 FROM tender_undone WHERE tender_id = NEW.tender_id AND correction_id = NEW.correction_id);
    SELECT RAISE(ABORT, 'only what is undone whole frees its paper') WHERE
        NEW.kind NOT IN ('void', 'reversal', 'tender_cancellation') AND EXISTS (
            SELECT 1 FROM tender_undone WHERE correction_id = NEW.correction_id);
    SELECT RAISE(ABORT, 'a cheque on its way to the bank is not given back') WHERE EXISTS (
        SELECT 1 FROM tender_undone JOIN cheque USING (tender_id) WHERE correction_id = NEW.correction_id
        AND 'returned' IS NOT (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id
            ORDER BY number DESC LIMIT 1));
END;

ALTER TABLE approval_request ADD COLUMN not_by TEXT;

-- A paper or piece that came back and is taken or sold again. The first use stays where it is.
CREATE TABLE instrument_again (
    tender_id TEXT PRIMARY KEY REFERENCES tender,
    instrument TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX instrument_again_by_instrument ON instrument_again (instrument);
CREATE TABLE sale_serial_again (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    line INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    serial TEXT NOT NULL,
    PRIMARY KEY (payment_event_id, kind, body)
) STRICT, WITHOUT ROWID;
CREATE INDEX sale_serial_again_by_body ON sale_serial_again (kind, body);

CREATE VIEW instrument_of_tender AS
SELECT instrument, tender_id FROM instrument UNION ALL SELECT instrument, tender_id FROM instrument_again;
CREATE VIEW living_instrument AS
SELECT instrument, tender_id FROM instrument_of_tender
WHERE NOT EXISTS (SELECT 1 FROM tender_undone WHERE tender_undone.tender_id = instrument_of_tender.tender_id);
CREATE VIEW serial_of_sale AS
SELECT kind, body, serial, payment_event_id, line FROM sale_serial
UNION ALL SELECT kind, body, serial, payment_event_id, line FROM sale_serial_again;
CREATE VIEW living_serial AS
SELECT kind, body, serial, payment_event_id, line FROM serial_of_sale
WHERE NOT EXISTS (SELECT 1 FROM correction WHERE correction.payment_event_id = serial_of_sale.payment_event_id
                  AND correction.kind IN ('void', 'reversal'));

CREATE TRIGGER instrument_is_alive_once BEFORE INSERT ON instrument_again
WHEN EXISTS (SELECT 1 FROM living_instrument WHERE instrument = NEW.instrument)
    OR EXISTS (SELECT 1 FROM instrument WHERE tender_id = NEW.tender_id)
BEGIN SELECT RAISE(ABORT, 'this paper was taken'); END;
CREATE TRIGGER serial_is_sold_once BEFORE INSERT ON sale_serial_again
BEGIN
    SELECT RAISE(ABORT, 'the payment event is complete') WHERE EXISTS (
        SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id);
    SELECT RAISE(ABORT, 'this piece was sold') WHERE EXISTS (
        SELECT 1 FROM living_serial WHERE kind = NEW.kind AND body = NEW.body);
END;

-- The same cheque may come in again once it was given back: the paper is alive once, not its number.
-- Rows elsewhere refer to these: that is looked at again when all of them are back.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE kept_cheque AS SELECT * FROM cheque;
DROP TABLE cheque;
CREATE TABLE cheque (
    cheque_id TEXT PRIMARY KEY,
    tender_id TEXT NOT NULL UNIQUE REFERENCES tender,
    bank TEXT NOT NULL,
    branch TEXT NOT NULL,
    bank_account TEXT NOT NULL,
    serial TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    cheque_date TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'personal' CHECK (kind IN ('personal', 'draft')),
    entered TEXT NOT NULL DEFAULT 'hand' CHECK (entered IN ('reader', 'hand')),
    micr TEXT CHECK ((micr IS NOT NULL) = (entered = 'reader')),
    third_party INTEGER NOT NULL DEFAULT 0 CHECK (third_party IN (0, 1)),
    ticks TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO cheque SELECT * FROM kept_cheque ORDER BY rowid;
DROP TABLE kept_cheque;
CREATE INDEX cheque_by_number ON cheque (bank, serial);
CREATE TRIGGER cheque_is_alive_once BEFORE INSERT ON cheque
WHEN EXISTS (SELECT 1 FROM cheque AS other WHERE other.bank = NEW.bank AND other.branch = NEW.branch
    AND other.bank_account = NEW.bank_account AND other.serial = NEW.serial
    AND 'returned' IS NOT (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = other.cheque_id
                           ORDER BY number DESC LIMIT 1))
BEGIN SELECT RAISE(ABORT, 'this cheque was taken'); END;
CREATE TRIGGER cheque_is_not_in_the_register BEFORE INSERT ON cheque
WHEN EXISTS (SELECT 1 FROM post_dated_cheque AS other WHERE bank = NEW.bank AND branch = NEW.branch
             AND bank_account = NEW.bank_account AND serial = NEW.serial AND NOT EXISTS (
             SELECT 1 FROM post_dated_event WHERE post_dated_id = other.post_dated_id
             AND state IN ('withdrawn', 'credited')))
BEGIN SELECT RAISE(ABORT, 'this cheque is in the register'); END;
DROP TRIGGER post_dated_is_not_there_twice;
CREATE TRIGGER post_dated_is_not_there_twice BEFORE INSERT ON post_dated_cheque
WHEN EXISTS (SELECT 1 FROM cheque WHERE bank = NEW.bank AND branch = NEW.branch AND bank_account = NEW.bank_account
             AND serial = NEW.serial AND 'returned' IS NOT (
             SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1))
  OR EXISTS (SELECT 1 FROM post_dated_cheque AS other WHERE bank = NEW.bank AND branch = NEW.branch
             AND bank_account = NEW.bank_account AND serial = NEW.serial AND NOT EXISTS (
             SELECT 1 FROM post_dated_event WHERE post_dated_id = other.post_dated_id AND state = 'withdrawn'))
BEGIN SELECT RAISE(ABORT, 'this cheque is there already'); END;
DROP TRIGGER cheque_step;
CREATE TRIGGER cheque_step BEFORE INSERT ON cheque_event
WHEN NOT (NEW.number = 1 AND NEW.state = 'received') AND NOT EXISTS (
    SELECT 1 FROM cheque_event AS last WHERE last.cheque_id = NEW.cheque_id AND last.number = NEW.number - 1
    AND last.state || ' ' || NEW.state IN ('received batched', 'batched received', 'batched lodged', 'lodged credited',
        'received returned'))
BEGIN SELECT RAISE(ABORT, 'a cheque does not go from its state to this one'); END;

-- A card whose payment is undone goes back, by the terminal that took it.
DROP TRIGGER card_attempt_goes_its_way;
CREATE TRIGGER card_attempt_goes_its_way BEFORE UPDATE OF state ON card_attempt
WHEN NEW.state <> OLD.state AND NOT (
    (OLD.state = 'asked' AND NEW.state IN ('approved', 'declined', 'unknown'))
    OR (OLD.state = 'unknown' AND NEW.state IN ('approved', 'declined'))
    OR (OLD.state = 'declined' AND NEW.state = 'approved')
    OR (OLD.state = 'approved' AND NEW.state IN ('used', 'reversing'))
    OR (OLD.state = 'used' AND NEW.state = 'reversing' AND EXISTS (
        SELECT 1 FROM tender JOIN tender_undone USING (tender_id) WHERE card_attempt = NEW.attempt_id))
    OR (OLD.state = 'reversing' AND NEW.state = 'reversed'))
BEGIN SELECT RAISE(ABORT, 'a card attempt does not go this way'); END;

DROP VIEW v_payment;
DROP VIEW v_tender;
CREATE VIEW v_tender AS
SELECT tender_id, payment_event_id, mode, amount_minor, change_minor, currency,
       coalesce((SELECT CASE kind WHEN 'void' THEN 'voided' WHEN 'reversal' THEN 'reversed' ELSE 'cancelled' END
                 FROM tender_undone JOIN correction USING (correction_id)
                 WHERE tender_undone.tender_id = tender.tender_id),
                (SELECT state FROM bank_receipt_event AS event WHERE event.tender_id = tender.tender_id
                 ORDER BY number DESC LIMIT 1), 'taken') AS state, rounding_minor,
       foreign_minor, foreign_currency, rate, rate_source
FROM tender;
CREATE VIEW v_payment AS
SELECT payment_event_id, receipt_number, terminal, epoch, sequence, shift_id, business_date, taken_at_utc, operator,
       payer_kind, payer_account, amount_minor, currency,
       coalesce((SELECT state FROM v_tender WHERE v_tender.payment_event_id = payment_event.payment_event_id
                 AND state <> 'taken'
                 ORDER BY CASE state WHEN 'voided' THEN 1 WHEN 'reversed' THEN 2 WHEN 'presented' THEN 3
                     WHEN 'rejected' THEN 4 WHEN 'settled' THEN 5 WHEN 'cancelled' THEN 6 ELSE 7 END
                 LIMIT 1), 'taken') AS state,
       (SELECT coalesce(sum(correction.amount_minor), 0) FROM correction
        WHERE correction.payment_event_id = payment_event.payment_event_id
        AND kind NOT IN ('transfer', 'reallocation')) AS undone_minor
FROM payment_event;

-- A refund that was no cash is owed to the payer until the bank or card company has paid it.
CREATE TABLE refund_settled (
    correction_id TEXT PRIMARY KEY REFERENCES correction,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    reference TEXT NOT NULL,
    operator TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;
CREATE TRIGGER only_what_is_owed_is_settled BEFORE INSERT ON refund_settled
WHEN NEW.amount_minor IS NOT (SELECT amount_minor - (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash
    WHERE correction_cash.correction_id = correction.correction_id) FROM correction
    WHERE correction_id = NEW.correction_id AND kind = 'refund' AND currency = NEW.currency)
BEGIN SELECT RAISE(ABORT, 'a refund is settled by what is still owed of it'); END;

DROP VIEW v_refund;
CREATE VIEW v_refund AS
SELECT correction_id AS refund_id, payment_event_id, amount_minor, currency, CASE
    WHEN refund_settled.correction_id IS NOT NULL THEN 'confirmed'
    WHEN cash_minor = amount THEN 'paid'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id = correction_id AND outbox.state = 'parked') THEN 'refused'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id = correction_id AND outbox.state IN ('sent', 'unknown')) THEN 'unknown'
    WHEN NOT EXISTS (SELECT 1 FROM outbox WHERE source_id = correction_id AND outbox.state <> 'acknowledged') THEN 'sent'
    ELSE 'approved' END AS state, receipt_number, cash_minor, reference
FROM (SELECT correction_id, payment_event_id, receipt_number, amount_minor, amount_minor AS amount, currency,
      (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash
       WHERE correction_cash.correction_id = correction.correction_id) AS cash_minor
      FROM correction WHERE kind = 'refund') LEFT JOIN
     (SELECT correction_id, reference FROM refund_settled) AS refund_settled USING (correction_id);

DROP VIEW v_transfer;
CREATE VIEW v_transfer AS
SELECT transfer_id, suspense.payment_event_id, suspense_transfer.amount_minor, suspense_transfer.currency,
       'done' AS state, allocation.account AS from_account, suspense_transfer.account AS to_account, outbox.state AS told
FROM suspense_transfer JOIN suspense USING (suspense_id)
JOIN allocation ON allocation.allocation_id = suspense.suspense_id
LEFT JOIN outbox ON outbox.source_id = suspense_transfer.transfer_id AND outbox.kind = 'transfer'
UNION ALL
SELECT correction_id, payment_event_id, amount_minor, currency, 'done',
       (SELECT coalesce((SELECT account FROM allocation WHERE allocation_id = part.part_id),
                        (SELECT account FROM placed_part WHERE placed_part.part_id = part.part_id))
        FROM correction_part AS part WHERE part.correction_id = correction.correction_id ORDER BY number LIMIT 1),
       (SELECT account FROM placed_part WHERE placed_part.correction_id = correction.correction_id ORDER BY number LIMIT 1),
       (SELECT max(state) FROM outbox WHERE source_id = correction_id)
FROM correction WHERE kind IN ('transfer', 'reallocation');

CREATE VIEW v_correction AS
SELECT correction_id, kind, payment_event_id, receipt_number, shift_id, business_date, at_utc, operator, reason_code, reason,
       amount_minor, currency,
       (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash
        WHERE correction_cash.correction_id = correction.correction_id) AS cash_minor
FROM correction;
"""

APPEND_ONLY = (
    "correction",
    "correction_part",
    "placed_part",
    "tender_undone",
    "correction_cash",
    "instrument_again",
    "sale_serial_again",
    "cheque",
    "refund_settled",
)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
