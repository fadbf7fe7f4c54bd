"""Runs a text of several SQL statements one by one, inside the migration's transaction.

``executescript`` of the driver would commit first, and a split at each semicolon would cut triggers in two.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from alembic import op


def statements(text: str) -> Iterator[str]:
    """The statements of ``text``, each whole, triggers too."""
    gathered = ""
    for line in text.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered.strip()
            gathered = ""
    assert not gathered.strip(), "the last statement lacks its semicolon"


def run_sql(text: str) -> None:
    """Run every statement of ``text`` on the migration's connection."""
    connection = op.get_bind()
    for statement in statements(text):
        connection.exec_driver_sql(statement)
