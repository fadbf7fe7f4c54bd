"""Cheques that the bank sends back: what that undoes, what it charges, and the cheque's way to the bank once more."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.relax import relax
from pos.store.migrations.run_sql import run_sql

revision = "0039"
down_revision = "0038"

SCHEMA = """
-- A cheque that bounced, beside its correction, which takes off what the cheque still paid. ``was`` is where the cheque
-- stood, ``lay_in`` the ledger account that its money was in. ``payor`` is empty where nobody known paid with it. The rule
-- that made the payor cash-only, or not yet, is kept as it was: the how-many-eth bounce, within and for how many months.
CREATE TABLE dishonour (
    correction_id TEXT PRIMARY KEY REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    cheque_id TEXT NOT NULL REFERENCES cheque,
    was TEXT NOT NULL CHECK (was IN ('lodged', 'credited', 'cleared')),
    bank_date TEXT NOT NULL,
    lay_in TEXT NOT NULL,
    payor TEXT,
    payors_fault INTEGER NOT NULL CHECK (payors_fault IN (0, 1)),
    cash_only_until TEXT CHECK (cash_only_until IS NULL OR payor IS NOT NULL),
    cash_only_rule TEXT NOT NULL
) STRICT;
CREATE INDEX dishonour_by_cheque ON dishonour (cheque_id);
CREATE INDEX dishonour_by_payor ON dishonour (payor) WHERE payor IS NOT NULL;

-- The money of a bounced cheque counts again: the cheque goes to the bank once more, or (``undoes``) the bank was wrong.
CREATE TABLE reinstatement (
    correction_id TEXT PRIMARY KEY REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    of_correction TEXT NOT NULL UNIQUE REFERENCES dishonour,
    undoes INTEGER NOT NULL CHECK (undoes IN (0, 1))
) STRICT, WITHOUT ROWID;

-- What a bounce makes its payor owe: money that had left (paid back, or goods) and the fee, tax included. A bill of the
-- number of the bounce's paper; a dealer, who has no bills, owes it on the account.
CREATE TABLE dishonour_charge (
    charge_id TEXT PRIMARY KEY,
    correction_id TEXT NOT NULL UNIQUE REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    account TEXT NOT NULL,
    bill_no TEXT UNIQUE,
    recovered_minor INTEGER NOT NULL CHECK (recovered_minor >= 0),
    fee_minor INTEGER NOT NULL CHECK (fee_minor >= 0),
    tax_minor INTEGER NOT NULL CHECK (tax_minor >= 0 AND tax_minor <= fee_minor),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0 AND amount_minor = recovered_minor + fee_minor),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    charged_on TEXT NOT NULL
) STRICT;
CREATE INDEX dishonour_charge_by_account ON dishonour_charge (account);

-- The bank was wrong, so nothing is owed: what was open of the charge is off, what was paid of it is the account's credit.
CREATE TABLE charge_undone (
    charge_id TEXT PRIMARY KEY REFERENCES dishonour_charge,
    correction_id TEXT NOT NULL REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    open_minor INTEGER NOT NULL CHECK (open_minor >= 0),
    paid_minor INTEGER NOT NULL CHECK (paid_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3)
) STRICT, WITHOUT ROWID;

-- A refund of the cheque's money that nobody had paid out yet is paid out no more.
CREATE TABLE refund_cancelled (
    refund_id TEXT NOT NULL REFERENCES correction,
    correction_id TEXT NOT NULL REFERENCES correction DEFERRABLE INITIALLY DEFERRED,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (refund_id, correction_id)
) STRICT, WITHOUT ROWID;

-- A cheque that came back before the bank had credited it: its slip waits for it no more.
CREATE TABLE deposit_return (
    slip_id TEXT NOT NULL,
    cheque_id TEXT NOT NULL,
    correction_id TEXT NOT NULL REFERENCES dishonour DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (slip_id, cheque_id, correction_id),
    FOREIGN KEY (slip_id, cheque_id) REFERENCES deposit_cheque (slip_id, cheque_id)
) STRICT, WITHOUT ROWID;

