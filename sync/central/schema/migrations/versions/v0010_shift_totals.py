"""What each closed shift of a terminal took by its own word."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql(UP)


UP = """
CREATE TABLE shift_total (
    id TEXT PRIMARY KEY,
    terminal TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    shift_id TEXT NOT NULL,
    closed_at TEXT NOT NULL,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL CHECK (last_sequence >= first_sequence),
    told_at TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE,
    UNIQUE (terminal, epoch, shift_id)
);
CREATE TABLE shift_total_sum (
    total_id TEXT NOT NULL REFERENCES shift_total (id),
    currency TEXT NOT NULL,
    legs BIGINT NOT NULL CHECK (legs > 0),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (total_id, currency)
);
"""
