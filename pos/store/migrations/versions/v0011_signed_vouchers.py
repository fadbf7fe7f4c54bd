"""What a voucher says of itself, vouchers taken without central, vouchers issued, and slips of new ones."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0011"
down_revision = "0010"

SCHEMA = """
ALTER TABLE voucher_hold ADD COLUMN residual TEXT NOT NULL DEFAULT 'forfeit'
    CHECK (residual IN ('forfeit', 'credit', 'new_voucher'));
ALTER TABLE voucher_hold ADD COLUMN combinable INTEGER NOT NULL DEFAULT 1 CHECK (combinable IN (0, 1));
ALTER TABLE voucher_hold ADD COLUMN minimum_minor INTEGER;
-- Central was asked and did not answer: the voucher may be taken without it, as far as the shop allows.
ALTER TABLE voucher_hold ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0 CHECK (unanswered IN (0, 1));

-- A voucher that was taken while central did not answer. Its code is not here; the digest is what central knows it by.
CREATE TABLE voucher_offline (
    tender_id TEXT PRIMARY KEY REFERENCES tender,
    hold_id TEXT NOT NULL UNIQUE REFERENCES voucher_hold,
    issuer TEXT,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    serial TEXT,
    key_id TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    value_minor INTEGER NOT NULL CHECK (value_minor >= amount_minor),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    expires TEXT NOT NULL,
    residual TEXT NOT NULL CHECK (residual IN ('forfeit', 'credit', 'new_voucher')),
    CHECK ((serial IS NULL) = (key_id IS NULL)),
    CHECK ((serial IS NULL) <> (issuer IS NULL))
) STRICT, WITHOUT ROWID;

-- A voucher that central was asked to issue. Its code is told once and stands nowhere.
CREATE TABLE voucher_issue (
    issue_id TEXT PRIMARY KEY,
    asked_by TEXT UNIQUE,
    asked_digest TEXT NOT NULL,
    operator TEXT NOT NULL,
    account TEXT,
    value_minor INTEGER NOT NULL CHECK (value_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    expires TEXT NOT NULL,
    minimum_minor INTEGER,
    combinable INTEGER NOT NULL CHECK (combinable IN (0, 1)),
    residual TEXT NOT NULL CHECK (residual IN ('forfeit', 'credit', 'new_voucher')),
    state TEXT NOT NULL CHECK (state IN ('asked', 'issued', 'refused')),
    serial TEXT,
    asked_at_utc TEXT NOT NULL,
    changed_at_utc TEXT NOT NULL,
    CHECK (state <> 'issued' OR serial IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER issue_keeps_what_was_asked BEFORE UPDATE OF issue_id, asked_by, asked_digest, operator, account,
value_minor, currency, expires, minimum_minor, combinable, residual ON voucher_issue
BEGIN SELECT RAISE(ABORT, 'an issue keeps what it was asked for'); END;
CREATE TRIGGER issue_has_ended BEFORE UPDATE OF state ON voucher_issue WHEN OLD.state = 'issued'
BEGIN SELECT RAISE(ABORT, 'the issue has ended'); END;
CREATE TRIGGER issue_is_never_deleted BEFORE DELETE ON voucher_issue
BEGIN SELECT RAISE(ABORT, 'issues stay'); END;

-- A new voucher over what a payment left of its voucher: its code is asked of central when its slip is printed.
CREATE TABLE voucher_slip (
    hold_id TEXT PRIMARY KEY REFERENCES voucher_hold,
    receipt_number TEXT NOT NULL,
    value_minor INTEGER NOT NULL CHECK (value_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'printed')),
    changed_at_utc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER slip_is_printed_once BEFORE UPDATE OF state ON voucher_slip WHEN OLD.state <> 'waiting'
BEGIN SELECT RAISE(ABORT, 'the slip was printed'); END;
CREATE TRIGGER slip_keeps_its_voucher BEFORE UPDATE OF hold_id, receipt_number, value_minor, currency ON voucher_slip
BEGIN SELECT RAISE(ABORT, 'a slip keeps its voucher'); END;
CREATE TRIGGER slip_is_never_deleted BEFORE DELETE ON voucher_slip
BEGIN SELECT RAISE(ABORT, 'slips stay'); END;

DROP TRIGGER hold_serves_its_payment;
CREATE TRIGGER hold_serves_its_payment BEFORE INSERT ON tender
WHEN NEW.voucher_hold IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM voucher_hold WHERE hold_id = NEW.voucher_hold AND payment_event_id = NEW.payment_event_id
    AND state = 'reserved' AND mode = NEW.mode AND currency = NEW.currency
    -- What is left of one that leaves credit comes in too.
    AND NEW.amount_minor = CASE residual WHEN 'credit' THEN value_minor ELSE amount_minor END)
BEGIN SELECT RAISE(ABORT, 'the voucher is not held for this payment'); END;
CREATE TRIGGER offline_voucher_pays_its_tender BEFORE INSERT ON voucher_offline
WHEN NOT EXISTS (
    SELECT 1 FROM tender JOIN voucher_hold AS asked ON asked.hold_id = NEW.hold_id
    WHERE tender.tender_id = NEW.tender_id AND tender.voucher_hold IS NULL
    AND asked.payment_event_id = tender.payment_event_id AND asked.mode = tender.mode AND asked.unanswered = 1
    AND tender.currency = NEW.currency AND tender.amount_minor = NEW.amount_minor)
BEGIN SELECT RAISE(ABORT, 'central was not asked for this voucher'); END;
"""


APPEND_ONLY = ("voucher_offline",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    never_replace("voucher_issue")
    never_replace("voucher_slip")
