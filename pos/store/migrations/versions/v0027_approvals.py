"""What a second person was asked for, what was approved, and what each approval was used for."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0027"
down_revision = "0026"

SCHEMA = """
-- The content itself is not kept: its keyed digest binds the approval to it, to the last unit.
CREATE TABLE approval_request (
    request_id TEXT PRIMARY KEY,
    act TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    accounts TEXT NOT NULL,
    requester TEXT NOT NULL,
    reason TEXT,
    terminal TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX approval_request_by_content ON approval_request (content_digest);

CREATE TABLE approval (
    approval_id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL REFERENCES approval_request,
    approver TEXT NOT NULL,
    terminal TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    boot TEXT NOT NULL,
    expires_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX approval_by_request ON approval (request_id);

CREATE TABLE approval_use (
    approval_id TEXT PRIMARY KEY REFERENCES approval,
    deed_id TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;
"""

APPEND_ONLY = ("approval_request", "approval", "approval_use")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
