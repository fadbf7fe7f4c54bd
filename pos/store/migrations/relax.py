"""Taking a wall away from a table that others refer to, so that it cannot be made anew.

The way that SQLite describes for constraints which leave every stored row as it is (its page on ALTER TABLE, "Making Other
Kinds Of Table Schema Changes"): the table's own text is changed, and the schema's number with it. All of it is part of
the migration's transaction.
"""

from __future__ import annotations

from alembic import op


def relax(table: str, was: str, becomes: str) -> None:
    """Write ``becomes`` for ``was``, which stands once in the definition of ``table``, and only allows more."""
    bind = op.get_bind()
    sql = str(
        bind.exec_driver_sql(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
        ).scalar_one()
    )
    assert sql.count(was) == 1, f"{table} is not what this step changes"
    number = int(bind.exec_driver_sql("PRAGMA schema_version").scalar_one())
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    bind.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?",
        (sql.replace(was, becomes), table),
    )
    bind.exec_driver_sql(f"PRAGMA schema_version = {number + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")
