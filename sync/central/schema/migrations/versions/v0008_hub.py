"""Listeners that are told what becomes of payments, refunds and bills, and the events that wait for them.

The store itself notes what was touched, whoever writes: ``event_due`` holds each resource once with what it was before,
until the same transaction has made its events. Nobody listens: nothing is noted.
"""

from alembic import op

from sync.central.schema.migrations.run_sql import run_sql

revision = "0008"
down_revision = "0007"

TABLES = """
-- Whom events are told; `client_id` '' where no token was asked for. `rest_until`: not tried before, for it failed as a
-- whole; '' at once.
CREATE TABLE hub (
    id TEXT PRIMARY KEY,
    api TEXT NOT NULL CHECK (api IN ('payment', 'bill')),
    callback TEXT NOT NULL,
    query TEXT NOT NULL,
    client_id TEXT NOT NULL,
    made_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'stopped')),
    failures BIGINT NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failing_since TEXT,
    rest_until TEXT NOT NULL DEFAULT '',
    last_error TEXT,
    delivered BIGINT NOT NULL DEFAULT 0,
    delivered_at TEXT,
    UNIQUE (client_id, api, callback, query)
);
CREATE TABLE hub_key (
    id TEXT PRIMARY KEY,
    public_key TEXT NOT NULL,
    private_key TEXT NOT NULL,
    made_at TEXT NOT NULL,
    withdrawn_at TEXT
);
CREATE TABLE event_due (
    kind TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    was TEXT,
    was_minor BIGINT,
    PRIMARY KEY (kind, resource_id)
);
CREATE TABLE event_counter (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    value BIGINT NOT NULL
);
INSERT INTO event_counter (one, value) VALUES (1, 0);
CREATE TABLE event (
    number BIGINT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    resource TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    body TEXT NOT NULL
);
-- What a listener has not acknowledged yet. 'held' behind an earlier one of the same resource; 'dead' was tried for too
-- long. `due_at`: not tried before; while it is being sent that is when another may take it over.
CREATE TABLE event_delivery (
    hub_id TEXT NOT NULL REFERENCES hub (id),
    event_number BIGINT NOT NULL REFERENCES event (number),
    resource TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'held', 'dead')),
    due_at TEXT NOT NULL DEFAULT '',
    attempts BIGINT NOT NULL DEFAULT 0,
    first_tried_at TEXT,
    last_error TEXT,
    PRIMARY KEY (hub_id, event_number)
);
CREATE INDEX event_delivery_by_due ON event_delivery (hub_id, state, due_at, event_number);
CREATE INDEX event_delivery_by_resource ON event_delivery (hub_id, resource, event_number);
CREATE INDEX event_delivery_by_event ON event_delivery (event_number);
"""

NOTES = (
    # table, deed, condition, what it was before
    ("payment", "INSERT", None, ("NULL", "NULL")),
    (
        "payment",
        "UPDATE",
        "OLD.body <> NEW.body OR OLD.refunded_minor <> NEW.refunded_minor",
        ("OLD.body", "OLD.refunded_minor"),
    ),
    ("payment", "DELETE", None, ("OLD.body", "OLD.refunded_minor")),
    ("refund", "INSERT", None, ("NULL", "NULL")),
    ("refund", "UPDATE", "OLD.body <> NEW.body", ("OLD.body", "NULL")),
    ("refund", "DELETE", None, ("OLD.body", "NULL")),
    ("bill", "INSERT", None, ("NULL", "NULL")),
    ("bill", "UPDATE", "OLD.state <> NEW.state", ("OLD.state", "NULL")),
    ("bill_on_demand", "INSERT", None, ("NULL", "NULL")),
    ("bill_on_demand", "UPDATE", "OLD.state <> NEW.state", ("OLD.state", "NULL")),
)
API_OF = {"payment": "payment", "refund": "payment", "bill": "bill", "bill_on_demand": "bill"}


def upgrade() -> None:
    run_sql(TABLES)
    for table, deed, condition, was in NOTES:
        note(API_OF[table], table, deed, condition, was)


def note(api: str, table: str, deed: str, condition: str | None, was: tuple[str, str]) -> None:
    """A trigger that notes a touched row of ``table``, the first time that a transaction touches it."""
    row = "OLD" if deed == "DELETE" else "NEW"
    when = "" if condition is None else f"WHEN ({condition})"
    noting = (
        f"INSERT INTO event_due (kind, resource_id, was, was_minor) SELECT '{table}', {row}.id, {was[0]}, {was[1]}"
        f" WHERE EXISTS (SELECT 1 FROM hub WHERE api = '{api}' AND state = 'active')"
        f" AND NOT EXISTS (SELECT 1 FROM event_due WHERE kind = '{table}' AND resource_id = {row}.id);"
    )
    name = f"{table}_told_{deed.lower()}"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER {name} AFTER {deed} ON {table} FOR EACH ROW {when} BEGIN {noting} END")
        return
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {noting} RETURN NULL; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} AFTER {deed} ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {name}()")
