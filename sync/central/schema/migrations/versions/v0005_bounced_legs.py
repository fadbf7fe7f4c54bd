"""Bounces of legs of which nothing stood any more."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql("""
-- A bounce, known by the till's id of it, of a leg of which nothing stood any more: there is no refund of nothing.
CREATE TABLE dishonour_leg (
    correlator_id TEXT PRIMARY KEY,
    dishonour_id TEXT NOT NULL,
    payment_id TEXT NOT NULL REFERENCES payment (id),
    change_number BIGINT NOT NULL UNIQUE,
    received_at TEXT NOT NULL,
    received_sha256 TEXT NOT NULL,
    undone_correlator_id TEXT UNIQUE,
    undone_sha256 TEXT,
    UNIQUE (dishonour_id, payment_id)
);
CREATE INDEX dishonour_leg_by_payment ON dishonour_leg (payment_id);
""")
