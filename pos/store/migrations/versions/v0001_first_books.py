"""The first books: shifts, payment events, journal, receipts, cheques, outbox, audit, chain."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0001"
down_revision = None

SCHEMA = """
CREATE TABLE home (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT;

CREATE TABLE person (
    user TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    dealer TEXT,
    pin_hash TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    updated_at_utc TEXT NOT NULL
) STRICT;

CREATE TABLE pin_try (
    subject TEXT PRIMARY KEY,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    locked_until_utc TEXT
) STRICT;

-- Shifts: three append-only tables; the state of a shift is what exists of it.

CREATE TABLE shift (
    shift_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    terminal TEXT NOT NULL,
    operator TEXT NOT NULL,
    business_date TEXT NOT NULL,
    opened_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    float_minor INTEGER NOT NULL CHECK (float_minor >= 0)
) STRICT;

CREATE TABLE shift_count (
    count_id TEXT PRIMARY KEY,
    shift_id TEXT NOT NULL REFERENCES shift,
    number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 99),
    counted_at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    cash_minor INTEGER NOT NULL CHECK (cash_minor >= 0),
    cheque_count INTEGER NOT NULL CHECK (cheque_count >= 0),
    cheque_minor INTEGER NOT NULL CHECK (cheque_minor >= 0),
    payments_before INTEGER NOT NULL CHECK (payments_before >= 0),
    UNIQUE (shift_id, number)
) STRICT;

CREATE TABLE shift_close (
    shift_id TEXT PRIMARY KEY REFERENCES shift,
    closed_at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    count_id TEXT NOT NULL REFERENCES shift_count,
    expected_cash_minor INTEGER NOT NULL,
    counted_cash_minor INTEGER NOT NULL CHECK (counted_cash_minor >= 0),
    over_short_minor INTEGER NOT NULL,
    expected_cheque_count INTEGER NOT NULL,
    expected_cheque_minor INTEGER NOT NULL,
    reason TEXT,
    totals_json TEXT NOT NULL,
    CHECK (over_short_minor = counted_cash_minor - expected_cash_minor)
) STRICT;

CREATE TRIGGER one_open_shift BEFORE INSERT ON shift
WHEN EXISTS (SELECT 1 FROM shift LEFT JOIN shift_close USING (shift_id) WHERE shift_close.shift_id IS NULL)
BEGIN SELECT RAISE(ABORT, 'a shift is open already'); END;

CREATE TRIGGER no_count_after_close BEFORE INSERT ON shift_count
WHEN EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id)
BEGIN SELECT RAISE(ABORT, 'the shift is closed'); END;

-- A payment event and its parts. The parts are written first and the event last, so that a trigger can balance it.

CREATE TABLE payment_event (
    payment_event_id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    terminal TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    shift_id TEXT NOT NULL REFERENCES shift,
    business_date TEXT NOT NULL,
    taken_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    payer_kind TEXT NOT NULL CHECK (payer_kind IN ('subscriber', 'dealer', 'walk_in')),
    payer_account TEXT NOT NULL,
    payer_digest TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    UNIQUE (terminal, epoch, sequence)
) STRICT;
CREATE INDEX payment_event_by_shift ON payment_event (shift_id);
CREATE INDEX payment_event_by_account ON payment_event (payer_account);

