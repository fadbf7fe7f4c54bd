"""Requests for a second person that other terminals are asked for too, and what is answered here to theirs."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0034"
down_revision = "0033"

SCHEMA = """
-- 1 where only somebody at another terminal may approve it.
ALTER TABLE approval_request ADD COLUMN elsewhere INTEGER;

-- Central shows these at other terminals, until they are over.
CREATE TABLE approval_shared (
    request_id TEXT PRIMARY KEY REFERENCES approval_request,
    at_utc TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What somebody said here to a request of another terminal, before central is told; and what central made of it.
CREATE TABLE approval_answer (
    answer_id TEXT PRIMARY KEY,
    central_id TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    act TEXT NOT NULL,
    what TEXT NOT NULL,
    requester TEXT NOT NULL,
    approved INTEGER NOT NULL CHECK (approved IN (0, 1)),
    operator TEXT NOT NULL,
    reason TEXT,
    at_utc TEXT NOT NULL,
    CHECK (approved = 1 OR reason IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE TABLE approval_answer_told (
    answer_id TEXT PRIMARY KEY REFERENCES approval_answer,
    outcome TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

APPEND_ONLY = ("approval_shared", "approval_answer", "approval_answer_told")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
