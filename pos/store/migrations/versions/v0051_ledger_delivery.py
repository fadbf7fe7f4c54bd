"""What became of the batches for the general ledger at the accounting system."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0051"
down_revision = "0050"

SCHEMA = """
CREATE TABLE ledger_delivery (
    batch_id TEXT NOT NULL REFERENCES ledger_batch,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('delivered', 'acknowledged', 'refused')),
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('folder', 'https', 'by_hand')),
    file_digest TEXT CHECK (length(file_digest) = 64),
    reference TEXT,
    reason TEXT,
    PRIMARY KEY (batch_id, number),
    CHECK ((state = 'refused') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_delivery_goes_its_steps BEFORE INSERT ON ledger_delivery
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM ledger_delivery WHERE batch_id = NEW.batch_id)
  OR (SELECT state FROM ledger_delivery WHERE batch_id = NEW.batch_id ORDER BY number DESC LIMIT 1)
     || ' ' || NEW.state NOT IN ('delivered acknowledged', 'delivered refused', 'refused delivered',
                                 'refused acknowledged')
BEGIN SELECT RAISE(ABORT, 'the delivery leaves a gap'); END;

DROP VIEW v_ledger_batch;
CREATE VIEW v_ledger_batch AS
SELECT batch_number, sequence, shop, terminal, business_date, part, accounting_date, made_at_utc, ledger_batch.operator,
       entries, lines, delivered_by, digest, coalesce(last.state, 'waiting') AS state, last.reference, last.reason
FROM ledger_batch LEFT JOIN ledger_delivery AS last ON last.batch_id = ledger_batch.batch_id AND last.number = (
    SELECT max(number) FROM ledger_delivery WHERE ledger_delivery.batch_id = ledger_batch.batch_id);
"""

APPEND_ONLY = ("ledger_delivery",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
