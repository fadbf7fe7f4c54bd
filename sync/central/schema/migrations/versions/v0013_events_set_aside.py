"""Notes that no event can be made of, apart from those that still have theirs to come."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql(UP)


UP = """
CREATE TABLE event_set_aside (
    number BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    was TEXT,
    was_minor BIGINT,
    fault TEXT NOT NULL,
    at_utc TEXT NOT NULL
);
"""
