"""Floats and counts by notes and coins, and counts by slip."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0055"
down_revision = "0054"

SCHEMA = """
CREATE TABLE shift_float_piece (
    shift_id TEXT NOT NULL REFERENCES shift DEFERRABLE INITIALLY DEFERRED,
    value_minor INTEGER NOT NULL CHECK (value_minor > 0),
    pieces INTEGER NOT NULL CHECK (pieces > 0),
    PRIMARY KEY (shift_id, value_minor)
) STRICT, WITHOUT ROWID;
CREATE TABLE shift_count_piece (
    count_id TEXT NOT NULL REFERENCES shift_count DEFERRABLE INITIALLY DEFERRED,
    value_minor INTEGER NOT NULL CHECK (value_minor > 0),
    pieces INTEGER NOT NULL CHECK (pieces > 0),
    PRIMARY KEY (count_id, value_minor)
) STRICT, WITHOUT ROWID;
-- The slips of a way to pay that is no cash and no cheque. A count without such rows looked at none.
CREATE TABLE shift_count_slip (
    count_id TEXT NOT NULL REFERENCES shift_count DEFERRABLE INITIALLY DEFERRED,
    mode TEXT NOT NULL,
    slips INTEGER NOT NULL CHECK (slips >= 0),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    PRIMARY KEY (count_id, mode)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER float_is_its_pieces BEFORE INSERT ON shift
WHEN NEW.float_minor <> coalesce((SELECT sum(value_minor * pieces) FROM shift_float_piece
    WHERE shift_id = NEW.shift_id), NEW.float_minor)
BEGIN SELECT RAISE(ABORT, 'the notes and coins do not make the float'); END;
CREATE TRIGGER count_is_its_pieces BEFORE INSERT ON shift_count
WHEN NEW.cash_minor <> coalesce((SELECT sum(value_minor * pieces) FROM shift_count_piece
    WHERE count_id = NEW.count_id), NEW.cash_minor)
BEGIN SELECT RAISE(ABORT, 'the notes and coins do not make the count'); END;
CREATE TRIGGER float_piece_before_shift BEFORE INSERT ON shift_float_piece
WHEN EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id)
BEGIN SELECT RAISE(ABORT, 'the float is complete'); END;
CREATE TRIGGER count_piece_before_count BEFORE INSERT ON shift_count_piece
WHEN EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'the count is complete'); END;
CREATE TRIGGER count_slip_before_count BEFORE INSERT ON shift_count_slip
WHEN EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'the count is complete'); END;
"""

APPEND_ONLY = ("shift_float_piece", "shift_count_piece", "shift_count_slip")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
