"""The register of post-dated cheques: papers that are no payment yet, with a note of a series of its own."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.relax import relax
from pos.store.migrations.run_sql import run_sql

revision = "0010"
down_revision = "0009"

SCHEMA = """
CREATE TABLE post_dated_cheque (
    post_dated_id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    shift_id TEXT NOT NULL REFERENCES shift,
    business_date TEXT NOT NULL,
    registered_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    payer_kind TEXT NOT NULL CHECK (payer_kind IN ('subscriber', 'dealer')),
    payer_account TEXT NOT NULL,
    payer_digest TEXT NOT NULL,
    overpayment TEXT CHECK (overpayment IN ('credit', 'change')),
    mode TEXT NOT NULL,
    bank TEXT NOT NULL,
    branch TEXT NOT NULL,
    bank_account TEXT NOT NULL,
    serial TEXT NOT NULL,
    cheque_date TEXT NOT NULL CHECK (cheque_date > business_date),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    kind TEXT NOT NULL CHECK (kind IN ('personal', 'draft')),
    entered TEXT NOT NULL CHECK (entered IN ('reader', 'hand')),
    micr TEXT CHECK ((micr IS NOT NULL) = (entered = 'reader')),
    third_party INTEGER NOT NULL CHECK (third_party IN (0, 1)),
    ticks TEXT NOT NULL,
    details_json TEXT NOT NULL,
    person_digest TEXT NOT NULL,
    order_mark TEXT NOT NULL
) STRICT;
CREATE INDEX post_dated_by_date ON post_dated_cheque (cheque_date);
CREATE INDEX post_dated_by_serial ON post_dated_cheque (bank, serial);

-- What it is to pay once its date has come: bills, or (without one) an account; none: whatever is due then.
CREATE TABLE post_dated_wish (
    post_dated_id TEXT NOT NULL REFERENCES post_dated_cheque DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    account TEXT,
    bill_no TEXT,
    amount_minor INTEGER CHECK (amount_minor > 0),
    PRIMARY KEY (post_dated_id, number)
) STRICT, WITHOUT ROWID;

-- Names, which can be purged.
CREATE TABLE post_dated_person (
    post_dated_id TEXT PRIMARY KEY REFERENCES post_dated_cheque DEFERRABLE INITIALLY DEFERRED,
    salt TEXT NOT NULL,
    name TEXT NOT NULL,
    details_json TEXT NOT NULL
) STRICT;

CREATE TABLE post_dated_event (
    post_dated_id TEXT NOT NULL REFERENCES post_dated_cheque DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('registered', 'held', 'withdrawn', 'credited')),
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    payment_event_id TEXT REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (post_dated_id, number),
    CHECK ((number = 1) = (state = 'registered')),
    CHECK ((payment_event_id IS NOT NULL) = (state = 'credited'))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER post_dated_step_follows BEFORE INSERT ON post_dated_event
WHEN NEW.number <> 1 + (SELECT count(*) FROM post_dated_event WHERE post_dated_id = NEW.post_dated_id)
BEGIN SELECT RAISE(ABORT, 'a step of the register is left out'); END;
CREATE TRIGGER post_dated_end_is_final BEFORE INSERT ON post_dated_event
WHEN EXISTS (SELECT 1 FROM post_dated_event WHERE post_dated_id = NEW.post_dated_id
             AND state IN ('withdrawn', 'credited', NEW.state))
BEGIN SELECT RAISE(ABORT, 'this cheque has left the register'); END;

-- One paper is in the register or was taken, never both; one that was withdrawn or credited has left the register.
CREATE TRIGGER post_dated_is_not_there_twice BEFORE INSERT ON post_dated_cheque
WHEN EXISTS (SELECT 1 FROM cheque WHERE bank = NEW.bank AND branch = NEW.branch AND bank_account = NEW.bank_account
             AND serial = NEW.serial)
  OR EXISTS (SELECT 1 FROM post_dated_cheque AS other WHERE bank = NEW.bank AND branch = NEW.branch
             AND bank_account = NEW.bank_account AND serial = NEW.serial AND NOT EXISTS (
             SELECT 1 FROM post_dated_event WHERE post_dated_id = other.post_dated_id AND state = 'withdrawn'))
BEGIN SELECT RAISE(ABORT, 'this cheque is there already'); END;
CREATE TRIGGER cheque_is_not_in_the_register BEFORE INSERT ON cheque
WHEN EXISTS (SELECT 1 FROM post_dated_cheque AS other WHERE bank = NEW.bank AND branch = NEW.branch
             AND bank_account = NEW.bank_account AND serial = NEW.serial AND NOT EXISTS (
             SELECT 1 FROM post_dated_event WHERE post_dated_id = other.post_dated_id
             AND state IN ('withdrawn', 'credited')))
BEGIN SELECT RAISE(ABORT, 'this cheque is in the register'); END;

CREATE TRIGGER receipt_of_a_payment BEFORE INSERT ON receipt
WHEN NEW.kind = 'payment' AND NEW.payment_event_id IS NULL
BEGIN SELECT RAISE(ABORT, 'a receipt has its payment'); END;

CREATE VIEW v_post_dated AS
SELECT post_dated_id, receipt_number, payer_kind, payer_account, bank, serial, cheque_date, amount_minor, currency,
       (SELECT state FROM post_dated_event WHERE post_dated_event.post_dated_id = post_dated_cheque.post_dated_id
        ORDER BY number DESC LIMIT 1) AS state,
       (SELECT payment_event_id FROM post_dated_event
        WHERE post_dated_event.post_dated_id = post_dated_cheque.post_dated_id AND state = 'credited')
       AS payment_event_id, branch, bank_account, business_date, operator
FROM post_dated_cheque;
"""

APPEND_ONLY = ("post_dated_cheque", "post_dated_wish", "post_dated_event")


def upgrade() -> None:
    # A note is a paper like a receipt: numbered, printed and counted, but of no payment.
    relax("receipt", "payment_event_id TEXT NOT NULL REFERENCES", "payment_event_id TEXT REFERENCES")
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
