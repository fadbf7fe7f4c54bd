"""What our central said to the batches for the general ledger that it did not take."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0060"
down_revision = "0059"

SCHEMA = """
-- A batch that central refused for good is set aside, so that those after it are told; it is taken where it is told again.
CREATE TABLE ledger_set_aside (
    batch_id TEXT NOT NULL REFERENCES ledger_batch,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('refused', 'taken')),
    at_utc TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (batch_id, number),
    CHECK ((state = 'refused') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_set_aside_goes_its_steps BEFORE INSERT ON ledger_set_aside
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM ledger_set_aside WHERE batch_id = NEW.batch_id)
  OR (NEW.number = 1 AND NEW.state = 'taken')
BEGIN SELECT RAISE(ABORT, 'the step leaves a gap'); END;

DROP VIEW v_ledger_batch;
CREATE VIEW v_ledger_batch AS
SELECT batch_number, sequence, shop, terminal, business_date, part, accounting_date, made_at_utc, ledger_batch.operator,
       entries, lines, delivered_by, digest, coalesce(last.state, 'waiting') AS state, last.reference, last.reason,
       aside.reason AS central_refusal
FROM ledger_batch LEFT JOIN ledger_delivery AS last ON last.batch_id = ledger_batch.batch_id AND last.number = (
    SELECT max(number) FROM ledger_delivery WHERE ledger_delivery.batch_id = ledger_batch.batch_id)
LEFT JOIN ledger_set_aside AS aside ON aside.batch_id = ledger_batch.batch_id AND aside.number = (
    SELECT max(number) FROM ledger_set_aside WHERE ledger_set_aside.batch_id = ledger_batch.batch_id);
"""

APPEND_ONLY = ("ledger_set_aside",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
