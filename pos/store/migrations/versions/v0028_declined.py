"""What a second person is asked for in words, and the requests that one said no to."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0028"
down_revision = "0027"

SCHEMA = """
-- Empty in requests from before: the marks of the rows that are there leave empty columns out.
ALTER TABLE approval_request ADD COLUMN what TEXT;

CREATE TABLE approval_declined (
    request_id TEXT PRIMARY KEY REFERENCES approval_request,
    decliner TEXT NOT NULL,
    reason TEXT NOT NULL,
    terminal TEXT NOT NULL,
    deed_id TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;
"""

APPEND_ONLY = ("approval_declined",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
