"""Batches for the general ledger: what was booked on a date, summed, numbered and never changed."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0049"
down_revision = "0048"

SCHEMA = """
-- From which journal entry on the receipts are of this series: the batches of what was booked before keep the older one.
CREATE TABLE ledger_series (
    series TEXT PRIMARY KEY,
    entries_before INTEGER NOT NULL CHECK (entries_before >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_series (series, entries_before) SELECT value, 0 FROM home WHERE name = 'series';

-- The entries of a batch are those of its business date whose row number is above entries_after, up to entries_through.
CREATE TABLE ledger_batch (
    batch_id TEXT PRIMARY KEY,
    batch_number TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL UNIQUE CHECK (sequence > 0),
    shop TEXT NOT NULL,
    terminal TEXT NOT NULL,
    business_date TEXT NOT NULL,
    part INTEGER NOT NULL CHECK (part > 0),
    accounting_date TEXT NOT NULL CHECK (accounting_date >= business_date),
    made_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    entries_after INTEGER NOT NULL CHECK (entries_after >= 0),
    entries_through INTEGER NOT NULL CHECK (entries_through > entries_after),
    entries INTEGER NOT NULL CHECK (entries > 0),
    lines INTEGER NOT NULL CHECK (lines > 1),
    delivered_by TEXT NOT NULL CHECK (delivered_by IN ('nobody', 'till', 'central')),
    terms_json TEXT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    UNIQUE (business_date, part)
) STRICT;

CREATE TABLE ledger_batch_line (
    batch_id TEXT NOT NULL REFERENCES ledger_batch DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    source_kind TEXT NOT NULL,
    category TEXT NOT NULL,
    ledger_account TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('asset', 'liability', 'income', 'expense')),
    debit_minor INTEGER NOT NULL CHECK (debit_minor >= 0),
    credit_minor INTEGER NOT NULL CHECK (credit_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    postings INTEGER NOT NULL CHECK (postings > 0),
    original_date TEXT,
    PRIMARY KEY (batch_id, number),
    CHECK ((debit_minor = 0) <> (credit_minor = 0))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_line_before_batch BEFORE INSERT ON ledger_batch_line
WHEN EXISTS (SELECT 1 FROM ledger_batch WHERE batch_id = NEW.batch_id)
BEGIN SELECT RAISE(ABORT, 'the batch is complete'); END;

CREATE TRIGGER ledger_batch_balances BEFORE INSERT ON ledger_batch
WHEN NEW.lines <> (SELECT count(*) FROM ledger_batch_line WHERE batch_id = NEW.batch_id)
  OR EXISTS (SELECT 1 FROM ledger_batch_line WHERE batch_id = NEW.batch_id
             GROUP BY currency HAVING sum(debit_minor) <> sum(credit_minor))
BEGIN SELECT RAISE(ABORT, 'the batch does not balance'); END;

-- Every entry is in one batch: each goes on where the one before it of the same date had ended.
CREATE TRIGGER ledger_batch_follows BEFORE INSERT ON ledger_batch
WHEN NEW.sequence <> 1 + (SELECT coalesce(max(sequence), 0) FROM ledger_batch)
  OR NEW.part <> 1 + (SELECT coalesce(max(part), 0) FROM ledger_batch WHERE business_date = NEW.business_date)
  OR NEW.entries_after <> (SELECT coalesce(max(entries_through), 0) FROM ledger_batch
                           WHERE business_date = NEW.business_date)
  OR NEW.entries <> (SELECT count(*) FROM journal_entry WHERE business_date = NEW.business_date
                     AND rowid > NEW.entries_after AND rowid <= NEW.entries_through)
BEGIN SELECT RAISE(ABORT, 'the batch leaves a gap'); END;

CREATE VIEW v_ledger_batch AS
SELECT batch_number, sequence, shop, terminal, business_date, part, accounting_date, made_at_utc, operator, entries, lines,
       delivered_by, digest
FROM ledger_batch;

CREATE VIEW v_ledger_batch_line AS
SELECT batch_number, line.number AS line_no, source_kind, category, ledger_account, code, name, kind, debit_minor,
       credit_minor, currency, postings, original_date
FROM ledger_batch_line AS line JOIN ledger_batch USING (batch_id);
"""

APPEND_ONLY = ("ledger_series", "ledger_batch", "ledger_batch_line")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
