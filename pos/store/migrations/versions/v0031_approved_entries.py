"""Which approval let which correction be booked, and whether it was given while central was silent."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0031"
down_revision = "0030"

SCHEMA = """
-- 1 where central had not answered for too long; central weighs it again when it is told.
ALTER TABLE approval ADD COLUMN offline INTEGER;

CREATE TABLE approved_entry (
    entry_id TEXT PRIMARY KEY,
    approval_id TEXT NOT NULL UNIQUE REFERENCES approval
) STRICT, WITHOUT ROWID;

CREATE VIEW v_approval AS
SELECT approval_id, approval.request_id, act, what, requester, approver, approval.terminal, approval.at_utc,
       coalesce(offline, 0) AS offline, approval_use.at_utc AS used_at_utc, entry_id
FROM approval JOIN approval_request USING (request_id)
LEFT JOIN approval_use USING (approval_id) LEFT JOIN approved_entry USING (approval_id);
"""

APPEND_ONLY = ("approved_entry",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
