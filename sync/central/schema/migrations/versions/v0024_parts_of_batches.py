"""Batches for the general ledger that are too great for one request, while not all of their parts are there."""

from alembic import op

from sync.central.schema.migrations.run_sql import run_sql
from sync.central.schema.migrations.walling import wall_in

revision = "0024"
down_revision = "0023"

OF_TERMINAL = "EXISTS (SELECT 1 FROM terminal WHERE terminal.id = ledger_batch_part.terminal AND terminal.dealer = {who})"

WALL = {"ledger_batch_part": (OF_TERMINAL,) * 2}


def upgrade() -> None:
    run_sql("""
CREATE TABLE ledger_batch_part (
    terminal TEXT NOT NULL,
    batch_number TEXT NOT NULL,
    digest TEXT NOT NULL,
    first_line BIGINT NOT NULL CHECK (first_line > 0),
    last_line BIGINT NOT NULL CHECK (last_line >= first_line),
    body TEXT NOT NULL,
    told_at TEXT NOT NULL,
    PRIMARY KEY (terminal, batch_number, digest, first_line)
);
""")
    if op.get_bind().dialect.name == "postgresql":
        for table, (seen, written) in WALL.items():
            wall_in(table, seen=seen, written=written)
