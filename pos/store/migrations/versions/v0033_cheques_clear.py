"""A cheque that the bank credited is cleared once it can't come back any more, by its age or by a word of the bank."""

from pos.store.migrations.run_sql import run_sql

revision = "0033"
down_revision = "0032"

SCHEMA = """
DROP TRIGGER cheque_step;
CREATE TRIGGER cheque_step BEFORE INSERT ON cheque_event
WHEN NOT (NEW.number = 1 AND NEW.state = 'received') AND NOT EXISTS (
    SELECT 1 FROM cheque_event AS last WHERE last.cheque_id = NEW.cheque_id AND last.number = NEW.number - 1
    AND last.state || ' ' || NEW.state IN ('received batched', 'batched received', 'batched lodged', 'lodged credited',
        'received returned', 'credited cleared'))
BEGIN SELECT RAISE(ABORT, 'a cheque does not go from its state to this one'); END;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
