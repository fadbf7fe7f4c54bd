"""Runs the migrations on the connection that ``sync.central.schema.migrate`` hands over, inside its one transaction."""

import re
from typing import Any

from alembic import context
from sqlalchemy import event


def byte_by_byte(
    _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
) -> tuple[str, Any]:
    """Have each new column of text compared byte by byte, as SQLite does.

    What comes first and what is the same must not follow the language that a database of PostgreSQL's was made for.
    """
    if DEFINING.match(statement) is not None:
        statement = TEXT.sub('TEXT COLLATE "C"', statement)
    return statement, parameters


DEFINING = re.compile(r"\s*(--[^\n]*\s*)*(CREATE|ALTER) TABLE\b")
TEXT = re.compile(r"\bTEXT\b")
connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    event.listen(connection, "before_cursor_execute", byte_by_byte, retval=True)
context.configure(
    connection=connection,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
