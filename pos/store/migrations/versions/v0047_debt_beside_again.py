"""What a cheque wrote off of bills and brought back of written-off debt, each time that it counts again."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0047"
down_revision = "0046"

SCHEMA = """
-- A cheque that counts again writes off again the rest of a bill that its bounce had opened, and brings back again the debt
-- that its bounce had given up: no more than either, each time anew.
CREATE TABLE write_off_again (
    correction_id TEXT NOT NULL REFERENCES reinstatement,
    payment_event_id TEXT NOT NULL,
    leg INTEGER NOT NULL,
    account TEXT NOT NULL,
    bill_no TEXT NOT NULL,
    bill_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (correction_id, bill_no),
    FOREIGN KEY (payment_event_id, leg) REFERENCES leg (payment_event_id, leg)
) STRICT, WITHOUT ROWID;
CREATE INDEX write_off_again_by_bill ON write_off_again (bill_no);
CREATE INDEX write_off_again_by_payment ON write_off_again (payment_event_id);
CREATE TABLE recovery_again (
    correction_id TEXT NOT NULL REFERENCES reinstatement,
    payment_event_id TEXT NOT NULL,
    leg INTEGER NOT NULL,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (correction_id, leg),
    FOREIGN KEY (payment_event_id, leg) REFERENCES leg (payment_event_id, leg)
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_again_by_account ON recovery_again (account);
CREATE INDEX recovery_again_by_payment ON recovery_again (payment_event_id);

-- Each with the correction that undid it; empty: it stands. ``again`` is the correction it came with, empty: the payment.
CREATE VIEW write_off_made AS
SELECT part.payment_event_id, part.leg, tender_id, part.account, bill_no, bill_id, part.amount_minor, part.currency,
       NULL AS again,
       (SELECT correction_id FROM correction AS undone WHERE undone.payment_event_id = part.payment_event_id
        AND (kind IN ('void', 'reversal') OR (undone.tender_id = leg.tender_id AND kind <> 'reinstatement'))
        ORDER BY undone.rowid LIMIT 1) AS undone_by
FROM bill_write_off AS part JOIN leg USING (payment_event_id, leg)
UNION ALL
SELECT part.payment_event_id, part.leg, leg.tender_id, part.account, bill_no, bill_id, part.amount_minor, part.currency,
       part.correction_id,
       (SELECT correction_id FROM correction AS undone WHERE undone.payment_event_id = part.payment_event_id
        AND undone.tender_id = leg.tender_id AND kind <> 'reinstatement' AND undone.rowid > done.rowid
        ORDER BY undone.rowid LIMIT 1)
FROM write_off_again AS part JOIN leg USING (payment_event_id, leg)
JOIN correction AS done ON done.correction_id = part.correction_id;
CREATE VIEW recovery_made AS
SELECT part.payment_event_id, part.leg, tender_id, part.account, part.amount_minor, part.currency, NULL AS again,
       (SELECT correction_id FROM correction AS undone WHERE undone.payment_event_id = part.payment_event_id
        AND (kind IN ('void', 'reversal') OR (undone.tender_id = leg.tender_id AND kind <> 'reinstatement'))
        ORDER BY undone.rowid LIMIT 1) AS undone_by
FROM recovery AS part JOIN leg USING (payment_event_id, leg)
UNION ALL
SELECT part.payment_event_id, part.leg, leg.tender_id, part.account, part.amount_minor, part.currency, part.correction_id,
       (SELECT correction_id FROM correction AS undone WHERE undone.payment_event_id = part.payment_event_id
        AND undone.tender_id = leg.tender_id AND kind <> 'reinstatement' AND undone.rowid > done.rowid
        ORDER BY undone.rowid LIMIT 1)
FROM recovery_again AS part JOIN leg USING (payment_event_id, leg)
JOIN correction AS done ON done.correction_id = part.correction_id;

CREATE TRIGGER write_off_again_is_of_its_bounce BEFORE INSERT ON write_off_again
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
    OR NEW.amount_minor > coalesce((SELECT amount_minor FROM write_off_made JOIN reinstatement ON of_correction = undone_by
        WHERE reinstatement.correction_id = NEW.correction_id AND payment_event_id = NEW.payment_event_id
        AND leg = NEW.leg AND account = NEW.account AND bill_no = NEW.bill_no AND currency = NEW.currency), 0)
BEGIN SELECT RAISE(ABORT, 'no more is written off again than the bounce had opened'); END;
CREATE TRIGGER recovery_again_is_of_its_bounce BEFORE INSERT ON recovery_again
WHEN EXISTS (SELECT 1 FROM correction WHERE correction_id = NEW.correction_id)
    OR NEW.amount_minor > coalesce((SELECT amount_minor FROM recovery_made JOIN reinstatement ON of_correction = undone_by
        WHERE reinstatement.correction_id = NEW.correction_id AND payment_event_id = NEW.payment_event_id
        AND leg = NEW.leg AND account = NEW.account AND currency = NEW.currency), 0)
BEGIN SELECT RAISE(ABORT, 'no more debt comes back again than the bounce had given up'); END;
"""

APPEND_ONLY = ("write_off_again", "recovery_again")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
