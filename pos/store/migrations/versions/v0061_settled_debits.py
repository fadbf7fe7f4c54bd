"""What debits cost their payers, as bills; what a person makes of parked entries of a bank's file; mandates heard of."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0061"
down_revision = "0060"

SCHEMA = """
-- What a payer owes by a debit that a bank refused or took back: a bill of the account. ``returned_minor`` is what the bank
-- took back of money that no payment stands for any more.
CREATE TABLE debit_charge (
    charge_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    bill_no TEXT NOT NULL UNIQUE,
    returned_minor INTEGER NOT NULL CHECK (returned_minor >= 0),
    fee_minor INTEGER NOT NULL CHECK (fee_minor >= 0),
    tax_minor INTEGER NOT NULL CHECK (tax_minor BETWEEN 0 AND fee_minor),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0 AND amount_minor = returned_minor + fee_minor),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    charged_on TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    FOREIGN KEY (run_id, number) REFERENCES bank_entry (run_id, number) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX debit_charge_by_entry ON debit_charge (run_id, number);
CREATE INDEX debit_charge_by_account ON debit_charge (account);

-- What became of a parked entry, step by step; a step that was undone leaves it parked again.
CREATE TABLE bank_entry_step (
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    place INTEGER NOT NULL CHECK (place > 0),
    how TEXT NOT NULL CHECK (how IN ('paid', 'suspense', 'charged', 'sent_back', 'written_off', 'withdrawn', 'noted',
                                     'undone')),
    account TEXT CHECK ((account IS NOT NULL) = (how IN ('paid', 'charged'))),
    record_id TEXT REFERENCES imported_record CHECK ((record_id IS NOT NULL) = (how IN ('paid', 'suspense', 'withdrawn'))),
    charge_id TEXT REFERENCES debit_charge CHECK ((charge_id IS NOT NULL) = (how = 'charged')),
    reason TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    PRIMARY KEY (run_id, number, place),
    FOREIGN KEY (run_id, number) REFERENCES bank_entry (run_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX bank_entry_step_by_record ON bank_entry_step (record_id) WHERE record_id IS NOT NULL;
CREATE TRIGGER only_what_is_parked_is_settled BEFORE INSERT ON bank_entry_step
WHEN (SELECT outcome FROM bank_entry WHERE run_id = NEW.run_id AND number = NEW.number) IS NOT 'parked'
  OR NEW.place <> 1 + (SELECT coalesce(max(place), 0) FROM bank_entry_step WHERE run_id = NEW.run_id AND number = NEW.number)
  OR (NEW.how = 'undone') = (NEW.place % 2 = 1)
BEGIN SELECT RAISE(ABORT, 'an entry is settled while it is parked, and undone while it is settled'); END;
CREATE VIEW bank_entry_settled AS
SELECT run_id, number, how, account, record_id, charge_id, reason, at_utc, operator FROM bank_entry_step AS latest
WHERE how <> 'undone' AND place = (SELECT max(place) FROM bank_entry_step AS one WHERE one.run_id = latest.run_id
    AND one.number = latest.number);

-- Steps of mandates that central has of this terminal, and those that it told of from another.
CREATE TABLE mandate_heard (
    mandate TEXT NOT NULL,
    number INTEGER NOT NULL,
    terminal TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    PRIMARY KEY (mandate, number),
    FOREIGN KEY (mandate, number) REFERENCES mandate_step (mandate, number) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
-- Counted as they are written, so that nobody counts them to know whether there is a new one.
INSERT INTO counter (name, value) SELECT 'mandate_step', count(*) FROM mandate_step HAVING count(*) > 0;

DROP TRIGGER outbox_message_follows_its_leg;
CREATE TRIGGER outbox_message_follows_its_leg BEFORE INSERT ON outbox
WHEN NEW.kind NOT IN ('payment', 'refund_across', 'charge') AND NOT EXISTS (
    SELECT 1 FROM outbox WHERE payment_event_id = NEW.payment_event_id AND leg = NEW.leg AND kind = 'payment')
BEGIN SELECT RAISE(ABORT, 'central hears of a leg before it hears what became of it'); END;
DROP TRIGGER outbox_is_about_what_was_booked_here;
CREATE TRIGGER outbox_is_about_what_was_booked_here BEFORE INSERT ON outbox
WHEN CASE NEW.kind WHEN 'refund_across' THEN NEW.payment_event_id IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM refund_across WHERE refund_id = NEW.source_id)
    WHEN 'charge' THEN NEW.payment_event_id IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM debit_charge WHERE charge_id = NEW.source_id)
    ELSE NEW.payment_event_id IS NULL END
BEGIN SELECT RAISE(ABORT, 'the outbox tells what was booked here'); END;
"""

APPEND_ONLY = ("debit_charge", "bank_entry_step", "mandate_heard")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
