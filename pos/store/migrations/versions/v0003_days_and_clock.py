"""Entries that a closed period moved to the next open day, and quick ways to the last deed and to the rows of one act."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0003"
down_revision = "0002"

SCHEMA = """
-- A row of its own: the entry is on the chain, and another column would change what its older rows are.
CREATE TABLE moved_entry (
    entry_id TEXT PRIMARY KEY REFERENCES journal_entry,
    original_date TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_time ON audit (at_utc);
CREATE INDEX audit_by_act ON audit (act);

DROP VIEW v_journal;
CREATE VIEW v_journal AS
SELECT line.entry_id, line.line_no, entry.business_date, entry.source_kind, entry.source_id, line.ledger_account,
       line.debit_minor, line.credit_minor, line.currency, line.account, moved.original_date
FROM journal_line AS line JOIN journal_entry AS entry USING (entry_id) LEFT JOIN moved_entry AS moved USING (entry_id);
"""

APPEND_ONLY = ("moved_entry",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
