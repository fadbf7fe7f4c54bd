"""Records of bank files: each with the paper behind it, and what became of it by rows."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0016"
down_revision = "0015"

SCHEMA = """
CREATE TABLE import_run (
    run_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('atm', 'direct_debit')),
    profile TEXT NOT NULL,
    file_digest TEXT NOT NULL,
    started_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;

-- What a bank told, once for each paper.
CREATE TABLE imported_record (
    record_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES import_run,
    mode TEXT NOT NULL,
    instrument TEXT NOT NULL UNIQUE,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    record_date TEXT,
    account TEXT NOT NULL,
    bill_no TEXT,
    details_json TEXT NOT NULL
) STRICT;
CREATE INDEX imported_record_by_run ON imported_record (run_id);

CREATE TABLE imported_record_state (
    record_id TEXT NOT NULL REFERENCES imported_record,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('matched', 'differs', 'waiting', 'posted')),
    tender_id TEXT REFERENCES tender DEFERRABLE INITIALLY DEFERRED,
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (record_id, number),
    CHECK ((state = 'waiting') = (tender_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX imported_record_state_by_tender ON imported_record_state (tender_id) WHERE tender_id IS NOT NULL;
CREATE TRIGGER imported_record_goes_on BEFORE INSERT ON imported_record_state
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM imported_record_state WHERE record_id = NEW.record_id)
  OR (NEW.number > 1 AND (SELECT state || ' ' || NEW.state FROM imported_record_state AS before
                          WHERE before.record_id = NEW.record_id AND before.number = NEW.number - 1)
      NOT IN ('differs matched', 'waiting posted'))
BEGIN SELECT RAISE(ABORT, 'a record does not go from there to here'); END;
-- The slip of a record that waits for its run is not taken at the counter: it would be posted twice.
CREATE TRIGGER waiting_record_bars_its_slip BEFORE INSERT ON instrument
WHEN EXISTS (SELECT 1 FROM imported_record JOIN imported_record_state USING (record_id)
             WHERE instrument = NEW.instrument GROUP BY record_id HAVING max(number) = 1 AND min(state) = 'waiting')
BEGIN SELECT RAISE(ABORT, 'this came by a file of the bank'); END;

CREATE VIEW v_imported_record AS
SELECT record_id, run_id, mode, amount_minor, currency, record_date, account, bill_no, state, tender_id
FROM imported_record JOIN imported_record_state AS latest USING (record_id)
WHERE number = (SELECT max(number) FROM imported_record_state AS one WHERE one.record_id = latest.record_id);
"""

APPEND_ONLY = ("import_run", "imported_record", "imported_record_state")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