CREATE VIEW standing_dishonour AS
SELECT dishonour.*, at_utc, payment_event_id, tender_id, reason_code, correction.rowid AS place
FROM dishonour JOIN correction USING (correction_id)
WHERE correction_id NOT IN (SELECT of_correction FROM reinstatement WHERE undoes);
CREATE VIEW slip_return AS
SELECT slip_id, cheque_id FROM deposit_return
WHERE correction_id NOT IN (SELECT of_correction FROM reinstatement WHERE undoes);
CREATE VIEW cheque_awaited AS
SELECT slip_id, cheque_id FROM deposit_cheque
WHERE NOT EXISTS (SELECT 1 FROM deposit_slip_event AS gone WHERE gone.slip_id = deposit_cheque.slip_id
                  AND gone.state = 'cancelled')
AND NOT EXISTS (SELECT 1 FROM deposit_credit AS paid WHERE paid.slip_id = deposit_cheque.slip_id
                AND paid.cheque_id = deposit_cheque.cheque_id)
AND NOT EXISTS (SELECT 1 FROM slip_return AS back WHERE back.slip_id = deposit_cheque.slip_id
                AND back.cheque_id = deposit_cheque.cheque_id);

CREATE VIEW slip_awaits AS
SELECT slip_id FROM cheque_awaited
UNION ALL SELECT slip_id FROM deposit_bag
WHERE NOT EXISTS (SELECT 1 FROM deposit_slip_event AS gone WHERE gone.slip_id = deposit_bag.slip_id
                  AND gone.state = 'cancelled')
AND NOT EXISTS (SELECT 1 FROM deposit_bag_credit AS counted WHERE counted.slip_id = deposit_bag.slip_id
                AND counted.bag_id = deposit_bag.bag_id);

CREATE TRIGGER dishonour_before_correction BEFORE INSERT ON dishonour
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
BEGIN SELECT RAISE(ABORT, 'the correction is complete'); END;
CREATE TRIGGER reinstatement_before_correction BEFORE INSERT ON reinstatement
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
BEGIN SELECT RAISE(ABORT, 'the correction is complete'); END;
CREATE TRIGGER charge_before_correction BEFORE INSERT ON dishonour_charge
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
BEGIN SELECT RAISE(ABORT, 'the correction is complete'); END;
CREATE TRIGGER charge_is_undone_whole BEFORE INSERT ON charge_undone
WHEN NEW.open_minor + NEW.paid_minor IS NOT (SELECT amount_minor FROM dishonour_charge AS charge
    JOIN reinstatement ON of_correction = charge.correction_id AND undoes
    WHERE charge_id = NEW.charge_id AND reinstatement.correction_id = NEW.correction_id AND charge.currency = NEW.currency)
BEGIN SELECT RAISE(ABORT, 'a charge is undone whole, with its bounce'); END;
CREATE TRIGGER only_what_is_owed_is_cancelled BEFORE INSERT ON refund_cancelled
WHEN EXISTS (SELECT 1 FROM refund_settled WHERE correction_id = NEW.refund_id)
    OR coalesce((SELECT amount_minor - cash_minor - off_minor FROM refund_made
                 WHERE refund_id = NEW.refund_id AND currency = NEW.currency), 0) < NEW.amount_minor
BEGIN SELECT RAISE(ABORT, 'no more of a refund is cancelled than is still owed'); END;

