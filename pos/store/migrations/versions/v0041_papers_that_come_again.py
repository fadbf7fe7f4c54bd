"""Papers that go back and come again: bounced to their payor, paid in for another day; and one key for one deed."""

from pos.store.migrations.run_sql import run_sql

revision = "0041"
down_revision = "0040"

SCHEMA = """
-- One that was paid in from the register is what became of its payment; while that lives the first part knows it.
DROP TRIGGER post_dated_is_not_there_twice;
CREATE TRIGGER post_dated_is_not_there_twice BEFORE INSERT ON post_dated_cheque
WHEN EXISTS (SELECT 1 FROM cheque WHERE bank = NEW.bank AND branch = NEW.branch AND bank_account = NEW.bank_account
             AND serial = NEW.serial AND 'returned' IS NOT (
             SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1))
  OR EXISTS (SELECT 1 FROM post_dated_cheque AS other WHERE bank = NEW.bank AND branch = NEW.branch
             AND bank_account = NEW.bank_account AND serial = NEW.serial AND NOT EXISTS (
             SELECT 1 FROM post_dated_event WHERE post_dated_id = other.post_dated_id
             AND state IN ('withdrawn', 'credited')))
BEGIN SELECT RAISE(ABORT, 'this cheque is there already'); END;

CREATE TRIGGER post_dated_has_a_key_of_its_own BEFORE INSERT ON post_dated_cheque
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.post_dated_id)
BEGIN SELECT RAISE(ABORT, 'a payment has this key'); END;

-- A cheque that came back from the bank may be handed back to its payor; its money was taken off with the bounce.
DROP TRIGGER cheque_step;
CREATE TRIGGER cheque_step BEFORE INSERT ON cheque_event
WHEN NOT (NEW.number = 1 AND NEW.state = 'received') AND NOT EXISTS (
    SELECT 1 FROM cheque_event AS last WHERE last.cheque_id = NEW.cheque_id AND last.number = NEW.number - 1
    AND last.state || ' ' || NEW.state IN ('received batched', 'batched received', 'batched lodged', 'lodged credited',
        'received returned', 'credited cleared', 'lodged dishonoured', 'credited dishonoured', 'cleared dishonoured',
        'dishonoured lodged', 'dishonoured credited', 'dishonoured cleared', 'dishonoured represented',
        'dishonoured returned', 'represented batched', 'batched represented'))
BEGIN SELECT RAISE(ABORT, 'a cheque does not go from its state to this one'); END;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
