"""Bounced cheques that went back to their payor."""

from alembic import op

from sync.central.schema.migrations.run_sql import run_sql
from sync.central.schema.migrations.walling import OF_PAYMENT, wall_in

revision = "0016"
down_revision = "0015"

WALL = {"returned_cheque": (OF_PAYMENT,) * 2}


def upgrade() -> None:
    run_sql("""
-- The paper behind a payment left the shop since it bounced: it may come again, at every till.
CREATE TABLE returned_cheque (
    id TEXT PRIMARY KEY,
    correlator_id TEXT NOT NULL UNIQUE,
    payment_id TEXT NOT NULL REFERENCES payment (id),
    state TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE,
    terminal TEXT,
    returned_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    received_sha256 TEXT NOT NULL
);
CREATE INDEX returned_cheque_by_payment ON returned_cheque (payment_id);
""")
    if op.get_bind().dialect.name == "postgresql":
        for table, (seen, written) in WALL.items():
            wall_in(table, seen=seen, written=written)