DROP TRIGGER moved_money_goes_to_one_account;
DROP TRIGGER correction_balances;
CREATE TRIGGER correction_balances BEFORE INSERT ON correction
BEGIN
    SELECT RAISE(ABORT, 'the parts do not make the correction') WHERE CASE
        WHEN NEW.kind = 'reinstatement' THEN EXISTS (
            SELECT 1 FROM correction_part WHERE correction_id = NEW.correction_id)
        ELSE NEW.amount_minor IS NOT (SELECT coalesce(sum(amount_minor), 0) FROM correction_part
            WHERE correction_id = NEW.correction_id AND currency = NEW.currency) END;
    SELECT RAISE(ABORT, 'a correction is about one payment') WHERE EXISTS (
        SELECT 1 FROM correction_part AS part WHERE part.correction_id = NEW.correction_id
        AND NEW.payment_event_id IS NOT coalesce(
            (SELECT payment_event_id FROM allocation WHERE allocation_id = part.part_id),
            (SELECT payment_event_id FROM placed_part AS placed WHERE placed.part_id = part.part_id)))
        OR EXISTS (SELECT 1 FROM placed_part WHERE correction_id = NEW.correction_id
            AND payment_event_id <> NEW.payment_event_id);
    SELECT RAISE(ABORT, 'money that is moved is placed whole, and other money nowhere') WHERE (
        SELECT coalesce(sum(amount_minor), 0) FROM placed_part WHERE correction_id = NEW.correction_id
        AND currency = NEW.currency) <> CASE WHEN NEW.kind IN ('transfer', 'reallocation', 'reinstatement')
            THEN NEW.amount_minor ELSE 0 END;
    SELECT RAISE(ABORT, 'moved money goes to one account') WHERE NEW.kind <> 'reinstatement' AND (
        SELECT count(DISTINCT account) FROM placed_part WHERE correction_id = NEW.correction_id) > 1;
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
    SELECT RAISE(ABORT, 'a cheque that bounced pays nothing any more') WHERE NEW.kind = 'dishonour' AND (NOT EXISTS (
        SELECT 1 FROM dishonour JOIN cheque USING (cheque_id) WHERE dishonour.correction_id = NEW.correction_id
        AND cheque.tender_id = NEW.tender_id AND 'dishonoured' = (SELECT state FROM cheque_event
            WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1))
        OR (SELECT minor FROM tender_stands WHERE tender_id = NEW.tender_id) <> 0);
    SELECT RAISE(ABORT, 'a cheque pays its amount once, and again only after it bounced') WHERE
        NEW.kind = 'reinstatement' AND (NOT EXISTS (
            SELECT 1 FROM reinstatement JOIN dishonour ON dishonour.correction_id = of_correction
            JOIN cheque USING (cheque_id) WHERE reinstatement.correction_id = NEW.correction_id
            AND cheque.tender_id = NEW.tender_id AND iif(undoes, was, 'represented') = (SELECT state FROM cheque_event
                WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1))
        OR (SELECT minor FROM tender_stands WHERE tender_id = NEW.tender_id) > (
            SELECT amount_minor - change_minor + rounding_minor FROM tender WHERE tender_id = NEW.tender_id));
END;
CREATE VIEW tender_stands AS
SELECT tender_id, (SELECT coalesce(sum(amount_minor), 0) FROM (
           SELECT amount_minor FROM allocation WHERE allocation.tender_id = tender.tender_id UNION ALL
           SELECT amount_minor FROM placed_part WHERE placed_part.tender_id = tender.tender_id))
       - (SELECT coalesce(sum(undone.amount_minor), 0) FROM allocation JOIN correction_part AS undone
          ON undone.part_id = allocation_id WHERE allocation.tender_id = tender.tender_id)
       - (SELECT coalesce(sum(undone.amount_minor), 0) FROM placed_part JOIN correction_part AS undone USING (part_id)
          WHERE placed_part.tender_id = tender.tender_id)
       - (SELECT coalesce(sum(moved.amount_minor), 0) FROM allocation JOIN suspense_transfer AS moved
          ON suspense_id = allocation_id WHERE allocation.tender_id = tender.tender_id) AS minor
FROM tender;
CREATE INDEX placed_part_by_tender ON placed_part (tender_id);
CREATE INDEX cheque_by_serial ON cheque (serial);

