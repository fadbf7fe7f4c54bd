"""Mandates, the collections that ask banks for money, and the files in which banks answer; money that no shift took."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.relax import relax
from pos.store.migrations.run_sql import run_sql

revision = "0053"
down_revision = "0052"

SCHEMA = """
-- A payer's standing instruction; what became of it by steps, the latest holds. Names and numbers of bank accounts stand
-- aside, where they can be purged.
CREATE TABLE mandate (
    mandate TEXT PRIMARY KEY,
    plain TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    registered_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mandate_by_account ON mandate (account);
CREATE TABLE mandate_step (
    mandate TEXT NOT NULL REFERENCES mandate,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'ended')),
    signed_on TEXT NOT NULL,
    person_digest TEXT NOT NULL,
    reason TEXT,
    run_id TEXT REFERENCES import_run,
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    PRIMARY KEY (mandate, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER mandate_goes_on BEFORE INSERT ON mandate_step
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM mandate_step WHERE mandate = NEW.mandate)
  OR (NEW.number = 1 AND NEW.state <> 'active')
  OR EXISTS (SELECT 1 FROM mandate_step WHERE mandate = NEW.mandate AND state = 'ended')
BEGIN SELECT RAISE(ABORT, 'a mandate does not go from there to here'); END;
CREATE TABLE mandate_person (
    mandate TEXT NOT NULL,
    number INTEGER NOT NULL,
    salt TEXT NOT NULL,
    details_json TEXT NOT NULL,
    PRIMARY KEY (mandate, number),
    FOREIGN KEY (mandate, number) REFERENCES mandate_step
) STRICT, WITHOUT ROWID;
CREATE VIEW v_mandate AS
SELECT mandate, account, state, signed_on, reason, registered_at_utc, at_utc, operator
FROM mandate JOIN mandate_step AS latest USING (mandate)
WHERE number = (SELECT max(number) FROM mandate_step AS one WHERE one.mandate = latest.mandate);

