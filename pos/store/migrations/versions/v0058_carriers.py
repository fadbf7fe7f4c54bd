"""Who fetched a deposit for the bank."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0058"
down_revision = "0057"

SCHEMA = """
-- The step of a deposit slip that is lodged, where a carrier took it to the bank; fetched at the moment of the step.
CREATE TABLE deposit_carrier (
    step_id TEXT PRIMARY KEY REFERENCES deposit_slip_event (step_id),
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    company TEXT NOT NULL CHECK (company <> ''),
    person TEXT NOT NULL CHECK (person <> ''),
    seal TEXT CHECK (seal <> '')
) STRICT, WITHOUT ROWID;
CREATE TRIGGER carrier_fetches_what_is_lodged BEFORE INSERT ON deposit_carrier
WHEN 'lodged' IS NOT (SELECT state FROM deposit_slip_event WHERE step_id = NEW.step_id)
BEGIN SELECT RAISE(ABORT, 'a carrier fetches a slip that is lodged'); END;

CREATE VIEW v_deposit_carrier AS
SELECT slip.receipt_number AS slip, carrier.receipt_number, company, person, seal, step.at_utc AS fetched_at_utc,
       step.operator
FROM deposit_carrier AS carrier JOIN deposit_slip_event AS step USING (step_id)
JOIN deposit_slip AS slip USING (slip_id);
"""

APPEND_ONLY = ("deposit_carrier",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
