"""Bags of cash between the tills of a shop."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.relax import relax
from pos.store.migrations.run_sql import run_sql

revision = "0059"
down_revision = "0058"

SCHEMA = """
-- A sealed bag that left for another till of the shop, with its paper. cash_office: the terminal that it is for, if any.
CREATE TABLE bag_sending (
    sending_id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    bag_id TEXT NOT NULL REFERENCES cash_bag,
    cash_office TEXT,
    contents TEXT,
    business_date TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    approver TEXT
) STRICT;
CREATE INDEX bag_sending_by_bag ON bag_sending (bag_id);
CREATE TRIGGER bag_is_sent_sealed BEFORE INSERT ON bag_sending
WHEN 'sealed' IS NOT (SELECT state FROM cash_bag_event WHERE bag_id = NEW.bag_id ORDER BY number DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'this bag is not in the safe'); END;

-- It came back: nobody accepted it.
CREATE TABLE bag_recall (
    sending_id TEXT PRIMARY KEY REFERENCES bag_sending,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    reason TEXT NOT NULL CHECK (reason <> ''),
    business_date TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    approver TEXT
) STRICT, WITHOUT ROWID;

-- What central says of it, the last counts: another till accepted it; without a terminal: that was taken back there.
CREATE TABLE bag_arrival (
    sending_id TEXT NOT NULL REFERENCES bag_sending,
    number INTEGER NOT NULL CHECK (number > 0),
    terminal TEXT,
    counted_minor INTEGER CHECK (counted_minor >= 0),
    accepted_at TEXT,
    heard_at_utc TEXT NOT NULL,
    PRIMARY KEY (sending_id, number),
    CHECK ((terminal IS NULL) = (counted_minor IS NULL)),
    CHECK ((terminal IS NULL) = (accepted_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE VIEW v_bag_arrival AS
SELECT sending_id, terminal, counted_minor, accepted_at FROM bag_arrival AS last WHERE terminal IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM bag_arrival AS later WHERE later.sending_id = last.sending_id AND later.number > last.number);
CREATE TRIGGER recalled_bag_never_left BEFORE INSERT ON bag_recall
BEGIN
    SELECT RAISE(ABORT, 'another till has this bag') WHERE EXISTS (
        SELECT 1 FROM v_bag_arrival WHERE sending_id = NEW.sending_id);
    SELECT RAISE(ABORT, 'this bag is not on the way') WHERE 'sent' IS NOT (
        SELECT state FROM bag_sending JOIN cash_bag_event USING (bag_id) WHERE sending_id = NEW.sending_id
        ORDER BY number DESC LIMIT 1);
END;

-- A bag of another till, counted into this safe. sent_paper, bag and amount are as its paper says them.
CREATE TABLE bag_acceptance (
    acceptance_id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    sent_paper TEXT NOT NULL,
    bag TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    counted_minor INTEGER NOT NULL CHECK (counted_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    reason TEXT,
    business_date TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    approver TEXT,
    CHECK (counted_minor = amount_minor OR reason IS NOT NULL)
) STRICT;
CREATE INDEX bag_acceptance_by_paper ON bag_acceptance (sent_paper);
CREATE TABLE bag_acceptance_undone (
    acceptance_id TEXT PRIMARY KEY REFERENCES bag_acceptance,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    reason TEXT NOT NULL CHECK (reason <> ''),
    business_date TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    approver TEXT
) STRICT, WITHOUT ROWID;
-- Central said no: somebody else has accepted it, or it is another bag than the one that was sent.
CREATE TABLE bag_acceptance_refused (
    acceptance_id TEXT PRIMARY KEY REFERENCES bag_acceptance,
    reason TEXT NOT NULL,
    heard_at_utc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER bag_is_accepted_once BEFORE INSERT ON bag_acceptance
WHEN EXISTS (SELECT 1 FROM bag_acceptance AS other WHERE other.sent_paper = NEW.sent_paper
    AND other.acceptance_id NOT IN (SELECT acceptance_id FROM bag_acceptance_undone))
BEGIN SELECT RAISE(ABORT, 'this bag was accepted'); END;

DROP TRIGGER bag_is_there_once;
CREATE TRIGGER bag_is_there_once BEFORE INSERT ON cash_bag
WHEN EXISTS (SELECT 1 FROM cash_bag AS other WHERE other.number = NEW.number AND (
    SELECT state FROM cash_bag_event AS last WHERE last.bag_id = other.bag_id ORDER BY last.number DESC LIMIT 1)
    NOT IN ('credited', 'opened', 'sent'))
BEGIN SELECT RAISE(ABORT, 'this bag is there already'); END;
DROP TRIGGER bag_step;
CREATE TRIGGER bag_step BEFORE INSERT ON cash_bag_event
WHEN NOT (NEW.number = 1 AND NEW.state = 'sealed') AND NOT EXISTS (
    SELECT 1 FROM cash_bag_event AS last WHERE last.bag_id = NEW.bag_id AND last.number = NEW.number - 1
    AND last.state || ' ' || NEW.state IN ('sealed batched', 'batched sealed', 'batched lodged', 'lodged credited',
        'sealed opened', 'sealed sent', 'sent sealed'))
BEGIN SELECT RAISE(ABORT, 'a bag does not go from its state to this one'); END;
DROP TRIGGER bag_goes_with_its_slip;
CREATE TRIGGER bag_goes_with_its_slip BEFORE INSERT ON cash_bag_event
WHEN CASE NEW.state
    WHEN 'batched' THEN NOT EXISTS (SELECT 1 FROM deposit_bag JOIN deposit_slip_event USING (slip_id)
        WHERE bag_id = NEW.bag_id AND deposit_slip_event.state = 'made')
    WHEN 'lodged' THEN NOT EXISTS (SELECT 1 FROM deposit_bag JOIN deposit_slip_event USING (slip_id)
        WHERE bag_id = NEW.bag_id AND deposit_slip_event.state = 'lodged')
    WHEN 'credited' THEN NOT EXISTS (SELECT 1 FROM deposit_bag_credit WHERE bag_id = NEW.bag_id)
    WHEN 'sealed' THEN NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM deposit_bag JOIN deposit_slip_event USING (slip_id)
        WHERE bag_id = NEW.bag_id AND deposit_slip_event.state = 'cancelled')
        AND NOT EXISTS (SELECT 1 FROM bag_sending JOIN bag_recall USING (sending_id) WHERE bag_id = NEW.bag_id)
    WHEN 'sent' THEN NOT EXISTS (SELECT 1 FROM bag_sending WHERE bag_id = NEW.bag_id
        AND sending_id NOT IN (SELECT sending_id FROM bag_recall))
    ELSE 0 END
BEGIN SELECT RAISE(ABORT, 'a bag goes with its slip'); END;

CREATE VIEW v_sent_bag AS
SELECT sending.sending_id, sending.receipt_number, cash_bag.number AS bag, cash_bag.amount_minor, cash_bag.currency,
       iif(bag_recall.sending_id IS NOT NULL, 'recalled', iif(arrival.sending_id IS NOT NULL, 'arrived', 'on_the_way'))
       AS state, sending.business_date, sending.at_utc, sending.operator, sending.approver, sending.cash_office,
       sending.contents, arrival.terminal AS arrived_at, arrival.counted_minor, sending.bag_id
FROM bag_sending AS sending JOIN cash_bag USING (bag_id) LEFT JOIN bag_recall USING (sending_id)
LEFT JOIN v_bag_arrival AS arrival USING (sending_id);
CREATE VIEW v_accepted_bag AS
SELECT accepted.acceptance_id, accepted.receipt_number, accepted.sent_paper, accepted.bag, accepted.amount_minor,
       accepted.counted_minor, accepted.currency, iif(undone.acceptance_id IS NOT NULL, 'undone',
       iif(refused.acceptance_id IS NOT NULL, 'refused', 'accepted')) AS state, accepted.reason, refused.reason AS refused,
       accepted.business_date, accepted.at_utc, accepted.operator, accepted.approver
FROM bag_acceptance AS accepted LEFT JOIN bag_acceptance_undone AS undone USING (acceptance_id)
LEFT JOIN bag_acceptance_refused AS refused USING (acceptance_id);
"""

APPEND_ONLY = (
    "bag_sending",
    "bag_recall",
    "bag_arrival",
    "bag_acceptance",
    "bag_acceptance_undone",
    "bag_acceptance_refused",
)


def upgrade() -> None:
    relax(
        "cash_bag_event",
        "state IN ('sealed', 'batched', 'lodged', 'credited', 'opened')",
        "state IN ('sealed', 'batched', 'lodged', 'credited', 'opened', 'sent')",
    )
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