-- What a bank was asked to collect: one file, with an item for each bill.
CREATE TABLE debit_collection (
    collection_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE CHECK (number > 0),
    message_id TEXT NOT NULL UNIQUE,
    collect_on TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    items INTEGER NOT NULL CHECK (items > 0),
    total_minor INTEGER NOT NULL CHECK (total_minor > 0),
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;
CREATE TABLE debit_item (
    reference TEXT PRIMARY KEY,
    plain TEXT NOT NULL UNIQUE,
    collection_id TEXT NOT NULL REFERENCES debit_collection DEFERRABLE INITIALLY DEFERRED,
    place INTEGER NOT NULL CHECK (place > 0),
    mandate TEXT NOT NULL,
    mandate_number INTEGER NOT NULL,
    first INTEGER NOT NULL CHECK (first IN (0, 1)),
    account TEXT NOT NULL,
    bill_no TEXT NOT NULL,
    bill_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    UNIQUE (collection_id, place),
    FOREIGN KEY (mandate, mandate_number) REFERENCES mandate_step (mandate, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX debit_item_by_bill ON debit_item (bill_no);
CREATE INDEX debit_item_by_mandate ON debit_item (mandate);
CREATE TRIGGER collection_is_its_items BEFORE INSERT ON debit_collection
WHEN (SELECT count(*) FROM debit_item WHERE collection_id = NEW.collection_id AND currency = NEW.currency) <> NEW.items
  OR (SELECT sum(amount_minor) FROM debit_item WHERE collection_id = NEW.collection_id) <> NEW.total_minor
BEGIN SELECT RAISE(ABORT, 'the items do not make the collection'); END;

-- A file of a bank whose form, sums and novelty were looked at whole. What its entries did follows one by one, so that a run
-- which was cut short goes on behind the last of them; the end is written behind all.
CREATE TABLE bank_file (
    run_id TEXT PRIMARY KEY REFERENCES import_run,
    file_digest TEXT NOT NULL UNIQUE,
    message TEXT NOT NULL,
    bank_file_id TEXT NOT NULL,
    name TEXT NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    business_date TEXT NOT NULL,
    entries INTEGER NOT NULL CHECK (entries >= 0),
    paid_minor INTEGER NOT NULL CHECK (paid_minor >= 0),
    back_minor INTEGER NOT NULL CHECK (back_minor >= 0),
    UNIQUE (message, bank_file_id)
) STRICT;
CREATE TABLE bank_entry (
    run_id TEXT NOT NULL REFERENCES bank_file,
    number INTEGER NOT NULL CHECK (number > 0),
    kind TEXT NOT NULL CHECK (kind IN ('accepted', 'paid', 'rejected', 'returned')),
    reference TEXT NOT NULL,
    plain TEXT NOT NULL,
    mandate TEXT,
    account TEXT,
    bill_no TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    value_date TEXT,
    reason_code TEXT,
    outcome TEXT NOT NULL CHECK (outcome IN ('posted', 'suspense', 'matched', 'differs', 'waiting', 'rejected', 'returned',
                                             'noted', 'duplicate', 'parked')),
    remarks TEXT NOT NULL,
    problem TEXT CHECK ((problem IS NOT NULL) = (outcome = 'parked')),
    record_id TEXT REFERENCES imported_record,
    correction_id TEXT REFERENCES correction DEFERRABLE INITIALLY DEFERRED
        CHECK ((correction_id IS NOT NULL) = (outcome = 'returned')),
    fee_minor INTEGER NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
    fee_tax_minor INTEGER NOT NULL DEFAULT 0 CHECK (fee_tax_minor BETWEEN 0 AND fee_minor),
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    PRIMARY KEY (run_id, number),
    CHECK ((record_id IS NOT NULL) = (outcome IN ('posted', 'suspense', 'matched', 'differs', 'waiting')))
) STRICT, WITHOUT ROWID;
CREATE INDEX bank_entry_by_reference ON bank_entry (plain);
CREATE INDEX bank_entry_by_mandate ON bank_entry (mandate) WHERE mandate IS NOT NULL;
CREATE UNIQUE INDEX bank_entry_by_record ON bank_entry (record_id) WHERE record_id IS NOT NULL;
CREATE TABLE bank_file_end (
    run_id TEXT PRIMARY KEY REFERENCES bank_file,
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER entries_follow_each_other BEFORE INSERT ON bank_entry
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM bank_entry WHERE run_id = NEW.run_id)
  OR EXISTS (SELECT 1 FROM bank_file_end WHERE run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'an entry of a file comes after the one before it'); END;
CREATE TRIGGER a_file_ends_with_its_last_entry BEFORE INSERT ON bank_file_end
WHEN (SELECT entries FROM bank_file WHERE run_id = NEW.run_id)
  IS NOT (SELECT count(*) FROM bank_entry WHERE run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'entries of the file are left'); END;
CREATE VIEW v_bank_file AS
SELECT run_id, kind, message, bank_file_id, name, currency, business_date, bank_file.entries, paid_minor, back_minor,
       started_at_utc, import_run.operator, iif(bank_file_end.run_id IS NULL, 'open', 'ended') AS state
FROM bank_file JOIN import_run USING (run_id) LEFT JOIN bank_file_end USING (run_id);
CREATE VIEW v_bank_entry AS
SELECT run_id, number, kind, reference, mandate, account, bill_no, amount_minor, currency, value_date, reason_code, outcome,
       remarks, problem, record_id, correction_id, fee_minor
FROM bank_entry;

-- Money that came by a file is in no drawer: the run over the file is what it is counted in.
CREATE TABLE run_payment (
    payment_event_id TEXT PRIMARY KEY REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    run_id TEXT NOT NULL REFERENCES import_run
) STRICT, WITHOUT ROWID;
CREATE INDEX run_payment_by_run ON run_payment (run_id);
CREATE TRIGGER a_payment_is_of_a_shift_or_a_run BEFORE INSERT ON payment_event
WHEN (NEW.shift_id IS NULL) <> EXISTS (SELECT 1 FROM run_payment WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'a payment is of one shift, or of one run over a file'); END;

DROP TRIGGER record_bars_its_slip;
-- What a file told of is taken by matching or posting its record, or not at all: else it would be posted twice.
CREATE TRIGGER record_bars_its_slip BEFORE INSERT ON instrument
WHEN EXISTS (SELECT 1 FROM imported_record WHERE instrument = NEW.instrument) AND NOT EXISTS (
    SELECT 1 FROM imported_record JOIN imported_record_state USING (record_id)
    WHERE instrument = NEW.instrument AND state IN ('matched', 'posted') AND tender_id = NEW.tender_id)
BEGIN SELECT RAISE(ABORT, 'this came by a file of the bank'); END;
"""

APPEND_ONLY = (
    "mandate",
    "mandate_step",
    "debit_collection",
    "debit_item",
    "bank_file",
    "bank_entry",
    "bank_file_end",
    "run_payment",
)


def upgrade() -> None:
    relax("payment_event", "shift_id TEXT NOT NULL REFERENCES shift", "shift_id TEXT REFERENCES shift")
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("mandate_person")
