"""Who may work at the tills: the people, where they are known, and what each till told of them."""

from sync.central.schema.migrations.run_sql import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql(UP)


UP = """
CREATE TABLE person (
    id TEXT PRIMARY KEY,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    roles_taken TEXT NOT NULL,
    disabled_at TEXT,
    taken_at TEXT,
    changed_at TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_where TEXT NOT NULL,
    change_number BIGINT NOT NULL
);
CREATE INDEX person_by_change ON person (change_number);
CREATE TABLE person_place (
    person_id TEXT NOT NULL REFERENCES person (id),
    terminal TEXT NOT NULL,
    roles TEXT NOT NULL,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    told_at TEXT NOT NULL,
    PRIMARY KEY (person_id, terminal)
);
CREATE TABLE person_change (
    id TEXT PRIMARY KEY,
    terminal TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    deed_id TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES person (id),
    act TEXT NOT NULL,
    roles TEXT NOT NULL,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    operator TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    told_at TEXT NOT NULL,
    change_number BIGINT NOT NULL UNIQUE,
    UNIQUE (terminal, deed_id)
);
"""
