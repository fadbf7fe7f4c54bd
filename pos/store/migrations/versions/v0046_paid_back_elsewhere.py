"""What another terminal had paid back of a cheque before it bounced; and no bounce without its step, nor the other way."""

from pos.store.migrations.append_only import make_append_only, never_replace
from pos.store.migrations.relax import relax
from pos.store.migrations.run_sql import run_sql

revision = "0046"
down_revision = "0045"

SCHEMA = """
-- So much of a part had gone back to its payor at another terminal when the cheque bounced: the books here have no refund
-- of it, and the bounce does not take it off again. Central said so before.
CREATE TABLE paid_back_elsewhere (
    part_id TEXT NOT NULL,
    correction_id TEXT NOT NULL REFERENCES dishonour DEFERRABLE INITIALLY DEFERRED,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (part_id, correction_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER paid_back_before_correction BEFORE INSERT ON paid_back_elsewhere
BEGIN
    SELECT RAISE(ABORT, 'the correction is complete') WHERE EXISTS (
        SELECT 1 FROM correction WHERE correction_id = NEW.correction_id);
    SELECT RAISE(ABORT, 'more went back than there is') WHERE NEW.amount_minor > coalesce((
        SELECT amount_minor FROM allocation WHERE allocation_id = NEW.part_id AND currency = NEW.currency
        UNION ALL SELECT amount_minor FROM placed_part WHERE part_id = NEW.part_id AND currency = NEW.currency), 0)
        - (SELECT coalesce(sum(amount_minor), 0) FROM correction_part WHERE part_id = NEW.part_id)
        - (SELECT coalesce(sum(amount_minor), 0) FROM paid_back_elsewhere WHERE part_id = NEW.part_id)
        - (SELECT coalesce(sum(amount_minor), 0) FROM suspense_transfer WHERE suspense_id = NEW.part_id);
    SELECT RAISE(ABORT, 'what went back was of the cheque that bounced') WHERE NOT EXISTS (
        SELECT 1 FROM dishonour JOIN cheque USING (cheque_id) WHERE correction_id = NEW.correction_id AND tender_id IN (
            SELECT tender_id FROM allocation WHERE allocation_id = NEW.part_id
            UNION ALL SELECT tender_id FROM placed_part WHERE part_id = NEW.part_id));
END;

DROP TRIGGER correction_part_before_correction;
CREATE TRIGGER correction_part_before_correction BEFORE INSERT ON correction_part
BEGIN
    SELECT RAISE(ABORT, 'the correction is complete') WHERE EXISTS (
        SELECT 1 FROM correction WHERE correction_id = NEW.correction_id);
    SELECT RAISE(ABORT, 'more is undone than there is') WHERE NEW.amount_minor > coalesce((
        SELECT amount_minor FROM allocation WHERE allocation_id = NEW.part_id AND currency = NEW.currency
        UNION ALL SELECT amount_minor FROM placed_part WHERE part_id = NEW.part_id AND currency = NEW.currency), 0)
        - (SELECT coalesce(sum(amount_minor), 0) FROM correction_part WHERE part_id = NEW.part_id)
        - (SELECT coalesce(sum(amount_minor), 0) FROM paid_back_elsewhere WHERE part_id = NEW.part_id)
        - (SELECT coalesce(sum(amount_minor), 0) FROM suspense_transfer WHERE suspense_id = NEW.part_id);
END;

DROP VIEW tender_stands;
CREATE VIEW tender_stands AS
SELECT tender_id, (SELECT coalesce(sum(amount_minor), 0) FROM (
           SELECT amount_minor FROM allocation WHERE allocation.tender_id = tender.tender_id UNION ALL
           SELECT amount_minor FROM placed_part WHERE placed_part.tender_id = tender.tender_id))
       - (SELECT coalesce(sum(undone.amount_minor), 0) FROM allocation JOIN correction_part AS undone
          ON undone.part_id = allocation_id WHERE allocation.tender_id = tender.tender_id)
       - (SELECT coalesce(sum(undone.amount_minor), 0) FROM placed_part JOIN correction_part AS undone USING (part_id)
          WHERE placed_part.tender_id = tender.tender_id)
       - (SELECT coalesce(sum(gone.amount_minor), 0) FROM allocation JOIN paid_back_elsewhere AS gone
          ON gone.part_id = allocation_id WHERE allocation.tender_id = tender.tender_id)
       - (SELECT coalesce(sum(gone.amount_minor), 0) FROM placed_part JOIN paid_back_elsewhere AS gone USING (part_id)
          WHERE placed_part.tender_id = tender.tender_id)
       - (SELECT coalesce(sum(moved.amount_minor), 0) FROM allocation JOIN suspense_transfer AS moved
          ON suspense_id = allocation_id WHERE allocation.tender_id = tender.tender_id) AS minor
FROM tender;

-- A cheque bounces, counts again and is found paid after all with the row that says so, and comes out of a batch as it went
-- in.
CREATE TRIGGER cheque_step_has_its_row BEFORE INSERT ON cheque_event
BEGIN
    SELECT RAISE(ABORT, 'a cheque bounces with its bounce') WHERE NEW.state = 'dishonoured' AND NOT EXISTS (
        SELECT 1 FROM dishonour WHERE cheque_id = NEW.cheque_id
        AND correction_id NOT IN (SELECT correction_id FROM correction));
    SELECT RAISE(ABORT, 'a bounced cheque counts again with its row') WHERE 'dishonoured' IS (
        SELECT state FROM cheque_event WHERE cheque_id = NEW.cheque_id AND number = NEW.number - 1)
    AND NEW.state IN ('lodged', 'credited', 'cleared', 'represented') AND NOT EXISTS (
        SELECT 1 FROM reinstatement JOIN dishonour ON dishonour.correction_id = of_correction
        WHERE cheque_id = NEW.cheque_id AND iif(undoes, was, 'represented') = NEW.state
        AND reinstatement.correction_id NOT IN (SELECT correction_id FROM correction));
    SELECT RAISE(ABORT, 'a cheque comes out of a batch as it went in') WHERE NEW.state IN ('received', 'represented')
    AND 'batched' IS (SELECT state FROM cheque_event WHERE cheque_id = NEW.cheque_id AND number = NEW.number - 1)
    AND NEW.state IS NOT (SELECT state FROM cheque_event WHERE cheque_id = NEW.cheque_id AND number = NEW.number - 2);
END;
"""


APPEND_ONLY = ("paid_back_elsewhere",)


def upgrade() -> None:
    # What nothing stood of when it bounced counts again with nothing, where the bank was wrong.
    relax(
        "correction",
        "(kind = 'dishonour' AND amount_minor = 0)",
        "(kind IN ('dishonour', 'reinstatement') AND amount_minor = 0)",
    )
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
    for table in ("correction_part", "cheque_event"):
        # The newest trigger speaks first: that a row is never replaced is said before what else is wrong with it.
        run_sql(f"DROP TRIGGER {table}_never_replaced;")
        never_replace(table)
