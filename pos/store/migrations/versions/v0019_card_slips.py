"""The slip behind an approved card, as a tender's own is known: keyed by hand it is the same money, and counts once."""

from pos.store.migrations.run_sql import run_sql

revision = "0019"
down_revision = "0018"

SCHEMA = """
-- What the slip of an approved attempt is known by, as the instrument of a tender that was keyed from it.
ALTER TABLE card_attempt ADD COLUMN instrument TEXT;
CREATE INDEX card_attempt_by_instrument ON card_attempt (instrument) WHERE instrument IS NOT NULL;
CREATE TRIGGER card_attempt_keeps_its_slip BEFORE UPDATE OF instrument ON card_attempt
WHEN OLD.instrument IS NOT NULL AND NEW.instrument IS NOT OLD.instrument
BEGIN SELECT RAISE(ABORT, 'a card attempt keeps its slip'); END;

DROP TRIGGER used_card_attempt_has_its_tender;
CREATE TRIGGER used_card_attempt_has_its_tender BEFORE UPDATE OF state ON card_attempt
WHEN NEW.state = 'used' AND NOT EXISTS (SELECT 1 FROM tender WHERE card_attempt = NEW.attempt_id)
  AND NOT EXISTS (SELECT 1 FROM instrument JOIN tender USING (tender_id)
                  WHERE instrument = NEW.instrument AND tender.card_attempt IS NULL)
BEGIN SELECT RAISE(ABORT, 'no payment uses this card attempt'); END;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