DROP TRIGGER cheque_step;
CREATE TRIGGER cheque_step BEFORE INSERT ON cheque_event
WHEN NOT (NEW.number = 1 AND NEW.state = 'received') AND NOT EXISTS (
    SELECT 1 FROM cheque_event AS last WHERE last.cheque_id = NEW.cheque_id AND last.number = NEW.number - 1
    AND last.state || ' ' || NEW.state IN ('received batched', 'batched received', 'batched lodged', 'lodged credited',
        'received returned', 'credited cleared', 'lodged dishonoured', 'credited dishonoured', 'cleared dishonoured',
        'dishonoured lodged', 'dishonoured credited', 'dishonoured cleared', 'dishonoured represented',
        'represented batched', 'batched represented'))
BEGIN SELECT RAISE(ABORT, 'a cheque does not go from its state to this one'); END;

DROP TRIGGER cheque_is_on_one_slip;
CREATE TRIGGER cheque_is_on_one_slip BEFORE INSERT ON deposit_cheque
BEGIN
    SELECT RAISE(ABORT, 'the slip is complete') WHERE EXISTS (
        SELECT 1 FROM deposit_slip WHERE slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'this cheque is on a slip') WHERE EXISTS (
        SELECT 1 FROM cheque_awaited WHERE cheque_id = NEW.cheque_id);
    SELECT RAISE(ABORT, 'this cheque is not in hand') WHERE coalesce((
        SELECT state FROM cheque_event WHERE cheque_id = NEW.cheque_id ORDER BY number DESC LIMIT 1), '')
        NOT IN ('received', 'represented');
END;

DROP TRIGGER deposit_step;
CREATE TRIGGER deposit_step BEFORE INSERT ON deposit_slip_event
BEGIN
    SELECT RAISE(ABORT, 'a deposit slip does not go from its state to this one')
    WHERE NEW.number > 1 AND NOT EXISTS (
        SELECT 1 FROM deposit_slip_event AS last WHERE last.slip_id = NEW.slip_id AND last.number = NEW.number - 1
        AND last.state || ' ' || NEW.state IN ('made lodged', 'made cancelled', 'lodged part_confirmed', 'lodged confirmed',
            'part_confirmed part_confirmed', 'part_confirmed confirmed', 'confirmed part_confirmed',
            'confirmed confirmed'));
    SELECT RAISE(ABORT, 'a deposit slip keeps its amount') WHERE NEW.credited_by IS NULL
    AND NEW.amount_minor IS NOT (SELECT amount_minor FROM deposit_slip WHERE slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'what was credited is not what was on the slip') WHERE NEW.credited_by IS NOT NULL
    AND NEW.amount_minor <> (
        SELECT coalesce(sum(cheque.amount_minor), 0) FROM deposit_credit JOIN cheque USING (cheque_id)
        WHERE deposit_credit.step_id = NEW.step_id AND deposit_credit.slip_id = NEW.slip_id) + (
        SELECT coalesce(sum(cash_bag.amount_minor), 0) FROM deposit_bag_credit AS counted JOIN cash_bag USING (bag_id)
        WHERE counted.step_id = NEW.step_id AND counted.slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'a slip is confirmed once nothing is to come of it') WHERE NEW.credited_by IS NOT NULL
    AND (NEW.state = 'confirmed') = EXISTS (SELECT 1 FROM slip_awaits WHERE slip_id = NEW.slip_id);
END;