CREATE TABLE payer_person (
    payment_event_id TEXT PRIMARY KEY REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    salt TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE tender (
    tender_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL,
    mode TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    change_minor INTEGER NOT NULL CHECK (change_minor >= 0 AND change_minor < amount_minor),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    details_json TEXT NOT NULL,
    person_digest TEXT,
    UNIQUE (payment_event_id, number),
    CHECK (change_minor = 0 OR mode = 'cash')
) STRICT;

CREATE TABLE tender_person (
    tender_id TEXT PRIMARY KEY REFERENCES tender,
    salt TEXT NOT NULL,
    details_json TEXT NOT NULL
) STRICT;

CREATE TABLE payment (
    payment_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    UNIQUE (payment_event_id, account)
) STRICT;

CREATE TABLE allocation (
    allocation_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    payment_id TEXT NOT NULL REFERENCES payment,
    tender_id TEXT NOT NULL REFERENCES tender,
    leg INTEGER NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    bill_no TEXT,
    bill_id TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    UNIQUE (payment_event_id, number)
) STRICT;
CREATE INDEX allocation_by_bill ON allocation (bill_no) WHERE bill_no IS NOT NULL;
CREATE INDEX allocation_by_account ON allocation (account);

CREATE TABLE leg (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    tender_id TEXT NOT NULL REFERENCES tender,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    PRIMARY KEY (payment_event_id, leg)
) STRICT;

CREATE TRIGGER event_balances BEFORE INSERT ON payment_event
BEGIN
    SELECT RAISE(ABORT, 'the tenders do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor - change_minor) FROM tender
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the allocations do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM allocation
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the payments do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM payment
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the legs do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM leg
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the shift is closed') WHERE EXISTS (
        SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
END;

CREATE TRIGGER tender_before_event BEFORE INSERT ON tender
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER payment_before_event BEFORE INSERT ON payment
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER allocation_before_event BEFORE INSERT ON allocation
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER leg_before_event BEFORE INSERT ON leg
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;

-- The journal: lines first, the entry last, balanced by trigger.

CREATE TABLE journal_entry (
    entry_id TEXT PRIMARY KEY,
    source_kind TEXT NOT NULL,
    source_id TEXT NOT NULL,
    business_date TEXT NOT NULL,
    booked_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX journal_entry_by_date ON journal_entry (business_date);
CREATE INDEX journal_entry_by_source ON journal_entry (source_id);

CREATE TABLE journal_line (
    entry_id TEXT NOT NULL REFERENCES journal_entry DEFERRABLE INITIALLY DEFERRED,
    line_no INTEGER NOT NULL,
    ledger_account TEXT NOT NULL,
    account TEXT,
    debit_minor INTEGER NOT NULL CHECK (debit_minor >= 0),
    credit_minor INTEGER NOT NULL CHECK (credit_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (entry_id, line_no),
    CHECK ((debit_minor = 0) <> (credit_minor = 0))
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_line_by_ledger ON journal_line (ledger_account, currency, debit_minor, credit_minor);

CREATE TRIGGER entry_balances BEFORE INSERT ON journal_entry
BEGIN
    SELECT RAISE(ABORT, 'the entry does not balance') WHERE NOT EXISTS (
        SELECT 1 FROM journal_line WHERE entry_id = NEW.entry_id)
        OR EXISTS (SELECT 1 FROM journal_line WHERE entry_id = NEW.entry_id
                   GROUP BY currency HAVING sum(debit_minor) <> sum(credit_minor));
END;
CREATE TRIGGER line_before_entry BEFORE INSERT ON journal_line
WHEN EXISTS (SELECT 1 FROM journal_entry WHERE entry_id = NEW.entry_id)
BEGIN SELECT RAISE(ABORT, 'the entry is complete'); END;

-- Paper.

CREATE TABLE receipt (
    receipt_number TEXT PRIMARY KEY,
    series TEXT NOT NULL,
    counter INTEGER NOT NULL CHECK (counter > 0),
    kind TEXT NOT NULL,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    issued_at_utc TEXT NOT NULL,
    facts_json TEXT NOT NULL,
    UNIQUE (series, counter)
) STRICT;
CREATE INDEX receipt_by_event ON receipt (payment_event_id);
CREATE TRIGGER receipt_number_has_no_gap BEFORE INSERT ON receipt
WHEN NEW.counter <> 1 + (SELECT coalesce(max(counter), 0) FROM receipt WHERE series = NEW.series)
BEGIN SELECT RAISE(ABORT, 'the receipt number leaves a gap'); END;

CREATE TABLE receipt_copy (
    receipt_number TEXT NOT NULL REFERENCES receipt,
    number INTEGER NOT NULL CHECK (number > 0),
    asked_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (receipt_number, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE print_job (
    job_id INTEGER PRIMARY KEY,
    receipt_number TEXT NOT NULL REFERENCES receipt,
    copy_number INTEGER NOT NULL CHECK (copy_number >= 0),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'printed', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    changed_at_utc TEXT NOT NULL,
    UNIQUE (receipt_number, copy_number)
) STRICT;
CREATE INDEX print_job_waiting ON print_job (job_id) WHERE state = 'waiting';

-- Cheques.

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
    UNIQUE (bank, branch, bank_account, serial)
) STRICT;

CREATE TABLE cheque_event (
    cheque_id TEXT NOT NULL REFERENCES cheque,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (cheque_id, number)
) STRICT, WITHOUT ROWID;

-- What central must hear of: one row a leg, written with the deed, never deleted.

CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    correlator_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'unknown', 'parked', 'acknowledged')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at_utc TEXT,
    body BLOB,
    server_id TEXT,
    server_href TEXT,
    applied_change INTEGER,
    reason TEXT,
    changed_at_utc TEXT NOT NULL,
    UNIQUE (payment_event_id, leg),
    CHECK (state IN ('waiting', 'parked') OR body IS NOT NULL),
    CHECK ((state = 'acknowledged') = (server_id IS NOT NULL))
) STRICT;
CREATE INDEX outbox_unsent ON outbox (outbox_id) WHERE state <> 'acknowledged';
CREATE TRIGGER outbox_body_is_frozen BEFORE UPDATE OF body ON outbox
WHEN OLD.body IS NOT NULL AND NEW.body IS NOT OLD.body
BEGIN SELECT RAISE(ABORT, 'the body was frozen before the first send'); END;
CREATE TRIGGER outbox_keeps_its_key BEFORE UPDATE OF outbox_id, correlator_id, payment_event_id, leg, kind, account
ON outbox
BEGIN SELECT RAISE(ABORT, 'an outbox row keeps its key'); END;
CREATE TRIGGER outbox_is_never_deleted BEFORE DELETE ON outbox
BEGIN SELECT RAISE(ABORT, 'outbox rows stay'); END;
CREATE TRIGGER acknowledged_is_final BEFORE UPDATE OF state ON outbox
WHEN OLD.state = 'acknowledged' AND NEW.state <> 'acknowledged'
BEGIN SELECT RAISE(ABORT, 'central has acknowledged this row'); END;

-- Who did what, and the keyed chain over the rows that must not change.

CREATE TABLE audit (
    audit_id INTEGER PRIMARY KEY,
    deed_id TEXT NOT NULL UNIQUE,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    terminal TEXT NOT NULL,
    operator TEXT,
    act TEXT NOT NULL,
    result TEXT NOT NULL,
    reason_code TEXT,
    shift_id TEXT,
    subject TEXT
) STRICT;

CREATE TABLE chain_link (
    chain_no INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    row_key TEXT NOT NULL,
    mark TEXT NOT NULL,
    UNIQUE (source, row_key)
) STRICT;

CREATE TABLE script_ref (
    ref TEXT PRIMARY KEY,
    body_digest TEXT NOT NULL,
    result_json TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;

-- Views that other programs may rely on.

CREATE VIEW v_payment AS
SELECT payment_event_id, receipt_number, terminal, epoch, sequence, shift_id, business_date, taken_at_utc, operator,
       payer_kind, payer_account, amount_minor, currency, 'taken' AS state
FROM payment_event;

CREATE VIEW v_tender AS
SELECT tender_id, payment_event_id, mode, amount_minor, change_minor, currency, 'taken' AS state FROM tender;

CREATE VIEW v_allocation AS
SELECT allocation_id, payment_event_id, tender_id, account, bill_no, amount_minor, currency FROM allocation;

CREATE VIEW v_journal AS
SELECT line.entry_id, line.line_no, entry.business_date, entry.source_kind, entry.source_id, line.ledger_account,
       line.debit_minor, line.credit_minor, line.currency, line.account
FROM journal_line AS line JOIN journal_entry AS entry USING (entry_id);

CREATE VIEW v_receipt AS
SELECT receipt_number, series, counter, kind, payment_event_id,
       (SELECT count(*) FROM receipt_copy WHERE receipt_copy.receipt_number = receipt.receipt_number) AS copies_printed
FROM receipt;

CREATE VIEW v_shift AS
SELECT shift.shift_id, shift.operator, business_date, CASE WHEN shift_close.shift_id IS NULL THEN 'open' ELSE 'closed' END
       AS state, currency, float_minor, expected_cash_minor, counted_cash_minor, over_short_minor, shift.number
FROM shift LEFT JOIN shift_close USING (shift_id);

CREATE VIEW v_cheque AS
SELECT cheque_id, tender_id, bank, serial, amount_minor, currency, cheque_date,
       (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1)
       AS state, branch, bank_account
FROM cheque;

CREATE VIEW v_refund AS
SELECT '' AS refund_id, '' AS payment_event_id, 0 AS amount_minor, '' AS currency, '' AS state WHERE 0;

CREATE VIEW v_transfer AS
SELECT '' AS transfer_id, '' AS payment_event_id, 0 AS amount_minor, '' AS currency, '' AS state,
       '' AS from_account, '' AS to_account WHERE 0;

CREATE VIEW v_outbox AS
SELECT outbox_id, payment_event_id, leg, correlator_id, kind, state, attempts, account, reason, next_attempt_at_utc,
       server_id
FROM outbox;

CREATE VIEW v_audit AS
SELECT audit_id, at_utc, operator, act, result, reason_code, shift_id, subject FROM audit;
"""

APPEND_ONLY = (
    "shift",
    "shift_count",
    "shift_close",
    "payment_event",
    "tender",
    "payment",
    "allocation",
    "leg",
    "journal_entry",
    "journal_line",
    "receipt",
    "receipt_copy",
    "cheque",
    "cheque_event",
    "audit",
    "chain_link",
    "script_ref",
)
"""Posted means immutable: these tables refuse change and removal over any connection."""


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("outbox")
