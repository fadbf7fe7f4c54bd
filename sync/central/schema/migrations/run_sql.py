"""Runs a text of several SQL statements one by one, inside the migration's transaction.

They are run on every kind of store: BIGINT for numbers and TEXT for the rest, and nothing that one of them lacks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from alembic import op
from sqlalchemy import text


def statements(written: str) -> Iterator[str]:
    """The statements of ``written``, each whole; a semicolon within a text or a comment ends none."""
    gathered = ""
    for line in written.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered.strip()
            gathered = ""
    assert not gathered.strip(), "the last statement lacks its semicolon"


def run_sql(written: str) -> None:
    """Run every statement of ``written`` on the migration's connection."""
    connection = op.get_bind()
    for statement in statements(written):
        # As text, for a driver may read a per cent sign as the place of a value; a colon is none either.
        connection.execute(text(statement.replace(":", r"\:")))