DROP VIEW v_deposit_slip;
CREATE VIEW v_deposit_slip AS
SELECT deposit_slip.slip_id, receipt_number, bank_account, business_date, deposit_slip.operator, cheques,
       deposit_slip.amount_minor, currency, CASE
       WHEN latest.state IN ('made', 'cancelled') THEN latest.state
       WHEN NOT EXISTS (SELECT 1 FROM slip_awaits AS waits WHERE waits.slip_id = deposit_slip.slip_id) THEN 'confirmed'
       WHEN latest.state = 'confirmed' THEN 'part_confirmed' ELSE latest.state END AS state,
       (SELECT coalesce(sum(amount_minor), 0) FROM deposit_slip_event AS credited
        WHERE credited.slip_id = deposit_slip.slip_id AND credited_by IS NOT NULL) AS credited_minor,
       lodged.reference, lodged.bank_date AS lodged_on, latest.bank_date, latest.reason,
       (SELECT coalesce(sum(cheque.amount_minor), 0) FROM slip_return JOIN cheque USING (cheque_id)
        WHERE slip_return.slip_id = deposit_slip.slip_id) AS returned_minor
FROM deposit_slip
JOIN (SELECT slip_id, max(number), state, bank_date, reason FROM deposit_slip_event GROUP BY slip_id) AS latest
    ON latest.slip_id = deposit_slip.slip_id
LEFT JOIN deposit_slip_event AS lodged ON lodged.slip_id = deposit_slip.slip_id AND lodged.state = 'lodged';

DROP VIEW v_payment;
DROP VIEW v_tender;
CREATE VIEW v_tender AS
SELECT tender_id, payment_event_id, mode, amount_minor, change_minor, currency,
       coalesce((SELECT CASE kind WHEN 'void' THEN 'voided' WHEN 'reversal' THEN 'reversed' ELSE 'cancelled' END
                 FROM tender_undone JOIN correction USING (correction_id)
                 WHERE tender_undone.tender_id = tender.tender_id),
                (SELECT state FROM bank_receipt_event AS event WHERE event.tender_id = tender.tender_id
                 ORDER BY number DESC LIMIT 1),
                (SELECT 'dishonoured' FROM cheque WHERE cheque.tender_id = tender.tender_id AND 'dishonoured' = (
                 SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id
                 ORDER BY number DESC LIMIT 1)), 'taken') AS state, rounding_minor,
       foreign_minor, foreign_currency, rate, rate_source
FROM tender;
CREATE VIEW v_payment AS
SELECT payment_event_id, receipt_number, terminal, epoch, sequence, shift_id, business_date, taken_at_utc, operator,
       payer_kind, payer_account, amount_minor, currency,
       coalesce((SELECT state FROM v_tender WHERE v_tender.payment_event_id = payment_event.payment_event_id
                 AND state <> 'taken'
                 ORDER BY CASE state WHEN 'voided' THEN 1 WHEN 'reversed' THEN 2 WHEN 'presented' THEN 3
                     WHEN 'rejected' THEN 4 WHEN 'dishonoured' THEN 4 WHEN 'settled' THEN 5 WHEN 'cancelled' THEN 6
                     ELSE 7 END LIMIT 1), 'taken') AS state,
       (SELECT coalesce(sum(iif(kind = 'reinstatement', -correction.amount_minor, correction.amount_minor)), 0)
        FROM correction WHERE correction.payment_event_id = payment_event.payment_event_id
        AND kind NOT IN ('transfer', 'reallocation')) AS undone_minor
FROM payment_event;

CREATE VIEW v_dishonour AS
SELECT dishonour.correction_id AS dishonour_id, cheque_id, tender_id, payment_event_id, receipt_number, bank_date,
       reason_code, was, payor, correction.amount_minor AS undone_minor, correction.currency,
       coalesce(charge.recovered_minor, 0) AS recovered_minor, coalesce(charge.fee_minor, 0) AS fee_minor,
       charge.bill_no, cash_only_until,
       CASE undoes WHEN 1 THEN 'undone' WHEN 0 THEN 'represented' ELSE 'dishonoured' END AS state
FROM dishonour JOIN correction USING (correction_id)
LEFT JOIN dishonour_charge AS charge ON charge.correction_id = dishonour.correction_id
LEFT JOIN reinstatement ON of_correction = dishonour.correction_id;

