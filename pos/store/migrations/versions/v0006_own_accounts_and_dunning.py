"""A person's own accounts, and how an account stood in collection when it was paid."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0006"
down_revision = "0005"

SCHEMA = """
ALTER TABLE person ADD COLUMN accounts TEXT NOT NULL DEFAULT '';

-- A bounce puts the account back to the stage that stands here. The legs together clear what was overdue (empty: it was
-- not cleared), at once or when the last of them is final.
CREATE TABLE payment_dunning (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    account TEXT NOT NULL,
    status TEXT NOT NULL,
    dunning_stage INTEGER NOT NULL CHECK (dunning_stage >= 0),
    clearing_legs TEXT NOT NULL,
    final_now INTEGER CHECK (final_now IN (0, 1)),
    PRIMARY KEY (payment_event_id, account),
    CHECK ((clearing_legs = '') = (final_now IS NULL))
) STRICT, WITHOUT ROWID;
"""

APPEND_ONLY = ("payment_dunning",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
