"""Cheques as they came in: by reader or by hand, whose promise it is, whose it was drawn by, what was looked at."""

from pos.store.migrations.run_sql import run_sql

revision = "0009"
down_revision = "0008"

SCHEMA = """
ALTER TABLE cheque ADD COLUMN kind TEXT NOT NULL DEFAULT 'personal' CHECK (kind IN ('personal', 'draft'));
ALTER TABLE cheque ADD COLUMN entered TEXT NOT NULL DEFAULT 'hand' CHECK (entered IN ('reader', 'hand'));
ALTER TABLE cheque ADD COLUMN micr TEXT CHECK ((micr IS NOT NULL) = (entered = 'reader'));
ALTER TABLE cheque ADD COLUMN third_party INTEGER NOT NULL DEFAULT 0 CHECK (third_party IN (0, 1));
ALTER TABLE cheque ADD COLUMN ticks TEXT NOT NULL DEFAULT '';

DROP VIEW v_cheque;
CREATE VIEW v_cheque AS
SELECT cheque_id, tender_id, bank, serial, amount_minor, currency, cheque_date,
       (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1)
       AS state, branch, bank_account, kind, entered, third_party, ticks
FROM cheque;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
