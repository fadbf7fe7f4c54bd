"""Entries of bank files in the order in which they were carried out, with the bank's own references."""

from pos.store.migrations.run_sql import run_sql

revision = "0062"
down_revision = "0061"

SCHEMA = """
-- Which of two entries came later is no question of the clock, which may be set back. Empty: before this step.
ALTER TABLE bank_entry ADD COLUMN place INTEGER CHECK (place > 0);
CREATE UNIQUE INDEX bank_entry_in_order ON bank_entry (place) WHERE place IS NOT NULL;
-- What the bank itself calls the movement: a payment that was taken back and made again has another one.
ALTER TABLE bank_entry ADD COLUMN bank_reference TEXT;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
