"""The terminal's signature under each closed shift, which an auditor checks without any secret."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0025"
down_revision = "0024"

SCHEMA = """
-- What was signed is made anew from the shift's rows; the link is the last one before the close.
CREATE TABLE shift_signature (
    shift_id TEXT PRIMARY KEY REFERENCES shift DEFERRABLE INITIALLY DEFERRED,
    chain_no INTEGER NOT NULL,
    mark TEXT NOT NULL,
    rows_sha256 TEXT NOT NULL,
    key_number INTEGER NOT NULL,
    signature TEXT NOT NULL
) STRICT;
"""

APPEND_ONLY = ("shift_signature",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
