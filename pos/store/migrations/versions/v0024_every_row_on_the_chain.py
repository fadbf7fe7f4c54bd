"""A link for each transaction, which lists every row that it wrote; and the keys of the chain, by what tells them apart."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0024"
down_revision = "0023"

SCHEMA = """
-- The rows that a link stands for, with the mark of each; empty for the links of before, which stand for one row.
ALTER TABLE chain_link ADD COLUMN rows TEXT;

-- Which key the links from one number on are made under. The key itself is never here.
CREATE TABLE chain_key (
    number INTEGER PRIMARY KEY,
    from_chain_no INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    public_key TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;
"""

APPEND_ONLY = ("chain_key",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
