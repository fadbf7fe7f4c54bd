"""The counter may take the slip of a record that waits: slip and record are one then, and the counter posts it."""

from pos.store.migrations.append_only import never_replace
from pos.store.migrations.run_sql import run_sql

revision = "0018"
down_revision = "0017"

SCHEMA = """
DROP TRIGGER imported_record_goes_on;
DROP TRIGGER imported_record_state_never_replaced;
CREATE TRIGGER imported_record_goes_on BEFORE INSERT ON imported_record_state
WHEN NEW.number <> 1 + (SELECT coalesce(max(number), 0) FROM imported_record_state WHERE record_id = NEW.record_id)
  OR (NEW.number > 1 AND (SELECT state || ' ' || NEW.state FROM imported_record_state AS before
                          WHERE before.record_id = NEW.record_id AND before.number = NEW.number - 1)
      NOT IN ('differs matched', 'waiting posted', 'waiting matched'))
BEGIN SELECT RAISE(ABORT, 'a record does not go from there to here'); END;
DROP TRIGGER waiting_record_bars_its_slip;
-- The slip of a record is taken by matching it, or not at all: else it would be posted twice.
CREATE TRIGGER record_bars_its_slip BEFORE INSERT ON instrument
WHEN EXISTS (SELECT 1 FROM imported_record WHERE instrument = NEW.instrument) AND NOT EXISTS (
    SELECT 1 FROM imported_record JOIN imported_record_state USING (record_id)
    WHERE instrument = NEW.instrument AND state = 'matched' AND tender_id = NEW.tender_id)
BEGIN SELECT RAISE(ABORT, 'this came by a file of the bank'); END;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
    never_replace("imported_record_state")
