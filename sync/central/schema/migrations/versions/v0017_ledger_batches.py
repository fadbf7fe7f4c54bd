"""Batches for the general ledger as tills made them, and what became of those that central delivers."""

from alembic import op

from sync.central.schema.migrations.run_sql import run_sql
from sync.central.schema.migrations.walling import wall_in

revision = "0017"
down_revision = "0016"

OF_TERMINAL = "terminal IN (SELECT id FROM terminal WHERE dealer = {who})"
NOBODY = "false"

WALL = {"ledger_batch": (OF_TERMINAL,) * 2, "ledger_delivery": (NOBODY, NOBODY)}


def upgrade() -> None:
    run_sql("""
-- The body is the batch as it was told; it never changes.
CREATE TABLE ledger_batch (
    batch_number TEXT PRIMARY KEY,
    terminal TEXT NOT NULL,
    shop TEXT NOT NULL,
    business_date TEXT NOT NULL,
    delivered_by TEXT NOT NULL CHECK (delivered_by IN ('nobody', 'till', 'central')),
    digest TEXT NOT NULL,
    body TEXT NOT NULL,
    told_at TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE
);
CREATE INDEX ledger_batch_by_date ON ledger_batch (business_date);
CREATE TABLE ledger_delivery (
    batch_number TEXT NOT NULL REFERENCES ledger_batch (batch_number),
    number BIGINT NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('delivered', 'acknowledged', 'refused')),
    at_utc TEXT NOT NULL,
    way TEXT NOT NULL,
    file_digest TEXT,
    reference TEXT,
    reason TEXT,
    PRIMARY KEY (batch_number, number)
);
""")
    if op.get_bind().dialect.name == "postgresql":
        for table, (seen, written) in WALL.items():
            wall_in(table, seen=seen, written=written)
