"""First PINs that must be changed, lock-outs by two clocks, and what became of each person of the roster."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0026"
down_revision = "0025"

SCHEMA = """
-- A first PIN opens nothing but the change of it, and only until it expires. Empty where nothing is to be said: the marks of
-- the rows that are there leave empty columns out.
ALTER TABLE person ADD COLUMN pin_is_first INTEGER CHECK (pin_is_first = 1);
ALTER TABLE person ADD COLUMN pin_expires_at_utc TEXT;

-- Since when the tries of a subject are locked, by both clocks, and the deed of the try that was counted last.
ALTER TABLE pin_try ADD COLUMN locked_at_utc TEXT;
ALTER TABLE pin_try ADD COLUMN locked_at_ms INTEGER;
ALTER TABLE pin_try ADD COLUMN boot TEXT;
ALTER TABLE pin_try ADD COLUMN lock_s INTEGER CHECK (lock_s >= 0);
ALTER TABLE pin_try ADD COLUMN last_deed TEXT;

-- Who was added, changed, disabled or given another PIN, and by whom. The PIN's hash is in the roster alone.
CREATE TABLE person_change (
    user TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    act TEXT NOT NULL,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    dealer TEXT,
    accounts TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    deed_id TEXT NOT NULL,
    operator TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    PRIMARY KEY (user, number)
) STRICT;
"""

APPEND_ONLY = ("person_change",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
