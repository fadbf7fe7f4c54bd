"""Cheques in whose place something else was given: which, and what."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0038"
down_revision = "0037"

SCHEMA = """
-- The cheque that went back was taken or registered (``replaced_id`` is the one of the two); in its place stands a payment,
-- or another cheque in the register.
CREATE TABLE cheque_replacement (
    replaced_id TEXT PRIMARY KEY CHECK (replaced_id = coalesce(cheque_id, post_dated_id)),
    cheque_id TEXT REFERENCES cheque,
    post_dated_id TEXT REFERENCES post_dated_cheque,
    payment_event_id TEXT REFERENCES payment_event,
    registered_id TEXT REFERENCES post_dated_cheque,
    CHECK ((cheque_id IS NULL) <> (post_dated_id IS NULL)),
    CHECK ((payment_event_id IS NULL) <> (registered_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER what_is_replaced_went_back BEFORE INSERT ON cheque_replacement
WHEN CASE WHEN NEW.cheque_id IS NULL
    THEN 'withdrawn' IS NOT (SELECT state FROM post_dated_event WHERE post_dated_id = NEW.post_dated_id
                             ORDER BY number DESC LIMIT 1)
    ELSE 'returned' IS NOT (SELECT state FROM cheque_event WHERE cheque_id = NEW.cheque_id ORDER BY number DESC LIMIT 1) END
BEGIN SELECT RAISE(ABORT, 'a cheque that is replaced goes back'); END;
CREATE TRIGGER a_payors_cheque_is_replaced_for_the_payor BEFORE INSERT ON cheque_replacement
WHEN (SELECT payer_account FROM payment_event JOIN tender USING (payment_event_id) JOIN cheque USING (tender_id)
      WHERE cheque_id = NEW.cheque_id
      UNION ALL SELECT payer_account FROM post_dated_cheque WHERE post_dated_id = NEW.post_dated_id)
    IS NOT (SELECT payer_account FROM payment_event WHERE payment_event_id = NEW.payment_event_id
      UNION ALL SELECT payer_account FROM post_dated_cheque WHERE post_dated_id = NEW.registered_id)
BEGIN SELECT RAISE(ABORT, 'what replaces a cheque is of the same payor'); END;

CREATE VIEW v_cheque_replacement AS
SELECT gone.cheque_id, gone.post_dated_id, coalesce(paid.receipt_number, held.receipt_number) AS receipt_number
FROM cheque_replacement AS gone LEFT JOIN payment_event AS paid USING (payment_event_id)
LEFT JOIN post_dated_cheque AS held ON held.post_dated_id = gone.registered_id;
"""

APPEND_ONLY = ("cheque_replacement",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
