"""The walls round a table whose rows never change, never go and are never replaced, over any connection."""

from __future__ import annotations

from alembic import op

from pos.store.migrations.run_sql import run_sql

NEVER = """
CREATE TRIGGER {table}_never_changes BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} rows never change'); END;
CREATE TRIGGER {table}_never_goes BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} rows are never removed'); END;
"""

# INSERT OR REPLACE removes the row that is in its way without a word to the delete trigger, unless the connection asked
# for recursive triggers. So the insert itself looks whether something is in its way.
NEVER_REPLACED = """
CREATE TRIGGER {table}_never_replaced BEFORE INSERT ON {table}
WHEN {in_the_way}
BEGIN SELECT RAISE(ABORT, '{table} rows are never replaced'); END;
"""


def make_append_only(table: str) -> None:
    """Posted means immutable: refuse change and removal of the table's rows."""
    run_sql(NEVER.format(table=table))
    never_replace(table)


def never_replace(table: str) -> None:
    """Refuse to replace a row by an insert; for tables whose rows may change in other ways too."""
    run_sql(NEVER_REPLACED.format(table=table, in_the_way=_in_the_way(table)))


def _in_the_way(table: str) -> str:
    """The condition that a row exists which shares a key with the new one: any unique key, or the hidden row number."""
    bind = op.get_bind()
    indexes = bind.exec_driver_sql('SELECT name FROM pragma_index_list(?) WHERE "unique"', (table,)).scalars()
    keys = [
        [
            str(column)
            for column in bind.exec_driver_sql("SELECT name FROM pragma_index_info(?)", (index,)).scalars()
        ]
        for index in indexes.all()
    ]
    if not bind.exec_driver_sql("SELECT wr FROM pragma_table_list(?)", (table,)).scalar_one():
        keys.append(["rowid"])
    matches = (" AND ".join(f"{column} = NEW.{column}" for column in key) for key in keys)
    return "\n   OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {match})" for match in matches)