DROP VIEW refund_made;
CREATE VIEW refund_made AS
SELECT correction_id AS refund_id, payment_event_id, correction.receipt_number, payer_account, at_utc,
       correction.utc_offset_min, correction.amount_minor, correction.currency,
       (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash
        WHERE correction_cash.correction_id = correction.correction_id) AS cash_minor,
       (SELECT coalesce(sum(amount_minor), 0) FROM refund_cancelled AS off WHERE off.refund_id = correction.correction_id
        AND off.correction_id NOT IN (SELECT of_correction FROM reinstatement WHERE undoes)) AS off_minor
FROM correction JOIN payment_event USING (payment_event_id) WHERE kind = 'refund'
UNION ALL
SELECT refund_id, payment_event_id, receipt_number, payer_account, at_utc, utc_offset_min, amount_minor, currency,
       (SELECT coalesce(sum(amount_minor), 0) FROM refund_across_leg AS leg
        WHERE leg.refund_id = refund_across.refund_id AND is_cash), 0
FROM refund_across;

DROP TRIGGER only_what_is_owed_is_settled;
CREATE TRIGGER only_what_is_owed_is_settled BEFORE INSERT ON refund_settled
WHEN NEW.amount_minor IS NOT (SELECT amount_minor - cash_minor - off_minor FROM refund_made
    WHERE refund_id = NEW.correction_id AND currency = NEW.currency)
BEGIN SELECT RAISE(ABORT, 'a refund is settled by what is still owed of it'); END;

DROP VIEW v_refund;
CREATE VIEW v_refund AS
SELECT refund_id, payment_event_id, amount_minor, currency, CASE
    WHEN refund_settled.correction_id IS NOT NULL THEN 'confirmed'
    WHEN cash_minor = amount THEN 'paid'
    WHEN cash_minor + off_minor = amount THEN 'cancelled'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id <> ''
        AND source_id BETWEEN refund_id AND refund_id || '-~' AND outbox.state = 'parked') THEN 'refused'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id <> ''
        AND source_id BETWEEN refund_id AND refund_id || '-~' AND outbox.state IN ('sent', 'unknown')) THEN 'unknown'
    WHEN NOT EXISTS (SELECT 1 FROM outbox WHERE source_id <> ''
        AND source_id BETWEEN refund_id AND refund_id || '-~' AND outbox.state <> 'acknowledged') THEN 'sent'
    ELSE 'approved' END AS state, receipt_number, cash_minor, reference, of_terminal
FROM (SELECT refund_made.*, refund_made.amount_minor AS amount,
      (SELECT of_terminal FROM refund_across WHERE refund_across.refund_id = refund_made.refund_id) AS of_terminal
      FROM refund_made) LEFT JOIN
     (SELECT correction_id, reference FROM refund_settled) AS refund_settled ON refund_settled.correction_id = refund_id;
"""

APPEND_ONLY = (
    "dishonour",
    "reinstatement",
    "dishonour_charge",
    "charge_undone",
    "refund_cancelled",
    "deposit_return",
)
REWALLED = ("correction", "deposit_cheque", "deposit_slip_event")


def upgrade() -> None:
    relax(
        "correction",
        "'transfer', 'reallocation')",
        "'transfer', 'reallocation', 'dishonour', 'reinstatement')",
    )
    relax(
        "correction",
        "= (kind = 'tender_cancellation'))",
        "= (kind IN ('tender_cancellation', 'dishonour', 'reinstatement')))",
    )
    relax(
        "correction",
        "CHECK (amount_minor > 0)",
        # Of a cheque whose money was paid back before it bounced nothing stands any more.
        "CHECK (amount_minor > 0 OR (kind = 'dishonour' AND amount_minor = 0))",
    )
    relax("placed_part", "kept_as IN ('advance', 'deposit')", "kept_as IN ('advance', 'deposit', 'items')")
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    for table in REWALLED:
        # The newest trigger speaks first: that a row is never replaced is said before what else is wrong with it.
        run_sql(f"DROP TRIGGER {table}_never_replaced;")
        never_replace(table)
