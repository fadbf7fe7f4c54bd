"""Cards asked for at a terminal, each written down before it is asked, and what terminals counted."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0008"
down_revision = "0007"

SCHEMA = """
-- An amount asked for at a card terminal: answered, then used by a tender or reversed. ``abandoned``: no payment waits for
-- it, so money that it took goes back. ``looked_again``: a refusal was asked about once more.
CREATE TABLE card_attempt (
    attempt_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL,
    shift_id TEXT NOT NULL REFERENCES shift,
    operator TEXT NOT NULL,
    account TEXT NOT NULL,
    mode TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    card_terminal TEXT NOT NULL,
    script_ref TEXT,
    asked_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('asked', 'approved', 'declined', 'unknown', 'used', 'reversing', 'reversed')),
    abandoned INTEGER NOT NULL DEFAULT 0 CHECK (abandoned IN (0, 1)),
    looked_again INTEGER NOT NULL DEFAULT 0 CHECK (looked_again IN (0, 1)),
    reversal_tries INTEGER NOT NULL DEFAULT 0 CHECK (reversal_tries >= 0),
    card_number_wiped INTEGER NOT NULL DEFAULT 0 CHECK (card_number_wiped IN (0, 1)),
    reason TEXT,
    slip_json TEXT,
    terminal_transaction TEXT,
    terminal_time TEXT,
    settled_by TEXT,
    changed_at_utc TEXT NOT NULL,
    CHECK (state NOT IN ('approved', 'used') OR slip_json IS NOT NULL)
) STRICT;
CREATE INDEX card_attempt_by_event ON card_attempt (payment_event_id);
CREATE INDEX card_attempt_by_ref ON card_attempt (script_ref) WHERE script_ref IS NOT NULL;
CREATE INDEX card_attempt_open ON card_attempt (state)
WHERE state IN ('asked', 'unknown', 'approved', 'declined', 'reversing');

ALTER TABLE tender ADD COLUMN card_attempt TEXT REFERENCES card_attempt;
CREATE UNIQUE INDEX tender_by_card_attempt ON tender (card_attempt) WHERE card_attempt IS NOT NULL;

-- While the outcome of one is not known, no second card is asked for in the same payment.
CREATE TRIGGER one_card_attempt_at_a_time BEFORE INSERT ON card_attempt
WHEN NEW.state <> 'asked' OR EXISTS (
    SELECT 1 FROM card_attempt WHERE payment_event_id = NEW.payment_event_id AND state IN ('asked', 'unknown'))
BEGIN SELECT RAISE(ABORT, 'a card attempt of this payment is not known yet'); END;
CREATE TRIGGER no_card_attempt_after_its_payment BEFORE INSERT ON card_attempt
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER card_attempt_goes_its_way BEFORE UPDATE OF state ON card_attempt
WHEN NEW.state <> OLD.state AND NOT (
    (OLD.state = 'asked' AND NEW.state IN ('approved', 'declined', 'unknown'))
    OR (OLD.state = 'unknown' AND NEW.state IN ('approved', 'declined'))
    OR (OLD.state = 'declined' AND NEW.state = 'approved')
    OR (OLD.state = 'approved' AND NEW.state IN ('used', 'reversing'))
    OR (OLD.state = 'reversing' AND NEW.state = 'reversed'))
BEGIN SELECT RAISE(ABORT, 'a card attempt does not go this way'); END;
CREATE TRIGGER card_attempt_serves_its_payment BEFORE INSERT ON tender
WHEN NEW.card_attempt IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM card_attempt WHERE attempt_id = NEW.card_attempt AND payment_event_id = NEW.payment_event_id
    AND state = 'approved' AND abandoned = 0 AND mode = NEW.mode AND currency = NEW.currency
    AND amount_minor = NEW.amount_minor)
BEGIN SELECT RAISE(ABORT, 'no card was approved for this'); END;
CREATE TRIGGER tender_uses_its_card_attempt AFTER INSERT ON tender
WHEN NEW.card_attempt IS NOT NULL
BEGIN UPDATE card_attempt SET state = 'used' WHERE attempt_id = NEW.card_attempt; END;
CREATE TRIGGER used_card_attempt_has_its_tender BEFORE UPDATE OF state ON card_attempt
WHEN NEW.state = 'used' AND NOT EXISTS (SELECT 1 FROM tender WHERE card_attempt = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'no payment uses this card attempt'); END;
CREATE TRIGGER card_attempt_keeps_its_key BEFORE UPDATE OF attempt_id, payment_event_id, shift_id, operator, account, mode,
amount_minor, currency, card_terminal, script_ref, asked_at_utc, utc_offset_min ON card_attempt
BEGIN SELECT RAISE(ABORT, 'a card attempt keeps what it was asked for'); END;
CREATE TRIGGER card_attempt_stays_abandoned BEFORE UPDATE OF abandoned ON card_attempt
WHEN NEW.abandoned < OLD.abandoned
BEGIN SELECT RAISE(ABORT, 'a card attempt stays abandoned'); END;
CREATE TRIGGER card_attempt_is_never_deleted BEFORE DELETE ON card_attempt
BEGIN SELECT RAISE(ABORT, 'card attempts stay'); END;

-- What a card terminal counted in its period, beside what the books hold of it up to this epoch and sequence.
CREATE TABLE card_reconciliation (
    reconciliation_id TEXT PRIMARY KEY,
    card_terminal TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    terminal_period TEXT NOT NULL,
    told_json TEXT NOT NULL,
    own_json TEXT NOT NULL,
    agrees INTEGER NOT NULL CHECK (agrees IN (0, 1)),
    up_to_epoch INTEGER NOT NULL,
    up_to_sequence INTEGER NOT NULL,
    UNIQUE (card_terminal, number)
) STRICT, WITHOUT ROWID;

CREATE VIEW v_card_attempt AS
SELECT attempt_id, payment_event_id, shift_id, operator, account, mode, amount_minor, currency, card_terminal, asked_at_utc,
       state, abandoned, reversal_tries, reason
FROM card_attempt;
"""

APPEND_ONLY = ("card_reconciliation",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("card_attempt")
    # A tender has one key more now.
    run_sql("DROP TRIGGER tender_never_replaced;")
    never_replace("tender")
