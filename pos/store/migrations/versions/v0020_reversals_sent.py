"""How many reversals of a card were sent to its terminal, apart from how often one was tried."""

from pos.store.migrations.run_sql import run_sql

revision = "0020"
down_revision = "0019"

SCHEMA = """
-- The number of the last reversal that was sent, under which the terminal is asked what became of it.
ALTER TABLE card_attempt ADD COLUMN reversals_sent INTEGER NOT NULL DEFAULT 0 CHECK (reversals_sent >= 0);
UPDATE card_attempt SET reversals_sent = reversal_tries;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
