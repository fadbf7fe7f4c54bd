"""Cash moved at a drawer, by notes and coins where they were told."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0057"
down_revision = "0056"

SCHEMA = """
CREATE TABLE cash_move_piece (
    move_id TEXT NOT NULL REFERENCES cash_move DEFERRABLE INITIALLY DEFERRED,
    value_minor INTEGER NOT NULL CHECK (value_minor > 0),
    pieces INTEGER NOT NULL CHECK (pieces > 0),
    PRIMARY KEY (move_id, value_minor)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER move_is_its_pieces BEFORE INSERT ON cash_move
WHEN NEW.amount_minor <> coalesce((SELECT sum(value_minor * pieces) FROM cash_move_piece
    WHERE move_id = NEW.move_id), NEW.amount_minor)
BEGIN SELECT RAISE(ABORT, 'the notes and coins do not make the move'); END;
CREATE TRIGGER move_piece_before_move BEFORE INSERT ON cash_move_piece
WHEN EXISTS (SELECT 1 FROM cash_move WHERE move_id = NEW.move_id)
BEGIN SELECT RAISE(ABORT, 'the move is complete'); END;
"""

APPEND_ONLY = ("cash_move_piece",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
