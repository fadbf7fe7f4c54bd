"""A cheque in whose place something else was given is replaced, one that only went back is returned: two states."""

from alembic import op

from pos.store.migrations.run_sql import run_sql

revision = "0044"
down_revision = "0041"

REPLACED = """
-- Those that were replaced before this step stay returned, with what came in their place.
DROP TRIGGER what_is_replaced_went_back;
CREATE TRIGGER what_is_replaced_went_back BEFORE INSERT ON cheque_replacement
WHEN CASE WHEN NEW.cheque_id IS NULL
    THEN 'withdrawn' IS NOT (SELECT state FROM post_dated_event WHERE post_dated_id = NEW.post_dated_id
                             ORDER BY number DESC LIMIT 1)
    ELSE 'replaced' IS NOT (SELECT state FROM cheque_event WHERE cheque_id = NEW.cheque_id ORDER BY number DESC LIMIT 1) END
BEGIN SELECT RAISE(ABORT, 'a cheque that is replaced goes back'); END;
"""
# Either way the paper is with its payor again, and may come in once more.
RETURNED, WENT_BACK = "'returned' IS NOT (SELECT state", "1 IS NOT (SELECT state IN ('returned', 'replaced')"


def upgrade() -> None:
    run_sql(REPLACED)
    _rewrite("cheque_step", "'received returned'", "'received returned', 'received replaced'")
    _rewrite("cheque_step", "'dishonoured returned'", "'dishonoured returned', 'dishonoured replaced'")
    for trigger in ("cheque_is_alive_once", "correction_balances"):
        _rewrite(trigger, RETURNED, WENT_BACK)
    _rewrite("post_dated_is_not_there_twice", "'returned' IS NOT (\n             SELECT state", WENT_BACK)


def _rewrite(trigger: str, was: str, becomes: str) -> None:
    """Make a trigger anew with ``becomes`` in place of ``was``, which stands in it once."""
    bind = op.get_bind()
    sql = str(
        bind.exec_driver_sql(
            "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?", (trigger,)
        ).scalar_one()
    )
    assert sql.count(was) == 1, f"{trigger} is not what this step changes"
    run_sql(f"DROP TRIGGER {trigger};\n{sql.replace(was, becomes)};\n")
